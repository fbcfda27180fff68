/* interrupt.c - interrupts that wait: a signal is noted, and the command ends where it can.
 *
 * The handler may run on any thread, hence the atomics; it does nothing that POSIX does not allow
 * it. */
#include "interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_int noted;
static atomic_bool later_kill;

static void die(int number)
{
    signal(number, SIG_DFL);
    raise(number);
}

static void on_signal(int number)
{
    int none = 0;
    if (!atomic_compare_exchange_strong(&noted, &none, number) && later_kill) {
        die(number); /* once the handler has returned: until then the signal is blocked */
    }
}

void cli_watch_interrupts(bool second_kills)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    later_kill = second_kills;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction before, action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
        sigemptyset(&action.sa_mask);
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(signals[i], &action, NULL);
        }
    }
}

int cli_interrupted(void)
{
    return noted;
}

void cli_end_if_interrupted(void)
{
    if (noted != 0) {
        die(noted);
    }
}
