/* predict.h - the forms in which `linnet predict` writes.
 *
 * A form is one const record in predict_forms.c. It appends to a text; what is in it and when it is
 * written is up to predict.c. */
#ifndef CLI_PREDICT_H
#define CLI_PREDICT_H

#include "linnet.h"
#include "text.h"

/* One batch of probabilities. */
typedef struct cli_batch {
    const linnet_model *model;
    const double *probabilities; /* (rows, classes) */
    bool wide;                   /* of a float64 model; else each is a float32 */
    size_t rows, classes;
    int64_t first; /* number of the batch's first row */
    int64_t total; /* rows of all batches */
    size_t top;    /* the likeliest classes only; 0: all */
    size_t *order; /* room for `classes` indices */
} cli_batch;

typedef struct cli_form {
    const char *name;   /* "csv" */
    const char *ending; /* of a file that is in this form: ".csv" */
    bool binary;
    void (*head)(const cli_batch *batch, cli_text *text); /* NULL: none */
    void (*rows)(const cli_batch *batch, cli_text *text);
} cli_form;

/* The table; NULL past the end. The first is the default. */
const cli_form *cli_form_at(size_t i);

#endif
