/* onednn.c - the contender oneDNN: a primitive a layer with ReLU fused in, weights put beforehand
 * into the order that the primitive asks for. setting=inner_product or setting=matmul. */
#include <dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

typedef struct layer {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arguments[4];
} layer;

static struct {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    size_t layers;
    layer layer[PEER_MAX_SIZES];
} state;

static const char *version(void)
{
    static char text[32];
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, sizeof text, "%d.%d.%d", v->major, v->minor, v->patch);
    return text;
}

static void must(dnnl_status_t status, const char *what)
{
    if (status != dnnl_success) {
        fprintf(stderr, "onednn: %s failed with status %d\n", what, (int)status);
        exit(1);
    }
}

static dnnl_memory_desc_t describe(dnnl_dim_t rows, dnnl_dim_t columns, dnnl_data_type_t type,
                                   dnnl_format_tag_t order)
{
    dnnl_memory_desc_t desc;
    const dnnl_dims_t dims = {rows, columns};
    must(dnnl_memory_desc_init_by_tag(&desc, 2, dims, type, order), "describing memory");
    return desc;
}

static dnnl_memory_t allocate(const dnnl_memory_desc_t *desc, void *data)
{
    dnnl_memory_t memory;
    must(dnnl_memory_create(&memory, desc, state.engine, data), "making memory");
    return memory;
}

/* `data`, float and described by `from`, as a new memory described by `to`. */
static dnnl_memory_t reordered(float *data, const dnnl_memory_desc_t *from,
                               const dnnl_memory_desc_t *to)
{
    dnnl_memory_t source = allocate(from, data), target = allocate(to, DNNL_MEMORY_ALLOCATE);
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t reorder;
    must(dnnl_reorder_primitive_desc_create(&desc, from, state.engine, to, state.engine, NULL),
         "describing a reorder");
    must(dnnl_primitive_create(&reorder, desc), "making a reorder");
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, target}};
    must(dnnl_primitive_execute(reorder, state.stream, 2, arguments), "a reorder");
    must(dnnl_stream_wait(state.stream), "a reorder");
    dnnl_primitive_destroy(reorder);
    dnnl_primitive_desc_destroy(desc);
    dnnl_memory_destroy(source);
    return target;
}

static dnnl_primitive_attr_t relu_behind(void)
{
    dnnl_primitive_attr_t attributes;
    dnnl_post_ops_t ops;
    must(dnnl_primitive_attr_create(&attributes), "making attributes");
    must(dnnl_post_ops_create(&ops), "making post-ops");
    must(dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, 0, 0), "appending ReLU");
    must(dnnl_primitive_attr_set_post_ops(attributes, ops), "setting post-ops");
    dnnl_post_ops_destroy(ops);
    return attributes;
}

/* The weights as they are in memory, and as the primitive takes them; oneDNN's matmul has them (in,
 * out). */
static dnnl_primitive_desc_t describe_layer(const peer_job *job, size_t i, bool matmul,
                                            dnnl_memory_desc_t *weight, const dnnl_memory_desc_t *x,
                                            const dnnl_memory_desc_t *y)
{
    dnnl_dim_t in = (dnnl_dim_t)job->sizes[i], out = (dnnl_dim_t)job->sizes[i + 1];
    dnnl_data_type_t type = x->data_type;
    dnnl_memory_desc_t any = matmul ? describe(in, out, type, dnnl_format_tag_any)
                                    : describe(out, in, type, dnnl_format_tag_any);
    dnnl_memory_desc_t bias = describe(1, out, dnnl_f32, dnnl_ab);
    union {
        dnnl_matmul_desc_t matmul;
        dnnl_inner_product_desc_t inner_product;
    } operation;
    if (matmul) {
        *weight = describe(in, out, dnnl_f32, dnnl_ba);
        must(dnnl_matmul_desc_init(&operation.matmul, x, &any, &bias, y), "describing a matmul");
    } else {
        *weight = describe(out, in, dnnl_f32, dnnl_ab);
        const dnnl_dims_t dims = {out};
        must(dnnl_memory_desc_init_by_tag(&bias, 1, dims, dnnl_f32, dnnl_a), "describing a bias");
        must(dnnl_inner_product_forward_desc_init(&operation.inner_product, dnnl_forward_inference,
                                                  x, &any, &bias, y),
             "describing an inner product");
    }
    dnnl_primitive_attr_t attributes = i + 1 < job->layers ? relu_behind() : NULL;
    dnnl_primitive_desc_t desc;
    must(dnnl_primitive_desc_create(&desc, &operation, attributes, state.engine, NULL),
         "describing a primitive");
    if (attributes != NULL) {
        dnnl_primitive_attr_destroy(attributes);
    }
    return desc;
}

