/* measures.h - what was measured of a model, as tables for a terminal and as JSON.
 *
 * One schema for all commands. A figure that does not exist is null in JSON, where "undefined" says
 * why, and says so in the text. */
#ifndef CLI_MEASURES_H
#define CLI_MEASURES_H

#include "json.h"
#include "linnet.h"

#define CLI_BINS 15 /* of the reliability in JSON, and of its picture */
#define CLI_TOP 5   /* shown as top-5 accuracy, where there are more classes */

/* All of it borrowed. */
typedef struct cli_measures {
    const linnet_model *model; /* whose class names are shown */
    const linnet_scores *scores;
    const linnet_evaluation *evaluation;
} cli_measures;

/* The figures, a table of the classes and, of up to 20 classes or where `confusion` asks for it,
 * the confusion matrix. */
void cli_measures_text(const cli_measures *measures, bool confusion, cli_text *text);

/* The share of rows whose class is among the k likeliest, and whether it is shown of CLI_TOP. */
double cli_top_accuracy(const linnet_evaluation *evaluation, int64_t k);
bool cli_shows_top(const linnet_evaluation *evaluation);

/* Keys of the object that `json` is in. */
void cli_measures_json(const cli_measures *measures, cli_json *json);

#endif
