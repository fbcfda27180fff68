/* convert.c - copies of tensors, in the same dtype or another.
 *
 * Between floats every conversion rounds once, to nearest even. A float becomes a whole number by
 * cutting off its fraction, and a whole number a shorter one by keeping its low bits, as in
 * PyTorch. Where PyTorch leaves the result to the processor (a float beyond the type's range, NaN),
 * it is what x86 gives there, on every machine: the smallest int32 or int64; uint8 takes the low
 * bits of int64. */
#include <string.h>

#include "base/error.h"
#include "base/fpenv.h"
#include "numeric/float8.h"
#include "numeric/half.h"
#include "tensor/tensor.h"

#define BLOCK 256 /* elements converted at a time */

/* ---- to float32 ---- */

/* Loads go through memcpy because the data of a file lies at any address. */
#define CONVERT_EACH(type, expression)                                                             \
    for (size_t i = 0; i < n; i++) {                                                               \
        type value;                                                                                \
        memcpy(&value, from + i * sizeof value, sizeof value);                                     \
        out[i] = (expression);                                                                     \
    }

void ln_to_float32(linnet_dtype dtype, const void *source, size_t n, float *result)
{
    const unsigned char *restrict from = source; /* so that the loops become vectors */
    float *restrict out = result;
    switch (dtype) {
    case LINNET_FLOAT32:
        if (n > 0) { /* an empty tensor may have no data at all */
            memcpy(out, from, n * sizeof *out);
        }
        break;
    case LINNET_FLOAT64: CONVERT_EACH(double, (float)value) break;
    case LINNET_BFLOAT16: CONVERT_EACH(uint16_t, ln_f32_of_bf16(value)) break;
    case LINNET_FLOAT16: CONVERT_EACH(uint16_t, ln_f32_of_f16(value)) break;
    case LINNET_INT64: CONVERT_EACH(int64_t, (float)value) break;
    case LINNET_INT32: CONVERT_EACH(int32_t, (float)value) break;
    case LINNET_UINT8: CONVERT_EACH(uint8_t, (float)value) break;
    case LINNET_INT16: CONVERT_EACH(int16_t, (float)value) break;
    case LINNET_INT8: CONVERT_EACH(int8_t, (float)value) break;
    case LINNET_BOOL: CONVERT_EACH(uint8_t, value != 0 ? 1.0f : 0.0f) break;
    case LINNET_UINT16: CONVERT_EACH(uint16_t, (float)value) break;
    case LINNET_UINT32: CONVERT_EACH(uint32_t, (float)value) break;
    case LINNET_UINT64: CONVERT_EACH(uint64_t, (float)value) break;
    case LINNET_FLOAT8_E4M3: CONVERT_EACH(uint8_t, ln_f32_of_e4m3(value)) break;
    case LINNET_FLOAT8_E5M2: CONVERT_EACH(uint8_t, ln_f32_of_e5m2(value)) break;
    }
}

/* ---- between any two ---- */

/* Whole numbers as the low 64 bits of their two's complement. */
static void load_whole(linnet_dtype dtype, const unsigned char *from, size_t n, int64_t *out)
{
    switch (dtype) {
    case LINNET_INT64:
    case LINNET_UINT64: memcpy(out, from, n * sizeof *out); break;
    case LINNET_INT32: CONVERT_EACH(int32_t, value) break;
    case LINNET_INT16: CONVERT_EACH(int16_t, value) break;
    case LINNET_INT8: CONVERT_EACH(int8_t, value) break;
    case LINNET_BOOL: CONVERT_EACH(uint8_t, value != 0) break;
    case LINNET_UINT8: CONVERT_EACH(uint8_t, value) break;
    case LINNET_UINT16: CONVERT_EACH(uint16_t, value) break;
    case LINNET_UINT32: CONVERT_EACH(uint32_t, value) break;
    default: break; /* no whole number */
    }
}

