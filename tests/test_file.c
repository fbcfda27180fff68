/* test_file.c - reading files whole and replacing them in one step, and every way in which that
 * fails. */
#define _GNU_SOURCE /* O_TMPFILE */
#include <stdarg.h>
#include <setjmp.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/file.h"
#include "support/scratch.h"

static void assert_error(const linnet_error *error, linnet_status status, const char *place,
                         const char *message)
{
    assert_string_equal(error->message, message);
    assert_string_equal(error->place, place);
    assert_int_equal(error->status, status);
}

static void assert_content(const char *path, const char *expected)
{
    size_t size;
    uint8_t *data = read_bytes(path, &size);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(data, expected, size);
    free(data);
}

static void assert_open_fails(const char *path, const char *message)
{
    ln_file file;
    linnet_error error = {0};
    assert_int_equal(ln_file_open(path, &file, &error), LINNET_ERROR_IO);
    assert_error(&error, LINNET_ERROR_IO, path, message);
    assert_null(file.path);
    assert_null(file.data);
    assert_int_equal(ln_file_open(path, &file, NULL), LINNET_ERROR_IO);
}

/* ---- reading ---- */

static void test_regular_file_is_mapped(void **state)
{
    const char *path = scratch_file(state, "a", "hello", 5);
    ln_file file;
    assert_int_equal(ln_file_open(path, &file, NULL), LINNET_OK);
    assert_true(file.mapped);
    assert_int_equal(file.size, 5);
    assert_memory_equal(file.data, "hello", 5);
    assert_string_equal(file.path, path);
    ln_file_close(&file);
    assert_null(file.data);
    unlink(path);
}

static void test_empty_file(void **state)
{
    const char *path = scratch_file(state, "empty", "", 0);
    ln_file file;
    assert_int_equal(ln_file_open(path, &file, NULL), LINNET_OK);
    assert_int_equal(file.size, 0);
    ln_file_close(&file);
    unlink(path);
}

/* Files in /proc say that they are empty, and are not. */
static void test_file_of_unknown_size(void **state)
{
    (void)state;
    ln_file file;
    assert_int_equal(ln_file_open("/proc/self/status", &file, NULL), LINNET_OK);
    assert_false(file.mapped);
    assert_true(file.size > 5);
    assert_memory_equal(file.data, "Name:", 5);
    ln_file_close(&file);
}

#define PIPED 300000 /* more than a pipe and the first buffer hold */

/* On a thread of its own, where cmocka cannot fail: returns its context where everything was sent.
 */
static void *feed(void *context)
{
    const int *fd = context;
    uint8_t block[1000];
    for (size_t i = 0; i < PIPED / sizeof block; i++) {
        memset(block, (int)(i % 251), sizeof block);
        for (size_t sent = 0; sent < sizeof block;) {
            ssize_t count = write(*fd, block + sent, sizeof block - sent);
            if (count <= 0) {
                return NULL;
            }
            sent += (size_t)count;
        }
    }
    return close(*fd) == 0 ? context : NULL;
}

static void test_standard_input_is_read_to_its_end(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int saved = dup(STDIN_FILENO);
    assert_true(saved >= 0 && dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
    close(ends[0]);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, feed, &ends[1]), 0);
    ln_file file;
    linnet_status status = ln_file_open("-", &file, NULL);
    void *fed;
    assert_int_equal(pthread_join(thread, &fed), 0);
    dup2(saved, STDIN_FILENO);
    close(saved);
    assert_int_equal(status, LINNET_OK);
    assert_ptr_equal(fed, &ends[1]);
    assert_string_equal(file.path, "<stdin>");
    assert_false(file.mapped);
    assert_int_equal(file.size, PIPED);
    for (size_t i = 0; i < PIPED; i++) {
        assert_int_equal(file.data[i], i / 1000 % 251);
    }
    ln_file_close(&file);
}

