/* openblas.c - the contender OpenBLAS: what one writes around its sgemm by hand, a bias copied into
 * the result before the product and a pass of ReLU behind it. */
#include <cblas.h>
#include <string.h>

#include "peer.h"

static struct {
    peer_job job;
    float *weight[PEER_MAX_SIZES], *bias[PEER_MAX_SIZES];
    float *value[PEER_MAX_SIZES]; /* the input, and what each layer gives */
} state;

static const char *version(void)
{
    static char text[256];
    /* "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ...": the second word. */
    strncpy(text, openblas_get_config(), sizeof text - 1);
    strtok(text, " ");
    const char *second = strtok(NULL, " ");
    return second != NULL ? second : "";
}

static void relu(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = x[i] < 0 ? 0 : x[i];
    }
}

static void layer(size_t i)
{
    size_t batch = state.job.batch, in = state.job.sizes[i], out = state.job.sizes[i + 1];
    const float *x = state.value[i];
    float *y = state.value[i + 1];
    for (size_t row = 0; row < batch; row++) {
        memcpy(y + row * out, state.bias[i], out * sizeof *y);
    }
    blasint width = (blasint)in, height = (blasint)out;
    if (batch == 1) {
        cblas_sgemv(CblasRowMajor, CblasNoTrans, height, width, 1, state.weight[i], width, x, 1, 1,
                    y, 1);
    } else {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)batch, height, width, 1, x,
                    width, state.weight[i], width, 1, y, height);
    }
    if (i + 1 < state.job.layers) {
        relu(y, batch * out);
    }
}

static void forward(void)
{
    for (size_t i = 0; i < state.job.layers; i++) {
        layer(i);
    }
}

static const char *open(const peer_job *job, double *check)
{
    if (strcmp(job->work, "forward") != 0 || strcmp(job->precision, "fp32") != 0) {
        return "only fp32 products";
    }
    state.job = *job;
    openblas_set_num_threads((int)job->threads);
    for (size_t i = 0; i <= job->layers; i++) {
        state.value[i] = peer_alloc(job->batch * job->sizes[i], sizeof(float));
    }
    for (size_t i = 0; i < job->layers; i++) {
        state.weight[i] = peer_alloc(job->sizes[i] * job->sizes[i + 1], sizeof(float));
        state.bias[i] = peer_alloc(job->sizes[i + 1], sizeof(float));
        peer_fill_weight(state.weight[i], job, i);
        peer_fill_bias(state.bias[i], job, i);
    }
    peer_fill_input(state.value[0], job);
    forward();
    *check = peer_mean_magnitude(state.value[job->layers], job->batch * job->sizes[job->layers]);
    return NULL;
}

static void turn(peer_laps *laps)
{
    peer_repeat(laps, forward);
}

int main(int argc, char **argv)
{
    static const peer openblas = {"OpenBLAS", version, open, turn};
    return peer_main(argc, argv, &openblas);
}
