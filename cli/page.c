/* page.c - a report put together: what comes first, what the model is, and where it all comes from.
 *
 * The same model, data and history give the same bytes: no date is in it. */
#include "page.h"

#include "html.h"
#include "measures.h"
#include "output.h"
#include "sha256.h"
#include "train.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

size_t cli_page_lowest(const cli_page *page, cli_page_key key, size_t count, size_t *lowest,
                       size_t most)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        double low = key(page, i);
        if (isnan(low) || (found == most && low >= key(page, lowest[most - 1]))) {
            continue;
        }
        size_t at = found < most ? found++ : most - 1;
        for (; at > 0 && key(page, lowest[at - 1]) > low; at--) {
            lowest[at] = lowest[at - 1];
        }
        lowest[at] = i;
    }
    return found;
}

void cli_page_name(const cli_page *page, size_t class, cli_text *text)
{
    const char *name = linnet_model_class(page->model, class);
    linnet_task task = page->evaluation->task;
    if (name == NULL) {
        cli_text_add(text, "%s %zu",
                     task == LINNET_TASK_CLASSIFICATION ? "class"
                     : task == LINNET_TASK_MULTILABEL   ? "label"
                                                        : "output",
                     class);
    } else {
        cli_html_text(text, name);
    }
}

/* ---- head ---- */

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static void add_head(const cli_page *page, cli_text *text)
{
    cli_text_add(text,
                 "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                 "<meta name=\"generator\" content=\"linnet %s\">\n<title>",
                 linnet_version());
    cli_html_text(text, file_name(page->model_path));
    cli_text_add(text, "</title>\n");
    /* An icon of its own, so that no browser asks for one. */
    cli_text_add(text, "<link rel=\"icon\" href=\"data:,\">\n");
    cli_page_style(text);
    cli_text_add(text, "</head>\n<body>\n<header>\n<h1>");
    cli_html_text(text, file_name(page->model_path));
    cli_text_add(text, "</h1>\n<p class=\"soft\">on ");
    cli_html_count(text, "rows", page->evaluation->rows);
    cli_html_add(text, " %s of ", page->rows);
    cli_html_text(text, strcmp(page->data_path, "-") == 0 ? "standard input"
                                                          : file_name(page->data_path));
    cli_text_add(text, "</p>\n");
}

static double more_mistakes(const cli_page *page, size_t cell)
{
    size_t classes = (size_t)page->evaluation->class_count;
    int64_t rows = page->evaluation->confusion[cell];
    return cell / classes == cell % classes || rows == 0 ? NAN : -(double)rows;
}

static void add_worst_mistake(const cli_page *page, cli_text *text)
{
    const linnet_evaluation *evaluation = page->evaluation;
    size_t classes = (size_t)evaluation->class_count, worst;
    if (cli_page_lowest(page, more_mistakes, classes * classes, &worst, 1) == 0) {
        return;
    }
    char key[64];
    size_t label = worst / classes, predicted = worst % classes;
    cli_text_add(text, " Most often <b>");
    cli_page_name(page, label, text);
    cli_text_add(text, "</b> is taken for <b>");
    cli_page_name(page, predicted, text);
    cli_text_add(text, "</b>: ");
    snprintf(key, sizeof key, "confusion.%zu.%zu", label, predicted);
    cli_html_count(text, key, evaluation->confusion[worst]);
    cli_text_add(text, " of ");
    snprintf(key, sizeof key, "classes.%zu.support", label);
    cli_html_count(text, key, evaluation->classes[label].support);
    cli_text_add(text, " rows.");
}

/* Is it good, and where is it wrong: in a sentence. */
static void add_verdict(const cli_page *page, cli_text *text)
{
    const linnet_evaluation *evaluation = page->evaluation;
    if (evaluation->task == LINNET_TASK_REGRESSION) {
        return;
    }
    cli_text_add(text, "<p class=\"verdict\">");
    cli_html_count(text, "correct", evaluation->correct);
    cli_text_add(text, " of ");
    cli_html_count(text, "rows", evaluation->rows);
    if (evaluation->task == LINNET_TASK_MULTILABEL) {
        cli_text_add(text, " rows have all of their labels right.");
    } else {
        cli_text_add(text, " rows are right.");
        add_worst_mistake(page, text);
    }
    cli_text_add(text, "</p>\n");
}

