/* output.c - where results go: standard output, or a file that appears only when it is complete.
 *
 * It does not choose formats. SIGPIPE is ignored by main, so that a closed pipe is an error here.
 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The temporary file that an interrupt has to remove; the handler reads nothing else. */
static char *volatile pending;

static void interrupted(int number)
{
    if (pending != NULL) {
        unlink(pending);
    }
    signal(number, SIG_DFL);
    raise(number);
}

static void watch_interrupts(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction before, action = {.sa_handler = interrupted};
        sigemptyset(&action.sa_mask);
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL) {
            sigaction(signals[i], &action, NULL);
        }
    }
}

static void release(cli_output *output)
{
    pending = NULL;
    free(output->path);
    free(output->temporary);
    *output = (cli_output){.fd = -1};
}

static int fail(cli_output *output, const char *what)
{
    int code = cli_fail(output->place, "cannot %s: %s", what, strerror(errno));
    if (output->temporary != NULL) {
        unlink(output->temporary);
    }
    if (output->fd > STDERR_FILENO) {
        close(output->fd);
    }
    release(output);
    return code;
}

/* Opens a new file beside `path`. Its mode is the old file's, or what the umask leaves of 0666. */
static int open_temporary(cli_output *output, const struct stat *old)
{
    size_t size = strlen(output->path) + 48;
    output->temporary = malloc(size);
    if (output->temporary == NULL) {
        return fail(output, "create");
    }
    for (int attempt = 0; attempt < 100; attempt++) {
        snprintf(output->temporary, size, "%s.%ld-%d.tmp", output->path, (long)getpid(), attempt);
        output->fd = open(output->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (output->fd >= 0 || errno != EEXIST) {
            break;
        }
    }
    if (output->fd < 0) {
        free(output->temporary);
        output->temporary = NULL;
        return fail(output, "create");
    }
    pending = output->temporary;
    watch_interrupts();
    if (old != NULL && fchmod(output->fd, old->st_mode & 07777) != 0) {
        return fail(output, "set the mode");
    }
    return CLI_OK;
}

int cli_output_open(const char *path, cli_output *output)
{
    if (path == NULL || strcmp(path, "-") == 0) {
        *output = (cli_output){.place = "<stdout>", .fd = STDOUT_FILENO};
        return CLI_OK;
    }
    *output = (cli_output){.place = path, .fd = -1};
    struct stat old;
    bool exists = stat(path, &old) == 0;
    if (exists && S_ISDIR(old.st_mode)) {
        errno = EISDIR;
        return fail(output, "write");
    }
    if (exists && !S_ISREG(old.st_mode)) {
        output->fd = open(path, O_WRONLY | O_CLOEXEC);
        return output->fd < 0 ? fail(output, "open") : CLI_OK;
    }
    if (exists && access(path, W_OK) != 0) {
        return fail(output, "write");
    }
    /* A link stays a link: its target is replaced. */
    output->path = exists ? realpath(path, NULL) : strdup(path);
    if (output->path == NULL) {
        return fail(output, "create");
    }
    return open_temporary(output, exists ? &old : NULL);
}

int cli_output_write(cli_output *output, cli_text *text)
{
    if (text->failed) {
        errno = ENOMEM;
        return fail(output, "write");
    }
    for (size_t done = 0; done < text->length;) {
        ssize_t count = write(output->fd, text->data + done, text->length - done);
        if (count < 0 && errno != EINTR) {
            return fail(output, "write");
        }
        done += count < 0 ? 0 : (size_t)count;
    }
    cli_text_clear(text);
    return CLI_OK;
}

int cli_output_close(cli_output *output, bool complete, int code)
{
    if (output->fd < 0) { /* it failed before, and that was said */
        return code;
    }
    if (!complete) {
        if (output->temporary != NULL) {
            unlink(output->temporary);
        }
        if (output->fd > STDERR_FILENO) {
            close(output->fd);
        }
        release(output);
        return code;
    }
    if (output->temporary != NULL && fsync(output->fd) != 0) {
        return fail(output, "write");
    }
    int fd = output->fd;
    output->fd = -1;
    if (close(fd) != 0) { /* standard output too: its last write may fail only here */
        return fail(output, "write");
    }
    if (output->temporary != NULL && rename(output->temporary, output->path) != 0) {
        return fail(output, "replace");
    }
    release(output);
    return code;
}

int cli_print(cli_text *text)
{
    cli_output output;
    int code = cli_output_open(NULL, &output);
    if (code == CLI_OK) {
        code = cli_output_write(&output, text);
    }
    cli_text_free(text);
    return code;
}
