/* classify.c - the smallest whole program: load a model, classify one row.
 *
 *     cc classify.c $(pkg-config --cflags --libs linnet) -o classify
 *     ./classify flowers.safetensors 5.1 3.5 1.4 0.2
 */
#include <linnet.h>

#include <stdio.h>
#include <stdlib.h>

#define MOST 4096 /* features and classes that this program has room for */

int main(int argc, char **argv)
{
    static float x[MOST], y[MOST];
    linnet_error error = {.place = ""};
    linnet_model *model = NULL;
    linnet_plan *plan = NULL;
    linnet_plan_options options = {.max_batch = 1, .probabilities = true};

    if (argc < 2) {
        fprintf(stderr, "usage: classify MODEL NUMBER...\n");
        return 2;
    }
    bool done = linnet_model_load(argv[1], &model, &error) == LINNET_OK &&
                linnet_plan_create(model, &options, &plan, &error) == LINNET_OK;
    size_t in = done ? linnet_plan_input_features(plan) : 0;
    size_t out = done ? linnet_plan_output_features(plan) : 0;
    if (done && (in > MOST || out > MOST || (size_t)argc - 2 != in)) {
        snprintf(error.message, sizeof error.message, "expected %zu numbers, found %d", in,
                 argc - 2);
        done = false;
    }
    for (size_t i = 0; done && i < in; i++) {
        char *end;
        x[i] = strtof(argv[2 + i], &end);
        if (end == argv[2 + i] || *end != '\0') {
            snprintf(error.message, sizeof error.message, "expected a number, found '%.99s'",
                     argv[2 + i]);
            done = false;
        }
    }
    done = done && linnet_plan_run(plan, x, 1, y, &error) == LINNET_OK;
    if (done) {
        size_t best = 0;
        for (size_t c = 1; c < out; c++) {
            best = y[c] > y[best] ? c : best;
        }
        const char *name = linnet_model_class(model, best); /* NULL: the model has no names */
        printf("class %zu (%s), probability %.4f\n", best, name ? name : "-", (double)y[best]);
    } else {
        fprintf(stderr, "classify: %s%s%s\n", error.place, error.place[0] != '\0' ? ": " : "",
                error.message);
    }
    linnet_plan_free(plan);
    linnet_model_free(model);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
