/* page.h - the parts of a report, one HTML page about a model, its training and its mistakes.
 *
 * page.c puts them together; each part is one file. What a part has nothing to say about it leaves
 * away. Nothing on the page comes from elsewhere, and no script runs. */
#ifndef CLI_PAGE_H
#define CLI_PAGE_H

#include "history.h"
#include "source.h"

/* What the page is about; all borrowed. */
typedef struct cli_page {
    const char *model_path;
    const char *data_path, *labels_path; /* labels_path: NULL where there is none */
    const char *rows;                    /* what the rows are: "validation rows" */
    const char *precision;
    const linnet_model *model;
    const linnet_dataset *data;
    const cli_history *history;  /* may be empty */
    const linnet_scores *scores; /* cli_page_save sets these two */
    const linnet_evaluation *evaluation;
} cli_page;

/* Runs the model over the data, writes the page to `path` and says so. Returns an exit code, and has
 * printed why. */
int cli_page_save(cli_page *page, const linnet_plan_options *options, const char *path);

/* ---- the parts; those that can fail return as above ---- */

void cli_page_style(cli_text *text);
void cli_page_curves(const cli_page *page, cli_text *text);    /* of the training */
void cli_page_confusion(const cli_page *page, cli_text *text); /* and the most frequent mistakes */
int cli_page_quality(const cli_page *page, cli_text *text);    /* of the probabilities */
void cli_page_classes(const cli_page *page, cli_text *text);
int cli_page_values(const cli_page *page, cli_text *text); /* of a regression */
int cli_page_rows(const cli_page *page, cli_text *text);   /* that it was most wrong about */
int cli_page_json(const cli_page *page, cli_text *text);   /* every figure of the page, and more */

#define CLI_PAGE_WORST 24 /* rows that it was most wrong about */

/* Appends the name of a class, label or output, or "class 3", for where a number alone would not be
 * understood. */
void cli_page_name(const cli_page *page, size_t class, cli_text *text);

/* Fills `lowest` with at most `most` of the numbers 0 .. count - 1, those whose key is lowest, that
 * first, of equal ones the first first; those whose key is NaN do not count. Returns how many. */
typedef double (*cli_page_key)(const cli_page *page, size_t i);
size_t cli_page_lowest(const cli_page *page, cli_page_key key, size_t count, size_t *lowest,
                       size_t most);

/* A row that the model was wrong about. */
typedef struct cli_wrong {
    linnet_judged_row row;
    int64_t place; /* its number in the file that the data come from */
    /* Of several labels and of regressions: the output that is farthest from its target, and both.
     * */
    size_t output;
    double target, score;
} cli_wrong;

/* Fills `wrong` (CLI_PAGE_WORST) with the rows that are shown, those of the largest loss. */
int cli_page_wrong(const cli_page *page, cli_wrong *wrong, size_t *count);

#endif
