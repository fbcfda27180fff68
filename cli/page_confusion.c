/* page_confusion.c - which class is taken for which: the confusion matrix as a heat map, and the
 * mistakes that are made most often.
 *
 * A cell's colour says which share of its true class it holds, as the cube root, so that a few rows
 * are seen. With many classes cells get small, lose their numbers, and at last become plain pixels.
 * */
#include "html.h"
#include "page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MISTAKES 12
#define SIDE_BY_SIDE 14 /* classes, at most, with which matrix and table stand beside each other */
#define TITLED_CLASSES 150 /* at most, with which each cell has a title */
#define LABEL_COLUMNS 18
#define LEVELS 16    /* of colour, where cells are pixels */
#define FAINTEST 0.5 /* colour there */

static int64_t rows_at(const cli_page *page, size_t label, size_t predicted)
{
    return page->evaluation->confusion[label * (size_t)page->evaluation->class_count + predicted];
}

/* ---- the matrix ---- */

typedef struct matrix {
    const cli_page *page;
    cli_text *text;
    size_t classes, step; /* a label for each step-th class */
    double cell, left, top;
    bool flat; /* the labels above fit beside each other; otherwise they are turned by 45 degrees */
    double over; /* how far the last one reaches to the right then */
} matrix;

/* Room for the longest label that is shown, in pixels. */
static double label_room(const matrix *m)
{
    size_t longest = 0;
    char number[24];
    for (size_t c = 0; c < m->classes; c += m->step) {
        const char *name = cli_class_name(m->page->model, c, number);
        size_t columns = cli_columns(name, strlen(name));
        longest = columns > longest ? columns : longest;
    }
    return 6.4 * (double)(longest < LABEL_COLUMNS ? longest : LABEL_COLUMNS) + 12;
}

/* 1, 2, 5, 10, 20, ...: so many classes that their labels stand apart. */
static size_t label_step(double cell)
{
    size_t step = 1;
    for (size_t i = 0; (double)step * cell < 13; i++) {
        step = i % 3 == 1 ? step / 2 * 5 : step * 2;
    }
    return step;
}

static matrix lay_out(const cli_page *page, cli_text *text)
{
    size_t n = (size_t)page->evaluation->class_count;
    double cell = n <= 4    ? 62
                  : n <= 12 ? 46
                  : n <= 20 ? 38
                  : n <= 36 ? 26
                  : n <= 60 ? 16
                            : fmax(1, floor(960.0 / (double)n));
    matrix m = {.page = page, .text = text, .classes = n, .cell = cell};
    m.step = label_step(cell);
    double room = label_room(&m);
    m.left = ceil(fmax(room + 16, 46)); /* cells of one pixel are to fill one */
    m.flat = room <= cell * (double)m.step + 6;
    m.over = m.flat ? 0 : room * 0.72;
    m.top = ceil(m.over) + (m.flat ? 36 : 26);
    return m;
}

static void add_label(const matrix *m, size_t c)
{
    char number[24];
    const char *name = cli_class_name(m->page->model, c, number);
    cli_text label = {0};
    size_t length = strlen(name), fitting = cli_fitting(name, length, LABEL_COLUMNS);
    cli_text_bytes(&label, name,
                   fitting < length ? cli_fitting(name, length, LABEL_COLUMNS - 1) : length);
    cli_text_add(&label, "%s", fitting < length ? "\xe2\x80\xa6" : "");
    double middle = ((double)c + 0.5) * m->cell;
    cli_text_add(m->text, "<text class=\"t\" x=\"%.1f\" y=\"%.1f\">", m->left - 7,
                 m->top + middle + 4);
    cli_html_text(m->text, label.failed ? "" : label.data);
    cli_text_add(m->text, "</text><text class=\"%s\" transform=\"translate(%.1f %.1f)%s\">",
                 m->flat ? "c" : "", m->left + middle + (m->flat ? 0 : 3), m->top - 7,
                 m->flat ? "" : "rotate(-45)");
    cli_html_text(m->text, label.failed ? "" : label.data);
    cli_text_add(m->text, "</text>\n");
    cli_text_free(&label);
}

static double share_of(const cli_page *page, size_t label, size_t predicted)
{
    return (double)rows_at(page, label, predicted) /
           (double)page->evaluation->classes[label].support;
}

static void add_cell(const matrix *m, size_t label, size_t predicted)
{
    const cli_page *page = m->page;
    int64_t rows = rows_at(page, label, predicted), all = page->evaluation->classes[label].support;
    double opacity = cbrt(share_of(page, label, predicted));
    double x = m->left + (double)predicted * m->cell, y = m->top + (double)label * m->cell;
    double gap = m->cell >= 10 ? 1 : 0;
    char a[24], b[24];
    cli_text_add(
        m->text,
        "<rect class=\"%s\" x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" fill-opacity=\"%.2f\">",
        label == predicted ? "r" : "w", x, y, m->cell - gap, m->cell - gap, fmax(opacity, 0.08));
    cli_text_add(m->text, "<title>");
    cli_html_text(m->text, cli_class_name(page->model, label, a));
    cli_html_add(m->text, label == predicted ? ": right" : " taken for ");
    cli_html_text(m->text, label == predicted ? "" : cli_class_name(page->model, predicted, b));
    cli_html_add(m->text, ", %lld of %lld rows (%.1f %%)", (long long)rows, (long long)all,
                 100 * (double)rows / (double)all);
    cli_text_add(m->text, "</title></rect>");
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)rows);
    if (6.4 * length + 4 <= m->cell) {
        cli_text_add(m->text,
                     "<text class=\"n%s\" pointer-events=\"none\" x=\"%g\" y=\"%g\">%s</text>",
                     opacity > 0.86   ? " on"
                     : opacity > 0.65 ? " mid"
                                      : "",
                     x + (m->cell - gap) / 2, y + (m->cell - gap) / 2 + 4, digits);
    }
    cli_text_add(m->text, "\n");
}

