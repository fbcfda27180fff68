/* gzip.c - unpacks a gzip file in memory, through zlib.
 *
 * The sizes that a gzip file states (its trailer) are not used: memory is asked for as the bytes
 * come, or once where the content is IDX and says itself how long it is. */
#include "format/gzip.h"

#include "base/error.h"

bool ln_gzip_probe(const ln_file *file)
{
    return file->size >= 3 && file->data[0] == 0x1f && file->data[1] == 0x8b && file->data[2] == 8;
}

#ifndef LN_WITH_GZIP

linnet_status ln_gunzip(ln_file *file, linnet_error *error)
{
    (void)file;
    return ln_fail(
        error, LINNET_ERROR_UNSUPPORTED,
        "the file is packed with gzip, and this Linnet is built without gzip; unpack it first");
}

#else

#define ZLIB_CONST
#include <zlib.h>

#include "base/checked.h"
#include "base/grow.h"
#include "base/memory.h"
#include "format/idx.h"

#define BASE_LIMIT ((size_t)64 << 20)
#define MAX_RATIO 200
/* What one byte of deflate can stand for at most, and some room for headers. */
#define DEFLATE_RATIO 1032

typedef struct unpacking {
    z_stream stream;
    const uint8_t *next; /* packed bytes that zlib has not been given */
    size_t left;
    uint8_t *data;
    size_t size, capacity, limit;
} unpacking;

/* Gives zlib more input and room: its counters are 32 bits wide. */
static void refill(unpacking *u, size_t room)
{
    const size_t most = (size_t)1 << 30;
    if (u->stream.avail_in == 0) {
        size_t count = ln_min_size(u->left, most);
        u->stream.next_in = u->next;
        u->stream.avail_in = (uInt)count;
        u->next += count;
        u->left -= count;
    }
    u->stream.next_out = u->data + u->size;
    u->stream.avail_out = (uInt)ln_min_size(room, most);
}

/* Learns from the first unpacked bytes how much may come, and takes the memory at once where the
 * content says it. */
static linnet_status set_limit(unpacking *u, size_t packed, linnet_error *error)
{
    size_t promised;
    u->limit = ln_saturated_add(ln_saturated_mul(packed, MAX_RATIO), BASE_LIMIT);
    if (!ln_idx_file_size(u->data, u->size, &promised)) {
        return LINNET_OK;
    }
    if (promised / DEFLATE_RATIO > packed) {
        return ln_fail(error, LINNET_ERROR_FORMAT,
                       "the idx header promises %zu bytes, which %zu packed bytes cannot hold",
                       promised, packed);
    }
    u->limit = promised;
    uint8_t *data = ln_grow(u->data, &u->capacity, ln_saturated_add(promised, 1), 1);
    if (data == NULL) {
        return ln_fail_memory(error, promised, "the unpacked file");
    }
    u->data = data;
    return LINNET_OK;
}

static linnet_status fail_zlib(const unpacking *u, int result, linnet_error *error)
{
    if (result == Z_MEM_ERROR) {
        return ln_fail_memory(error, 1 << 16, "unpacking gzip");
    }
    if (result == Z_BUF_ERROR || result == Z_OK) {
        return ln_fail(error, LINNET_ERROR_FORMAT,
                       "the gzip data is cut short: it ends after %zu unpacked bytes", u->size);
    }
    return ln_fail(error, LINNET_ERROR_FORMAT,
                   "the gzip data is damaged after %zu unpacked bytes: %s", u->size,
                   u->stream.msg != NULL ? u->stream.msg : "unknown reason");
}

/* One more byte of room than there is content, up to one byte past the limit, where it shows that
 * there is too much. */
static linnet_status make_room(unpacking *u, linnet_error *error)
{
    if (u->size > u->limit) {
        return ln_fail(error, LINNET_ERROR_FORMAT,
                       "the gzip data unpacks to more than the %zu bytes that it may hold",
                       u->limit);
    }
    uint8_t *data = ln_grow(u->data, &u->capacity, u->size + 1, 1);
    if (data == NULL) {
        return ln_fail_memory(error, u->size + 1, "the unpacked file");
    }
    u->data = data;
    return LINNET_OK;
}

/* Unpacks member after member until the input ends with one. */
static linnet_status unpack(unpacking *u, size_t packed, linnet_error *error)
{
    bool limited = false;
    for (;;) {
        linnet_status status = make_room(u, error);
        if (status != LINNET_OK) {
            return status;
        }
        refill(u, u->capacity - u->size);
        size_t room = u->stream.avail_out;
        int result = inflate(&u->stream, Z_NO_FLUSH);
        size_t unpacked = room - u->stream.avail_out;
        u->size += unpacked;
        bool input_left = u->stream.avail_in > 0 || u->left > 0;
        if (result == Z_STREAM_END && !input_left) {
            return u->size > u->limit ? make_room(u, error) : LINNET_OK;
        }
        if (result == Z_STREAM_END) {
            result = inflateReset(&u->stream);
        }
        if (result != Z_OK || (unpacked == 0 && !input_left)) {
            return fail_zlib(u, result, error);
        }
        if (!limited && u->size >= LN_IDX_MAX_HEADER) {
            limited = true;
            status = set_limit(u, packed, error);
            if (status != LINNET_OK) {
                return status;
            }
        }
    }
}

linnet_status ln_gunzip(ln_file *file, linnet_error *error)
{
    unpacking u = {.next = file->data, .left = file->size, .limit = SIZE_MAX - 1};
    /* The first room is small, so that an IDX header is seen before more is asked for. */
    u.data = ln_grow(NULL, &u.capacity, LN_IDX_MAX_HEADER, 1);
    if (u.data == NULL) {
        return ln_fail_memory(error, LN_IDX_MAX_HEADER, "the unpacked file");
    }
    int result = inflateInit2(&u.stream, 16 + MAX_WBITS); /* 16: gzip alone */
    linnet_status status =
        result == Z_OK ? unpack(&u, file->size, error) : fail_zlib(&u, result, error);
    inflateEnd(&u.stream);
    if (status != LINNET_OK) {
        ln_free(u.data);
        return status;
    }
    ln_file unpacked = {.path = file->path, .data = u.data, .size = u.size};
    file->path = NULL;
    ln_file_close(file);
    *file = unpacked;
    return LINNET_OK;
}

#endif
