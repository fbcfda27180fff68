/* zip_write.c - writes ZIP archives: stored entries, aligned, with their CRC-32. */
#include "format/zip_write.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/text.h"
#include "os/file.h"

#define ALIGNMENT 64
#define LIMIT32 UINT32_C(0xffffffff)
#define LIMIT16 0xffff
#define VERSION 20
#define VERSION_ZIP64 45
#define UTF8_NAME 0x0800
/* 1 January 1980, the first day that the format can tell. */
#define FIRST_DAY 0x0021
#define EXTRA_ZIP64 0x0001
#define EXTRA_PADDING 0x4246 /* "FB", as PyTorch has it */

struct ln_zip_writer {
    linnet_writer *file;
    ln_text directory;
    uint64_t offset; /* bytes written so far */
    uint64_t count;
    uint32_t crc[8][256]; /* of a byte with 0 to 7 zero bytes behind it */
};

/* ---- CRC-32: polynomial 0x04c11db7, reflected ---- */

static void make_crc_table(uint32_t crc[8][256])
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t value = byte;
        for (int bit = 0; bit < 8; bit++) {
            value = (value & 1) != 0 ? value >> 1 ^ UINT32_C(0xedb88320) : value >> 1;
        }
        crc[0][byte] = value;
    }
    for (int zeros = 1; zeros < 8; zeros++) {
        for (int byte = 0; byte < 256; byte++) {
            uint32_t value = crc[zeros - 1][byte];
            crc[zeros][byte] = value >> 8 ^ crc[0][value & 0xff];
        }
    }
}

/* Eight bytes a step. */
static uint32_t crc_of(const ln_zip_writer *writer, const uint8_t *data, size_t size)
{
    uint32_t value = LIMIT32;
    for (; size >= 8; data += 8, size -= 8) {
        uint32_t mixed[8];
        for (int i = 0; i < 8; i++) {
            mixed[i] = data[i] ^ (i < 4 ? value >> (8 * i) & 0xff : 0);
        }
        value = 0;
        for (int i = 0; i < 8; i++) {
            value ^= writer->crc[7 - i][mixed[i]];
        }
    }
    for (; size > 0; data++, size--) {
        value = value >> 8 ^ writer->crc[0][(value ^ *data) & 0xff];
    }
    return value ^ LIMIT32;
}

/* ---- records ---- */

static void put(ln_text *text, uint64_t number, int bytes)
{
    char out[8];
    for (int i = 0; i < bytes; i++) {
        out[i] = (char)(number >> (8 * i) & 0xff);
    }
    ln_text_append(text, out, (size_t)bytes);
}

static uint64_t at_most(uint64_t number, uint64_t limit)
{
    return number < limit ? number : limit;
}

/* Version to CRC and sizes: what both records of an entry share. */
static void put_common(ln_text *text, bool wide, uint32_t crc, uint64_t size)
{
    put(text, wide ? VERSION_ZIP64 : VERSION, 2);
    put(text, UTF8_NAME, 2);
    put(text, 0, 2); /* stored */
    put(text, 0, 2); /* midnight */
    put(text, FIRST_DAY, 2);
    put(text, crc, 4);
    put(text, at_most(size, LIMIT32), 4);
    put(text, at_most(size, LIMIT32), 4);
}

/* The record before an entry's bytes, padded so that these are aligned. */
static void put_local(ln_text *text, uint64_t offset, const char *name, uint32_t crc, uint64_t size)
{
    bool wide = size >= LIMIT32;
    size_t length = strlen(name);
    uint64_t fields = wide ? 24 : 4; /* but for the padding */
    uint64_t bare = 30 + length + fields;
    uint64_t padding = (ALIGNMENT - (offset + bare) % ALIGNMENT) % ALIGNMENT;
    put(text, 0x04034b50, 4);
    put_common(text, wide, crc, size);
    put(text, length, 2);
    put(text, fields + padding, 2);
    ln_text_append(text, name, length);
    if (wide) {
        put(text, EXTRA_ZIP64, 2);
        put(text, 16, 2);
        put(text, size, 8);
        put(text, size, 8);
    }
    put(text, EXTRA_PADDING, 2);
    put(text, padding, 2);
    for (uint64_t i = 0; i < padding; i++) {
        put(text, 'Z', 1);
    }
}

