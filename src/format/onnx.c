/* onnx.c - ONNX models of fully connected networks: the file as a message, and the record of the
 * format.
 *
 * Reading gives what a Linnet model file gives: tensors under their modules' names, and in the
 * metadata the model's text, class names and input scaling. The graph has to be one chain of what
 * onnx.def holds; anything else is refused by the node's name. */
#include "format/onnx.h"

#ifdef LN_WITH_ONNX

#include <string.h>

#include "base/checked.h"
#include "base/fpenv.h"
#include "base/memory.h"
#include "tensor/state_dict.h"

#define ALIGNMENT 16
#define CHUNK 65536

/* ---- memory ---- */

typedef struct ln_onnx_chunk {
    struct ln_onnx_chunk *next;
    size_t size, used;
    uint8_t *bytes;
} chunk;

static chunk *new_chunk(ln_onnx_arena *arena, size_t size)
{
    chunk *made = ln_alloc(1, sizeof *made);
    uint8_t *bytes = ln_alloc(size, 1);
    if (made == NULL || bytes == NULL) {
        ln_free(made);
        ln_free(bytes);
        return NULL;
    }
    *made = (chunk){.next = arena->chunks, .size = size, .bytes = bytes};
    arena->chunks = made;
    return made;
}

void *ln_onnx_take(ln_onnx_arena *arena, size_t size)
{
    size_t padded = ln_saturated_add(size, ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    chunk *head = arena->chunks;
    if (padded < size || padded > arena->budget) {
        arena->failed = true;
        return NULL;
    }
    if (head == NULL || head->size - head->used < padded) {
        head = new_chunk(arena, padded > CHUNK ? padded : CHUNK);
    }
    if (head == NULL) {
        arena->failed = true;
        return NULL;
    }
    arena->budget -= padded;
    void *block = head->bytes + head->used;
    head->used += padded;
    return block;
}

void ln_onnx_arena_free(ln_onnx_arena *arena)
{
    while (arena->chunks != NULL) {
        chunk *next = arena->chunks->next;
        ln_free(arena->chunks->bytes);
        ln_free(arena->chunks);
        arena->chunks = next;
    }
}

static void *take_for_message(void *arena, size_t size)
{
    return ln_onnx_take(arena, size);
}

/* Everything goes at once, with the arena. */
static void release_for_message(void *arena, void *block)
{
    (void)arena;
    (void)block;
}

static void release_keeper(void *block)
{
    ln_onnx_keeper *keeper = block;
    for (size_t i = 0; i < keeper->external.names.count; i++) {
        ln_file_close(&keeper->external.files[i]);
    }
    ln_free(keeper->external.files);
    ln_names_free(&keeper->external.names);
    ln_onnx_arena_free(&keeper->arena);
    ln_free(keeper);
}

/* ---- small things ---- */

const char *ln_onnx_text(const char *text)
{
    return text == NULL ? "" : text;
}

bool ln_onnx_is_default_domain(const char *domain)
{
    return domain == NULL || domain[0] == '\0' || strcmp(domain, "ai.onnx") == 0;
}

/* ---- the model ---- */

static linnet_status unpack(ln_onnx *onnx)
{
    ln_onnx_arena *arena = &onnx->keeper->arena;
    ProtobufCAllocator allocator = {take_for_message, release_for_message, arena};
    onnx->model = ln_onnx__model__unpack(&allocator, onnx->file->size, onnx->file->data);
    if (onnx->model == NULL && arena->failed) {
        return ln_fail(onnx->error, LINNET_ERROR_MEMORY,
                       "the model takes more memory than %d bytes for each of the file's",
                       LN_ONNX_RATIO);
    }
    if (onnx->model == NULL) {
        return ln_fail(onnx->error, LINNET_ERROR_FORMAT,
                       "expected an ONNX model, found no well-formed protobuf message");
    }
    onnx->graph = onnx->model->graph;
    if (!onnx->model->has_ir_version || onnx->graph == NULL) {
        return ln_fail(onnx->error, LINNET_ERROR_FORMAT,
                       "expected an ONNX model, found none with %s",
                       onnx->graph == NULL ? "a graph" : "an ir_version");
    }
    return LINNET_OK;
}

static linnet_status read_opset(ln_onnx *onnx)
{
    for (size_t i = 0; i < onnx->model->n_opset_import; i++) {
        const LnOnnx__Opset *opset = onnx->model->opset_import[i];
        if (ln_onnx_is_default_domain(opset->domain)) {
            onnx->opset = opset->version;
        }
    }
    if (onnx->opset < 1) {
        return ln_fail(onnx->error, LINNET_ERROR_FORMAT,
                       "expected opset_import to name a version of the default domain");
    }
    if (onnx->opset > LN_ONNX_NEWEST) {
        return ln_fail(onnx->error, LINNET_ERROR_UNSUPPORTED,
                       "expected opset %d or older, found opset %lld", LN_ONNX_NEWEST,
                       (long long)onnx->opset);
    }
    return LINNET_OK;
}

/* The file's own metadata. What says the model itself is the graph's to say. */
static linnet_status read_metadata(ln_onnx *onnx)
{
    for (size_t i = 0; i < onnx->model->n_metadata_props; i++) {
        const LnOnnx__Entry *entry = onnx->model->metadata_props[i];
        const char *key = ln_onnx_text(entry->key);
        if (strcmp(key, LN_KEY_MODEL) == 0 || strcmp(key, LN_KEY_INPUT) == 0) {
            return ln_fail(onnx->error, LINNET_ERROR_FORMAT,
                           "metadata key '%s': an ONNX file says this in its graph", key);
        }
        linnet_status status = linnet_state_dict_metadata_set(
            onnx->state_dict, key, ln_onnx_text(entry->value), onnx->error);
        if (status != LINNET_OK) {
            return status;
        }
    }
    return LINNET_OK;
}

/* From the graph's output back to its input. */
static linnet_status follow_chain(ln_onnx *onnx, ln_onnx_match *chain, size_t *count)
{
    size_t value = onnx->output;
    *count = 0;
    while (value != onnx->input) {
        ln_onnx_match *match = &chain[(*count)++];
        linnet_status status = ln_onnx_match_value(onnx, value, match);
        if (status != LINNET_OK) {
            return status;
        }
        value = match->x;
    }
    for (size_t i = 0; i < *count / 2; i++) {
        ln_onnx_match last = chain[*count - 1 - i];
        chain[*count - 1 - i] = chain[i];
        chain[i] = last;
    }
    return LINNET_OK;
}

static linnet_status read_model(ln_onnx *onnx)
{
    linnet_status status = unpack(onnx);
    if (status == LINNET_OK) {
        status = read_opset(onnx);
    }
    if (status == LINNET_OK) {
        status = read_metadata(onnx);
    }
    if (status == LINNET_OK) {
        status = ln_onnx_list_values(onnx);
    }
    ln_onnx_match *chain = NULL;
    if (status == LINNET_OK) {
        status = ln_alloc_into(&chain, onnx->graph->n_node, sizeof *chain, "the graph's chain",
                               onnx->error);
    }
    size_t count;
    if (status == LINNET_OK) {
        status = follow_chain(onnx, chain, &count);
    }
    if (status == LINNET_OK) {
        status = ln_onnx_build(onnx, chain, count);
    }
    ln_free(chain);
    return status;
}

static linnet_status read(const ln_file *file, const ln_read_options *options,
                          linnet_state_dict *state_dict, bool *keeps_file, linnet_error *error)
{
    (void)options;
    (void)keeps_file;
    ln_onnx_keeper *keeper;
    linnet_status status = ln_alloc_into(&keeper, 1, sizeof *keeper, "an ONNX model", error);
    if (status != LINNET_OK) {
        return status;
    }
    ln_state_dict_keep(state_dict, keeper, release_keeper);
    ln_onnx onnx = {.file = file, .state_dict = state_dict, .error = error, .keeper = keeper};
    keeper->arena.budget =
        ln_saturated_add(ln_saturated_mul(file->size, LN_ONNX_RATIO), LN_ONNX_BASE);
    ln_fpenv saved = ln_fpenv_enter(); /* constants are converted and scaled */
    status = read_model(&onnx);
    ln_fpenv_leave(saved);
    ln_names_free(&onnx.names);
    ln_free(onnx.values);
    return status;
}

const ln_format ln_format_onnx = {
    .name = "onnx",
    .extension = ".onnx",
    .probe = ln_onnx_probe,
    .read = read,
    .write = ln_onnx_write,
    .check = ln_onnx_check,
    .keeps_metadata = true,
};

#endif
