/* file.c - reading a file whole, and replacing a file in one step.
 *
 * The only system calls on files. A file that another process cuts short while it is mapped raises
 * SIGBUS, as with every mapping; nothing here handles that. */
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/grow.h"
#include "base/memory.h"
#include "os/system.h"

#define FIRST_READ 65536
#define MAX_LINKS 40
#define MAX_ATTEMPTS 1000

static linnet_status fail_memory(linnet_error *error, const char *path, size_t size,
                                 const char *what)
{
    linnet_status status = ln_fail_memory(error, size, what);
    ln_error_set_place(error, path);
    return status;
}

static linnet_status fail_directory(linnet_error *error, const char *path)
{
    return ln_fail_at(error, LINNET_ERROR_IO, path, "is a directory");
}

/* ---- reading ---- */

/* Reads to the end into memory; `expected` is a guess at the size. */
static linnet_status read_all(int fd, size_t expected, ln_file *file, linnet_error *error)
{
    size_t capacity = 0;
    size_t need =
        ln_saturated_add(expected, 1); /* the last byte of room is where the end is seen */
    uint8_t *data = NULL;
    for (;;) {
        uint8_t *grown = ln_grow(data, &capacity, need, 1);
        if (grown == NULL) {
            ln_free(data);
            return fail_memory(error, file->path, need, "the file's content");
        }
        data = grown;
        ssize_t got = read(fd, data + file->size, ln_min_size(capacity - file->size, SSIZE_MAX));
        if (got == 0) {
            break;
        }
        if (got > 0) {
            file->size += (size_t)got;
            need = ln_saturated_add(file->size, 1);
        } else if (errno != EINTR) {
            int number = errno;
            ln_free(data);
            return ln_fail_system(error, file->path, "cannot read", number);
        }
    }
    file->data = data;
    return LINNET_OK;
}

static linnet_status map_or_read(int fd, ln_file *file, linnet_error *error)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return ln_fail_system(error, file->path, "cannot open", errno);
    }
    if (S_ISDIR(info.st_mode)) {
        return fail_directory(error, file->path);
    }
    /* Some files that say 0 have content (/proc), and standard input may be part read already: only
     * a file of a known size that we opened ourselves is mapped. */
    if (fd == STDIN_FILENO || !S_ISREG(info.st_mode) || info.st_size == 0) {
        return read_all(fd, FIRST_READ, file, error);
    }
    if ((uintmax_t)info.st_size >= SIZE_MAX) {
        return fail_memory(error, file->path, SIZE_MAX, "the file's content");
    }
    size_t size = (size_t)info.st_size;
    void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
        /* Not every file system can map. */
        return read_all(fd, size, file, error);
    }
    file->data = data;
    file->size = size;
    file->mapped = true;
    return LINNET_OK;
}

linnet_status ln_file_open(const char *path, ln_file *file, linnet_error *error)
{
    *file = (ln_file){0};
    bool standard_input = strcmp(path, "-") == 0;
    const char *name = standard_input ? "<stdin>" : path;
    file->path = ln_copy_text(name, strlen(name));
    if (file->path == NULL) {
        return fail_memory(error, name, strlen(name) + 1, "a path");
    }
    int fd = STDIN_FILENO;
    if (!standard_input) {
        do {
            fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        } while (fd < 0 && errno == EINTR);
    }
    linnet_status status =
        fd < 0 ? ln_fail_system(error, name, "cannot open", errno) : map_or_read(fd, file, error);
    if (fd >= 0 && !standard_input) {
        close(fd); /* a mapping outlives its descriptor, and nothing was written */
    }
    if (status != LINNET_OK) {
        ln_file_close(file);
    }
    return status;
}

/* ---- reading beside another file ---- */

/* "a/b.bin", "./b.bin": no part of it is ".." or empty. */
static bool stays_inside(const char *name)
{
    for (;;) {
        size_t length = strcspn(name, "/");
        if (length == 0 || (length == 2 && memcmp(name, "..", 2) == 0)) {
            return false;
        }
        if (name[length] == '\0') {
            return true;
        }
        name += length + 1;
    }
}

