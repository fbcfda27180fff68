/* page_json.c - what a report shows as JSON inside the page, for whoever reads it by program.
 *
 * It is what `linnet eval --json` says, the epochs, and the rows that are shown, numbered as in
 * their file. The page's figures name their place in it. */
#include "measures.h"
#include "page.h"

static void add_row(const cli_page *page, const cli_wrong *wrong, cli_json *json)
{
    cli_json_open(json, NULL, '{');
    cli_json_int(json, "row", wrong->place);
    if (page->evaluation->task == LINNET_TASK_CLASSIFICATION) {
        cli_json_int(json, "label", wrong->row.label);
        cli_json_int(json, "predicted", wrong->row.predicted);
        cli_json_double(json, "label_probability", wrong->row.label_probability);
        cli_json_double(json, "predicted_probability", wrong->row.predicted_probability);
    } else {
        cli_json_int(json, "output", (int64_t)wrong->output);
        cli_json_double(json, "target", wrong->target);
        cli_json_double(json, "score", wrong->score);
    }
    cli_json_double(json, "loss", wrong->row.loss);
    cli_json_close(json, '}');
}

int cli_page_json(const cli_page *page, cli_text *text)
{
    cli_wrong wrong[CLI_PAGE_WORST];
    size_t count;
    int code = cli_page_wrong(page, wrong, &count);
    if (code != CLI_OK) {
        return code;
    }
    cli_json json = {.text = text};
    cli_json_open(&json, NULL, '{');
    cli_json_string(&json, "model", page->model_path);
    cli_json_string(&json, "data", page->data_path);
    cli_json_string(&json, "precision", page->precision);
    cli_measures_json(&(cli_measures){page->model, page->scores, page->evaluation}, &json);
    cli_json_open(&json, "worst", '[');
    for (size_t i = 0; i < count; i++) {
        add_row(page, &wrong[i], &json);
    }
    cli_json_close(&json, ']');
    cli_json_open(&json, "history", '[');
    for (size_t i = 0; i < page->history->count; i++) {
        cli_history_json(&page->history->epochs[i], &json);
    }
    cli_json_close(&json, ']');
    cli_json_close(&json, '}');
    return CLI_OK;
}
