/* test_cli_page.c - what a report is made of: ticks at round numbers, escaped text, PNG, SHA-256.
 *
 * scripts/interop_report.py reads whole pages, and looks at them in a browser. */
#include "html.h"
#include "plot.h"
#include "png.h"
#include "sha256.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "support/check.h"

/* ---- axes ---- */

static void check_ticks(cli_axis axis, double low, double high, const char *expected)
{
    cli_text text = {0};
    for (size_t i = 0; i < axis.count; i++) {
        cli_text_add(&text, i > 0 ? " " : "");
        cli_tick_text(&text, &axis, i);
    }
    assert_string_equal(text.data, expected);
    cli_text_free(&text);
    assert_true(axis.low == low && axis.high == high);
}

static void test_axes(void **state)
{
    (void)state;
    check_ticks(cli_axis_round(0, 1), 0, 1, "0 0.2 0.4 0.6 0.8 1");
    check_ticks(cli_axis_round(0.31, 0.547), 0.3, 0.55, "0.3 0.35 0.4 0.45 0.5 0.55");
    check_ticks(cli_axis_round(-3, 12), -5, 15, "-5 0 5 10 15");
    check_ticks(cli_axis_round(2.5, 2.5), 0, 2.5, "0 0.5 1 1.5 2 2.5");
    check_ticks(cli_axis_round(0, 0), 0, 1, "0 0.2 0.4 0.6 0.8 1");
    check_ticks(cli_axis_round(-2, -2), -2, 0, "-2 -1.5 -1 -0.5 0");
    check_ticks(cli_axis_round(1e-7, 4e-7), 1e-7, 4e-7, "1e-7 2e-7 3e-7 4e-7");
    check_ticks(cli_axis_round(0, 2.5e9), 0, 2.5e9, "0 5e8 1e9 1.5e9 2e9 2.5e9");
    check_ticks(cli_axis_round(0, 1e-3), 0, 1e-3, "0 2e-4 4e-4 6e-4 8e-4 1e-3");
    check_ticks(cli_axis_whole(1, 9), 1, 9, "2 4 6 8");
    check_ticks(cli_axis_whole(1, 4), 1, 4, "1 2 3 4");
    check_ticks(cli_axis_whole(1, 1), 0.5, 1.5, "1");
    check_ticks(cli_axis_whole(90, 1000), 90, 1000, "200 400 600 800 1000");
    check_ticks(cli_axis_powers(3e-5, 1e-3), 1e-5, 1e-3, "1e-5 2e-5 5e-5 1e-4 2e-4 5e-4 1e-3");
    check_ticks(cli_axis_powers(1e-8, 1), 1e-8, 1, "1e-8 1e-6 1e-4 1e-2 1");
    check_ticks(cli_axis_powers(0.1, 0.1), 0.1, 1, "0.1 0.2 0.5 1");
}

/* Whatever is drawn, the axis holds it, and has some ticks but not too many. */
static void test_any_axis(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        double low = ((double)rand() / RAND_MAX - 0.5) * pow(10, rand() % 40 - 20);
        double high = low + (double)rand() / RAND_MAX * fabs(low) * pow(10, rand() % 12 - 8);
        cli_axis axis = cli_axis_round(low, high);
        double room = 1e-8 * (axis.high - axis.low);
        if (!(axis.low <= low + room && axis.high >= high - room && axis.count >= 3 &&
              axis.count <= 8 && axis.ticks[0] == axis.low &&
              axis.ticks[axis.count - 1] == axis.high)) {
            fail_msg("%a to %a: %a to %a in %zu ticks", low, high, axis.low, axis.high, axis.count);
        }
    }
}

/* ---- lines ---- */

static void test_line(void **state)
{
    (void)state;
    cli_text text = {0};
    cli_plot plot = {.text = &text, .x = cli_axis_round(0, 1), .y = cli_axis_round(0, 1)};
    cli_point points[] = {{0, 0},     {0.0001, 0.0001}, {0.5, 1}, {NAN, 1},
                          {0.5, NAN}, {1, 0.5},         {1, 0.5}};
    cli_plot_line(&plot, "l1", points, 7, "a<b");
    assert_string_equal(text.data, "<path class=\"line l1\" d=\"M48 228L188 18M328 123L328 123\">"
                                   "<title>a&lt;b</title></path>\n");
    cli_text_clear(&text);
    cli_plot_dot(&plot, "d1", (cli_point){0.25, INFINITY}, "nothing");
    assert_int_equal(text.length, 0);
    cli_text_free(&text);
}

/* ---- text ---- */

