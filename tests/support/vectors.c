/* vectors.c - reads the golden numbers. */
#include "support/vectors.h"

#include "support/check.h"

json_t *vectors_load(const char *name)
{
    char path[512];
    json_error_t error;
    snprintf(path, sizeof path, "%s/%s", LN_TEST_DATA, name);
    /* As reals: a seed among them is larger than an int64. */
    json_t *root = json_load_file(path, JSON_DECODE_INT_AS_REAL, &error);
    if (root == NULL) {
        fail_msg("%s: %s", path, error.text);
    }
    return root;
}

float *vectors_floats(const json_t *array, size_t *count)
{
    *count = json_array_size(array);
    float *out = calloc(*count + 1, sizeof *out);
    assert_non_null(out);
    for (size_t i = 0; i < *count; i++) {
        uint32_t swapped = (uint32_t)strtoul(json_string_value(json_array_get(array, i)), NULL, 16);
        uint32_t bits =
            swapped >> 24 | (swapped >> 8 & 0xff00u) | (swapped << 8 & 0xff0000u) | swapped << 24;
        memcpy(&out[i], &bits, sizeof bits);
    }
    return out;
}
