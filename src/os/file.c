/* file.c - reading a file whole.
 *
 * A file that another process cuts short while it is mapped raises
 * SIGBUS, as with every mapping; nothing here handles that. */
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
            return ln_fail_memory_at(error, file->path, need, "the file's content");
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
        return ln_fail_at(error, LINNET_ERROR_IO, file->path, "is a directory");
    }
    /* Some files that say 0 have content (/proc), and standard input may be part read already: only
     * a file of a known size that we opened ourselves is mapped. */
    if (fd == STDIN_FILENO || !S_ISREG(info.st_mode) || info.st_size == 0) {
        return read_all(fd, FIRST_READ, file, error);
    }
    if ((uintmax_t)info.st_size >= SIZE_MAX) {
        return ln_fail_memory_at(error, file->path, SIZE_MAX, "the file's content");
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
        return ln_fail_memory_at(error, name, strlen(name) + 1, "a path");
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
        return ln_fail_memory_at(error, name, strlen(name) + 1, "a path");
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
