/* streamed.c - .npy files, and datasets whose rows stay in them. */
#include "support/streamed.h"

#include "support/check.h"
#include "support/scratch.h"

#include "data/data.h"

const char *write_npy(void *const *state, const char *name, linnet_tensor tensor)
{
    linnet_error error;
    linnet_state_dict *file;
    const char *path = scratch_path(state, name);
    check_ok(linnet_state_dict_create(&file, &error), &error);
    check_ok(linnet_state_dict_set(file, "", &tensor, &error), &error);
    check_ok(linnet_state_dict_save(file, path, &error), &error);
    linnet_state_dict_free(file);
    return path;
}

linnet_dataset *open_streamed(const char *path, const char *labels)
{
    linnet_error error;
    linnet_dataset *dataset;
    linnet_dataset_options options = {.labels_path = labels};
    check_ok(ln_dataset_open(path, &options, 0, &dataset, &error), &error);
    return dataset;
}