static void test_reading_fails(void **state)
{
    assert_open_fails("/nonexistent/x", "cannot open: No such file or directory");
    assert_open_fails(*state, "is a directory");
    assert_open_fails("", "cannot open: No such file or directory");
    const char *file = scratch_file(state, "file", "x", 1);
    char below[4096];
    snprintf(below, sizeof below, "%s/x", file);
    assert_open_fails(below, "cannot open: Not a directory");
    unlink(file);
    /* Opens, and cannot be read. */
    assert_open_fails("/proc/self/mem", "cannot read: Input/output error");
}

/* ---- reading beside another file ---- */

static void assert_beside_fails(const char *path, const char *name, linnet_status status,
                                const char *message)
{
    ln_file file;
    linnet_error error = {0};
    assert_int_equal(ln_file_open_beside(path, name, &file, &error), status);
    assert_error(&error, status, name, message);
    assert_null(file.path);
    assert_null(file.data);
}

static void test_beside(void **state)
{
    ln_file file;
    char path[256], folder[256];
    snprintf(path, sizeof path, "%s", scratch_path(state, "model"));
    snprintf(folder, sizeof folder, "%s", scratch_path(state, "folder"));
    scratch_file(state, "b", "hello", 5);
    assert_int_equal(mkdir(folder, 0700), 0);
    scratch_file(state, "folder/c", "world", 5);
    const char *const names[] = {"b", "./b", "folder/c", "folder/./c"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ln_file_open_beside(path, names[i], &file, NULL), LINNET_OK);
        assert_memory_equal(file.data, i < 2 ? "hello" : "world", 5);
        assert_string_equal(file.path, names[i]);
        ln_file_close(&file);
    }
    unlink(scratch_path(state, "folder/c"));
    unlink(scratch_path(state, "b"));
    rmdir(folder);
}

static void test_beside_stays_in_the_folder(void **state)
{
    static const char leaves[] = "expected a relative path that stays in the file's own folder";
    char path[256], link[256];
    snprintf(path, sizeof path, "%s", scratch_path(state, "model"));
    snprintf(link, sizeof link, "%s", scratch_path(state, "link"));
    scratch_file(state, "b", "hello", 5);
    const char *const names[] = {"",       "/",    "/etc/passwd", "..",  "../b",
                                 "a/../b", "a//b", "a/",          "a/.."};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_beside_fails(path, names[i], LINNET_ERROR_FORMAT, leaves);
    }
    assert_int_equal(symlink("b", link), 0);
    assert_beside_fails(path, "link", LINNET_ERROR_FORMAT, "expected no symbolic link");
    unlink(link);
    assert_int_equal(symlink("/etc", link), 0);
    assert_beside_fails(path, "link/passwd", LINNET_ERROR_IO, "cannot open: Not a directory");
    unlink(link);
    assert_beside_fails(path, ".", LINNET_ERROR_FORMAT, "expected a regular file");
    assert_beside_fails(path, "none", LINNET_ERROR_IO, "cannot open: No such file or directory");
    assert_beside_fails("/no-such-folder/model", "b", LINNET_ERROR_IO,
                        "cannot open: No such file or directory");
    unlink(scratch_path(state, "b"));
}

/* ---- writing ---- */

static void replace(const char *path, const char *content)
{
    linnet_writer *writer;
    linnet_error error = {0};
    assert_int_equal(linnet_writer_open(path, &writer, &error), LINNET_OK);
    assert_int_equal(linnet_writer_write(writer, content, strlen(content), &error), LINNET_OK);
    assert_int_equal(linnet_writer_commit(writer, &error), LINNET_OK);
    assert_string_equal(error.message, "");
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    assert_int_equal(lstat(path, &info), 0);
    return info.st_mode;
}

static void test_new_file_has_the_usual_permissions(void **state)
{
    const char *path = scratch_path(state, "new");
    mode_t saved = umask(027);
    replace(path, "one");
    umask(saved);
    assert_content(path, "one");
    assert_int_equal(mode_of(path) & 0777, 0640);
    assert_int_equal(scratch_count(state), 1);
    unlink(path);
}