/* The entry's record in the directory. */
static void put_central(ln_text *text, uint64_t offset, const char *name, uint32_t crc,
                        uint64_t size)
{
    bool wide_size = size >= LIMIT32, wide_offset = offset >= LIMIT32;
    bool wide = wide_size || wide_offset;
    size_t length = strlen(name);
    uint64_t fields = (wide_size ? 16U : 0U) + (wide_offset ? 8U : 0U);
    put(text, 0x02014b50, 4);
    put(text, wide ? VERSION_ZIP64 : VERSION, 2);
    put_common(text, wide, crc, size);
    put(text, length, 2);
    put(text, wide ? fields + 4 : 0, 2);
    put(text, 0, 2); /* no comment */
    put(text, 0, 2); /* first disk */
    put(text, 0, 2);
    put(text, 0, 4);
    put(text, at_most(offset, LIMIT32), 4);
    ln_text_append(text, name, length);
    if (wide) {
        put(text, EXTRA_ZIP64, 2);
        put(text, fields, 2);
    }
    if (wide_size) {
        put(text, size, 8);
        put(text, size, 8);
    }
    if (wide_offset) {
        put(text, offset, 8);
    }
}

/* What stands behind the directory: where it begins and how long it is. */
static void put_end(ln_text *text, uint64_t count, uint64_t offset, uint64_t size)
{
    if (count >= LIMIT16 || offset >= LIMIT32 || size >= LIMIT32) {
        put(text, 0x06064b50, 4);
        put(text, 44, 8);
        put(text, VERSION_ZIP64, 2);
        put(text, VERSION_ZIP64, 2);
        put(text, 0, 8); /* first disk */
        put(text, count, 8);
        put(text, count, 8);
        put(text, size, 8);
        put(text, offset, 8);
        put(text, 0x07064b50, 4);
        put(text, 0, 4);
        put(text, offset + size, 8);
        put(text, 1, 4);
    }
    put(text, 0x06054b50, 4);
    put(text, 0, 4); /* first disk */
    put(text, at_most(count, LIMIT16), 2);
    put(text, at_most(count, LIMIT16), 2);
    put(text, at_most(size, LIMIT32), 4);
    put(text, at_most(offset, LIMIT32), 4);
    put(text, 0, 2); /* no comment */
}

/* ---- the writer ---- */

linnet_status ln_zip_writer_open(const char *path, ln_zip_writer **writer, linnet_error *error)
{
    ln_zip_writer *made;
    *writer = NULL;
    linnet_status status = ln_alloc_into(&made, 1, sizeof *made, "an archive's record", error);
    if (status != LINNET_OK) {
        return status;
    }
    status = linnet_writer_open(path, &made->file, error);
    if (status != LINNET_OK) {
        ln_free(made);
        return status;
    }
    make_crc_table(made->crc);
    *writer = made;
    return LINNET_OK;
}

static linnet_status write_text(ln_zip_writer *writer, const ln_text *text, linnet_error *error)
{
    if (text->failed) {
        return ln_fail_memory(error, text->size, "an archive's directory");
    }
    writer->offset += text->size;
    return linnet_writer_write(writer->file, text->data, text->size, error);
}

linnet_status ln_zip_writer_add(ln_zip_writer *writer, const char *name, const void *data,
                                size_t size, linnet_error *error)
{
    assert(strlen(name) <= LIMIT16);
    ln_text local = {0};
    uint32_t crc = crc_of(writer, data, size);
    put_central(&writer->directory, writer->offset, name, crc, size);
    put_local(&local, writer->offset, name, crc, size);
    linnet_status status = write_text(writer, &local, error);
    ln_free(local.data);
    if (status == LINNET_OK) {
        status = linnet_writer_write(writer->file, data, size, error);
    }
    writer->offset += size;
    writer->count++;
    return status;
}

linnet_status ln_zip_writer_commit(ln_zip_writer *writer, linnet_error *error)
{
    uint64_t size = writer->directory.size;
    put_end(&writer->directory, writer->count, writer->offset, size);
    linnet_status status = write_text(writer, &writer->directory, error);
    if (status == LINNET_OK) {
        status = linnet_writer_commit(writer->file, error);
        writer->file = NULL;
    }
    ln_zip_writer_abort(writer);
    return status;
}

void ln_zip_writer_abort(ln_zip_writer *writer)
{
    if (writer != NULL) {
        linnet_writer_abort(writer->file);
        ln_free(writer->directory.data);
        ln_free(writer);
    }
}
