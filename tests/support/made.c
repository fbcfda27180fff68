/* made.c - models out of text and datasets out of arrays. */
#include "support/made.h"

#include "support/check.h"

linnet_model *parse_model(const char *text)
{
    linnet_error error;
    linnet_model *model = NULL;
    check_ok(linnet_model_parse(text, NULL, 0, &model, &error), &error);
    return model;
}

linnet_model *make_model(const char *text, uint64_t seed)
{
    linnet_model *model = parse_model(text);
    linnet_model_reset_parameters(model, seed, LINNET_RNG_TORCH);
    return model;
}

linnet_dataset *make_dataset(const float *x, const int64_t *y, int64_t rows, int64_t features)
{
    linnet_error error;
    linnet_tensor table, labels;
    linnet_dataset *dataset = NULL;
    check_ok(linnet_tensor_from((void *)x, LINNET_FLOAT32, 2, (int64_t[]){rows, features}, &table,
                                &error),
             &error);
    check_ok(linnet_tensor_from((void *)y, LINNET_INT64, 1, (int64_t[]){rows}, &labels, &error),
             &error);
    check_ok(linnet_dataset_create(&table, y != NULL ? &labels : NULL, false, &dataset, &error),
             &error);
    return dataset;
}