/* Whether a figure is another mean of what stands there already, or the same number again. */
static bool is_further(const cli_page *page, const linnet_figure *figure)
{
    const char *name = figure->metric->name;
    double loss = linnet_evaluation_figure(page->evaluation, "loss")->value;
    return strstr(name, "_micro") != NULL || strstr(name, "_weighted") != NULL ||
           (strcmp(name, "log_loss") == 0 && fabs(figure->value - loss) <= 1e-4 * loss);
}

static void add_figure(cli_text *text, const char *title, const char *key, double value,
                       const char *undefined, bool first)
{
    cli_text_add(text, "<div%s><dt>", first ? " class=\"first\"" : "");
    cli_html_text(text, title);
    cli_text_add(text, "</dt><dd>");
    cli_html_figure(text, key, value, undefined);
    cli_text_add(text, "</dd></div>\n");
}

static void list_figures(const cli_page *page, cli_text *text, bool further)
{
    cli_text_add(text, "<dl class=\"figures\">\n");
    for (size_t i = 0; i < page->evaluation->figure_count; i++) {
        const linnet_figure *figure = &page->evaluation->figures[i];
        if (is_further(page, figure) != further) {
            continue;
        }
        char key[64], title[48];
        snprintf(key, sizeof key, "figures.%s", figure->metric->name);
        add_figure(text, figure->metric->title, key, figure->value, figure->undefined, i == 0);
        if (i == 0 && cli_shows_top(page->evaluation)) {
            snprintf(title, sizeof title, "top-%d accuracy", CLI_TOP);
            snprintf(key, sizeof key, "top_k_accuracy.%d", CLI_TOP - 1);
            add_figure(text, title, key, cli_top_accuracy(page->evaluation, CLI_TOP), NULL, false);
        }
    }
    cli_text_add(text, "</dl>\n");
}

static bool is_dash_for(const cli_page *page, const linnet_figure *figure, const char *reason)
{
    return figure->undefined != NULL && !is_further(page, figure) &&
           strcmp(figure->undefined, reason) == 0;
}

/* Why there is a dash, once for each reason; a telephone shows no title. */
static void say_undefined(const cli_page *page, cli_text *text)
{
    const linnet_figure *figures = page->evaluation->figures;
    size_t count = page->evaluation->figure_count;
    for (size_t i = 0; i < count; i++) {
        const char *reason = figures[i].undefined;
        bool said = reason == NULL || is_further(page, &figures[i]);
        for (size_t k = 0; k < i && !said; k++) {
            said = is_dash_for(page, &figures[k], reason);
        }
        for (size_t k = i; k < count && !said; k++) {
            if (is_dash_for(page, &figures[k], reason)) {
                cli_text_add(text, k == i ? "<p class=\"soft\">\xe2\x80\x93 " : ", ");
                cli_html_text(text, figures[k].metric->title);
            }
        }
        if (!said) {
            cli_html_add(text, ": %s", reason);
            cli_text_add(text, "</p>\n");
        }
    }
}

static void add_figures(const cli_page *page, cli_text *text)
{
    size_t further = 0;
    for (size_t i = 0; i < page->evaluation->figure_count; i++) {
        further += is_further(page, &page->evaluation->figures[i]);
    }
    list_figures(page, text, false);
    if (further > 0) {
        cli_text_add(text, "<details><summary>More figures</summary>\n");
        list_figures(page, text, true);
        cli_text_add(text, "</details>\n");
    }
    say_undefined(page, text);
    cli_text_add(text, "</header>\n");
}

/* ---- the model ---- */

static void add_layers(const cli_page *page, cli_text *text)
{
    cli_text_add(text,
                 "<div class=\"scroll\"><table>\n<tr><th class=\"l\">name<th class=\"l\">module"
                 "<th>output<th>parameters\n");
    int64_t total = 0;
    linnet_layer layer;
    for (size_t i = 0; i < linnet_model_layer_count(page->model) &&
                       linnet_model_layer(page->model, i, &layer, NULL) == LINNET_OK;
         i++) {
        total += layer.parameters;
        cli_text_add(text, "<tr><td class=\"l\"><code>");
        cli_html_text(text, layer.name);
        cli_text_add(text, "</code><td class=\"l\"><code>");
        cli_html_text(text, layer.repr);
        cli_text_add(text, "</code><td>");
        for (int d = 0; d < layer.rank; d++) {
            cli_text_add(text, "%s%lld", d > 0 ? " \xc3\x97 " : "", (long long)layer.shape[d]);
        }
        cli_text_add(text, "<td>");
        if (layer.parameters > 0) {
            cli_text_grouped(text, layer.parameters);
        }
        cli_text_add(text, "\n");
    }
    cli_text_add(text, "<tr class=\"sum\"><td><td class=\"l\">all<td><td>");
    cli_text_grouped(text, total);
    cli_text_add(text, "</table></div>\n<details><summary>As text</summary><pre>");
    cli_html_text(text, linnet_model_repr(page->model));
    cli_text_add(text, "</pre></details>\n");
}

