/* torch.c - PyTorch's own files (.pt, .pth): which layout a file has, and the record of the format.
 *
 * Nothing of a file is executed: its pickle builds plain values (pickle.h), of which the tensors
 * are taken. Read are the ZIP layout (PyTorch 1.6 and later) and the legacy one (0.4 and later);
 * the tar file of still older versions is known and refused. The ZIP layout is written. */
#include "format/torch.h"

#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/grow.h"
#include "base/memory.h"
#include "format/zip.h"
#include "tensor/state_dict.h"

/* ---- which file ---- */

/* A tar archive whose first member is one of those that PyTorch wrote before 0.4. */
static bool is_tar(const ln_file *file)
{
    static const char *const members[] = {"sys_info", "pickle", "tensors", "storages"};
    const char *data = (const char *)file->data;
    bool ours = false;
    if (file->size < 512 || memcmp(data + 257, "ustar", 5) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const char *name = strncmp(data, "./", 2) == 0 ? data + 2 : data;
        ours = ours || strncmp(name, members[i], 90) == 0;
    }
    return ours;
}

static bool probe(const ln_file *file)
{
    return ln_torch_legacy_probe(file) || is_tar(file) ||
           (ln_zip_probe(file) && ln_torch_zip_probe(file));
}

/* ---- the storages ---- */

static void release_store(void *keeper)
{
    ln_torch_store *store = keeper;
    for (size_t i = 0; i < store->keys.count; i++) {
        ln_free(store->items[i].data);
    }
    ln_free(store->items);
    ln_names_free(&store->keys);
    ln_free(store);
}

/* ---- reading ---- */

linnet_status ln_torch_unpickle(ln_torch *torch, const char *origin, const uint8_t *data,
                                size_t size, size_t base, ln_pickle_value **root)
{
    torch->pickle = (ln_pickle){
        .data = data,
        .size = size,
        .origin = origin,
        .base = base,
        .rules = &ln_torch_rules,
        .context = torch,
        .budget = &torch->budget,
        .error = torch->error,
    };
    return ln_pickle_load(&torch->pickle, root);
}

static linnet_status read_layout(ln_torch *torch)
{
    if (is_tar(torch->file)) {
        return ln_fail(torch->error, LINNET_ERROR_UNSUPPORTED,
                       "the file has the tar-based format of PyTorch before 0.4; load it with "
                       "torch.load and save it again");
    }
    return ln_zip_probe(torch->file) ? ln_torch_read_zip(torch) : ln_torch_read_legacy(torch);
}

static linnet_status read(const ln_file *file, const ln_read_options *options,
                          linnet_state_dict *state_dict, bool *keeps_file, linnet_error *error)
{
    (void)options;
    (void)keeps_file;
    ln_torch_store *store;
    linnet_status status = ln_alloc_into(&store, 1, sizeof *store, "a table of storages", error);
    if (status != LINNET_OK) {
        return status;
    }
    ln_state_dict_keep(state_dict, store, release_store);
    ln_torch torch = {
        .file = file,
        .state_dict = state_dict,
        .store = store,
        .budget = ln_saturated_add(ln_saturated_mul(file->size, LN_TORCH_RATIO), LN_TORCH_BASE),
        .error = error,
    };
    status = read_layout(&torch);
    ln_pickle_free(&torch.pickle);
    return status;
}

const ln_format ln_format_torch = {
    .name = "torch",
    .extension = ".pt .pth",
    .probe = probe,
    .read = read,
    .write = ln_torch_write,
    .keeps_metadata = true,
};