static int open_retrying(int folder, const char *name, int flags)
{
    int fd;
    do {
        fd = openat(folder, name, flags | O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

/* Opens a path part by part, so that no link is followed; closes `folder`. `name` is cut up. */
static int open_below(int folder, char *name)
{
    while (folder >= 0) {
        char *slash = strchr(name, '/');
        if (slash != NULL) {
            *slash = '\0';
        }
        int next = open_retrying(folder, name, O_NOFOLLOW | (slash != NULL ? O_DIRECTORY : 0));
        int number = errno;
        close(folder);
        errno = number;
        if (slash == NULL) {
            return next;
        }
        folder = next;
        name = slash + 1;
    }
    return -1;
}

/* The folder of a path; -1 and errno where it cannot be opened. */
static int open_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return open_retrying(AT_FDCWD, ".", O_DIRECTORY);
    }
    char *folder = ln_copy_text(path, (size_t)(slash - path) + 1);
    if (folder == NULL) {
        errno = ENOMEM;
        return -1;
    }
    int fd = open_retrying(AT_FDCWD, folder, O_DIRECTORY);
    int number = errno;
    ln_free(folder);
    errno = number;
    return fd;
}

linnet_status ln_file_open_beside(const char *path, const char *name, ln_file *file,
                                  linnet_error *error)
{
    *file = (ln_file){0};
    if (!stays_inside(name)) {
        return ln_fail_at(error, LINNET_ERROR_FORMAT, name,
                          "expected a relative path that stays in the file's own folder");
    }
    char *copy = ln_copy_text(name, strlen(name));
    file->path = ln_copy_text(name, strlen(name));
    if (copy == NULL || file->path == NULL) {
        ln_free(copy);
        ln_file_close(file);
        return fail_memory(error, name, strlen(name) + 1, "a path");
    }
    int fd = open_below(open_folder(path), copy);
    struct stat info;
    linnet_status status = LINNET_OK;
    if (fd < 0 && errno == ELOOP) {
        status = ln_fail_at(error, LINNET_ERROR_FORMAT, name, "expected no symbolic link");
    } else if (fd < 0 || fstat(fd, &info) != 0) {
        status = ln_fail_system(error, name, "cannot open", errno);
    } else if (!S_ISREG(info.st_mode)) {
        status = ln_fail_at(error, LINNET_ERROR_FORMAT, name, "expected a regular file");
    } else {
        status = map_or_read(fd, file, error);
    }
    ln_free(copy);
    if (fd >= 0) {
        close(fd);
    }
    if (status != LINNET_OK) {
        ln_file_close(file);
    }
    return status;
}

void ln_file_close(ln_file *file)
{
    if (file->mapped) {
        /* A mapping is of const bytes for us; munmap wants them plain. */
        munmap((void *)(uintptr_t)file->data, file->size);
    } else {
        ln_free((void *)(uintptr_t)file->data);
    }
    ln_free(file->path);
    *file = (ln_file){0};
}

ln_path ln_path_kind(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return LN_PATH_NONE;
    }
    return S_ISDIR(info.st_mode) ? LN_PATH_DIRECTORY : LN_PATH_FILE;
}

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
            return S_ISDIR(info.st_mode) ? fail_directory(error, path) : LINNET_OK;
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
    char *temporary; /* beside it; NULL: written in place */
    int fd;          /* -1 once closed; for "-" a duplicate, so that closing it can fail and tell */
    int failure;     /* errno of the first write that failed; 0: none */
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

/* Creates a new file beside the target. Its name does not come from the target's, which may be as
 * long as a name can be. Returns 0, or the errno. */
static int create_temporary(linnet_writer *writer, const target *where)
{
    size_t kept = directory_length(where->path);
    char name[64];
    for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        int length = snprintf(name, sizeof name, ".linnet-%ld-%d.tmp", (long)getpid(), attempt);
        writer->temporary = ln_alloc(kept + (size_t)length + 1, 1);
        if (writer->temporary == NULL) {
            return ENOMEM;
        }
        memcpy(writer->temporary, where->path, kept);
        memcpy(writer->temporary + kept, name, (size_t)length);
        writer->fd = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                          where->exists ? S_IRUSR | S_IWUSR : 0666);
        if (writer->fd >= 0) {
            return 0;
        }
        int number = errno;
        ln_free(writer->temporary);
        writer->temporary = NULL;
        if (number != EEXIST && number != EINTR) {
            return number;
        }
    }
    return EEXIST;
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
        return fail_memory(error, writer->path, strlen(where->path) + 1, "a path");
    }
    int number = create_temporary(writer, where);
    if (number != 0) {
        return ln_fail_system(error, writer->path, "cannot write", number);
    }
    if (where->exists && fchmod(writer->fd, where->mode & 0777) != 0) {
        number = errno;
        unlink(writer->temporary);
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
        return fail_memory(error, name, sizeof *opened, "a writer");
    }
    opened->fd = -1;
    opened->path = ln_copy_text(name, strlen(name));
    if (opened->path == NULL) {
        status = fail_memory(error, name, strlen(name) + 1, "a path");
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
    char directory[PATH_MAX] = ".";
    size_t length = directory_length(writer->target);
    if (length > 0) {
        memcpy(directory, writer->target, length);
        directory[length] = '\0';
    }
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

/* Flushes and closes the descriptor. Returns 0, or the errno. */
static int finish_descriptor(linnet_writer *writer)
{
    if (writer->failure != 0) {
        return writer->failure;
    }
    int fd = writer->fd;
    if (writer->temporary != NULL) {
        int result;
        do {
            result = fsync(fd);
        } while (result != 0 && errno == EINTR);
        if (result != 0) {
            return errno;
        }
    }
    writer->fd = -1;
    /* After EINTR the descriptor is gone on Linux, and a file was flushed above. */
    return close(fd) == 0 || errno == EINTR ? 0 : errno;
}

linnet_status linnet_writer_commit(linnet_writer *writer, linnet_error *error)
{
    int number = finish_descriptor(writer);
    if (number == 0 && writer->temporary != NULL &&
        rename(writer->temporary, writer->target) != 0) {
        number = errno;
    }
    if (number != 0) {
        linnet_status status = ln_fail_system(error, writer->path, "cannot write", number);
        linnet_writer_abort(writer);
        return status;
    }
    linnet_status status = writer->temporary == NULL ? LINNET_OK : flush_directory(writer, error);
    free_writer(writer);
    return status;
}

void linnet_writer_abort(linnet_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    if (writer->temporary != NULL) {
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