/* ---- where it comes from ---- */

static bool is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* The file's SHA-256, as sha256sum gives it; a pipe, a folder or a pattern of names has none. */
static int add_file(cli_text *text, const char *name, const char *path)
{
    cli_text_add(text, "<dt>%s</dt><dd>", name);
    cli_html_text(text, strcmp(path, "-") == 0 ? "standard input" : path);
    if (is_file(path)) {
        FILE *stream = fopen(path, "rb");
        if (stream == NULL) {
            return cli_fail(path, "cannot open: %s", strerror(errno));
        }
        cli_sha256 hash;
        cli_sha256_begin(&hash);
        char digest[65], bytes[16384];
        size_t size;
        while ((size = fread(bytes, 1, sizeof bytes, stream)) > 0) {
            cli_sha256_add(&hash, bytes, size);
        }
        bool failed = ferror(stream) != 0;
        fclose(stream);
        if (failed) {
            return cli_fail(path, "cannot read: %s", strerror(errno));
        }
        cli_text_add(text, "<br><span class=\"soft\">SHA-256 <code>%s</code></span>",
                     cli_sha256_end(&hash, digest));
    }
    cli_text_add(text, "</dd>\n");
    return CLI_OK;
}

static int add_rows_of(const cli_page *page, cli_text *text)
{
    int64_t shape[LINNET_MAX_RANK];
    int rank = linnet_dataset_row_shape(page->data, shape);
    cli_text_add(text, "<dt>Rows</dt><dd>");
    cli_text_grouped(text, linnet_dataset_rows(page->data));
    cli_html_add(text, " %s of ", page->rows);
    for (int i = 0; i < rank; i++) {
        cli_text_add(text, "%s%lld", i > 0 ? " \xc3\x97 " : "", (long long)shape[i]);
    }
    cli_text_add(text, " %s features", linnet_dtype_name(linnet_dataset_dtype(page->data)));
    linnet_error error;
    uint64_t digest;
    if (!is_file(page->data_path)) {
        if (linnet_dataset_digest(page->data, &digest, &error) != LINNET_OK) {
            return cli_fail_with(page->data_path, &error);
        }
        cli_text_add(text, "<br><span class=\"soft\">digest <code>%016llx</code></span>",
                     (unsigned long long)digest);
    }
    cli_text_add(text, "</dd>\n");
    return CLI_OK;
}

static int add_command(const cli_page *page, cli_text *text)
{
    cli_text command = {0};
    char *interrupted;
    int code = cli_made_by(page->model_path, page->model, &command, &interrupted);
    cli_text_add(text, "<pre class=\"wrap\">");
    cli_html_text(text, command.data != NULL ? command.data : "");
    cli_text_add(text, "</pre>\n");
    if (interrupted != NULL) {
        cli_html_add(text, "The run was interrupted %s; the command does not stop there.\n",
                     interrupted);
    }
    text->failed = text->failed || command.failed;
    free(interrupted);
    cli_text_free(&command);
    return code;
}

static int add_origin(const cli_page *page, cli_text *text)
{
    cli_text_add(text, "<section id=\"origin\">\n<h2>Origin</h2>\n<dl class=\"facts\">\n");
    int code = add_file(text, "Model", page->model_path);
    if (code == CLI_OK) {
        code = add_file(text, "Data", page->data_path);
    }
    if (code == CLI_OK && page->labels_path != NULL) {
        code = add_file(text, "Labels", page->labels_path);
    }
    if (code == CLI_OK) {
        code = add_rows_of(page, text);
    }
    cli_text_add(text, "<dt>Loss</dt><dd><code>");
    cli_html_text(text, linnet_model_loss(page->model));
    bool plain = strcmp(page->precision, "float32") == 0; /* the model's own then */
    cli_text_add(text, "</code></dd>\n<dt>Measured in</dt><dd>%s</dd>\n",
                 plain ? linnet_dtype_name(linnet_model_dtype(page->model)) : page->precision);
    if (linnet_model_temperature(page->model) != 1) {
        cli_text_add(text, "<dt>Calibrated</dt><dd>temperature ");
        cli_html_figure(text, "temperature", linnet_model_temperature(page->model), NULL);
        cli_text_add(text, "</dd>\n");
    }
    cli_text_add(text, "</dl>\n");
    if (code == CLI_OK && linnet_model_config(page->model) != NULL) {
        code = add_command(page, text);
    }
    cli_text_add(text, "</section>\n");
    return code;
}