/* All cells of one level of colour as one path. */
static void add_level(const matrix *m, int level, bool right)
{
    bool begun = false;
    for (size_t i = 0; i < m->classes * m->classes; i++) {
        size_t label = i / m->classes, predicted = i % m->classes;
        if ((label == predicted) != right || rows_at(m->page, label, predicted) == 0 ||
            (int)ceil(cbrt(share_of(m->page, label, predicted)) * LEVELS) != level) {
            continue;
        }
        if (!begun) {
            cli_text_add(m->text, "<path class=\"%s\" fill-opacity=\"%g\" d=\"", right ? "r" : "w",
                         FAINTEST + (1 - FAINTEST) * level / LEVELS);
            begun = true;
        }
        cli_text_add(m->text, "M%g %gh%gv%gh-%gz", m->left + (double)predicted * m->cell,
                     m->top + (double)label * m->cell, m->cell, m->cell, m->cell);
    }
    cli_text_add(m->text, begun ? "\"/>\n" : "");
}

static void add_cells(const matrix *m)
{
    if (m->classes > TITLED_CLASSES) {
        for (int level = 1; level <= LEVELS; level++) {
            add_level(m, level, true);
            add_level(m, level, false);
        }
        return;
    }
    for (size_t i = 0; i < m->classes * m->classes; i++) {
        if (rows_at(m->page, i / m->classes, i % m->classes) > 0) {
            add_cell(m, i / m->classes, i % m->classes);
        }
    }
}

static void add_matrix(const cli_page *page, cli_text *text)
{
    matrix m = lay_out(page, text);
    double side = (double)m.classes * m.cell;
    double width = m.left + side + m.over, height = m.top + side + 4;
    cli_text_add(
        text,
        "<div class=\"scroll\"><svg class=\"matrix\" width=\"%g\" height=\"%g\" viewBox=\"0 "
        "0 %g %g\" role=\"img\" aria-label=\"confusion matrix\">\n",
        width, height, width, height);
    cli_text_add(text, "<rect class=\"empty\" x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\"/>\n",
                 m.left, m.top, side, side);
    cli_text_add(text,
                 "<text class=\"t\" x=\"%g\" y=\"%g\">true \xe2\x86\x93</text>"
                 "<text x=\"%g\" y=\"12\">predicted \xe2\x86\x92</text>\n",
                 m.left - 7, m.top - 10, m.left);
    for (size_t c = 0; c < m.classes; c += m.step) {
        add_label(&m, c);
    }
    add_cells(&m);
    cli_text_add(text, "</svg></div>\n");
}

/* ---- the most frequent mistakes ---- */

static double fewer_rows(const cli_page *page, size_t cell)
{
    size_t classes = (size_t)page->evaluation->class_count;
    int64_t rows = page->evaluation->confusion[cell];
    return cell / classes == cell % classes || rows == 0 ? NAN : -(double)rows;
}

static void add_mistakes(const cli_page *page, cli_text *text)
{
    size_t mistakes[SHOWN_MISTAKES], classes = (size_t)page->evaluation->class_count;
    size_t count = cli_page_lowest(page, fewer_rows, classes * classes, mistakes, SHOWN_MISTAKES);
    if (count == 0) {
        return;
    }
    cli_text_add(text,
                 "<div class=\"scroll\"><table><caption>Most frequent mistakes</caption>\n"
                 "<tr><th class=\"l\">true<th class=\"l\">predicted<th>rows<th>of the class\n");
    for (size_t i = 0; i < count; i++) {
        char number[24], key[64];
        size_t label = mistakes[i] / classes, predicted = mistakes[i] % classes;
        cli_text_add(text, "<tr><td class=\"l name\">");
        cli_html_text(text, cli_class_name(page->model, label, number));
        cli_text_add(text, "<td class=\"l name\">");
        cli_html_text(text, cli_class_name(page->model, predicted, number));
        snprintf(key, sizeof key, "confusion.%zu.%zu", label, predicted);
        cli_text_add(text, "<td>");
        cli_html_count(text, key, rows_at(page, label, predicted));
        cli_text_add(text, "<td>%.1f %%\n", 100 * share_of(page, label, predicted));
    }
    cli_text_add(text, "</table></div>\n");
}

void cli_page_confusion(const cli_page *page, cli_text *text)
{
    bool beside = page->evaluation->class_count <= SIDE_BY_SIDE;
    cli_text_add(
        text,
        "<section id=\"confusion\">\n<h2>Confusion matrix</h2>\n<p class=\"about\">A row a "
        "true class, a column a predicted one. Blue is right, orange is wrong; the fuller the "
        "colour, the larger the share of the true class.</p>\n<div class=\"%s\">\n",
        beside ? "pair" : "stack");
    add_matrix(page, text);
    add_mistakes(page, text);
    cli_text_add(text, "</div>\n</section>\n");
}