static void open_layer(const peer_job *job, size_t i, bool matmul, dnnl_memory_t x, dnnl_memory_t y)
{
    const dnnl_memory_desc_t *from, *to;
    must(dnnl_memory_get_memory_desc(x, &from), "asking for a description");
    must(dnnl_memory_get_memory_desc(y, &to), "asking for a description");
    dnnl_memory_desc_t plain;
    dnnl_primitive_desc_t desc = describe_layer(job, i, matmul, &plain, from, to);
    layer *made = &state.layer[i];
    must(dnnl_primitive_create(&made->primitive, desc), "making a primitive");
    float *weight = peer_alloc(job->sizes[i] * job->sizes[i + 1], sizeof *weight);
    float *bias = peer_alloc(job->sizes[i + 1], sizeof *bias);
    peer_fill_weight(weight, job, i);
    peer_fill_bias(bias, job, i);
    dnnl_memory_t packed =
        reordered(weight, &plain, dnnl_primitive_desc_query_md(desc, dnnl_query_weights_md, 0));
    free(weight);
    /* Inner product's second weights are its bias; matmul has it as an argument of the same name.
     * */
    dnnl_memory_desc_t row = *dnnl_primitive_desc_query_md(desc, dnnl_query_weights_md, 1);
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, x},
                                         {DNNL_ARG_WEIGHTS, packed},
                                         {DNNL_ARG_BIAS, allocate(&row, bias)},
                                         {DNNL_ARG_DST, y}};
    memcpy(made->arguments, arguments, sizeof arguments);
    dnnl_primitive_desc_destroy(desc);
}

static void forward(void)
{
    for (size_t i = 0; i < state.layers; i++) {
        must(dnnl_primitive_execute(state.layer[i].primitive, state.stream, 4,
                                    state.layer[i].arguments),
             "a layer");
    }
    must(dnnl_stream_wait(state.stream), "a layer");
}

static const char *open(const peer_job *job, double *check)
{
    bool bf16 = strcmp(job->precision, "bf16") == 0, matmul = strcmp(job->setting, "matmul") == 0;
    if (strcmp(job->work, "forward") != 0 || !(bf16 || strcmp(job->precision, "fp32") == 0)) {
        return "only products in fp32 and bf16";
    }
    must(dnnl_engine_create(&state.engine, dnnl_cpu, 0), "making an engine");
    must(dnnl_stream_create(&state.stream, state.engine, dnnl_stream_default_flags),
         "making a stream");
    state.layers = job->layers;
    float *input = peer_alloc(job->batch * job->sizes[0], sizeof *input);
    float *result = peer_alloc(job->batch * job->sizes[job->layers], sizeof *result);
    peer_fill_input(input, job);
    dnnl_dim_t batch = (dnnl_dim_t)job->batch;
    dnnl_memory_desc_t plain = describe(batch, (dnnl_dim_t)job->sizes[0], dnnl_f32, dnnl_ab);
    dnnl_memory_desc_t inner =
        describe(batch, (dnnl_dim_t)job->sizes[0], bf16 ? dnnl_bf16 : dnnl_f32, dnnl_ab);
    /* The input is in the layers' type already, which is not asked of Linnet. */
    dnnl_memory_t x = reordered(input, &plain, &inner);
    for (size_t i = 0; i < job->layers; i++) {
        bool last = i + 1 == job->layers;
        dnnl_memory_desc_t desc = describe(batch, (dnnl_dim_t)job->sizes[i + 1],
                                           bf16 && !last ? dnnl_bf16 : dnnl_f32, dnnl_ab);
        dnnl_memory_t y = allocate(&desc, last ? (void *)result : DNNL_MEMORY_ALLOCATE);
        open_layer(job, i, matmul, x, y);
        x = y;
    }
    forward();
    *check = peer_mean_magnitude(result, job->batch * job->sizes[job->layers]);
    return NULL;
}

static void turn(peer_laps *laps)
{
    peer_repeat(laps, forward);
}

int main(int argc, char **argv)
{
    static const peer onednn = {"oneDNN", version, open, turn};
    return peer_main(argc, argv, &onednn);
}
