/* page_classes.c - the figures of each class. Of many classes those with the lowest F1 stand first,
 * and all of them behind a line that opens. */
#include "html.h"
#include "page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_SHOWN 30
#define WORST_SHOWN 20

static void add_figure(cli_text *text, size_t class, const char *name, double value)
{
    char key[64];
    snprintf(key, sizeof key, "classes.%zu.%s", class, name);
    cli_text_add(text, "<td>");
    cli_html_figure(text, key, value, NULL);
}

static void add_count(cli_text *text, size_t class, const char *name, int64_t value)
{
    char key[64];
    snprintf(key, sizeof key, "classes.%zu.%s", class, name);
    cli_text_add(text, "<td>");
    cli_html_count(text, key, value);
}

static void add_row(const cli_page *page, cli_text *text, size_t class)
{
    const linnet_class_metrics *metrics = &page->evaluation->classes[class];
    char number[24], key[64];
    cli_text_add(text, "<tr><td class=\"l name\">");
    cli_html_text(text, cli_class_name(page->model, class, number));
    add_count(text, class, "support", metrics->support);
    add_count(text, class, "predicted", metrics->predicted);
    add_figure(text, class, "precision", metrics->precision);
    add_figure(text, class, "recall", metrics->recall);
    snprintf(key, sizeof key, "classes.%zu.f1", class);
    cli_text_add(text, "<td class=\"meter\" style=\"--v:%.3f\">",
                 isnan(metrics->f1) ? 0 : metrics->f1);
    cli_html_figure(text, key, metrics->f1, NULL);
    add_figure(text, class, "roc_auc", metrics->roc_auc);
    add_figure(text, class, "average_precision", metrics->average_precision);
    cli_text_add(text, "\n");
}

/* The classes of `order`, or all where that is NULL. */
static void add_table(const cli_page *page, cli_text *text, const size_t *order, size_t count)
{
    cli_text_add(text,
                 "<div class=\"scroll\"><table>\n<tr><th class=\"l\">%s<th>rows<th>predicted"
                 "<th>precision<th>recall<th>F1<th>ROC AUC<th>average precision\n",
                 page->evaluation->task == LINNET_TASK_MULTILABEL ? "label" : "class");
    for (size_t i = 0; i < count; i++) {
        add_row(page, text, order != NULL ? order[i] : i);
    }
    cli_text_add(text, "</table></div>\n");
}

/* An F1 that does not exist comes last. */
static double rank_of(const cli_page *page, size_t class)
{
    double f1 = page->evaluation->classes[class].f1;
    return isnan(f1) ? INFINITY : f1;
}

void cli_page_classes(const cli_page *page, cli_text *text)
{
    size_t classes = (size_t)page->evaluation->class_count, worst[WORST_SHOWN];
    bool many = classes > MOST_SHOWN, labels = page->evaluation->task == LINNET_TASK_MULTILABEL;
    cli_text_add(text, "<section id=\"classes\">\n<h2>%s</h2>\n", labels ? "Labels" : "Classes");
    if (many) {
        cli_text_add(text, "<p class=\"about\">The %d of %zu with the lowest F1.</p>\n",
                     WORST_SHOWN, classes);
        add_table(page, text, worst, cli_page_lowest(page, rank_of, classes, worst, WORST_SHOWN));
        cli_text_add(text, "<details><summary>All of them</summary>\n");
    } else {
        cli_text_add(text, "<p class=\"about\"></p>\n");
    }
    add_table(page, text, NULL, classes);
    cli_text_add(text, "%s</section>\n", many ? "</details>\n" : "");
}
