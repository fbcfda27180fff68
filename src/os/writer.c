/* writer.c - replacing a file in one step: the old one stays until the new one is complete.
 *
 * Where the system has files without names the new one is such a file until then, so that a process
 * that is killed leaves nothing behind. */
#define _GNU_SOURCE /* O_TMPFILE */
#include "linnet.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "os/system.h"

#define MAX_LINKS 40
#define MAX_ATTEMPTS 1000
#define TEMPORARY_NAME 64 /* bytes of a temporary file's name, at most */

/* ---- where a write goes ---- */

/* What stands at the end of a path's symbolic links. */
typedef struct target {
    char path[PATH_MAX];
    bool exists;
    mode_t mode; /* of what exists */
} target;

/* Length of the part up to the last slash and with it; 0 where there is none. */
static size_t directory_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

static void directory_of(const char *path, char directory[PATH_MAX])
{
    size_t length = directory_length(path);
    memcpy(directory, length > 0 ? path : ".", length > 0 ? length : 1);
    directory[length > 0 ? length : 1] = '\0';
}

/* Replaces a link's path by what it points to. Returns 0, or the errno. */
static int follow_link(char path[PATH_MAX])
{
    char link[PATH_MAX];
    ssize_t length = readlink(path, link, sizeof link);
    if (length < 0) {
        return errno;
    }
    size_t kept = link[0] == '/' ? 0 : directory_length(path);
    if ((size_t)length >= sizeof link || kept + (size_t)length >= PATH_MAX) {
        return ENAMETOOLONG;
    }
    memcpy(path + kept, link, (size_t)length);
    path[kept + (size_t)length] = '\0';
    return 0;
}

/* Follows the links by hand and not by realpath, because the last one may point to a file that is
 * not there yet; but not those to a pipe or device, which is written in place: the link from
 * /dev/stdout or /dev/fd/63 to a pipe has no path as its text. */
static linnet_status resolve(const char *path, target *result, linnet_error *error)
{
    size_t length = strlen(path);
    if (length == 0 || length >= PATH_MAX) {
        return ln_fail_system(error, path, "cannot write", length == 0 ? ENOENT : ENAMETOOLONG);
    }
    memcpy(result->path, path, length + 1);
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
        result->exists = true;
        result->mode = info.st_mode;
        return LINNET_OK;
    }
    for (int links = 0; links < MAX_LINKS; links++) {
        if (lstat(result->path, &info) != 0) {
            int number = errno;
            if (number == ENOENT && result->path[directory_length(result->path)] != '\0') {
                result->exists = false;
                return LINNET_OK;
            }
            return ln_fail_system(error, path, "cannot write", number);
        }
        if (!S_ISLNK(info.st_mode)) {
            result->exists = true;
            result->mode = info.st_mode;
            return S_ISDIR(info.st_mode)
                       ? ln_fail_at(error, LINNET_ERROR_IO, path, "is a directory")
                       : LINNET_OK;
        }
        int number = follow_link(result->path);
        if (number != 0) {
            return ln_fail_system(error, path, "cannot write", number);
        }
    }
    return ln_fail_system(error, path, "cannot write", ELOOP);
}

/* A file that may not be written is not replaced either, though the directory would allow it. */
static linnet_status check_permission(const char *path, const target *where, linnet_error *error)
{
    if (where->exists && faccessat(AT_FDCWD, where->path, W_OK, AT_EACCESS) != 0) {
        return ln_fail_system(error, path, "cannot write", errno);
    }
    return LINNET_OK;
}

/* ---- writing ---- */

struct linnet_writer {
    char *path;      /* as given; "<stdout>" for "-" */
    char *target;    /* the file to replace; NULL: written in place */
    char *temporary; /* the name that the new one has before it is renamed, once it is named */
    bool named;
    int fd;      /* -1 once closed; for "-" a duplicate, so that closing it can fail and tell */
    int failure; /* errno of the first write that failed; 0: none */
};

static void free_writer(linnet_writer *writer)
{
    if (writer->fd >= 0) {
        close(writer->fd); /* only on failure: commit closes and checks */
    }
    ln_free(writer->path);
    ln_free(writer->target);
    ln_free(writer->temporary);
    ln_free(writer);
}

