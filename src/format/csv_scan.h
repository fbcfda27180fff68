/* csv_scan.h - cutting CSV text into records and fields.
 *
 * RFC 4180: fields between commas, records ended by LF or CRLF, quoted fields in which separators,
 * line ends and doubled quotes may stand. Spaces and tabs around a field are not part of it. */
#ifndef LN_FORMAT_CSV_SCAN_H
#define LN_FORMAT_CSV_SCAN_H

#include "linnet.h"

/* Where the next field begins. */
typedef struct ln_csv_scan {
    const char *at, *end;
    int64_t line;  /* from 1; line ends within quotes count */
    size_t number; /* of the field in its record, from 1 */
} ln_csv_scan;

typedef struct ln_csv_field {
    const char *text; /* in the file; without the quotes */
    size_t length;
    bool doubled; /* "" in the text stands for one quote */
    bool last;    /* of its record */
    int64_t line; /* where it begins */
    size_t number;
} ln_csv_field;

/* The text has no byte order mark and no line ends behind its last record. */
ln_csv_scan ln_csv_begin(const char *text, size_t length);

/* Whether there is another record. */
static inline bool ln_csv_more(const ln_csv_scan *scan)
{
    return scan->at < scan->end;
}

/* Reads one field; call until `last` for a record. False where the text is no CSV: *problem says
 * why, and the field's line and number say where. */
bool ln_csv_next(ln_csv_scan *scan, ln_csv_field *field, const char **problem);

/* Writes the field's text without its doubled quotes to `out`, which is `length` bytes long;
 * returns how many there are. */
size_t ln_csv_copy(const ln_csv_field *field, char *out);

/* Whether the field is this text, doubled quotes resolved. */
bool ln_csv_equals(const ln_csv_field *field, const char *text);

#endif