/* Exact: every float dtype fits in a double. */
static void load_float(linnet_dtype dtype, const unsigned char *from, size_t n, double *out)
{
    switch (dtype) {
    case LINNET_FLOAT64: CONVERT_EACH(double, value) break;
    case LINNET_FLOAT32: CONVERT_EACH(float, (double)value) break;
    case LINNET_BFLOAT16: CONVERT_EACH(uint16_t, (double)ln_f32_of_bf16(value)) break;
    case LINNET_FLOAT16: CONVERT_EACH(uint16_t, (double)ln_f32_of_f16(value)) break;
    case LINNET_FLOAT8_E4M3: CONVERT_EACH(uint8_t, (double)ln_f32_of_e4m3(value)) break;
    case LINNET_FLOAT8_E5M2: CONVERT_EACH(uint8_t, (double)ln_f32_of_e5m2(value)) break;
    default: break; /* no float */
    }
}

/* A whole number rounded to odd in float64, so that rounding again to a shorter float is right. */
static double double_to_odd(uint64_t magnitude)
{
    double scale = 1.0;
    if (magnitude >> 53 != 0) {
        magnitude = magnitude >> 11 | ((magnitude & 0x7ffu) != 0);
        scale = 2048.0;
    }
    return (double)magnitude * scale;
}

/* The low 64 bits of a number's two's complement as the float32 that stands for it in a rounding to
 * 16 bits. */
static float f32_to_odd(int64_t value, bool has_sign)
{
    bool negative = has_sign && value < 0;
    uint64_t magnitude = negative ? 0 - (uint64_t)value : (uint64_t)value;
    double rounded = double_to_odd(magnitude);
    return ln_f32_to_odd(negative ? -rounded : rounded);
}

static int64_t int64_of_double(double value)
{
    return value >= -0x1p63 && value < 0x1p63 ? (int64_t)value : INT64_MIN;
}

static int32_t int32_of_double(double value)
{
    return value >= -0x1p31 && value < 0x1p31 ? (int32_t)value : INT32_MIN;
}

#define STORE_EACH(type, expression)                                                               \
    for (size_t i = 0; i < n; i++) {                                                               \
        type stored = (expression);                                                                \
        memcpy(to + i * sizeof stored, &stored, sizeof stored);                                    \
    }

/* `has_sign`: a value below 0 is one; otherwise it stands for a uint64 of 2^63 and more. */
static void store_whole(const int64_t *value, bool has_sign, size_t n, linnet_dtype dtype,
                        unsigned char *to)
{
    if (dtype == LINNET_INT64) {
        STORE_EACH(int64_t, value[i])
    } else if (dtype == LINNET_INT32) {
        STORE_EACH(uint32_t, (uint32_t)((uint64_t)value[i] & UINT32_MAX))
    } else if (dtype == LINNET_UINT8) {
        STORE_EACH(uint8_t, (uint8_t)((uint64_t)value[i] & UINT8_MAX))
    } else if (dtype == LINNET_FLOAT64) {
        STORE_EACH(double, has_sign ? (double)value[i] : (double)(uint64_t)value[i])
    } else if (dtype == LINNET_BFLOAT16) {
        STORE_EACH(uint16_t, ln_bf16_of_f32(f32_to_odd(value[i], has_sign)))
    } else {
        STORE_EACH(uint16_t, ln_f16_of_f32(f32_to_odd(value[i], has_sign)))
    }
}

static void store_float(const double *value, size_t n, linnet_dtype dtype, unsigned char *to)
{
    if (dtype == LINNET_INT64) {
        STORE_EACH(int64_t, int64_of_double(value[i]))
    } else if (dtype == LINNET_INT32) {
        STORE_EACH(int32_t, int32_of_double(value[i]))
    } else if (dtype == LINNET_UINT8) {
        STORE_EACH(uint8_t, (uint8_t)((uint64_t)int64_of_double(value[i]) & UINT8_MAX))
    } else if (dtype == LINNET_FLOAT64) {
        STORE_EACH(double, value[i])
    } else if (dtype == LINNET_BFLOAT16) {
        STORE_EACH(uint16_t, ln_bf16_of_f32(ln_f32_to_odd(value[i])))
    } else {
        STORE_EACH(uint16_t, ln_f16_of_f32(ln_f32_to_odd(value[i])))
    }
}

