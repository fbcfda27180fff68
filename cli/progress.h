/* progress.h - how far a training is: the line that a terminal shows while an epoch runs, and what
 * the lines that stay have in common with it. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "text.h"

typedef struct cli_progress {
    int64_t epoch, epochs; /* in hand, from 1; of how many */
    double part;           /* of this epoch, from 0 to 1 */
    bool figures;          /* whether there are any to tell */
    double loss, accuracy; /* accuracy: NaN where the task has none */
    double left;           /* seconds to the end of the last epoch */
    double speed;          /* samples a second; NaN: not told */
} cli_progress;

/* Draws the line over the one before: epoch, bar, figures, time left and speed. Where the terminal
 * is too narrow for all, figures stay before the bar, that before the time, and the speed goes
 * first. */
void cli_draw_progress(const cli_progress *progress);

/* "epoch  9/20" */
void cli_add_epoch(cli_text *text, int64_t epoch, int64_t epochs);
/* "  val loss 0.1234  val accuracy 0.9876" for an `of` of "val "; an accuracy of NaN is left away. */
void cli_add_figures(cli_text *text, const char *of, double loss, double accuracy);

#endif
