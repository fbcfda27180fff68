/* torch_zip.c - the ZIP layout of PyTorch's files: PREFIX/data.pkl, PREFIX/data/KEY for each
 * storage, PREFIX/version and PREFIX/byteorder.
 *
 * A checksum that is missing or wrong does not keep anybody from their weights, as in PyTorch; it
 * is told in the metadata. Everything else that is wrong is an error. */
#include "format/torch.h"

#include "base/error.h"
#include "format/zip.h"

#define PICKLE "data.pkl"

/* By the first entry's name, which PyTorch writes first. This finds files that are cut short, too.
 */
static bool starts_with_pickle(const ln_file *file)
{
    const uint8_t *data = file->data;
    if (file->size < 30) {
        return false;
    }
    size_t length = data[26] | (size_t)data[27] << 8;
    return length >= strlen(PICKLE) && length <= file->size - 30 &&
           memcmp(data + 30 + length - strlen(PICKLE), PICKLE, strlen(PICKLE)) == 0;
}

#ifndef LN_WITH_NPZ

bool ln_torch_zip_probe(const ln_file *file)
{
    return starts_with_pickle(file);
}

linnet_status ln_torch_read_zip(ln_torch *torch)
{
    return ln_fail(torch->error, LINNET_ERROR_UNSUPPORTED,
                   "the file is a ZIP archive of torch.save, and this Linnet is built without npz, "
                   "which brings ZIP; save it with _use_new_zipfile_serialization=False");
}

#else

#include <stdio.h>

#include "base/checked.h"
#include "base/memory.h"
#include "tensor/state_dict.h"

/* The versions of the layout that there are. */
#define NEWEST_VERSION 10
#define MAX_NAME 4096

/* An archive being read. */
typedef struct archive {
    ln_zip zip;
    ln_names names; /* of all entries: a name's number is the entry's index */
    char prefix[MAX_NAME];
    size_t prefix_length;
    size_t without_crc, wrong_crc; /* entries */
    char first_wrong[LN_QUOTED];
    uint8_t *pickle;
} archive;

/* Whether it is the pickle's name: PREFIX/data.pkl, or data.pkl alone. */
static bool is_pickle(const char *name, size_t length)
{
    size_t tail = strlen(PICKLE);
    return length >= tail && strcmp(name + length - tail, PICKLE) == 0 &&
           (length == tail || name[length - tail - 1] == '/');
}

