/* sweep_grid.c - what `linnet sweep` tries: names, their values, and the combinations of these. */
#include "sweep.h"

#include <stdlib.h>
#include <string.h>

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The length of the name that a text begins with; 0: none. */
static size_t name_length(const char *text)
{
    size_t length = 0;
    while (is_letter(text[length]) || (length > 0 && is_digit(text[length]))) {
        length++;
    }
    return length;
}

/* ---- reading ---- */

/* Values between commas, those within brackets aside: "0.9,(0.9,0.99)" has two. */
static size_t value_length(const char *text)
{
    size_t length = 0;
    int depth = 0;
    for (; text[length] != '\0' && (depth > 0 || text[length] != ','); length++) {
        depth += text[length] == '(' || text[length] == '[';
        depth -= text[length] == ')' || text[length] == ']';
    }
    return length;
}

static int read_trial(const char *text, cli_trial *trial)
{
    size_t length = name_length(text);
    if (length == 0 || text[length] != '=' || text[length + 1] == '\0') {
        return cli_misuse("--try", "expected NAME=A,B,C, found '%s'", text);
    }
    trial->name = strndup(text, length);
    trial->values = calloc(strlen(text), sizeof *trial->values);
    if (trial->name == NULL || trial->values == NULL) {
        return cli_fail_memory();
    }
    for (const char *at = text + length; *at != '\0';) {
        at++; /* the = or a comma */
        size_t size = value_length(at);
        if (size == 0) {
            return cli_misuse("--try", "expected values between commas, found '%s'", text);
        }
        trial->values[trial->count] = strndup(at, size);
        if (trial->values[trial->count] == NULL) {
            return cli_fail_memory();
        }
        trial->count++;
        at += size;
    }
    return CLI_OK;
}

/* splitmix64, which is good enough to choose what is tried. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Takes `heads` of all combinations, in their order (Knuth's algorithm S). */
static void choose(cli_grid *grid, size_t all, uint64_t seed)
{
    size_t taken = 0;
    for (size_t i = 0; i < all && taken < grid->heads; i++) {
        if (next_random(&seed) % (all - i) < grid->heads - taken) {
            grid->chosen[taken++] = i;
        }
    }
}

int cli_grid_read(const cli_list *texts, int64_t random, uint64_t seed, cli_grid *grid)
{
    size_t all = 1;
    grid->trials = calloc(texts->count + 1, sizeof *grid->trials);
    if (grid->trials == NULL) {
        return cli_fail_memory();
    }
    for (size_t i = 0; i < texts->count; i++) {
        cli_trial *trial = &grid->trials[grid->count++];
        int code = read_trial(texts->items[i], trial);
        if (code != CLI_OK) {
            return code;
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(grid->trials[k].name, trial->name) == 0) {
                return cli_misuse("--try", "%s is given twice", trial->name);
            }
        }
        all = trial->count < SIZE_MAX / all ? all * trial->count : SIZE_MAX;
    }
    grid->heads = random > 0 && (uint64_t)random < all ? (size_t)random : all;
    if (grid->heads > CLI_SWEEP_MOST || (grid->heads < all && all > UINT32_MAX)) {
        return cli_misuse("--try",
                          "expected at most %d combinations, found %zu (--random N takes "
                          "some of them)",
                          CLI_SWEEP_MOST, all);
    }
    grid->chosen = calloc(grid->heads, sizeof *grid->chosen);
    if (grid->chosen == NULL) {
        return cli_fail_memory();
    }
    choose(grid, all, seed);
    return CLI_OK;
}

void cli_grid_free(cli_grid *grid)
{
    for (size_t i = 0; i < grid->count; i++) {
        for (size_t k = 0; k < grid->trials[i].count; k++) {
            free(grid->trials[i].values[k]);
        }
        free(grid->trials[i].values);
        free(grid->trials[i].name);
    }
    free(grid->trials);
    free(grid->chosen);
    *grid = (cli_grid){0};
}

/* ---- a head ---- */

const char *cli_grid_value(const cli_grid *grid, size_t head, size_t name)
{
    size_t number = grid->chosen[head];
    for (size_t i = grid->count - 1; i > name; i--) {
        number /= grid->trials[i].count;
    }
    return grid->trials[name].values[number % grid->trials[name].count];
}

/* The number of the name that stands at `text`, whole and for itself; grid->count: none. */
static size_t find_name(const cli_grid *grid, const char *text, size_t length)
{
    const char *behind = text + length + strspn(text + length, " \t\n");
    size_t i = 0;
    while (i < grid->count && (strlen(grid->trials[i].name) != length ||
                               strncmp(grid->trials[i].name, text, length) != 0)) {
        i++;
    }
    return *behind == '=' ? grid->count : i;
}

char *cli_grid_fill(const cli_grid *grid, size_t head, const char *text, bool *found)
{
    cli_text filled = {0};
    char before = ' ';
    cli_text_add(&filled, "%s", "");
    for (const char *at = text; *at != '\0';) {
        size_t length = is_digit(before) || before == '.' ? 0 : name_length(at);
        size_t name = length > 0 ? find_name(grid, at, length) : grid->count;
        size_t step = length > 0 ? length : 1;
        if (name < grid->count) {
            cli_text_add(&filled, "%s", cli_grid_value(grid, head, name));
            found[name] = true;
        } else {
            cli_text_bytes(&filled, at, step);
        }
        before = at[step - 1];
        at += step;
    }
    if (filled.failed) {
        cli_text_free(&filled);
        return NULL;
    }
    return filled.data;
}