/* The next name for the new file, beside the target. It does not come from the target's, which may
 * be as long as a name can be. */
static void choose_name(linnet_writer *writer, int attempt)
{
    snprintf(writer->temporary + directory_length(writer->target), TEMPORARY_NAME,
             ".linnet-%ld-%d.tmp", (long)getpid(), attempt);
}

/* The link by which the system knows an open file. */
static void link_of(int fd, char link[32])
{
    snprintf(link, 32, "/proc/self/fd/%d", fd);
}

/* A new file in the target's directory that has no name until it is complete: a process that is
 * killed leaves nothing of it. Returns -1 where the system has no such files, or no /proc to name
 * one by. */
static int open_nameless(const linnet_writer *writer, mode_t mode)
{
    int fd = -1;
#ifdef O_TMPFILE
    char directory[PATH_MAX], link[32];
    if (directory_length(writer->target) + TEMPORARY_NAME > PATH_MAX) {
        return -1; /* no room for the name that it is to get */
    }
    directory_of(writer->target, directory);
    fd = open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
    link_of(fd, link);
    if (fd >= 0 && access(link, F_OK) != 0) {
        close(fd);
        fd = -1;
    }
#else
    (void)writer, (void)mode;
#endif
    return fd;
}

/* Creates the new file, without a name where that can be. Returns 0, or the errno. */
static int create_temporary(linnet_writer *writer, const target *where)
{
    size_t kept = directory_length(writer->target);
    mode_t mode = where->exists ? S_IRUSR | S_IWUSR : 0666;
    writer->temporary = ln_alloc(kept + TEMPORARY_NAME, 1);
    if (writer->temporary == NULL) {
        return ENOMEM;
    }
    memcpy(writer->temporary, writer->target, kept);
    writer->fd = open_nameless(writer, mode);
    for (int attempt = 0; writer->fd < 0; attempt++) {
        choose_name(writer, attempt);
        writer->fd = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        writer->named = writer->fd >= 0;
        if (!writer->named && (attempt == MAX_ATTEMPTS || (errno != EEXIST && errno != EINTR))) {
            return errno;
        }
    }
    return 0;
}

/* Gives a file that has none its name. Returns 0, or the errno. */
static int name_file(linnet_writer *writer)
{
    char link[32];
    link_of(writer->fd, link);
    for (int attempt = 0; !writer->named; attempt++) {
        choose_name(writer, attempt);
        writer->named = linkat(AT_FDCWD, link, AT_FDCWD, writer->temporary, AT_SYMLINK_FOLLOW) == 0;
        if (!writer->named && (attempt == MAX_ATTEMPTS || errno != EEXIST)) {
            return errno;
        }
    }
    return 0;
}

/* Opens what a resolved path stands for: a device or pipe itself, or a new file beside a regular
 * one. */