/* At most BLOCK contiguous elements; `to` is aligned, as every new tensor is. */
static void convert_block(linnet_dtype dtype, const unsigned char *from, size_t n,
                          linnet_dtype to_dtype, unsigned char *to)
{
    if (dtype == to_dtype) {
        memcpy(to, from, n * linnet_dtype_size(dtype));
    } else if (to_dtype == LINNET_FLOAT32) {
        ln_to_float32(dtype, from, n, (float *)(void *)to);
    } else if (!ln_dtype_row(dtype)->floating) {
        int64_t value[BLOCK];
        load_whole(dtype, from, n, value);
        store_whole(value, dtype != LINNET_UINT64, n, to_dtype, to);
    } else {
        double value[BLOCK];
        load_float(dtype, from, n, value);
        store_float(value, n, to_dtype, to);
    }
}

void ln_convert(linnet_dtype dtype, const void *source, size_t n, linnet_dtype to_dtype, void *out)
{
    const unsigned char *from = source;
    unsigned char *to = out;
    for (size_t done = 0; done < n; done += BLOCK) {
        size_t count = n - done < BLOCK ? n - done : BLOCK;
        convert_block(dtype, from + done * linnet_dtype_size(dtype), count, to_dtype,
                      to + done * linnet_dtype_size(to_dtype));
    }
}

/* ---- strided copies ---- */

/* n elements that lie `stride` elements apart. */
static void convert_line(const linnet_tensor *self, const unsigned char *from, int64_t stride,
                         int64_t n, linnet_dtype to_dtype, unsigned char *to)
{
    size_t size = linnet_dtype_size(self->dtype);
    size_t to_size = linnet_dtype_size(to_dtype);
    _Alignas(8) unsigned char gathered[BLOCK * 8];
    for (int64_t first = 0; first < n; first += BLOCK) {
        size_t count = (size_t)(n - first < BLOCK ? n - first : BLOCK);
        const unsigned char *block = from + first * stride * (int64_t)size;
        if (stride != 1) {
            for (size_t i = 0; i < count; i++) {
                memcpy(gathered + i * size, block + (int64_t)i * stride * (int64_t)size, size);
            }
            block = gathered;
        }
        convert_block(self->dtype, block, count, to_dtype, to + (size_t)first * to_size);
    }
}

/* All elements in row-major order: an odometer over all dimensions but the last. */
static void convert_all(const linnet_tensor *self, linnet_dtype to_dtype, unsigned char *to)
{
    int64_t numel = linnet_tensor_numel(self);
    const unsigned char *from = self->data;
    if (numel == 0) {
        return;
    }
    if (linnet_tensor_is_contiguous(self)) {
        convert_line(self, from, 1, numel, to_dtype, to);
        return;
    }
    int last = self->rank - 1;
    int64_t length = self->shape[last];
    int64_t size = (int64_t)linnet_dtype_size(self->dtype);
    size_t line_bytes = (size_t)length * linnet_dtype_size(to_dtype);
    int64_t index[LINNET_MAX_RANK] = {0};
    for (int64_t line = 0; line < numel / length; line++) {
        int64_t offset = 0;
        for (int d = 0; d < last; d++) {
            offset += index[d] * self->strides[d];
        }
        convert_line(self, from + offset * size, self->strides[last], length, to_dtype,
                     to + (size_t)line * line_bytes);
        for (int d = last - 1; d >= 0 && ++index[d] == self->shape[d]; d--) {
            index[d] = 0;
        }
    }
}

linnet_status linnet_tensor_to(const linnet_tensor *self, linnet_dtype dtype, linnet_tensor *result,
                               linnet_error *error)
{
    linnet_tensor from = *self; /* result may be self */
    *result = (linnet_tensor){0};
    const ln_dtype *source = ln_dtype_row(from.dtype);
    const ln_dtype *target = ln_dtype_row(dtype);
    if (source == NULL || target == NULL) {
        return ln_fail(error, LINNET_ERROR_ARGUMENT, "unknown dtype %d",
                       (int)(source == NULL ? from.dtype : dtype));
    }
    if (from.dtype != dtype && !target->target) {
        return ln_fail(error, LINNET_ERROR_UNSUPPORTED, "conversion from %s to %s is not supported",
                       source->name, target->name);
    }
    linnet_tensor made;
    linnet_status status = linnet_tensor_create(dtype, from.rank, from.shape, &made, error);
    if (status == LINNET_OK) {
        ln_fpenv saved = ln_fpenv_enter();
        convert_all(&from, dtype, made.data);
        ln_fpenv_leave(saved);
        *result = made;
    }
    return status;
}