static void test_html(void **state)
{
    (void)state;
    cli_text text = {0};
    cli_html_text(&text, "<a href=\"x\">&'\n\x01\xff\xc3\xa9\x7f");
    assert_string_equal(text.data, "&lt;a href=&quot;x&quot;&gt;&amp;'\n?\xef\xbf\xbd\xc3\xa9?");
    cli_text_clear(&text);
    cli_html_figure(&text, "k", 2.0 / 3, NULL);
    assert_string_equal(text.data, "<data data-key=\"k\" value=\"0.6666666666666666\" "
                                   "title=\"0.6666666666666666\">0.6667</data>");
    cli_text_clear(&text);
    cli_html_figure(&text, "k", NAN, "no row <");
    assert_string_equal(text.data, "<data data-key=\"k\" value=\"\" title=\"undefined: no row "
                                   "&lt;\">\xe2\x80\x93</data>");
    cli_text_clear(&text);
    cli_html_figure(&text, "k", 1.25e-7, NULL);
    cli_html_figure(&text, "k", -3e-100, NULL);
    assert_string_equal(text.data, "<data data-key=\"k\" value=\"1.25e-07\" "
                                   "title=\"1.25e-07\">1.2e-7</data>"
                                   "<data data-key=\"k\" value=\"-3e-100\" "
                                   "title=\"-3e-100\">-3.0e-100</data>");
    cli_text_clear(&text);
    cli_html_figure(&text, "k", -1.5e38, NULL);
    assert_string_equal(text.data, "<data data-key=\"k\" value=\"-1.5e+38\" "
                                   "title=\"-1.5e+38\">-1.5000e38</data>");
    cli_text_clear(&text);
    cli_html_figure(&text, "k", 105404.3856, NULL);
    assert_string_equal(text.data, "<data data-key=\"k\" value=\"105404.3856\" "
                                   "title=\"105404.3856\">105404.4</data>");
    cli_text_clear(&text);
    cli_html_count(&text, "k", -1234567);
    cli_html_count(&text, "k", 999);
    assert_string_equal(text.data, "<data data-key=\"k\" value=\"-1234567\">-1,234,567</data>"
                                   "<data data-key=\"k\" value=\"999\">999</data>");
    cli_text_free(&text);
}

static const char *digest_in_pieces(const char *bytes, size_t size, size_t piece, char text[65])
{
    cli_sha256 hash;
    cli_sha256_begin(&hash);
    for (size_t i = 0; i < size; i += piece) {
        cli_sha256_add(&hash, bytes + i, size - i < piece ? size - i : piece);
    }
    return cli_sha256_end(&hash, text);
}

/* The same in pieces of any size, with each length of the last block; the digest is Python's
 * hashlib's. */
static void test_sha256(void **state)
{
    (void)state;
    char bytes[200], whole[65], pieces[65];
    memset(bytes, 'a', sizeof bytes);
    assert_string_equal(digest_in_pieces(bytes, 119, 119, whole),
                        "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb");
    for (size_t size = 0; size <= sizeof bytes; size++) {
        digest_in_pieces(bytes, size, sizeof bytes, whole);
        assert_string_equal(digest_in_pieces(bytes, size, 1 + size % 7, pieces), whole);
    }
}

/* ---- pictures ---- */

static uint8_t *decode(const char *letters, size_t *size)
{
    uint8_t *bytes = malloc(strlen(letters));
    uint32_t word = 0;
    *size = 0;
    for (int bits = 0; *letters != '\0' && *letters != '='; letters++) {
        const char *all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        word = word << 6 | (uint32_t)(strchr(all, *letters) - all);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes[(*size)++] = (uint8_t)(word >> bits);
        }
    }
    return bytes;
}

static uint32_t number_at(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Checks the chunk and returns its content; moves *at behind it. */
static const uint8_t *chunk(const uint8_t **at, const char *type, uint32_t *size)
{
    *size = number_at(*at);
    const uint8_t *content = *at + 8;
    assert_memory_equal(*at + 4, type, 4);
    assert_int_equal(number_at(content + *size), crc32(0, *at + 4, *size + 4));
    *at = content + *size + 4;
    return content;
}

/* zlib unpacks what was written without it. */
static void check_png(size_t width, size_t height, size_t channels)
{
    size_t row = width * channels, size;
    uint8_t *pixels = malloc(height * row), *unpacked = malloc(height * (row + 1));
    for (size_t i = 0; i < height * row; i++) {
        pixels[i] = (uint8_t)rand();
    }
    cli_text text = {0};
    cli_png_uri(&text, pixels, width, height, channels);
    assert_false(text.failed);
    assert_memory_equal(text.data, "data:image/png;base64,", 22);
    assert_int_equal((text.length - 22) % 4, 0);
    uint8_t *png = decode(text.data + 22, &size);
    const uint8_t *at = png + 8, *content;
    uint32_t length;
    assert_memory_equal(png, "\x89PNG\r\n\x1a\n", 8);
    content = chunk(&at, "IHDR", &length);
    assert_int_equal(length, 13);
    assert_int_equal(number_at(content), width);
    assert_int_equal(number_at(content + 4), height);
    assert_memory_equal(content + 8, channels == 3 ? "\x08\x02\0\0\0" : "\x08\0\0\0\0", 5);
    content = chunk(&at, "IDAT", &length);
    uLongf unpacked_size = height * (row + 1);
    assert_int_equal(uncompress(unpacked, &unpacked_size, content, length), Z_OK);
    assert_int_equal(unpacked_size, height * (row + 1));
    for (size_t y = 0; y < height; y++) {
        assert_int_equal(unpacked[y * (row + 1)], 0);
        assert_memory_equal(unpacked + y * (row + 1) + 1, pixels + y * row, row);
    }
    chunk(&at, "IEND", &length);
    assert_int_equal(length, 0);
    assert_ptr_equal(at, png + size);
    free(png);
    free(pixels);
    free(unpacked);
    cli_text_free(&text);
}

static void test_png(void **state)
{
    (void)state;
    check_png(1, 1, 1);
    check_png(28, 28, 1);
    check_png(32, 32, 3);
    check_png(2, 7, 3);
    check_png(CLI_PNG_LARGEST, 2, 3);
    check_png(1, CLI_PNG_LARGEST, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_axes), cmocka_unit_test(test_any_axis), cmocka_unit_test(test_line),
        cmocka_unit_test(test_html), cmocka_unit_test(test_sha256),   cmocka_unit_test(test_png),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
