/* interrupt.h - interrupts that wait: a signal is noted, and the command ends where it can.
 *
 * For what must not be left half-done. Where nothing is, a command lets signals end the program as
 * they do. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <stdbool.h>

/* From here on SIGINT, SIGTERM and SIGHUP are only noted; with `second_kills` that goes for the
 * first one alone. One that is ignored (nohup, a background job of a script) stays ignored. */
void cli_watch_interrupts(bool second_kills);

/* The number of the first signal, or 0. */
int cli_interrupted(void);

/* Ends the program as the signal that was noted would have ended it; returns where there was none.
 * */
void cli_end_if_interrupted(void);

#endif