static void test_permissions_of_an_old_file_stay(void **state)
{
    const char *path = scratch_file(state, "old", "old", 3);
    assert_int_equal(chmod(path, 0604), 0);
    replace(path, "new content");
    assert_content(path, "new content");
    assert_int_equal(mode_of(path) & 07777, 0604);
    unlink(path);
}

/* Whether the directory's file system has files without names. */
static bool has_nameless(void *const *state)
{
    int fd = -1;
#ifdef O_TMPFILE
    fd = open(*state, O_TMPFILE | O_WRONLY, 0600);
#endif
    return fd >= 0 && close(fd) == 0;
}

static void test_old_file_stays_until_commit(void **state)
{
    const char *path = scratch_file(state, "old", "old", 3);
    linnet_writer *writer;
    assert_int_equal(linnet_writer_open(path, &writer, NULL), LINNET_OK);
    assert_int_equal(linnet_writer_write(writer, "new", 3, NULL), LINNET_OK);
    assert_content(path, "old");
    assert_int_equal(scratch_count(state), has_nameless(state) ? 1 : 2);
    linnet_writer_abort(writer);
    assert_content(path, "old");
    assert_int_equal(scratch_count(state), 1);
    linnet_writer_abort(NULL);
    unlink(path);
}

static void test_links_stay_and_their_target_is_replaced(void **state)
{
    const char *target = scratch_file(state, "target", "old", 3);
    const char *link = scratch_path(state, "link");
    const char *second = scratch_path(state, "second");
    assert_int_equal(symlink("target", link), 0); /* relative to where the link is */
    assert_int_equal(symlink(link, second), 0);
    replace(second, "new");
    assert_true(S_ISLNK(mode_of(link)));
    assert_true(S_ISLNK(mode_of(second)));
    assert_true(S_ISREG(mode_of(target)));
    assert_content(target, "new");
    unlink(target);
    replace(link, "through a dangling link");
    assert_true(S_ISLNK(mode_of(link)));
    assert_content(target, "through a dangling link");
    unlink(target);
    unlink(link);
    unlink(second);
}

static void test_long_name(void **state)
{
    char name[256];
    memset(name, 'n', 255);
    name[255] = '\0';
    const char *path = scratch_path(state, name);
    replace(path, "long");
    assert_content(path, "long");
    unlink(path);
}

static void test_killed_writer_leaves_nothing(void **state)
{
    if (!has_nameless(state)) {
        print_message("this file system has no files without names\n");
        skip();
    }
    const char *path = scratch_file(state, "old", "old", 3);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        linnet_writer *writer;
        if (linnet_writer_open(path, &writer, NULL) == LINNET_OK &&
            linnet_writer_write(writer, "new", 3, NULL) == LINNET_OK) {
            kill(getpid(), SIGKILL);
        }
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_content(path, "old");
    assert_int_equal(scratch_count(state), 1);
    unlink(path);
}

/* So deep a directory that there may be no room to name a file later: it has its name at once. */
static void test_named_from_the_beginning(void **state)
{
    char path[PATH_MAX], file[PATH_MAX + 2];
    size_t above = strlen(*state), length = above;
    memcpy(path, *state, above + 1);
    while (length < PATH_MAX - 60) {
        size_t part = PATH_MAX - 50 - length < 255 ? PATH_MAX - 50 - length : 200;
        path[length] = '/';
        memset(path + length + 1, 'd', part - 1);
        length += part;
        path[length] = '\0';
        assert_int_equal(mkdir(path, 0700), 0);
    }
    snprintf(file, sizeof file, "%s/f", path);
    void *deep = path;
    linnet_writer *writer;
    assert_int_equal(linnet_writer_open(file, &writer, NULL), LINNET_OK);
    assert_int_equal(scratch_count(&deep), 1);
    assert_int_equal(linnet_writer_write(writer, "new", 3, NULL), LINNET_OK);
    assert_int_equal(linnet_writer_commit(writer, NULL), LINNET_OK);
    assert_content(file, "new");
    assert_int_equal(scratch_count(&deep), 1);
    assert_int_equal(linnet_writer_open(file, &writer, NULL), LINNET_OK);
    linnet_writer_abort(writer);
    assert_int_equal(scratch_count(&deep), 1);
    unlink(file);
    for (; length > above; *strrchr(path, '/') = '\0', length = strlen(path)) {
        assert_int_equal(rmdir(path), 0);
    }
}