static linnet_status open_target(linnet_writer *writer, const target *where, linnet_error *error)
{
    linnet_status status = check_permission(writer->path, where, error);
    if (status != LINNET_OK) {
        return status;
    }
    if (where->exists && !S_ISREG(where->mode)) {
        do {
            writer->fd = open(where->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        } while (writer->fd < 0 && errno == EINTR);
        return writer->fd < 0 ? ln_fail_system(error, writer->path, "cannot write", errno)
                              : LINNET_OK;
    }
    writer->target = ln_copy_text(where->path, strlen(where->path));
    if (writer->target == NULL) {
        return ln_fail_memory_at(error, writer->path, strlen(where->path) + 1, "a path");
    }
    int number = create_temporary(writer, where);
    if (number != 0) {
        return ln_fail_system(error, writer->path, "cannot write", number);
    }
    if (where->exists && fchmod(writer->fd, where->mode & 0777) != 0) {
        number = errno;
        if (writer->named) {
            unlink(writer->temporary);
        }
        return ln_fail_system(error, writer->path, "cannot keep the file's permissions", number);
    }
    return LINNET_OK;
}

static linnet_status open_standard_output(linnet_writer *writer, linnet_error *error)
{
    writer->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return writer->fd < 0 ? ln_fail_system(error, writer->path, "cannot write", errno) : LINNET_OK;
}

linnet_status linnet_writer_open(const char *path, linnet_writer **writer, linnet_error *error)
{
    *writer = NULL;
    bool standard_output = strcmp(path, "-") == 0;
    const char *name = standard_output ? "<stdout>" : path;
    target where = {0};
    linnet_status status = standard_output ? LINNET_OK : resolve(path, &where, error);
    if (status != LINNET_OK) {
        return status;
    }
    linnet_writer *opened = ln_alloc(1, sizeof *opened);
    if (opened == NULL) {
        return ln_fail_memory_at(error, name, sizeof *opened, "a writer");
    }
    opened->fd = -1;
    opened->path = ln_copy_text(name, strlen(name));
    if (opened->path == NULL) {
        status = ln_fail_memory_at(error, name, strlen(name) + 1, "a path");
    } else {
        status = standard_output ? open_standard_output(opened, error)
                                 : open_target(opened, &where, error);
    }
    if (status != LINNET_OK) {
        free_writer(opened);
        return status;
    }
    *writer = opened;
    return LINNET_OK;
}

linnet_status linnet_writer_write(linnet_writer *writer, const void *data, size_t size,
                                  linnet_error *error)
{
    const char *at = data;
    while (size > 0) {
        ssize_t written = write(writer->fd, at, ln_min_size(size, SSIZE_MAX));
        if (written >= 0) {
            at += written;
            size -= (size_t)written;
        } else if (errno != EINTR) {
            writer->failure = errno;
            return ln_fail_system(error, writer->path, "cannot write", writer->failure);
        }
    }
    return LINNET_OK;
}

/* Makes the rename last. Where a directory cannot be opened for reading, or its file system has no
 * such flush, there is nothing more that could be done; every other failure is one. */
static linnet_status flush_directory(const linnet_writer *writer, linnet_error *error)
{
    char directory[PATH_MAX];
    directory_of(writer->target, directory);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno == EACCES ? LINNET_OK
                               : ln_fail_system(error, writer->path,
                                                "written, but cannot flush its directory", errno);
    }
    int result;
    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    int number = result == 0 ? 0 : errno;
    close(fd);
    if (number != 0 && number != EINVAL) {
        return ln_fail_system(error, writer->path, "written, but cannot flush its directory",
                              number);
    }
    return LINNET_OK;
}

/* Flushes and closes the descriptor; the new file then has a name. Returns 0, or the errno. */
static int finish_descriptor(linnet_writer *writer)
{
    if (writer->failure != 0) {
        return writer->failure;
    }
    int fd = writer->fd;
    if (writer->target != NULL) {
        int result;
        do {
            result = fsync(fd);
        } while (result != 0 && errno == EINTR);
        int number = result != 0 ? errno : name_file(writer);
        if (number != 0) {
            return number;
        }
    }
    writer->fd = -1;
    /* After EINTR the descriptor is gone on Linux, and a file was flushed above. */
    return close(fd) == 0 || errno == EINTR ? 0 : errno;
}

linnet_status linnet_writer_commit(linnet_writer *writer, linnet_error *error)
{
    int number = finish_descriptor(writer);
    if (number == 0 && writer->target != NULL && rename(writer->temporary, writer->target) != 0) {
        number = errno;
    }
    if (number != 0) {
        linnet_status status = ln_fail_system(error, writer->path, "cannot write", number);
        linnet_writer_abort(writer);
        return status;
    }
    linnet_status status = writer->target == NULL ? LINNET_OK : flush_directory(writer, error);
    free_writer(writer);
    return status;
}

void linnet_writer_abort(linnet_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    if (writer->named) {
        unlink(writer->temporary);
    }
    free_writer(writer);
}

linnet_status linnet_path_writable(const char *path, linnet_error *error)
{
    if (strcmp(path, "-") == 0) {
        return LINNET_OK;
    }
    target where = {0};
    linnet_status status = resolve(path, &where, error);
    if (status == LINNET_OK && where.exists && !S_ISREG(where.mode)) {
        /* Opening a pipe to try it would wait for its reader, or end what it reads. */
        return check_permission(path, &where, error);
    }
    linnet_writer *writer = NULL;
    if (status == LINNET_OK) {
        status = linnet_writer_open(path, &writer, error);
    }
    linnet_writer_abort(writer);
    return status;
}
