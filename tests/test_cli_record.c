/* test_cli_record.c - the history's lines and TensorBoard's event files, read back here byte by
 * byte.
 *
 * scripts/interop_report.py lets TensorBoard itself read such files. */
#include "events.h"
#include "history.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/scratch.h"

/* ---- history ---- */

static const cli_epoch first = {
    .epoch = 1,
    .best = true,
    .loss = 0.1,
    .accuracy = 1.0 / 3,
    .val_loss = 1e-300,
    .val_accuracy = 1,
    .lr = 5e-324,
    .seconds = 12.5,
    .samples_per_second = 1e6,
};

/* No rows held out. */
static const cli_epoch second = {
    .epoch = 7,
    .loss = 1.7976931348623157e308,
    .accuracy = 0,
    .val_loss = NAN,
    .val_accuracy = NAN,
    .lr = 0.001,
    .seconds = 0,
    .samples_per_second = 0,
};

static void check_epoch(const cli_epoch *expected, const cli_epoch *found)
{
    assert_int_equal(found->epoch, expected->epoch);
    assert_int_equal(found->best, expected->best);
    const cli_figure *figure;
    for (size_t i = 0; (figure = cli_figure_at(i)) != NULL; i++) {
        double a = cli_figure_of(figure, expected), b = cli_figure_of(figure, found);
        if (isnan(a) ? !isnan(b) : memcmp(&a, &b, sizeof a) != 0) {
            fail_msg("%s: expected %a, found %a", figure->key, a, b);
        }
    }
}

static const char *write_lines(void **state, const char *lines)
{
    return scratch_file(state, "run.jsonl", lines, strlen(lines));
}

static void test_lines(void **state)
{
    cli_text text = {0};
    cli_history_line(&first, &text);
    cli_history_line(&second, &text);
    assert_string_equal(
        text.data,
        "{\"epoch\": 1, \"loss\": 0.1, \"accuracy\": 0.3333333333333333, \"val_loss\": "
        "1e-300, \"val_accuracy\": 1, \"lr\": 4.94065645841247e-324, "
        "\"seconds\": 12.5, \"samples_per_second\": 1000000, \"best\": true}\n"
        "{\"epoch\": 7, \"loss\": 1.7976931348623157e+308, \"accuracy\": 0, \"lr\": 0.001, "
        "\"seconds\": 0, \"samples_per_second\": 0, \"best\": false}\n");
    cli_history history = {0};
    assert_int_equal(cli_history_read(write_lines(state, text.data), &history), CLI_OK);
    assert_int_equal(history.count, 2);
    check_epoch(&first, &history.epochs[0]);
    check_epoch(&second, &history.epochs[1]);
    cli_history_free(&history);
    cli_text_free(&text);
}

/* What a killed run was writing, and what somebody added. */
static void test_unfinished_line(void **state)
{
    const char *path = write_lines(
        state,
        "{\"epoch\": 2, \"loss\": 1, \"note\": [1, {}], \"best\": true}\n{\"epoch\": 3, \"lo");
    cli_history history = {0};
    assert_int_equal(cli_history_read(path, &history), CLI_OK);
    assert_int_equal(history.count, 1);
    assert_int_equal(history.epochs[0].epoch, 2);
    assert_true(isnan(history.epochs[0].val_loss));
    cli_history_free(&history);
}

static void test_many_lines(void **state)
{
    (void)state;
    cli_history history = {0};
    for (int64_t i = 1; i <= 1000; i++) {
        assert_int_equal(cli_history_add(&history, &(cli_epoch){.epoch = i}), CLI_OK);
    }
    assert_int_equal(history.count, 1000);
    assert_int_equal(history.epochs[999].epoch, 1000);
    cli_history_free(&history);
}

static void test_refused_lines(void **state)
{
    static const char *const lines[] = {
        "\n",
        "[1]\n",
        "{\"epoch\": 1\n",
        "{\"loss\": 1}\n",
        "{\"epoch\": 0}\n",
        "{\"epoch\": 1.5}\n",
        "{\"epoch\": 2}\n{\"epoch\": 2}\n",
        "{\"epoch\": 1, \"loss\": \"1\"}\n",
        "{\"epoch\": 1, \"epoch\": 1}\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        cli_history history = {0};
        if (cli_history_read(write_lines(state, lines[i]), &history) != CLI_FAILURE) {
            fail_msg("was read: %s", lines[i]);
        }
        cli_history_free(&history);
    }
    cli_history history = {0};
    const char *zero = scratch_file(state, "zero", "{\"epoch\": 1}\0\n{\"epoch\": 2}\n", 28);
    assert_int_equal(cli_history_read(zero, &history), CLI_FAILURE);
    char *long_line = calloc(1, 10001);
    memset(long_line, ' ', 10000);
    long_line[9999] = '\n';
    assert_int_equal(cli_history_read(write_lines(state, long_line), &history), CLI_FAILURE);
    free(long_line);
    assert_int_equal(cli_history_read(scratch_path(state, "gone"), &history), CLI_FAILURE);
    cli_history_free(&history);
}

