/* say.c - what the program says on stderr: failures, warnings and progress.
 *
 * A write to stderr that fails is not reported: there is nowhere left to say so. */
#include "say.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define RED "\033[31m"
#define YELLOW "\033[33m"
#define PLAIN "\033[0m"

bool cli_redraws(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && (term == NULL || strcmp(term, "dumb") != 0);
}

static bool has_colours(void)
{
    const char *off = getenv("NO_COLOR");
    return cli_redraws() && (off == NULL || off[0] == '\0');
}

size_t cli_width(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    return 80;
}

void cli_draw(const char *line)
{
    if (cli_redraws()) {
        fprintf(stderr, "\r\033[K%s", line);
        fflush(stderr);
    }
}

/* "linnet: KIND: PLACE: " and the message, in which control characters other than the newlines and
 * tabs of the library's texts cannot reach the terminal. */
static void print(const char *colour, const char *kind, const char *place, const char *message)
{
    bool coloured = has_colours();
    cli_text text = {0};
    cli_text_add(&text, "%slinnet:%s ", coloured ? colour : "", coloured ? PLAIN : "");
    cli_text_add(&text, "%s", kind);
    if (place != NULL && place[0] != '\0') {
        cli_text_name(&text, place);
        cli_text_add(&text, ": ");
    }
    size_t start = text.length;
    cli_text_add(&text, "%s", message);
    for (size_t i = start; i < text.length; i++) {
        bool ours = text.data[i] == '\n' || text.data[i] == '\t';
        if (((unsigned char)text.data[i] < 0x20 && !ours) || text.data[i] == 0x7f) {
            text.data[i] = '?';
        }
    }
    cli_draw("");
    fprintf(stderr, "%s\n", text.failed ? "linnet: out of memory" : text.data);
    cli_text_free(&text);
}

#define PRINT_FORMATTED(colour, kind, place, format)                                               \
    do {                                                                                           \
        char message[1536];                                                                        \
        va_list arguments;                                                                         \
        va_start(arguments, format);                                                               \
        vsnprintf(message, sizeof message, format, arguments);                                     \
        va_end(arguments);                                                                         \
        print(colour, kind, place, message);                                                       \
    } while (0)

int cli_fail(const char *place, const char *format, ...)
{
    PRINT_FORMATTED(RED, "", place, format);
    return CLI_FAILURE;
}

int cli_misuse(const char *place, const char *format, ...)
{
    PRINT_FORMATTED(RED, "", place, format);
    return CLI_USAGE;
}

void cli_warn(const char *place, const char *format, ...)
{
    PRINT_FORMATTED(YELLOW, "warning: ", place, format);
}

int cli_fail_with(const char *place, const linnet_error *error)
{
    /* The library names the file itself where it opened it, and the environment where that is at
     * fault. */
    bool named = place == NULL || strncmp(error->place, place, strlen(place)) == 0 ||
                 strncmp(error->place, "LINNET_", 7) == 0;
    if (named) {
        print(RED, "", error->place, error->message);
    } else if (error->place[0] == '\0') {
        print(RED, "", place, error->message);
    } else {
        char both[1536];
        snprintf(both, sizeof both, "%s: %s", place, error->place);
        print(RED, "", both, error->message);
    }
    return CLI_FAILURE;
}

int cli_fail_memory(void)
{
    return cli_fail(NULL, "out of memory");
}

void cli_say(const char *format, ...)
{
    cli_draw("");
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

double cli_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
