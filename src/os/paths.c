/* paths.c - patterns of files, and the order of what they name. */
#include "os/paths.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/memory.h"
#include "os/file.h"
#include "os/system.h"

bool ln_path_is_regular(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

bool ln_path_is_pattern(const char *path)
{
    return strpbrk(path, "*?[") != NULL && ln_path_kind(path) == LN_PATH_NONE;
}

/* The digits at *text, and steps over them; leading zeros are left out, but count in the order of
 * what is otherwise equal. */
static size_t take_digits(const char **text, const char **digits)
{
    size_t zeros = strspn(*text, "0");
    *digits = *text + zeros;
    size_t length = strspn(*digits, "0123456789");
    *text = *digits + length;
    return length;
}

static int compare_naturally(const void *left, const void *right)
{
    const char *a = *(char *const *)left, *b = *(char *const *)right;
    const char *whole_a = a, *whole_b = b;
    while (*a != '\0' && *b != '\0') {
        if (*a >= '0' && *a <= '9' && *b >= '0' && *b <= '9') {
            const char *digits_a, *digits_b;
            size_t length_a = take_digits(&a, &digits_a), length_b = take_digits(&b, &digits_b);
            int order = length_a != length_b ? (length_a < length_b ? -1 : 1)
                                             : memcmp(digits_a, digits_b, length_a);
            if (order != 0) {
                return order;
            }
        } else if (*a != *b) {
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        } else {
            a++;
            b++;
        }
    }
    if (*a != *b) {
        return *a == '\0' ? -1 : 1;
    }
    return strcmp(whole_a, whole_b);
}

static linnet_status copy_paths(const glob_t *found, ln_paths *paths, linnet_error *error)
{
    linnet_status status = ln_alloc_into(&paths->items, found->gl_pathc, sizeof *paths->items,
                                         "a list of files", error);
    for (size_t i = 0; status == LINNET_OK && i < found->gl_pathc; i++) {
        paths->items[i] = ln_copy_text(found->gl_pathv[i], strlen(found->gl_pathv[i]));
        paths->count++;
        if (paths->items[i] == NULL) {
            status = ln_fail_memory(error, strlen(found->gl_pathv[i]), "a path");
        }
    }
    return status;
}

linnet_status ln_paths_match(const char *pattern, ln_paths *paths, linnet_error *error)
{
    glob_t found;
    *paths = (ln_paths){0};
    int failed = glob(pattern, GLOB_NOSORT | GLOB_ERR, NULL, &found);
    if (failed == GLOB_NOMATCH) {
        return ln_fail_at(error, LINNET_ERROR_IO, pattern, "no file has such a name");
    }
    linnet_status status = failed == GLOB_NOSPACE ? ln_fail_memory(error, 0, "a list of files")
                           : failed != 0 ? ln_fail_system(error, pattern, "cannot list", errno)
                                         : copy_paths(&found, paths, error);
    globfree(&found);
    if (status != LINNET_OK) {
        ln_paths_free(paths);
        return status;
    }
    qsort(paths->items, paths->count, sizeof *paths->items, compare_naturally);
    return LINNET_OK;
}

void ln_paths_free(ln_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        ln_free(paths->items[i]);
    }
    ln_free(paths->items);
    *paths = (ln_paths){0};
}