bool ln_torch_zip_probe(const ln_file *file)
{
    ln_zip zip;
    bool found = starts_with_pickle(file);
    if (found || ln_zip_open(file, "entry", "a ZIP archive", &zip, NULL) != LINNET_OK) {
        return found;
    }
    zip_int64_t count = zip_get_num_entries(zip.archive, 0);
    for (zip_int64_t i = 0; !found && i < count; i++) {
        const char *name = zip_get_name(zip.archive, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        found = name != NULL && is_pickle(name, strlen(name));
    }
    ln_zip_close(&zip);
    return found;
}

/* ---- entries ---- */

/* PREFIX/name; its index, or LN_NO_NAME. `full` holds the whole name then. */
static size_t find_entry(const archive *a, const char *name, size_t length, char full[MAX_NAME])
{
    if (length >= MAX_NAME - a->prefix_length) {
        return LN_NO_NAME;
    }
    memcpy(full, a->prefix, a->prefix_length);
    memcpy(full + a->prefix_length, name, length);
    full[a->prefix_length + length] = '\0';
    return ln_names_find(&a->names, full, a->prefix_length + length);
}

/* Checks all entries, learns their names, and finds the prefix. */
static linnet_status read_directory(ln_torch *torch, archive *a)
{
    zip_int64_t count = zip_get_num_entries(a->zip.archive, 0);
    size_t pickles = 0, index;
    linnet_status status = LINNET_OK;
    for (zip_int64_t i = 0; status == LINNET_OK && i < count; i++) {
        zip_stat_t entry;
        status = ln_zip_stat(&a->zip, (zip_uint64_t)i, &entry);
        if (status == LINNET_OK) {
            status = ln_zip_check(&a->zip, &entry);
        }
        if (status != LINNET_OK) {
            return status;
        }
        size_t length = strlen(entry.name);
        if (is_pickle(entry.name, length) && length < MAX_NAME) {
            a->prefix_length = length - strlen(PICKLE);
            memcpy(a->prefix, entry.name, a->prefix_length);
            pickles++;
        }
        status = ln_names_add(&a->names, entry.name, length, &index, torch->error);
        if (status == LINNET_OK && index != (size_t)i) {
            status = ln_zip_fail(&a->zip, LINNET_ERROR_FORMAT, entry.name, "is there twice");
        }
    }
    if (status == LINNET_OK && pickles != 1) {
        status = ln_fail(torch->error, LINNET_ERROR_FORMAT,
                         "expected one entry " PICKLE " in the archive, found %zu", pickles);
    }
    return status;
}

/* Counts what is to be told of checksums. */
static void note_crc(archive *a, const zip_stat_t *entry, bool fits)
{
    if (!fits && entry->crc == 0) {
        a->without_crc++;
    } else if (!fits) {
        if (a->wrong_crc++ == 0) {
            ln_quote(entry->name, strlen(entry->name), a->first_wrong);
        }
    }
}

/* Reads the whole of an entry into `to`, which holds its size. */
static linnet_status read_entry(archive *a, const zip_stat_t *entry, void *to)
{
    zip_file_t *file;
    bool fits;
    linnet_status status = ln_zip_open_entry(&a->zip, entry, &file);
    if (status != LINNET_OK) {
        return status;
    }
    status = ln_zip_read(&a->zip, entry->name, file, to, (size_t)entry->size);
    if (status == LINNET_OK) {
        status = ln_zip_read_end(&a->zip, entry->name, file, &fits);
    }
    if (status == LINNET_OK) {
        note_crc(a, entry, fits);
    }
    zip_fclose(file);
    return status;
}

/* An entry of few bytes as text without a line break; *there: false where there is none. */
static linnet_status read_text(archive *a, const char *name, char text[16], bool *there)
{
    char full[MAX_NAME];
    zip_stat_t entry;
    size_t index = find_entry(a, name, strlen(name), full);
    *there = index != LN_NO_NAME;
    text[0] = '\0';
    if (!*there) {
        return LINNET_OK;
    }
    linnet_status status = ln_zip_stat(&a->zip, index, &entry);
    if (status == LINNET_OK && entry.size >= 16) {
        status = ln_zip_fail(&a->zip, LINNET_ERROR_FORMAT, entry.name,
                             "expected less than 16 bytes, found more");
    }
    if (status == LINNET_OK) {
        status = read_entry(a, &entry, text);
    }
    if (status == LINNET_OK) {
        text[entry.size] = '\0';
        text[strcspn(text, "\r\n")] = '\0';
    }
    return status;
}

/* ---- the small entries ---- */

static linnet_status check_version(archive *a)
{
    char text[16], quoted[LN_QUOTED];
    bool there;
    linnet_status status = read_text(a, "version", text, &there);
    if (status == LINNET_OK && !there) {
        status = read_text(a, ".data/version", text, &there);
    }
    if (status != LINNET_OK) {
        return status;
    }
    if (!there) {
        return ln_fail(a->zip.error, LINNET_ERROR_FORMAT,
                       "expected an entry version in the archive, found none");
    }
    int version = 0;
    for (const char *c = text; version >= 0 && *c != '\0'; c++) {
        version = *c >= '0' && *c <= '9' && version < 1000 ? version * 10 + (*c - '0') : -1;
    }
    if (version < 1 || version > NEWEST_VERSION) {
        return ln_fail(a->zip.error, LINNET_ERROR_UNSUPPORTED,
                       "expected version 1 to %d of the archive's layout, found %s", NEWEST_VERSION,
                       ln_quote(text, strlen(text), quoted));
    }
    return LINNET_OK;
}

/* Files from before PyTorch 2.1 do not say it; their writers were little-endian machines. */
static linnet_status check_byte_order(ln_torch *torch, archive *a)
{
    char text[16], quoted[LN_QUOTED];
    bool there;
    linnet_status status = read_text(a, "byteorder", text, &there);
    if (status != LINNET_OK || !there) {
        return status;
    }
    torch->swapped = strcmp(text, "big") == 0;
    if (!torch->swapped && strcmp(text, "little") != 0) {
        return ln_fail(torch->error, LINNET_ERROR_FORMAT,
                       "entry byteorder: expected 'little' or 'big', found %s",
                       ln_quote(text, strlen(text), quoted));
    }
    return LINNET_OK;
}

/* torch.jit.save writes a program beside the pickle, and tensors that only it can name. */
static linnet_status refuse_script(ln_torch *torch, const archive *a)
{
    char full[MAX_NAME];
    const char *constants = "constants.pkl";
    if (find_entry(a, constants, strlen(constants), full) == LN_NO_NAME) {
        return LINNET_OK;
    }
    return ln_fail(torch->error, LINNET_ERROR_UNSUPPORTED,
                   "the file is a TorchScript archive of torch.jit.save; save the module's "
                   "state_dict() with torch.save");
}

/* ---- storages ---- */

static linnet_status find_storage(ln_torch *torch, ln_pickle_text key, ln_torch_storage *storage)
{
    const archive *a = torch->layout;
    char name[MAX_NAME], full[MAX_NAME], quoted[LN_QUOTED];
    size_t index = LN_NO_NAME;
    if (key.length < sizeof name - strlen("data/")) {
        memcpy(name, "data/", strlen("data/"));
        memcpy(name + strlen("data/"), key.data, key.length);
        index = find_entry(a, name, strlen("data/") + key.length, full);
    }
    if (index == LN_NO_NAME) {
        return ln_pickle_fail(&torch->pickle, LINNET_ERROR_FORMAT, torch->pickle.op,
                              "expected an entry of the archive for storage %s, found none",
                              ln_quote(key.data, key.length, quoted));
    }
    zip_stat_t entry;
    linnet_status status = ln_zip_stat(&a->zip, index, &entry);
    if (status == LINNET_OK && storage->bytes > entry.size) {
        status = ln_pickle_fail(&torch->pickle, LINNET_ERROR_FORMAT, torch->pickle.op,
                                "expected at most the %llu bytes of entry %s as storage, found %zu",
                                (unsigned long long)entry.size,
                                ln_quote(entry.name, strlen(entry.name), quoted), storage->bytes);
    }
    storage->place = index;
    return status;
}

static linnet_status read_storage(ln_torch *torch, ln_torch_storage *storage)
{
    archive *a = torch->layout;
    zip_stat_t entry;
    linnet_status status = ln_zip_stat(&a->zip, storage->place, &entry);
    if (status == LINNET_OK) {
        status = ln_alloc_into(&storage->data, (size_t)entry.size, 1, "a storage", torch->error);
    }
    return status == LINNET_OK ? read_entry(a, &entry, storage->data) : status;
}

/* ---- the whole ---- */

static linnet_status read_pickle(ln_torch *torch, archive *a, ln_pickle_value **root)
{
    char full[MAX_NAME];
    zip_stat_t entry;
    linnet_status status =
        ln_zip_stat(&a->zip, find_entry(a, PICKLE, strlen(PICKLE), full), &entry);
    if (status != LINNET_OK) {
        return status;
    }
    if (!ln_pickle_charge(&torch->budget, (size_t)entry.size)) {
        return ln_zip_fail(&a->zip, LINNET_ERROR_FORMAT, entry.name,
                           "unpacks to more bytes than a file of this size may take");
    }
    status = ln_alloc_into(&a->pickle, (size_t)entry.size, 1, "a pickle", torch->error);
    if (status == LINNET_OK) {
        status = read_entry(a, &entry, a->pickle);
    }
    if (status == LINNET_OK) {
        status = ln_torch_unpickle(torch, PICKLE, a->pickle, (size_t)entry.size, 0, root);
    }
    if (status == LINNET_OK && torch->pickle.at != entry.size) {
        status = ln_pickle_fail(&torch->pickle, LINNET_ERROR_FORMAT, torch->pickle.at,
                                "expected the end of the pickle, found %zu more bytes",
                                (size_t)entry.size - torch->pickle.at);
    }
    return status;
}

static linnet_status tell_checksums(ln_torch *torch, const archive *a)
{
    char text[256];
    int length = 0;
    text[0] = '\0';
    if (a->wrong_crc > 0) {
        length = snprintf(text, sizeof text, "the checksum of %s does not fit its bytes",
                          a->first_wrong);
    }
    if (a->wrong_crc > 1) {
        length += snprintf(text + length, sizeof text - (size_t)length,
                           ", nor do those of %zu more", a->wrong_crc - 1);
    }
    if (a->without_crc > 0) {
        snprintf(text + length, sizeof text - (size_t)length, "%s%zu entries have no checksum",
                 length > 0 ? "; " : "", a->without_crc);
    }
    return text[0] == '\0' ? LINNET_OK
                           : linnet_state_dict_metadata_set(torch->state_dict, LN_FORMAT_WARNING,
                                                            text, torch->error);
}

static linnet_status read_archive(ln_torch *torch, archive *a)
{
    ln_pickle_value *root;
    linnet_status status = read_directory(torch, a);
    if (status == LINNET_OK) {
        status = refuse_script(torch, a);
    }
    if (status == LINNET_OK) {
        status = check_version(a);
    }
    if (status == LINNET_OK) {
        status = check_byte_order(torch, a);
    }
    if (status == LINNET_OK) {
        status = read_pickle(torch, a, &root);
    }
    if (status == LINNET_OK) {
        status = ln_torch_flatten(torch, root);
    }
    return status == LINNET_OK ? tell_checksums(torch, a) : status;
}

linnet_status ln_torch_read_zip(ln_torch *torch)
{
    archive *a;
    linnet_status status = ln_alloc_into(&a, 1, sizeof *a, "an archive's record", torch->error);
    if (status != LINNET_OK) {
        return status;
    }
    torch->layout = a;
    torch->find = find_storage;
    torch->read = read_storage;
    status =
        ln_zip_open(torch->file, "entry", "a ZIP archive of torch.save", &a->zip, torch->error);
    if (status == LINNET_OK) {
        status = read_archive(torch, a);
    }
    ln_zip_close(&a->zip);
    ln_names_free(&a->names);
    ln_free(a->pickle);
    ln_free(a);
    return status;
}

#endif
