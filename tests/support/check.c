/* check.c - helpers of the test suites. */
#include "support/check.h"

#include <sys/mman.h>
#include <unistd.h>

#include "kernel/kernel.h"

void check_ok(linnet_status status, const linnet_error *error)
{
    if (status != LINNET_OK) {
        fail_msg("%s: %s: %s", linnet_status_name(status), error->place, error->message);
    }
}

void check_failed(const char *what, linnet_status expected, const char *message,
                  linnet_status status, const linnet_error *error)
{
    if (status != expected || strstr(error->message, message) == NULL) {
        fail_msg("%s: expected %s '%s', found %s '%s'", what, linnet_status_name(expected), message,
                 linnet_status_name(status), error->message);
    }
}

void check_read(const linnet_dataset *dataset, int64_t first, int64_t count, float *out)
{
    linnet_error error;
    check_ok(linnet_dataset_read(dataset, first, count, out, &error), &error);
}

void check_rows(const linnet_dataset *dataset, int64_t first, int64_t count, const float *expected)
{
    size_t n = (size_t)(count * linnet_dataset_features(dataset));
    float *out = malloc(n * sizeof *out); /* exactly as long as it has to be */
    check_read(dataset, first, count, out);
    check_same(expected, out, n, "rows %lld", (long long)first);
    free(out);
}

uint64_t check_next(check_random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static size_t mapping_size(size_t size, size_t page)
{
    return (size + page - 1) / page * page + page;
}

void *check_guarded(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t whole = mapping_size(size, page);
    unsigned char *block =
        mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(block != MAP_FAILED);
    assert_int_equal(mprotect(block + whole - page, page, PROT_NONE), 0);
    return block + whole - page - size;
}

void check_guarded_free(void *block, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t whole = mapping_size(size, page);
    munmap((unsigned char *)block + size + page - whole, whole);
}

void check_each_isa(void (*body)(const char *isa, void *context), void *context)
{
    const ln_kernels *set;
    char *before = getenv("LINNET_ISA");
    char *saved = before != NULL ? strdup(before) : NULL;
    for (size_t i = 0; (set = ln_kernels_at(i)) != NULL; i++) {
        if (set->supported()) {
            setenv("LINNET_ISA", set->name, 1);
            body(set->name, context);
        }
    }
    if (saved != NULL) {
        setenv("LINNET_ISA", saved, 1);
    } else {
        unsetenv("LINNET_ISA");
    }
    free(saved);
}