static void test_name_without_directory(void **state)
{
    int here = open(".", O_RDONLY);
    assert_true(here >= 0);
    assert_int_equal(chdir(*state), 0);
    replace("plain", "here");
    assert_content("plain", "here");
    unlink("plain");
    assert_int_equal(fchdir(here), 0);
    close(here);
    assert_int_equal(scratch_count(state), 0);
}

static void test_two_writers_at_once(void **state)
{
    linnet_writer *first, *second;
    const char *path = scratch_path(state, "both");
    assert_int_equal(linnet_writer_open(path, &first, NULL), LINNET_OK);
    assert_int_equal(linnet_writer_open(path, &second, NULL), LINNET_OK);
    assert_int_equal(linnet_writer_write(first, "first", 5, NULL), LINNET_OK);
    assert_int_equal(linnet_writer_write(second, "second", 6, NULL), LINNET_OK);
    assert_int_equal(linnet_writer_commit(second, NULL), LINNET_OK);
    assert_int_equal(linnet_writer_commit(first, NULL), LINNET_OK);
    assert_content(path, "first");
    assert_int_equal(scratch_count(state), 1);
    unlink(path);
}

static void test_standard_output(void **state)
{
    const char *path = scratch_path(state, "out");
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    assert_true(fd >= 0 && saved >= 0 && dup2(fd, STDOUT_FILENO) == STDOUT_FILENO);
    linnet_writer *writer;
    linnet_status opened = linnet_writer_open("-", &writer, NULL);
    linnet_status written = linnet_writer_write(writer, "to stdout", 9, NULL);
    linnet_status committed = linnet_writer_commit(writer, NULL);
    bool still_open = fcntl(STDOUT_FILENO, F_GETFD) >= 0;
    close(STDOUT_FILENO);
    linnet_writer *on_closed;
    linnet_error error = {0};
    linnet_status opened_closed = linnet_writer_open("-", &on_closed, &error);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(fd);
    assert_int_equal(opened, LINNET_OK);
    assert_int_equal(written, LINNET_OK);
    assert_int_equal(committed, LINNET_OK);
    assert_true(still_open);
    assert_int_equal(opened_closed, LINNET_ERROR_IO);
    assert_error(&error, LINNET_ERROR_IO, "<stdout>", "cannot write: Bad file descriptor");
    assert_null(on_closed);
    assert_content(path, "to stdout");
    unlink(path);
}

static void test_devices_are_written_in_place(void **state)
{
    (void)state;
    replace("/dev/null", "gone");
    assert_true(S_ISCHR(mode_of("/dev/null")));
    linnet_writer *writer;
    linnet_error error = {0};
    assert_int_equal(linnet_writer_open("/dev/full", &writer, &error), LINNET_OK);
    assert_int_equal(linnet_writer_write(writer, "x", 1, &error), LINNET_ERROR_IO);
    assert_error(&error, LINNET_ERROR_IO, "/dev/full", "cannot write: No space left on device");
    linnet_writer_abort(writer);
    assert_true(S_ISCHR(mode_of("/dev/full")));
}

static volatile sig_atomic_t broken_pipes;

static void count_broken_pipe(int number)
{
    (void)number;
    broken_pipes++;
}

/* By the name of a descriptor, whose link's text is no path. What a pipe without a reader raises is
 * the caller's to handle. */
