/* torch_legacy.c - the layout that PyTorch wrote up to 1.5, and still does on request: five pickles
 * (magic number, protocol, the writer's machine, the tensors, the storages' keys), then for each
 * key the number of its elements and the elements.
 *
 * Files of big-endian machines are refused. */
#include "format/torch.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

#define PROTOCOL 1001
/* The elements' count before each storage. */
#define COUNT_SIZE 8

static const uint8_t magic[10] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};

bool ln_torch_legacy_probe(const ln_file *file)
{
    /* PROTO, then from protocol 4 on a frame, then LONG1 and the number. */
    static const size_t places[] = {4, 13};
    bool found = false;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        found = found || (file->size >= places[i] + sizeof magic && file->data[0] == 0x80 &&
                          memcmp(file->data + places[i], magic, sizeof magic) == 0);
    }
    return found;
}

/* One of the small pickles, at *at, which moves behind it. */
static linnet_status read_small(ln_torch *torch, ln_pickle *pickle, const char *origin, size_t *at,
                                ln_pickle_value **root)
{
    *pickle = (ln_pickle){
        .data = torch->file->data + *at,
        .size = torch->file->size - *at,
        .origin = origin,
        .base = *at,
        .budget = &torch->budget,
        .error = torch->error,
    };
    linnet_status status = ln_pickle_load(pickle, root);
    *at += pickle->at;
    return status;
}

/* ---- what stands before the tensors ---- */

static linnet_status check_magic(const ln_pickle *pickle, const ln_pickle_value *value)
{
    bool ours = value->kind == LN_PICKLE_LONG && value->as.text.length == sizeof magic &&
                memcmp(value->as.text.data, magic, sizeof magic) == 0;
    return ours ? LINNET_OK : ln_pickle_expected(pickle, "the magic number of torch.save", value);
}

static linnet_status check_protocol(const ln_pickle *pickle, const ln_pickle_value *value)
{
    bool known = value->kind == LN_PICKLE_INT && value->as.integer == PROTOCOL;
    return known ? LINNET_OK
                 : ln_pickle_expected(pickle, "protocol version 1001 of torch.save", value);
}

static linnet_status check_machine(const ln_pickle *pickle, const ln_pickle_value *value)
{
    const ln_pickle_value *little = ln_pickle_get(value, "little_endian");
    if (little == NULL || little->kind != LN_PICKLE_BOOL) {
        return ln_pickle_expected(pickle, "a dict with the writer's 'little_endian'", value);
    }
    if (little->as.integer == 0) {
        return ln_pickle_fail(pickle, LINNET_ERROR_UNSUPPORTED, value->offset,
                              "expected a file of a little-endian machine, found one of a "
                              "big-endian one; load it with torch.load and save it again");
    }
    return LINNET_OK;
}

static linnet_status read_head(ln_torch *torch, size_t *at)
{
    static const struct {
        const char *origin;
        linnet_status (*check)(const ln_pickle *pickle, const ln_pickle_value *value);
    } parts[] = {
        {"magic number", check_magic}, {"protocol", check_protocol}, {"sys_info", check_machine}};
    linnet_status status = LINNET_OK;
    for (size_t i = 0; status == LINNET_OK && i < sizeof parts / sizeof parts[0]; i++) {
        ln_pickle pickle;
        ln_pickle_value *value;
        status = read_small(torch, &pickle, parts[i].origin, at, &value);
        if (status == LINNET_OK) {
            status = parts[i].check(&pickle, value);
        }
        ln_pickle_free(&pickle);
    }
    return status;
}

/* ---- storages ---- */

/* They lie behind the pickle that asks for them, and are held against the file afterwards. */
static linnet_status find_storage(ln_torch *torch, ln_pickle_text key, ln_torch_storage *storage)
{
    (void)key;
    char quoted[LN_QUOTED];
    if (storage->bytes > torch->file->size) {
        return ln_pickle_fail(&torch->pickle, LINNET_ERROR_FORMAT, torch->pickle.op,
                              "expected at most the %zu bytes of the file in storage %s, found %zu",
                              torch->file->size, ln_quote(key.data, key.length, quoted),
                              storage->bytes);
    }
    return LINNET_OK;
}

