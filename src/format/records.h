/* records.h - text files in which a record is a row: CSV and libsvm.
 *
 * When such a file is opened all of it is passed over once: records are cut and counted, their
 * places kept, and what stands beside the features (labels, weights: little) is taken. The features
 * of a row are read from its text when they are asked for, so that a file may be larger than
 * memory. Those who want all of it in memory ask for all rows. */
#ifndef LN_FORMAT_RECORDS_H
#define LN_FORMAT_RECORDS_H

#include "format/format.h"
#include "format/text.h"
#include "os/reader.h"

/* A file's text. Borrowed. */
typedef struct ln_content {
    const char *path;
    const char *data;        /* all of it, or NULL: */
    const ln_reader *reader; /* it is read in pieces */
    uint64_t begin, end;     /* the part of it that is looked at */
} ln_content;

/* A record, as far as it is at hand. */
typedef struct ln_record {
    const char *text, *end; /* from its beginning to the end of what is at hand */
    bool last;              /* there is nothing behind `end` */
} ln_record;

/* What came of looking at a record. */
typedef struct ln_seen {
    size_t length; /* bytes to the next record; 0: it does not end in what is at hand */
    int64_t lines; /* lines to the next record, or to what a failure is about */
    size_t field;  /* what a failure is about, from 1; 0: not this record */
    bool row;      /* else a header, or a comment */
} ln_seen;

typedef struct ln_records ln_records;

/* One kind of text. */
struct ln_record_type {
    const char *name; /* as messages have it: "CSV" */
    size_t size;      /* of the kind's own struct, which begins with an ln_records */
    /* Looks at the next record, and takes what is beside the features where it is a row. */
    linnet_status (*see)(ln_records *records, const ln_record *record, ln_seen *seen,
                         linnet_error *error);
    /* Behind the last record: sets `features`, and checks what only the whole can tell. */
    linnet_status (*finish)(ln_records *records, linnet_error *error);
    /* Writes a row's features to out. The text may have changed since it was seen. */
    linnet_status (*read)(const ln_records *records, const ln_record *record, float *out,
                          ln_seen *seen, linnet_error *error);
    /* Puts what is beside the features, which is given away, into the state_dict. */
    linnet_status (*give)(ln_records *records, linnet_state_dict *state_dict, linnet_error *error);
    /* Frees what the kind's own struct owns. */
    void (*free)(ln_records *records);
};

/* The head of each kind's struct. */
struct ln_records {
    const ln_record_type *type;
    const ln_read_options *options; /* borrowed, up to `give` */
    ln_content content;
    uint64_t *places; /* where each row begins */
    size_t capacity;
    size_t rows;
    size_t longest; /* bytes from a row to the next one, at most */
    size_t features;
};

/* Passes over the text. The caller owns the records, which borrow the content. Errors: those of the
 * kind with path:LINE:FIELD as place, both counted from 1, or none; IO, MEMORY. */
LINNET_NODISCARD linnet_status ln_records_create(const ln_record_type *type,
                                                 const ln_content *content,
                                                 const ln_read_options *options,
                                                 ln_records **records, linnet_error *error);
void ln_records_free(ln_records *records);

/* Reads the features of rows[0 .. count - 1] into out, one row behind the other. Any number of
 * threads may. Errors: as above; IO where the file has changed. */
LINNET_NODISCARD linnet_status ln_records_read(const ln_records *records, const int64_t *rows,
                                               size_t count, float *out, linnet_error *error);

/* An ln_format's read. */
LINNET_NODISCARD linnet_status ln_records_load(const ln_record_type *type, const ln_file *file,
                                               const ln_read_options *options,
                                               linnet_state_dict *state_dict, linnet_error *error);

/* ---- for the kinds ---- */

/* Refuses what is no number; `column`: the quoted name of its column, or "". */
LINNET_NODISCARD linnet_status ln_records_fail_number(const char *text, size_t length,
                                                      const char *column, linnet_error *error);
/* A number as float32; `text` is where it comes from. Errors: FORMAT (too large). */
LINNET_NODISCARD linnet_status ln_records_narrow(double number, const char *text, size_t length,
                                                 float *value, linnet_error *error);

/* Numbers that stand beside the features, a fixed number of them in each row. Start with {0}; free
 * `data` with ln_free. */
typedef struct ln_column {
    void *data;
    size_t capacity;
} ln_column;

/* Makes room for `need` elements of `size` bytes. Errors: MEMORY. */
LINNET_NODISCARD linnet_status ln_column_grow(ln_column *column, size_t need, size_t size,
                                              linnet_error *error);

/* Ends a JSON array that lacks its bracket, makes it the metadata "classes", and frees it. Errors:
 * MEMORY. */
LINNET_NODISCARD linnet_status ln_records_give_classes(ln_text *json, linnet_state_dict *state_dict,
                                                       linnet_error *error);

/* Gives the column away as a tensor, (rows), or with width > 0 (rows, width). Errors: MEMORY. */
LINNET_NODISCARD linnet_status ln_column_give(ln_column *column, const ln_records *records,
                                              const char *name, linnet_dtype dtype, size_t width,
                                              linnet_state_dict *state_dict, linnet_error *error);

#endif
