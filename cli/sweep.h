/* sweep.h - what the parts of `linnet sweep` share: sweep_grid.c makes the heads out of what is to be tried,
 * sweep.c trains them. */
#ifndef CLI_SWEEP_H
#define CLI_SWEEP_H

#include "train.h"

/* A name and the values that are tried for it, as typed. */
typedef struct cli_trial {
    char *name;
    char **values;
    size_t count;
} cli_trial;

typedef struct cli_grid {
    cli_trial *trials;
    size_t count;
    size_t *chosen; /* numbers of the combinations, of which the last name runs fastest */
    size_t heads;
} cli_grid;

/* Reads "NAME=A,B,C" texts. `random`: so many different combinations, drawn by `seed`, where there are more;
 * 0: all. The caller frees the grid in any case. Returns the exit code. */
int cli_grid_read(const cli_list *texts, int64_t random, uint64_t seed, cli_grid *grid);
void cli_grid_free(cli_grid *grid);

/* The value of a name in a head. */
const char *cli_grid_value(const cli_grid *grid, size_t head, size_t name);

/* `text` with each name's value in the place of the name, where it stands for itself and not
 * before a "=" or behind a "."; the caller frees it. found[i] is set where name i has been there. NULL
 * without memory. */
char *cli_grid_fill(const cli_grid *grid, size_t head, const char *text, bool *found);

#endif