/* ---- events ---- */

/* The checksum by the book: long division by the polynomial, highest power first, of the bits as
 * they come, lowest of a byte first. */
static uint32_t crc32c(const uint8_t *bytes, size_t size)
{
    uint32_t remainder = 0xffffffffu;
    for (size_t bit = 0; bit < 8 * size; bit++) {
        uint32_t in = (uint32_t)bytes[bit / 8] >> (bit % 8) & 1u;
        uint32_t out = remainder >> 31;
        remainder = remainder << 1 ^ (in != out ? 0x1edc6f41u : 0u);
    }
    uint32_t turned = 0;
    for (int i = 0; i < 32; i++) {
        turned |= (remainder >> i & 1u) << (31 - i);
    }
    return ~turned;
}

static uint64_t get(const uint8_t *at, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

static void check_crc(const uint8_t *bytes, size_t size, const uint8_t *stored)
{
    uint32_t crc = crc32c(bytes, size);
    assert_int_equal(get(stored, 4), (uint32_t)((crc >> 15 | crc << 17) + 0xa282ead8u));
}

/* The next record's message at *at; moves *at behind it. */
static const uint8_t *next_record(const uint8_t **at, const uint8_t *end, size_t *size)
{
    assert_true(end - *at >= 16);
    *size = (size_t)get(*at, 8);
    assert_true((size_t)(end - *at) >= 16 + *size);
    check_crc(*at, 8, *at + 8);
    check_crc(*at + 12, *size, *at + 12 + *size);
    const uint8_t *message = *at + 12;
    *at += 16 + *size;
    return message;
}

/* Skips the wall time, which every message begins with, and checks that what follows is `expected`.
 * */
static void check_message(const uint8_t *message, size_t size, const void *expected, size_t length)
{
    assert_true(size >= 9);
    assert_int_equal(message[0], 0x09);
    double time;
    memcpy(&time, message + 1, sizeof time);
    assert_true(time > 1.6e9 && time < 1e11);
    assert_int_equal(size - 9, length);
    assert_memory_equal(message + 9, expected, length);
}

static void test_crc(void **state)
{
    (void)state;
    assert_int_equal(crc32c((const uint8_t *)"123456789", 9), 0xe3069283u);
}

static void test_events(void **state)
{
    cli_events events;
    char *directory = strdup(scratch_path(state, "logs/deep"));
    assert_int_equal(cli_events_open(directory, 300, &events), CLI_OK);
    cli_scalar scalars[] = {{"lr", 0.5}, {"val/loss", -2}};
    assert_int_equal(cli_events_write(&events, 300, scalars, 2), CLI_OK);
    /* It is all in the file before that is closed. */
    assert_true(strncmp(events.path, directory, strlen(directory)) == 0);
    assert_non_null(strstr(events.path, "/events.out.tfevents."));
    size_t size;
    uint8_t *bytes = read_bytes(events.path, &size);
    assert_int_equal(remove(events.path), 0);
    assert_int_equal(cli_events_close(&events, CLI_OK), CLI_OK);
    assert_int_equal(remove(directory), 0);
    assert_int_equal(remove(scratch_path(state, "logs")), 0);
    const uint8_t *at = bytes, *end = bytes + size, *message;
    message = next_record(&at, end, &size);
    check_message(message, size,
                  "\x1a\x0d"
                  "brain.Event:2",
                  15);
    message = next_record(&at, end, &size);
    check_message(message, size,
                  "\x10\xac\x02"
                  "\x3a\x02\x08\x01",
                  7);
    message = next_record(&at, end, &size);
    check_message(message, size,
                  "\x10\xac\x02"
                  "\x2a\x1c"
                  "\x0a\x09"
                  "\x0a\x02"
                  "lr"
                  "\x15\x00\x00\x00\x3f"
                  "\x0a\x0f"
                  "\x0a\x08"
                  "val/loss"
                  "\x15\x00\x00\x00\xc0",
                  33);
    assert_ptr_equal(at, end);
    free(bytes);
    free(directory);
}

static void test_no_directory(void **state)
{
    cli_events events;
    const char *file = scratch_file(state, "file", "", 0);
    assert_int_equal(cli_events_open(file, 1, &events), CLI_FAILURE);
    assert_int_equal(cli_events_close(&events, CLI_FAILURE), CLI_FAILURE);
    assert_int_equal(cli_events_close(&(cli_events){0}, CLI_OK), CLI_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),        cmocka_unit_test(test_unfinished_line),
        cmocka_unit_test(test_many_lines),   cmocka_unit_test(test_refused_lines),
        cmocka_unit_test(test_crc),          cmocka_unit_test(test_events),
        cmocka_unit_test(test_no_directory),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
