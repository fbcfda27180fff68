/* reader.c - reads pieces of a regular file, and notices that it has changed. */
#include "os/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/memory.h"
#include "os/system.h"

static linnet_status fail_changed(const ln_reader *reader, linnet_error *error)
{
    return ln_fail_at(error, LINNET_ERROR_IO, reader->path,
                      "the file has changed since it was opened");
}

/* Opens without waiting, should it be a pipe. */
static linnet_status open_regular(ln_reader *reader, linnet_error *error)
{
    struct stat info;
    do {
        reader->fd = open(reader->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    } while (reader->fd < 0 && errno == EINTR);
    if (reader->fd < 0 || fstat(reader->fd, &info) != 0) {
        return ln_fail_system(error, reader->path, "cannot open", errno);
    }
    if (!S_ISREG(info.st_mode)) {
        return ln_fail_at(error, LINNET_ERROR_IO, reader->path, "expected a regular file");
    }
    reader->size = (uint64_t)info.st_size;
    reader->seconds = (int64_t)info.st_mtim.tv_sec;
    reader->nanoseconds = (int64_t)info.st_mtim.tv_nsec;
    return LINNET_OK;
}

linnet_status ln_reader_open(const char *path, ln_reader *reader, linnet_error *error)
{
    *reader = (ln_reader){.path = ln_copy_text(path, strlen(path)), .fd = -1};
    if (reader->path == NULL) {
        return ln_fail_memory(error, strlen(path) + 1, "a path");
    }
    linnet_status status = open_regular(reader, error);
    if (status != LINNET_OK) {
        ln_reader_close(reader);
    }
    return status;
}

void ln_reader_close(ln_reader *reader)
{
    if (reader->path != NULL && reader->fd >= 0) {
        close(reader->fd);
    }
    ln_free(reader->path);
    *reader = (ln_reader){.fd = -1};
}

linnet_status ln_reader_read(const ln_reader *reader, uint64_t offset, void *out, size_t size,
                             linnet_error *error)
{
    unsigned char *to = out;
    while (size > 0) {
        ssize_t got = pread(reader->fd, to, ln_min_size(size, SSIZE_MAX), (off_t)offset);
        if (got == 0) {
            return fail_changed(reader, error);
        }
        if (got > 0) {
            to += got;
            offset += (uint64_t)got;
            size -= (size_t)got;
        } else if (errno != EINTR) {
            return ln_fail_system(error, reader->path, "cannot read", errno);
        }
    }
    return LINNET_OK;
}

linnet_status ln_reader_check(const ln_reader *reader, linnet_error *error)
{
    struct stat info;
    if (fstat(reader->fd, &info) != 0) {
        return ln_fail_system(error, reader->path, "cannot read", errno);
    }
    bool same = (uint64_t)info.st_size == reader->size &&
                (int64_t)info.st_mtim.tv_sec == reader->seconds &&
                (int64_t)info.st_mtim.tv_nsec == reader->nanoseconds;
    return same ? LINNET_OK : fail_changed(reader, error);
}