/* ---- the whole ---- */

/* JSON in a script's element, which ends at "</script": no < stands in it. */
static int embed_json(const cli_page *page, cli_text *text)
{
    cli_text json = {0};
    int code = cli_page_json(page, &json);
    cli_text_add(text, "<script type=\"application/json\" id=\"figures\">");
    for (size_t i = 0, from = 0; code == CLI_OK && !json.failed && i <= json.length; i++) {
        if (i == json.length || json.data[i] == '<') {
            cli_text_bytes(text, json.data + from, i - from);
            cli_text_add(text, i == json.length ? "" : "\\u003c");
            from = i + 1;
        }
    }
    text->failed = text->failed || json.failed;
    cli_text_free(&json);
    cli_text_add(text, "</script>\n");
    return code;
}

/* What is there to see of the rows. */
static int add_measured(const cli_page *page, cli_text *text)
{
    linnet_task task = page->evaluation->task;
    if (task == LINNET_TASK_CLASSIFICATION) {
        cli_page_confusion(page, text);
    }
    int code = task == LINNET_TASK_REGRESSION ? cli_page_values(page, text) : CLI_OK;
    if (code == CLI_OK) {
        code = cli_page_rows(page, text);
    }
    if (code == CLI_OK && task != LINNET_TASK_REGRESSION) {
        code = cli_page_quality(page, text);
        cli_page_classes(page, text);
    }
    return code;
}

static int add_all(const cli_page *page, cli_text *text)
{
    add_head(page, text);
    add_verdict(page, text);
    add_figures(page, text);
    cli_text_add(text, "<main>\n");
    cli_page_curves(page, text);
    int code = add_measured(page, text);
    cli_text_add(text, "<section id=\"model\">\n<h2>Model</h2>\n<p class=\"about\"></p>\n");
    add_layers(page, text);
    cli_text_add(text, "</section>\n");
    if (code == CLI_OK) {
        code = add_origin(page, text);
    }
    cli_text_add(text, "</main>\n<footer>linnet %s</footer>\n", linnet_version());
    if (code == CLI_OK) {
        code = embed_json(page, text);
    }
    cli_text_add(text, "</body>\n</html>\n");
    return code == CLI_OK && text->failed ? cli_fail_memory() : code;
}

static int save(const cli_page *page, const char *path)
{
    cli_text text = {0};
    linnet_writer *writer;
    int code = add_all(page, &text);
    if (code == CLI_OK) {
        code = cli_output_open(path, &writer);
    }
    if (code == CLI_OK) {
        code = cli_output_close(writer, cli_output_write(writer, &text));
    }
    cli_text_free(&text);
    return code;
}

static int tell_saved(const char *path)
{
    cli_text text = {0};
    if (strcmp(path, "-") != 0) {
        cli_text_add(&text, "wrote ");
        cli_text_name(&text, path);
        cli_text_add(&text, ": the report\n");
    }
    return cli_print(&text);
}

int cli_page_save(cli_page *page, const linnet_plan_options *options, const char *path)
{
    linnet_scores *scores;
    linnet_evaluation evaluation;
    linnet_error error;
    if (linnet_scores_create(page->model, page->data, options, &scores, &error) != LINNET_OK) {
        return cli_fail_with(page->data_path, &error);
    }
    int code = CLI_OK;
    if (linnet_scores_evaluate(scores, &evaluation, &error) != LINNET_OK) {
        code = cli_fail_with(page->data_path, &error);
    } else {
        page->scores = scores;
        page->evaluation = &evaluation;
        code = save(page, path);
        code = code == CLI_OK ? tell_saved(path) : code;
        linnet_evaluation_free(&evaluation);
    }
    linnet_scores_free(scores);
    return code;
}
