/* peer.h - a contender: a process that does one job again and again and reports how long each time took.
 *
 * bench/peers/run starts it with the job as NAME=VALUE arguments. It prints one line of JSON (what it is,
 * and a number that its result has, or why it cannot do the job), and then for each line on standard input,
 * a number of seconds, a line with nanoseconds of every repetition. peer.py says the same in Python. */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stddef.h>

#define PEER_MAX_SIZES 9

typedef struct peer_job {
    const char *work;             /* "forward", "training", "peak" or "bandwidth" */
    const char *model;            /* PyTorch's text */
    size_t sizes[PEER_MAX_SIZES]; /* of the Linear modules: 1536, 1024, 1024, 1000 */
    size_t layers;                /* one less than there are sizes */
    size_t batch, threads;
    const char *precision; /* "fp32", "bf16", or "bf16-weights": stored so, computed in fp32 */
    const char *optim;     /* PyTorch's text */
    const char *setting;   /* the contender's own */
    size_t bytes;          /* of the buffer whose reading is timed */
} peer_job;

/* The repetitions of one turn. */
typedef struct peer_laps peer_laps;

/* Tells of repetitions done since the call before; false: enough for this turn. */
bool peer_lap(peer_laps *laps, size_t repetitions);
/* Tells of one repetition as long as the caller says. */
bool peer_lap_seconds(peer_laps *laps, double seconds);
/* Calls once() until it is enough for this turn, between calls of peer_lap so often that the clock does not
 * count. */
void peer_repeat(peer_laps *laps, void (*once)(void));

typedef struct peer {
    const char *name;
    const char *(*version)(void);
    /* NULL, or why the job cannot be done. *check is the mean of the magnitudes of a forward's result. */
    const char *(*open)(const peer_job *job, double *check);
    /* Works and calls peer_lap until that returns false; may return before, and is called again then. */
    void (*turn)(peer_laps *laps);
} peer;

int peer_main(int argc, char **argv, const peer *contender);

/* The values that all contenders compute with: n numbers within +-scale, the same for the same seed. */
void peer_fill(float *values, size_t n, unsigned seed, float scale);
/* Seeds and scales of layer i, and of the input. */
void peer_fill_weight(float *weight, const peer_job *job, size_t i);
void peer_fill_bias(float *bias, const peer_job *job, size_t i);
void peer_fill_input(float *x, const peer_job *job);
double peer_mean_magnitude(const float *values, size_t n);
/* Ends the process where there is no memory. */
void *peer_alloc(size_t count, size_t size);

#endif
