/* text_source.c - rows of text files, CSV and libsvm, that stay in them. */
#include "base/error.h"
#include "base/memory.h"
#include "data/source.h"
#include "format/gzip.h"
#include "format/records.h"
#include "os/paths.h"

typedef struct text_source {
    ln_source source;
    ln_reader reader;
    ln_records *records;
} text_source;

static linnet_status read_rows(const ln_source *source, const int64_t *rows, size_t count,
                               unsigned char *out, linnet_error *error)
{
    const text_source *self = (const text_source *)(const void *)source;
    return ln_records_read(self->records, rows, count, (float *)(void *)out, error);
}

static linnet_status give(ln_source *source, linnet_state_dict *state_dict, linnet_error *error)
{
    ln_records *records = ((text_source *)(void *)source)->records;
    return records->type->give(records, state_dict, error);
}

static void free_source(ln_source *source)
{
    text_source *self = (text_source *)(void *)source;
    ln_records_free(self->records);
    ln_reader_close(&self->reader);
    ln_free(self);
}

/* The format of an open file, by its beginning; NULL where it is none whose rows are records. */
static linnet_status find_format(const ln_reader *reader, const ln_format **format,
                                 linnet_error *error)
{
    uint8_t head[LN_FORMAT_HEAD];
    ln_file file = {.path = reader->path, .data = head, .size = sizeof head};
    file.size = reader->size < sizeof head ? (size_t)reader->size : sizeof head;
    linnet_status status = ln_reader_read(reader, 0, head, file.size, error);
    bool packed = status != LINNET_OK || file.size == 0 || ln_gzip_probe(&file);
    *format = packed ? NULL : ln_format_find(&file);
    if (*format != NULL && (*format)->records == NULL) {
        *format = NULL;
    }
    return status;
}

static linnet_status open_records(text_source *self, const ln_read_options *options,
                                  linnet_error *error)
{
    const ln_format *format;
    linnet_status status = find_format(&self->reader, &format, error);
    if (status != LINNET_OK || format == NULL) {
        return status;
    }
    ln_content content = {
        .path = self->reader.path, .reader = &self->reader, .end = self->reader.size};
    status = ln_records_create(format->records, &content, options, &self->records, error);
    if (status != LINNET_OK) {
        ln_error_set_place(error, self->reader.path);
        return status;
    }
    self->source =
        (ln_source){.dtype = LINNET_FLOAT32,
                    .rank = 2,
                    .shape = {(int64_t)self->records->rows, (int64_t)self->records->features},
                    .row_bytes = self->records->features * sizeof(float),
                    .name = "x",
                    .format = format->name,
                    .unread = true,
                    .read = read_rows,
                    .give = give,
                    .free = free_source};
    return LINNET_OK;
}

linnet_status ln_text_source_open(const char *path, const ln_read_options *options,
                                  ln_source **source, linnet_error *error)
{
    text_source *self;
    *source = NULL;
    if (!ln_path_is_regular(path)) {
        return LINNET_OK;
    }
    linnet_status status = ln_alloc_into(&self, 1, sizeof *self, "a source", error);
    if (status != LINNET_OK) {
        return status;
    }
    status = ln_reader_open(path, &self->reader, error);
    if (status == LINNET_OK) {
        status = open_records(self, options, error);
    }
    if (status != LINNET_OK || self->records == NULL) {
        free_source(&self->source);
        return status;
    }
    *source = &self->source;
    return LINNET_OK;
}
