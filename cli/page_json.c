/* page_json.c - what a report shows as JSON inside the page, for whoever reads it by program: what `linnet eval
 * --json` says, the epochs, and the rows that are shown. The page's figures name their place in it. */
#include "measures.h"
#include "page.h"

static void add_wrong(const cli_page *page, cli_json *json)
{
    linnet_judged_row rows[CLI_PAGE_WORST];
    size_t count =
        page->evaluation->task == LINNET_TASK_CLASSIFICATION ? cli_page_wrong(page, rows) : 0;
    cli_json_open(json, "worst", '[');
    for (size_t i = 0; i < count; i++) {
        cli_json_open(json, NULL, '{');
        cli_json_int(json, "row", rows[i].row);
        cli_json_int(json, "label", rows[i].label);
        cli_json_int(json, "predicted", rows[i].predicted);
        cli_json_double(json, "label_probability", rows[i].label_probability);
        cli_json_double(json, "predicted_probability", rows[i].predicted_probability);
        cli_json_double(json, "loss", rows[i].loss);
        cli_json_close(json, '}');
    }
    cli_json_close(json, ']');
}

void cli_page_json(const cli_page *page, cli_text *text)
{
    cli_json json = {.text = text};
    cli_json_open(&json, NULL, '{');
    cli_json_string(&json, "model", page->model_path);
    cli_json_string(&json, "data", page->data_path);
    cli_json_string(&json, "precision", page->precision);
    cli_measures_json(&(cli_measures){page->model, page->scores, page->evaluation}, &json);
    add_wrong(page, &json);
    cli_json_open(&json, "history", '[');
    for (size_t i = 0; i < page->history->count; i++) {
        cli_history_json(&page->history->epochs[i], &json);
    }
    cli_json_close(&json, ']');
    cli_json_close(&json, '}');
}