static void test_pipes_are_written_in_place(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    char path[32], content[5] = "";
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    assert_int_equal(linnet_path_writable(path, NULL), LINNET_OK);
    replace(path, "pipe");
    assert_int_equal(read(ends[0], content, 4), 4);
    assert_string_equal(content, "pipe");
    close(ends[0]);
    linnet_writer *writer;
    linnet_error error = {0};
    void (*handler)(int) = signal(SIGPIPE, count_broken_pipe);
    linnet_status opened = linnet_writer_open(path, &writer, &error);
    linnet_status written = linnet_writer_write(writer, "x", 1, &error);
    void (*meanwhile)(int) = signal(SIGPIPE, handler);
    linnet_writer_abort(writer);
    close(ends[1]);
    assert_int_equal(opened, LINNET_OK);
    assert_int_equal(written, LINNET_ERROR_IO);
    assert_error(&error, LINNET_ERROR_IO, path, "cannot write: Broken pipe");
    assert_int_equal(broken_pipes, 1);
    assert_true(meanwhile == count_broken_pipe);
}

/* A limit on the size of files stands for a full disk. */
static void test_failed_write_leaves_the_old_file(void **state)
{
    const char *path = scratch_file(state, "old", "old", 3);
    struct rlimit saved;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
    struct rlimit small = {.rlim_cur = 4096, .rlim_max = saved.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    char block[5000] = {1};
    linnet_writer *writer;
    linnet_error error = {0};
    linnet_status opened = linnet_writer_open(path, &writer, &error);
    linnet_status written = linnet_writer_write(writer, block, sizeof block, NULL);
    linnet_status committed = linnet_writer_commit(writer, &error);
    setrlimit(RLIMIT_FSIZE, &saved);
    signal(SIGXFSZ, handler);
    assert_int_equal(opened, LINNET_OK);
    assert_int_equal(written, LINNET_ERROR_IO);
    assert_int_equal(committed, LINNET_ERROR_IO);
    assert_error(&error, LINNET_ERROR_IO, path, "cannot write: File too large");
    assert_content(path, "old");
    assert_int_equal(scratch_count(state), 1);
    unlink(path);
}

/* The target turned into a directory while the file was written: the rename fails. */
static void test_failed_commit_leaves_nothing_behind(void **state)
{
    const char *path = scratch_path(state, "target");
    linnet_writer *writer;
    linnet_error error = {0};
    assert_int_equal(linnet_writer_open(path, &writer, &error), LINNET_OK);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(linnet_writer_commit(writer, &error), LINNET_ERROR_IO);
    assert_error(&error, LINNET_ERROR_IO, path, "cannot write: Is a directory");
    assert_int_equal(scratch_count(state), 1);
    assert_int_equal(rmdir(path), 0);
}

static void assert_unwritable(const char *path, const char *message)
{
    linnet_writer *writer;
    linnet_error error = {0};
    assert_int_equal(linnet_path_writable(path, &error), LINNET_ERROR_IO);
    assert_error(&error, LINNET_ERROR_IO, path, message);
    memset(&error, 0, sizeof error);
    assert_int_equal(linnet_writer_open(path, &writer, &error), LINNET_ERROR_IO);
    assert_error(&error, LINNET_ERROR_IO, path, message);
    assert_null(writer);
}

static void test_unwritable_paths(void **state)
{
    char path[4096];
    assert_unwritable(*state, "is a directory");
    assert_unwritable("", "cannot write: No such file or directory");
    snprintf(path, sizeof path, "%s/missing/x", (const char *)*state);
    assert_unwritable(path, "cannot write: No such file or directory");
    snprintf(path, sizeof path, "%s/missing/", (const char *)*state);
    assert_unwritable(path, "cannot write: No such file or directory");
    snprintf(path, sizeof path, "%s/.", (const char *)*state);
    assert_unwritable(path, "is a directory");
    const char *loop = scratch_path(state, "loop");
    assert_int_equal(symlink("loop", loop), 0);
    assert_unwritable(loop, "cannot write: Too many levels of symbolic links");
    unlink(loop);
    char *endless = malloc(PATH_MAX + 10);
    memset(endless, 'x', PATH_MAX + 9);
    endless[PATH_MAX + 9] = '\0';
    linnet_error error = {0};
    assert_int_equal(linnet_path_writable(endless, &error), LINNET_ERROR_IO);
    assert_string_equal(error.message, "cannot write: File name too long");
    free(endless);
}

/* Root may write anything, so another user tries. */
static void test_permission_denied(void **state)
{
    if (geteuid() != 0) {
        skip();
    }
    const char *path = scratch_file(state, "mine", "mine", 4);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(chmod(*state, 0777), 0);
    assert_int_equal(seteuid(65534), 0);
    linnet_error file = {0}, directory = {0}, reading = {0};
    ln_file opened;
    linnet_status on_file = linnet_path_writable(path, &file);
    linnet_status beside = linnet_path_writable(scratch_path(state, "fresh"), NULL);
    linnet_status on_directory = linnet_path_writable("/etc/fresh", &directory);
    linnet_status on_reading = ln_file_open("/etc/shadow", &opened, &reading);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(on_file, LINNET_ERROR_IO);
    assert_error(&file, LINNET_ERROR_IO, path, "cannot write: Permission denied");
    assert_int_equal(beside, LINNET_OK);
    assert_int_equal(on_directory, LINNET_ERROR_IO);
    assert_error(&directory, LINNET_ERROR_IO, "/etc/fresh", "cannot write: Permission denied");
    assert_int_equal(on_reading, LINNET_ERROR_IO);
    assert_error(&reading, LINNET_ERROR_IO, "/etc/shadow", "cannot open: Permission denied");
    unlink(path);
}

static void test_writable_paths(void **state)
{
    linnet_error error = {0};
    const char *old = scratch_file(state, "old", "old", 3);
    assert_int_equal(linnet_path_writable(old, &error), LINNET_OK);
    assert_content(old, "old");
    assert_int_equal(linnet_path_writable(scratch_path(state, "new"), &error), LINNET_OK);
    assert_int_equal(linnet_path_writable("-", &error), LINNET_OK);
    assert_int_equal(linnet_path_writable("/dev/null", &error), LINNET_OK);
    const char *pipe_path = scratch_path(state, "pipe");
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    assert_int_equal(linnet_path_writable(pipe_path, &error), LINNET_OK); /* and does not wait */
    assert_int_equal(scratch_count(state), 2);
    assert_string_equal(error.message, "");
    unlink(old);
    unlink(pipe_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regular_file_is_mapped),
        cmocka_unit_test(test_empty_file),
        cmocka_unit_test(test_file_of_unknown_size),
        cmocka_unit_test(test_standard_input_is_read_to_its_end),
        cmocka_unit_test(test_reading_fails),
        cmocka_unit_test(test_beside),
        cmocka_unit_test(test_beside_stays_in_the_folder),
        cmocka_unit_test(test_new_file_has_the_usual_permissions),
        cmocka_unit_test(test_permissions_of_an_old_file_stay),
        cmocka_unit_test(test_old_file_stays_until_commit),
        cmocka_unit_test(test_links_stay_and_their_target_is_replaced),
        cmocka_unit_test(test_long_name),
        cmocka_unit_test(test_killed_writer_leaves_nothing),
        cmocka_unit_test(test_named_from_the_beginning),
        cmocka_unit_test(test_name_without_directory),
        cmocka_unit_test(test_two_writers_at_once),
        cmocka_unit_test(test_standard_output),
        cmocka_unit_test(test_devices_are_written_in_place),
        cmocka_unit_test(test_pipes_are_written_in_place),
        cmocka_unit_test(test_failed_write_leaves_the_old_file),
        cmocka_unit_test(test_failed_commit_leaves_nothing_behind),
        cmocka_unit_test(test_unwritable_paths),
        cmocka_unit_test(test_permission_denied),
        cmocka_unit_test(test_writable_paths),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
