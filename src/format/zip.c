/* zip.c - reading ZIP archives through libzip, believing nothing that they say about sizes before
 * the bytes that are there allow it. */
#include "format/zip.h"

#ifdef LN_WITH_NPZ

#include <stdio.h>

#include "base/error.h"
#include "format/text.h"

/* What one byte of deflate can stand for at most. */
#define DEFLATE_RATIO 1032

linnet_status ln_zip_fail(const ln_zip *zip, linnet_status status, const char *name,
                          const char *problem)
{
    char quoted[LN_QUOTED];
    return ln_fail(zip->error, status, "%s %s: %s", zip->noun, ln_quote(name, strlen(name), quoted),
                   problem);
}

/* An error of libzip's, in its words. */
static linnet_status fail_zip(const ln_zip *zip, const char *name, zip_error_t *problem)
{
    if (zip_error_code_zip(problem) == ZIP_ER_MEMORY) {
        return ln_fail_memory(zip->error, 1 << 16, "reading a ZIP archive");
    }
    char text[160];
    snprintf(text, sizeof text, "the archive is damaged: %s", zip_error_strerror(problem));
    return ln_zip_fail(zip, LINNET_ERROR_FORMAT, name, text);
}

linnet_status ln_zip_open(const ln_file *file, const char *noun, const char *expected, ln_zip *zip,
                          linnet_error *error)
{
    *zip = (ln_zip){.noun = noun, .left = file->size, .error = error};
    zip_error_t problem;
    zip_error_init(&problem);
    zip_source_t *source = zip_source_buffer_create(file->data, file->size, 0, &problem);
    if (source != NULL) {
        zip->archive = zip_open_from_source(source, ZIP_RDONLY, &problem);
        if (zip->archive == NULL) {
            zip_source_free(source);
        }
    }
    linnet_status status = LINNET_OK;
    if (zip->archive == NULL && zip_error_code_zip(&problem) == ZIP_ER_MEMORY) {
        status = ln_fail_memory(error, 1 << 16, "reading a ZIP archive");
    } else if (zip->archive == NULL) {
        status = ln_fail(error, LINNET_ERROR_FORMAT, "expected %s: %s", expected,
                         zip_error_strerror(&problem));
    }
    zip_error_fini(&problem);
    return status;
}

void ln_zip_close(ln_zip *zip)
{
    if (zip->archive != NULL) {
        zip_discard(zip->archive);
        zip->archive = NULL;
    }
}

linnet_status ln_zip_stat(const ln_zip *zip, zip_uint64_t index, zip_stat_t *entry)
{
    const zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_INDEX | ZIP_STAT_SIZE |
                                ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD |
                                ZIP_STAT_ENCRYPTION_METHOD | ZIP_STAT_CRC;
    if (zip_stat_index(zip->archive, index, 0, entry) != 0) {
        return fail_zip(zip, "", zip_get_error(zip->archive));
    }
    return (entry->valid & needed) == needed
               ? LINNET_OK
               : ln_fail(zip->error, LINNET_ERROR_FORMAT,
                         "expected a name, a method and sizes for each entry of the archive");
}

linnet_status ln_zip_check(ln_zip *zip, const zip_stat_t *entry)
{
    if (entry->encryption_method != ZIP_EM_NONE) {
        return ln_zip_fail(zip, LINNET_ERROR_UNSUPPORTED, entry->name, "is encrypted");
    }
    if (entry->comp_method != ZIP_CM_STORE && entry->comp_method != ZIP_CM_DEFLATE) {
        return ln_zip_fail(zip, LINNET_ERROR_UNSUPPORTED, entry->name,
                           "expected it stored or deflated, found another method");
    }
    /* Taken together, because entries may not share the bytes of the file. */
    if (entry->comp_size > zip->left) {
        return ln_zip_fail(zip, LINNET_ERROR_FORMAT, entry->name,
                           "the archive asks for more packed bytes than the file holds");
    }
    zip->left -= (size_t)entry->comp_size;
    bool fits = entry->comp_method == ZIP_CM_STORE
                    ? entry->size == entry->comp_size
                    : entry->size / DEFLATE_RATIO <= entry->comp_size;
    return fits ? LINNET_OK
                : ln_zip_fail(zip, LINNET_ERROR_FORMAT, entry->name,
                              "its size is more than its packed bytes can hold");
}

linnet_status ln_zip_open_entry(const ln_zip *zip, const zip_stat_t *entry, zip_file_t **file)
{
    *file = zip_fopen_index(zip->archive, entry->index, 0);
    return *file != NULL ? LINNET_OK : fail_zip(zip, entry->name, zip_get_error(zip->archive));
}

linnet_status ln_zip_read(const ln_zip *zip, const char *name, zip_file_t *file, void *out,
                          size_t size)
{
    unsigned char *to = out;
    while (size > 0) {
        zip_int64_t got = zip_fread(file, to, size);
        if (got < 0) {
            return fail_zip(zip, name, zip_file_get_error(file));
        }
        if (got == 0) {
            return ln_zip_fail(zip, LINNET_ERROR_FORMAT, name,
                               "ends before the size that the archive states");
        }
        to += got;
        size -= (size_t)got;
    }
    return LINNET_OK;
}

linnet_status ln_zip_read_end(const ln_zip *zip, const char *name, zip_file_t *file, bool *fits)
{
    unsigned char more;
    zip_int64_t got = zip_fread(file, &more, 1);
    if (got < 0 && fits != NULL && zip_error_code_zip(zip_file_get_error(file)) == ZIP_ER_CRC) {
        *fits = false;
        return LINNET_OK;
    }
    if (got < 0) {
        return fail_zip(zip, name, zip_file_get_error(file));
    }
    if (got > 0) {
        return ln_zip_fail(zip, LINNET_ERROR_FORMAT, name,
                           "goes on after the size that the archive states");
    }
    if (fits != NULL) {
        *fits = true;
    }
    return LINNET_OK;
}

#endif
