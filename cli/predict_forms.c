/* predict_forms.c - CSV, JSON lines and .npy out of a batch of probabilities.
 *
 * Probabilities are printed so that they read back to the same float32, or float64. */
#include "predict.h"

#include "json.h"
#include "source.h"

#include <stdlib.h>
#include <string.h>

/* Fills batch->order with the `top` likeliest classes of a row, likeliest first; of equal ones the
 * first class first, as eval has it. NaN counts as less than everything. */
static void rank(const cli_batch *batch, const double *p)
{
    for (size_t taken = 0; taken < batch->top; taken++) {
        size_t best = SIZE_MAX;
        for (size_t c = 0; c < batch->classes; c++) {
            bool used = false;
            for (size_t i = 0; i < taken && !used; i++) {
                used = batch->order[i] == c;
            }
            if (!used &&
                (best == SIZE_MAX || p[c] > p[best] || (p[best] != p[best] && p[c] == p[c]))) {
                best = c;
            }
        }
        batch->order[taken] = best;
    }
}

static void add_number(const cli_batch *batch, cli_text *text, double value)
{
    if (batch->wide) {
        cli_text_double(text, value);
    } else {
        cli_text_float(text, (float)value);
    }
}

static void add_json(const cli_batch *batch, cli_json *json, const char *key, double value)
{
    if (batch->wide) {
        cli_json_double(json, key, value);
    } else {
        cli_json_float(json, key, (float)value);
    }
}

/* ---- CSV (RFC 4180) ---- */

static void csv_field(cli_text *text, const char *field)
{
    if (strpbrk(field, ",\"\r\n") == NULL) {
        cli_text_add(text, "%s", field);
        return;
    }
    cli_text_bytes(text, "\"", 1);
    for (const char *c = field; *c != '\0'; c++) {
        cli_text_bytes(text, "\"\"", *c == '"' ? 1 : 0);
        cli_text_bytes(text, c, 1);
    }
    cli_text_bytes(text, "\"", 1);
}

static void csv_head(const cli_batch *batch, cli_text *text)
{
    char number[24];
    for (size_t c = 0; batch->top == 0 && c < batch->classes; c++) {
        cli_text_bytes(text, ",", c > 0);
        csv_field(text, cli_class_name(batch->model, c, number));
    }
    cli_text_add(text, "%s", batch->top > 0 ? "row" : "");
    for (size_t k = 1; k <= batch->top; k++) {
        cli_text_add(text, ",class_%zu,probability_%zu", k, k);
    }
    cli_text_bytes(text, "\n", 1);
}

static void csv_rows(const cli_batch *batch, cli_text *text)
{
    char number[24];
    for (size_t row = 0; row < batch->rows; row++) {
        const double *p = batch->probabilities + row * batch->classes;
        for (size_t c = 0; batch->top == 0 && c < batch->classes; c++) {
            cli_text_bytes(text, ",", c > 0);
            add_number(batch, text, p[c]);
        }
        if (batch->top > 0) {
            rank(batch, p);
            cli_text_add(text, "%lld", (long long)(batch->first + (int64_t)row));
        }
        for (size_t k = 0; k < batch->top; k++) {
            cli_text_bytes(text, ",", 1);
            csv_field(text, cli_class_name(batch->model, batch->order[k], number));
            cli_text_bytes(text, ",", 1);
            add_number(batch, text, p[batch->order[k]]);
        }
        cli_text_bytes(text, "\n", 1);
    }
}

/* ---- JSON lines ---- */

static void jsonl_top(const cli_batch *batch, const double *p, cli_json *json)
{
    char number[24];
    rank(batch, p);
    cli_json_open(json, "top", '[');
    for (size_t k = 0; k < batch->top; k++) {
        cli_json_open(json, NULL, '{');
        cli_json_string(json, "class", cli_class_name(batch->model, batch->order[k], number));
        add_json(batch, json, "probability", p[batch->order[k]]);
        cli_json_close(json, '}');
    }
    cli_json_close(json, ']');
}

/* The labels that are predicted. */
static void jsonl_labels(const cli_batch *batch, const double *p, cli_json *json)
{
    char number[24];
    cli_json_open(json, "labels", '[');
    for (size_t c = 0; c < batch->classes; c++) {
        if (p[c] > linnet_model_threshold(batch->model, c)) {
            cli_json_string(json, NULL, cli_class_name(batch->model, c, number));
        }
    }
    cli_json_close(json, ']');
}

static void jsonl_rows(const cli_batch *batch, cli_text *text)
{
    char number[24];
    for (size_t row = 0; row < batch->rows; row++) {
        const double *p = batch->probabilities + row * batch->classes;
        cli_json json = {.text = text};
        cli_json_open(&json, NULL, '{');
        cli_json_int(&json, "row", batch->first + (int64_t)row);
        if (batch->top > 0) {
            jsonl_top(batch, p, &json);
        } else {
            bool numbers = linnet_model_task(batch->model) == LINNET_TASK_REGRESSION;
            cli_json_open(&json, numbers ? "values" : "probabilities", '{');
            for (size_t c = 0; c < batch->classes; c++) {
                add_json(batch, &json, cli_class_name(batch->model, c, number), p[c]);
            }
            cli_json_close(&json, '}');
            if (linnet_model_task(batch->model) == LINNET_TASK_MULTILABEL) {
                jsonl_labels(batch, p, &json);
            }
        }
        cli_json_close(&json, '}');
        cli_text_bytes(text, "\n", 1);
    }
}

/* ---- .npy, version 1.0 ---- */

static void npy_head(const cli_batch *batch, cli_text *text)
{
    cli_text dict = {0};
    cli_text_add(&dict, "{'descr': '%s', 'fortran_order': False, 'shape': (%lld, %zu), }",
                 batch->wide ? "<f8" : "<f4", (long long)batch->total, batch->classes);
    /* Magic, version and length take 10 bytes; the data begin at a multiple of 64. */
    cli_text_repeat(&dict, ' ', 63 - (10 + dict.length) % 64);
    cli_text_bytes(&dict, "\n", 1);
    unsigned char length[2] = {(unsigned char)(dict.length & 0xff),
                               (unsigned char)(dict.length >> 8)};
    cli_text_bytes(text, "\x93NUMPY\x01\x00", 8);
    cli_text_bytes(text, length, 2);
    cli_text_bytes(text, dict.data, dict.length);
    text->failed = text->failed || dict.failed;
    cli_text_free(&dict);
}

static void npy_rows(const cli_batch *batch, cli_text *text)
{
    for (size_t i = 0; i < batch->rows * batch->classes; i++) {
        double wide = batch->probabilities[i];
        float narrow = (float)wide;
        cli_text_bytes(text, batch->wide ? (const void *)&wide : (const void *)&narrow,
                       batch->wide ? sizeof wide : sizeof narrow);
    }
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "npy_rows writes the machine's own floats, which have to be little-endian"
#endif

const cli_form *cli_form_at(size_t i)
{
    static const cli_form forms[] = {
        {"csv", ".csv", false, csv_head, csv_rows},
        {"jsonl", ".jsonl", false, NULL, jsonl_rows},
        {"npy", ".npy", true, npy_head, npy_rows},
    };
    return i < sizeof forms / sizeof forms[0] ? &forms[i] : NULL;
}
