/* torch_files.c - PyTorch's files put together from their parts. */
#include "support/torch_files.h"

#include "support/check.h"

#include "format/format.h"
#include "format/zip_write.h"
#include "support/scratch.h"

const char *torch_data(const char *name)
{
    static char paths[4][1024];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/torch/%s", LN_TEST_DATA, name);
    return path;
}

const char *torch_legacy_file(void *const *state, const void *pickle, size_t size,
                              const void *storage, size_t storage_size)
{
    size_t head_size;
    uint8_t *head = read_bytes(torch_data("sd_legacy.pt"), &head_size);
    uint8_t *file = malloc(LEGACY_HEAD + size + storage_size);
    assert_true(head_size > LEGACY_HEAD && file != NULL);
    memcpy(file, head, LEGACY_HEAD);
    memcpy(file + LEGACY_HEAD, pickle, size);
    memcpy(file + LEGACY_HEAD + size, storage, storage_size);
    const char *path = scratch_file(state, "legacy.pt", file, LEGACY_HEAD + size + storage_size);
    free(file);
    free(head);
    return path;
}

const char *torch_zip_file(void *const *state, const torch_entry *entries, size_t count)
{
    linnet_error error = {0};
    ln_zip_writer *writer;
    const char *path = scratch_path(state, "zip.pt");
    check_ok(ln_zip_writer_open(path, &writer, &error), &error);
    for (size_t i = 0; i < count; i++) {
        check_ok(
            ln_zip_writer_add(writer, entries[i].name, entries[i].data, entries[i].size, &error),
            &error);
    }
    check_ok(ln_zip_writer_commit(writer, &error), &error);
    return path;
}

const char *torch_file_around(void *const *state, const void *pickle, size_t size)
{
    static const char asks[] = "\x07storage";
    static const char none[] = P2 "].";
    static const char floats[] = P2 "]" T("\x01", "0") "a.\2\0\0\0\0\0\0\0ABCDEFGH";
    const char *bytes = pickle;
    bool storage = false;
    for (size_t i = 0; i + sizeof asks - 1 <= size; i++) {
        storage = storage || memcmp(bytes + i, asks, sizeof asks - 1) == 0;
    }
    return storage ? torch_legacy_file(state, pickle, size, BYTES(floats))
                   : torch_legacy_file(state, pickle, size, BYTES(none));
}

bool torch_reads_zip(void)
{
    linnet_state_dict *dict;
    linnet_error error = {0};
    linnet_status status = linnet_state_dict_load(torch_data("sd_zip.pt"), &dict, &error);
    linnet_state_dict_free(dict);
    if (status != LINNET_OK) {
        assert_int_equal(status, LINNET_ERROR_UNSUPPORTED);
        assert_string_equal(error.message,
                            "the file is a ZIP archive of torch.save, and this Linnet is built "
                            "without npz, which brings ZIP; save it with "
                            "_use_new_zipfile_serialization=False");
        assert_string_equal(error.place, torch_data("sd_zip.pt"));
    }
    return status == LINNET_OK;
}

void torch_need_zip(void)
{
    if (!torch_reads_zip()) {
        skip();
    }
}

linnet_state_dict *torch_read(const char *path)
{
    linnet_state_dict *dict;
    linnet_error error = {0};
    check_ok(linnet_state_dict_load(path, &dict, &error), &error);
    return dict;
}

void torch_check_refused(const char *path, linnet_status status, const char *message)
{
    linnet_state_dict *dict = (linnet_state_dict *)(uintptr_t)1; /* to see that it is reset */
    linnet_error error = {0};
    linnet_status found = linnet_state_dict_load(path, &dict, &error);
    assert_string_equal(error.message, message);
    assert_string_equal(error.place, path);
    assert_int_equal(found, status);
    assert_null(dict);
    assert_int_equal(linnet_state_dict_load(path, &dict, NULL), status);
}
