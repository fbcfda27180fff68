/* scratch.c - a directory of a test's own, and files in it made from bytes. */
#include "support/scratch.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <unistd.h>

#include <cmocka.h>

int scratch_setup(void **state)
{
    char name[] = "/tmp/linnet-test-XXXXXX";
    if (mkdtemp(name) == NULL) {
        return -1;
    }
    *state = strdup(name);
    return *state == NULL ? -1 : 0;
}

int scratch_teardown(void **state)
{
    DIR *directory = opendir(*state);
    if (directory == NULL) {
        return -1;
    }
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            const char *path = scratch_path(state, entry->d_name);
            if (unlink(path) != 0) {
                rmdir(path);
            }
        }
    }
    closedir(directory);
    int result = rmdir(*state);
    free(*state);
    return result;
}

const char *scratch_path(void *const *state, const char *name)
{
    static char paths[4][4096];
    static unsigned next;
    char *path = paths[next++ % 4];
    int length = snprintf(path, sizeof paths[0], "%s/%s", (const char *)*state, name);
    assert_true(length > 0 && (size_t)length < sizeof paths[0]);
    return path;
}

const char *scratch_file(void *const *state, const char *name, const void *data, size_t size)
{
    const char *path = scratch_path(state, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(size == 0 ? 0 : fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

int scratch_count(void *const *state)
{
    int count = 0;
    DIR *directory = opendir(*state);
    assert_non_null(directory);
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count - 2;
}

uint8_t *read_bytes(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long length = ftell(file);
    assert_true(length >= 0);
    rewind(file);
    uint8_t *data = malloc((size_t)length + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, (size_t)length, file), length);
    fclose(file);
    *size = (size_t)length;
    return data;
}
