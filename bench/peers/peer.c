/* peer.c - what all contenders in C share: the job's arguments, the turns and their clock. */
#include "peer.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_LAPS 20000
/* A lap is at least so long where the contender can choose. */
#define LAP_SECONDS 2e-5
/* The part of a turn that warms caches, clocks and threads, and is not reported. */
#define WARM 0.2

struct peer_laps {
    bool begun;
    double last;      /* when the lap before ended */
    double warm, end; /* when reporting begins, and when the turn ends */
    size_t repeat;
    size_t count;           /* reported laps */
    double times[MAX_LAPS]; /* seconds of one repetition */
};

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The first lap of a turn always warms. */
static bool report(peer_laps *laps, double now, double seconds)
{
    laps->last = now;
    if (!laps->begun) {
        laps->begun = true;
    } else if (now >= laps->warm && laps->count < MAX_LAPS) {
        laps->times[laps->count++] = seconds;
    }
    return laps->count == 0 || (now < laps->end && laps->count < MAX_LAPS);
}

bool peer_lap(peer_laps *laps, size_t repetitions)
{
    double now = seconds_now(), took = now - laps->last;
    if (took < LAP_SECONDS && repetitions == laps->repeat) {
        laps->repeat *= 2;
    }
    return report(laps, now, took / (double)repetitions);
}

bool peer_lap_seconds(peer_laps *laps, double seconds)
{
    return report(laps, seconds_now(), seconds);
}

void peer_repeat(peer_laps *laps, void (*once)(void))
{
    bool going = true;
    while (going) {
        size_t repetitions = laps->repeat;
        for (size_t i = 0; i < repetitions; i++) {
            once();
        }
        going = peer_lap(laps, repetitions);
    }
}

static void take_turn(const peer *contender, peer_laps *laps, double seconds)
{
    laps->count = 0;
    laps->begun = false;
    laps->last = seconds_now();
    laps->warm = laps->last + WARM * seconds;
    laps->end = laps->last + seconds;
    while (laps->count == 0 || (laps->last < laps->end && laps->count < MAX_LAPS)) {
        contender->turn(laps);
    }
    for (size_t i = 0; i < laps->count; i++) {
        printf("%s%.1f", i > 0 ? " " : "", 1e9 * laps->times[i]);
    }
    putchar('\n');
    fflush(stdout);
}

/* ---- the job ---- */

static size_t parse_size(const char *name, const char *text)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (end == text || *end != '\0') {
        fprintf(stderr, "%s: expected a whole number, found '%s'\n", name, text);
        exit(2);
    }
    return (size_t)value;
}

static void parse_sizes(peer_job *job, char *text)
{
    size_t count = 0;
    for (char *word = strtok(text, ","); word != NULL; word = strtok(NULL, ",")) {
        if (count == PEER_MAX_SIZES) {
            fprintf(stderr, "sizes: expected at most %d\n", PEER_MAX_SIZES);
            exit(2);
        }
        job->sizes[count++] = parse_size("sizes", word);
    }
    job->layers = count > 0 ? count - 1 : 0;
}

static void parse_job(peer_job *job, int argc, char **argv)
{
    *job = (peer_job){.work = "", .model = "", .precision = "", .optim = "", .setting = ""};
    for (int i = 1; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (value == NULL) {
            fprintf(stderr, "expected NAME=VALUE, found '%s'\n", argv[i]);
            exit(2);
        }
        *value++ = '\0';
        const struct {
            const char *name;
            const char **text;
            size_t *number;
        } fields[] = {
            {"work", &job->work, NULL},           {"model", &job->model, NULL},
            {"precision", &job->precision, NULL}, {"optim", &job->optim, NULL},
            {"setting", &job->setting, NULL},     {"batch", NULL, &job->batch},
            {"threads", NULL, &job->threads},     {"bytes", NULL, &job->bytes},
        };
        size_t f = 0, count = sizeof fields / sizeof *fields;
        while (f < count && strcmp(argv[i], fields[f].name) != 0) {
            f++;
        }
        if (strcmp(argv[i], "sizes") == 0) {
            parse_sizes(job, value);
        } else if (f == count) {
            fprintf(stderr, "unknown argument '%s'\n", argv[i]);
            exit(2);
        } else if (fields[f].text != NULL) {
            *fields[f].text = value;
        } else {
            *fields[f].number = parse_size(argv[i], value);
        }
    }
}

int peer_main(int argc, char **argv, const peer *contender)
{
    static peer_laps laps = {.repeat = 1};
    peer_job job;
    parse_job(&job, argc, argv);
    double check = 0;
    const char *reason = contender->open(&job, &check);
    if (reason != NULL) {
        printf("{\"name\": \"%s\", \"unable\": \"%s\"}\n", contender->name, reason);
        return 0;
    }
    printf("{\"name\": \"%s\", \"version\": \"%s\", \"check\": %.9g}\n", contender->name,
           contender->version(), check);
    fflush(stdout);
    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL) {
        take_turn(contender, &laps, strtod(line, NULL));
    }
    return 0;
}

/* ---- values ---- */

void *peer_alloc(size_t count, size_t size)
{
    /* A cache line and more, and of whole pages, so that nobody's vectors straddle lines. */
    size_t bytes = (count * size + 4095) / 4096 * 4096;
    void *block = aligned_alloc(4096, bytes > 0 ? bytes : 4096);
    if (block == NULL) {
        fprintf(stderr, "no memory for %zu bytes\n", bytes);
        exit(1);
    }
    memset(block, 0, bytes);
    return block;
}

void peer_fill(float *values, size_t n, unsigned seed, float scale)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)(i + 1) * 2654435761u + seed * 40503u;
        bits = (bits ^ (bits >> 15)) * 2246822519u;
        bits ^= bits >> 13;
        values[i] = (float)(((double)bits / 2147483648.0 - 1.0) * (double)scale);
    }
}

void peer_fill_weight(float *weight, const peer_job *job, size_t i)
{
    size_t in = job->sizes[i], out = job->sizes[i + 1];
    peer_fill(weight, in * out, 2 * (unsigned)i + 1, (float)(1 / sqrt((double)in)));
}

void peer_fill_bias(float *bias, const peer_job *job, size_t i)
{
    size_t in = job->sizes[i], out = job->sizes[i + 1];
    peer_fill(bias, out, 2 * (unsigned)i + 2, (float)(1 / sqrt((double)in)));
}

void peer_fill_input(float *x, const peer_job *job)
{
    peer_fill(x, job->batch * job->sizes[0], 0, 1.0f);
}

double peer_mean_magnitude(const float *values, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += fabs((double)values[i]);
    }
    return sum / (double)n;
}
