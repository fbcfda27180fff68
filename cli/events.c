/* events.c - event files for TensorBoard: scalars over steps.
 *
 * A file is a row of records: the length as 8 bytes, little end first, a checksum of these, as many
 * bytes, a checksum of those. A record is a message of events.proto. TensorBoard reads every file
 * of a directory whose name has "tfevents" in it. */
#include "events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#ifdef CLI_WITH_EVENTS
#include <events.pb-c.h>

/* CRC-32C (Castagnoli), a bit at a time: records are short. */
static uint32_t checksum(const uint8_t *bytes, size_t size)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0x82f63b78u & (0u - (crc & 1u)));
        }
    }
    return ~crc;
}

static void put(uint8_t *at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

/* The format masks checksums, so that those of data with checksums in them stay good ones. */
static void put_checksum(uint8_t *at, const uint8_t *bytes, size_t size)
{
    uint32_t crc = checksum(bytes, size);
    put(at, (crc >> 15 | crc << 17) + 0xa282ead8u, 4);
}

static double now(void)
{
    struct timeval time;
    gettimeofday(&time, NULL);
    return (double)time.tv_sec + 1e-6 * (double)time.tv_usec;
}

static int write_event(cli_events *events, Cli__Events__Event *event)
{
    enum { HEAD = 12, TAIL = 4 };
    event->wall_time = now();
    size_t size = cli__events__event__get_packed_size(event);
    uint8_t *record = malloc(size + HEAD + TAIL);
    if (record == NULL) {
        return cli_fail_memory();
    }
    put(record, size, 8);
    put_checksum(record + 8, record, 8);
    cli__events__event__pack(event, record + HEAD);
    put_checksum(record + HEAD + size, record + HEAD, size);
    bool written =
        fwrite(record, size + HEAD + TAIL, 1, events->stream) == 1 && fflush(events->stream) == 0;
    free(record);
    return written ? CLI_OK : cli_fail(events->path, "cannot write: %s", strerror(errno));
}

/* ---- the file ---- */

static int make_directory(const char *directory)
{
    char *path = directory[0] == '\0' ? strdup(".") : strdup(directory);
    if (path == NULL) {
        return cli_fail_memory();
    }
    int code = CLI_OK;
    char *slash = path;
    while (code == CLI_OK && slash != NULL) {
        slash = strchr(slash + 1, '/');
        if (slash != NULL) {
            *slash = '\0';
        }
        if (mkdir(path, 0777) != 0 && errno != EEXIST) {
            code = cli_fail(path, "cannot make the directory: %s", strerror(errno));
        }
        if (slash != NULL) {
            *slash = '/';
        }
    }
    free(path);
    return code;
}

static int create(const char *directory, cli_events *events)
{
    char host[256];
    if (gethostname(host, sizeof host) != 0) {
        strcpy(host, "localhost");
    }
    host[sizeof host - 1] = '\0';
    cli_text path = {0};
    cli_text_add(&path, "%s/events.out.tfevents.%010lld.%s.%lld", directory, (long long)now(), host,
                 (long long)getpid());
    if (path.failed) {
        cli_text_free(&path);
        return cli_fail_memory();
    }
    events->path = path.data;
    events->stream = fopen(path.data, "wx");
    return events->stream != NULL ? CLI_OK
                                  : cli_fail(path.data, "cannot write: %s", strerror(errno));
}

int cli_events_open(const char *directory, int64_t step, cli_events *events)
{
    *events = (cli_events){0};
    int code = make_directory(directory);
    if (code == CLI_OK) {
        code = create(directory, events);
    }
    Cli__Events__Event version = CLI__EVENTS__EVENT__INIT, start = CLI__EVENTS__EVENT__INIT;
    version.file_version = (char[]){"brain.Event:2"};
    if (code == CLI_OK) {
        code = write_event(events, &version);
    }
    Cli__Events__Session session = CLI__EVENTS__SESSION__INIT;
    session.status = CLI__EVENTS__SESSION__STATUS__START;
    start.session = &session;
    start.has_step = true;
    start.step = step;
    return code == CLI_OK ? write_event(events, &start) : code;
}

int cli_events_write(cli_events *events, int64_t step, const cli_scalar *scalars, size_t count)
{
    Cli__Events__Scalar *values = malloc((count + 1) * sizeof *values);
    Cli__Events__Scalar **list = malloc((count + 1) * sizeof(Cli__Events__Scalar *));
    int code = values != NULL && list != NULL ? CLI_OK : cli_fail_memory();
    if (code == CLI_OK) {
        for (size_t i = 0; i < count; i++) {
            cli__events__scalar__init(&values[i]);
            values[i].tag = (char *)scalars[i].tag; /* packed, not written to */
            values[i].value = (float)scalars[i].value;
            list[i] = &values[i];
        }
        Cli__Events__Scalars summary = CLI__EVENTS__SCALARS__INIT;
        summary.n_values = count;
        summary.values = list;
        Cli__Events__Event event = CLI__EVENTS__EVENT__INIT;
        event.has_step = true;
        event.step = step;
        event.summary = &summary;
        code = write_event(events, &event);
    }
    free(list);
    free(values);
    return code;
}

#else

int cli_events_open(const char *directory, int64_t step, cli_events *events)
{
    (void)step;
    *events = (cli_events){0};
    return cli_fail(directory, "this linnet was built without event files (LINNET_EVENTS=OFF)");
}

int cli_events_write(cli_events *events, int64_t step, const cli_scalar *scalars, size_t count)
{
    (void)step, (void)scalars, (void)count;
    return cli_fail(events->path, "this linnet was built without event files");
}

#endif

int cli_events_close(cli_events *events, int code)
{
    if (events->stream != NULL && fclose(events->stream) != 0 && code == CLI_OK) {
        code = cli_fail(events->path, "cannot write: %s", strerror(errno));
    }
    free(events->path);
    *events = (cli_events){0};
    return code;
}
