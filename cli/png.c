/* png.c - small pictures as PNG (ISO/IEC 15948) inside a page, in base64.
 *
 * The rows are stored, not compressed: what is shown is small, and no library is needed for it. */
#include "png.h"

#include <string.h>

/* CRC-32 of what ends at the text's end, as PNG wants it behind each chunk. */
static uint32_t crc32_from(const cli_text *text, size_t start)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = start; i < text->length; i++) {
        crc ^= (uint8_t)text->data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1u)));
        }
    }
    return ~crc;
}

static void add_number(cli_text *text, uint32_t number)
{
    uint8_t bytes[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                        (uint8_t)number};
    cli_text_bytes(text, bytes, sizeof bytes);
}

static void add_chunk(cli_text *png, const char *type, const cli_text *content)
{
    add_number(png, (uint32_t)content->length);
    size_t start = png->length;
    cli_text_bytes(png, type, 4);
    cli_text_bytes(png, content->data, content->length);
    png->failed = png->failed || content->failed;
    if (!png->failed) {
        add_number(png, crc32_from(png, start));
    }
}

/* The rows in zlib's wrapping (RFC 1950): a stored block (RFC 1951) a row, and a checksum. */
static void add_rows(cli_text *stream, const uint8_t *pixels, size_t row_bytes, size_t height)
{
    uint32_t low = 1, high = 0;
    cli_text_bytes(stream, "\x78\x01", 2);
    for (size_t row = 0; row < height; row++) {
        uint16_t size = (uint16_t)(row_bytes + 1), turned = (uint16_t)~size;
        uint8_t head[6] = {row + 1 == height, (uint8_t)size,          (uint8_t)(size >> 8),
                           (uint8_t)turned,   (uint8_t)(turned >> 8), 0 /* no filter */};
        cli_text_bytes(stream, head, sizeof head);
        cli_text_bytes(stream, pixels + row * row_bytes, row_bytes);
        high = (high + low) % 65521; /* for the filter's byte */
        for (size_t i = 0; i < row_bytes; i++) {
            low = (low + pixels[row * row_bytes + i]) % 65521;
            high = (high + low) % 65521;
        }
    }
    add_number(stream, high << 16 | low);
}

static void add_base64(cli_text *text, const cli_text *bytes)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *data = (const uint8_t *)bytes->data;
    for (size_t i = 0; i < bytes->length; i += 3) {
        size_t left = bytes->length - i;
        uint32_t word = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                        (left > 2 ? data[i + 2] : 0);
        char quad[4] = {letters[word >> 18], letters[word >> 12 & 63],
                        left > 1 ? letters[word >> 6 & 63] : '=',
                        left > 2 ? letters[word & 63] : '='};
        cli_text_bytes(text, quad, sizeof quad);
    }
}

void cli_png_uri(cli_text *text, const uint8_t *pixels, size_t width, size_t height,
                 size_t channels)
{
    cli_text png = {0}, header = {0}, stream = {0}, nothing = {0};
    cli_text_bytes(&png, "\x89PNG\r\n\x1a\n", 8);
    add_number(&header, (uint32_t)width);
    add_number(&header, (uint32_t)height);
    uint8_t kind[5] = {8 /* bits */, channels == 3 ? 2 : 0};
    cli_text_bytes(&header, kind, sizeof kind);
    add_rows(&stream, pixels, width * channels, height);
    add_chunk(&png, "IHDR", &header);
    add_chunk(&png, "IDAT", &stream);
    add_chunk(&png, "IEND", &nothing);
    cli_text_add(text, "data:image/png;base64,");
    add_base64(text, &png);
    text->failed = text->failed || png.failed;
    cli_text_free(&png);
    cli_text_free(&header);
    cli_text_free(&stream);
}