static linnet_status read_storage(ln_torch *torch, ln_torch_storage *storage)
{
    void *data;
    linnet_status status = ln_alloc_into(&data, storage->bytes, 1, "a storage", torch->error);
    if (status == LINNET_OK) {
        memcpy(data, torch->file->data + storage->place, storage->bytes);
        storage->data = data;
    }
    return status;
}

/* The storage of a key at *at: its count has to be what the tensors asked for. */
static linnet_status place_storage(ln_torch *torch, const ln_pickle *keys,
                                   const ln_pickle_value *key, size_t *at)
{
    char quoted[LN_QUOTED];
    size_t index = key->kind == LN_PICKLE_TEXT
                       ? ln_names_find(&torch->store->keys, key->as.text.data, key->as.text.length)
                       : LN_NO_NAME;
    if (index == LN_NO_NAME || torch->store->items[index].present) {
        return ln_pickle_expected(keys, "the key of each storage of the tensors once", key);
    }
    ln_torch_storage *storage = &torch->store->items[index];
    ln_quote(key->as.text.data, key->as.text.length, quoted);
    const uint8_t *data = torch->file->data + *at;
    size_t left = torch->file->size - *at;
    size_t bytes = storage->bytes;
    if (left < COUNT_SIZE || left - COUNT_SIZE < bytes) {
        return ln_fail(torch->error, LINNET_ERROR_FORMAT,
                       "byte %zu: expected the count and the %zu bytes of storage %s, found %zu: "
                       "the file is cut short",
                       *at, bytes, quoted, left);
    }
    uint64_t count = 0;
    for (int i = COUNT_SIZE - 1; i >= 0; i--) {
        count = count << 8 | data[i];
    }
    size_t expected = bytes / (storage->element == 0 ? 1 : storage->element);
    if (count != expected) {
        return ln_fail(torch->error, LINNET_ERROR_FORMAT,
                       "byte %zu: expected %zu elements in storage %s, found %llu", *at, expected,
                       quoted, (unsigned long long)count);
    }
    storage->place = *at + COUNT_SIZE;
    storage->present = true;
    *at += COUNT_SIZE + bytes;
    return LINNET_OK;
}

static linnet_status place_storages(ln_torch *torch, const ln_pickle *keys,
                                    const ln_pickle_value *list, size_t *at)
{
    if (list->kind != LN_PICKLE_LIST) {
        return ln_pickle_expected(keys, "a list of the storages' keys", list);
    }
    linnet_status status = LINNET_OK;
    for (ln_pickle_item *item = list->as.items.first; status == LINNET_OK && item != NULL;
         item = item->next) {
        status = place_storage(torch, keys, item->value, at);
    }
    /* Each was found once, so that with as many keys all of them were. */
    if (status == LINNET_OK && list->as.items.count != torch->store->keys.count) {
        status = ln_pickle_fail(keys, LINNET_ERROR_FORMAT, list->offset,
                                "expected the keys of %zu storages, found %zu",
                                torch->store->keys.count, list->as.items.count);
    }
    if (status == LINNET_OK && *at != torch->file->size) {
        status = ln_fail(torch->error, LINNET_ERROR_FORMAT,
                         "byte %zu: expected the file to end behind its storages, found %zu more "
                         "bytes",
                         *at, torch->file->size - *at);
    }
    return status;
}

/* ---- the whole ---- */

linnet_status ln_torch_read_legacy(ln_torch *torch)
{
    size_t at = 0;
    ln_pickle_value *root, *list;
    torch->has_views = true;
    torch->find = find_storage;
    torch->read = read_storage;
    linnet_status status = read_head(torch, &at);
    if (status != LINNET_OK) {
        return status;
    }
    status = ln_torch_unpickle(torch, "pickle", torch->file->data + at, torch->file->size - at, at,
                               &root);
    if (status != LINNET_OK) {
        return status;
    }
    at += torch->pickle.at;
    ln_pickle keys;
    status = read_small(torch, &keys, "keys", &at, &list);
    if (status == LINNET_OK) {
        status = place_storages(torch, &keys, list, &at);
    }
    ln_pickle_free(&keys);
    return status == LINNET_OK ? ln_torch_flatten(torch, root) : status;
}
