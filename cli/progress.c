/* progress.c - the line that a terminal shows while an epoch runs. */
#include "progress.h"

#include "say.h"

#include <math.h>
#include <stdio.h>

#define BAR 20

void cli_add_epoch(cli_text *text, int64_t epoch, int64_t epochs)
{
    char digits[24];
    int width = snprintf(digits, sizeof digits, "%lld", (long long)epochs);
    cli_text_add(text, "epoch %*lld/%s", width, (long long)epoch, digits);
}

void cli_add_figures(cli_text *text, const char *of, double loss, double accuracy)
{
    cli_text_add(text, "  %sloss ", of);
    cli_text_rounded(text, loss);
    if (!isnan(accuracy)) {
        cli_text_add(text, "  %saccuracy %.4f", of, accuracy);
    }
}

/* "1:05", "2:03:04". */
static void add_clock(cli_text *text, double seconds)
{
    long long whole = seconds > 359999 ? 359999 : (long long)(seconds + 0.5);
    if (whole >= 3600) {
        cli_text_add(text, "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
    } else {
        cli_text_add(text, "%lld:%02lld", whole / 60, whole % 60);
    }
}

static void add_bar(cli_text *text, double part)
{
    size_t full = (size_t)(part * BAR);
    cli_text_add(text, "[");
    cli_text_repeat(text, '=', full);
    cli_text_add(text, full < BAR ? ">" : "");
    cli_text_repeat(text, ' ', full < BAR ? BAR - full - 1 : 0);
    cli_text_add(text, "]");
}

void cli_draw_progress(const cli_progress *progress)
{
    enum { EPOCH, DONE, FIGURES, LEFT, SPEED, PIECES };
    static const int first[PIECES] = {EPOCH, FIGURES, DONE, LEFT, SPEED}; /* to have a place */
    cli_text pieces[PIECES] = {0}, line = {0};
    cli_add_epoch(&pieces[EPOCH], progress->epoch, progress->epochs);
    cli_text_add(&pieces[DONE], "  ");
    add_bar(&pieces[DONE], progress->part);
    if (progress->figures) {
        cli_add_figures(&pieces[FIGURES], "", progress->loss, progress->accuracy);
    }
    cli_text_add(&pieces[LEFT], "  ");
    add_clock(&pieces[LEFT], progress->left);
    cli_text_add(&pieces[LEFT], " left");
    if (!isnan(progress->speed)) {
        cli_text_add(&pieces[SPEED], "  %.0f samples/s", progress->speed);
    }
    size_t length = 0, width = cli_width();
    bool shown[PIECES] = {false};
    for (int i = 0; i < PIECES; i++) {
        const cli_text *piece = &pieces[first[i]];
        shown[first[i]] = !piece->failed && piece->length > 0 && length + piece->length < width;
        length += shown[first[i]] ? piece->length : 0;
    }
    for (int i = 0; i < PIECES; i++) {
        if (shown[i]) {
            cli_text_bytes(&line, pieces[i].data, pieces[i].length);
        }
        cli_text_free(&pieces[i]);
    }
    if (line.length > 0) {
        cli_draw(line.data);
    }
    cli_text_free(&line);
}
