/* propose.c - model text for tensors without an architecture.
 *
 * Tensors are gathered into the modules that they belong to ("1.weight" and "1.bias" into "1"),
 * each module is known by the shapes of its tensors, and the modules have to follow one another:
 * each takes as many features as the one before gives. The text is then written along the tree of
 * names.
 */
#include "propose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The tensors of one module. */
typedef struct group {
    const char *path; /* the module's name, `length` bytes of a tensor's */
    size_t length;
    const linnet_tensor *weight, *bias, *mean;
    const char *stranger; /* a tensor that no module of Linnet has */
    enum {
        KIND_NONE,
        KIND_LINEAR,
        KIND_BATCH_NORM,
        KIND_LAYER_NORM,
        KIND_RMS_NORM,
        KIND_PRELU
    } kind;
    int64_t in, out;
} group;

/* A text being written. */
typedef struct writing {
    size_t base; /* bytes of --prefix and its dot, which all names begin with */
    cli_proposal *proposal;
    bool due; /* a Linear came, and no activation yet */
    bool failed;
    int activations; /* that have been given names */
} writing;

/* Modules among which a tensor's own is looked for. */
#define LOOK_BACK 4096
/* Bytes of a name in a message. */
#define SHOWN 200

void cli_proposal_free(cli_proposal *proposal)
{
    cli_text *const texts[] = {&proposal->model,    &proposal->prefix,  &proposal->activation,
                               &proposal->identity, &proposal->remarks, &proposal->reason};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cli_text_free(texts[i]);
    }
}

/* ---- modules out of tensors ---- */

static bool is_float(const linnet_tensor *tensor)
{
    return strstr(linnet_dtype_name(tensor->dtype), "float") != NULL;
}

static bool is_vector(const linnet_tensor *tensor, int64_t size)
{
    return tensor != NULL && tensor->rank == 1 && tensor->shape[0] == size && is_float(tensor);
}

static void add_tensor(group *g, const char *name, const linnet_tensor *tensor)
{
    const char *last = name + g->length + (g->length > 0);
    if (strcmp(last, "weight") == 0) {
        g->weight = tensor;
    } else if (strcmp(last, "bias") == 0) {
        g->bias = tensor;
    } else if (strcmp(last, "running_mean") == 0) {
        g->mean = tensor;
    } else if (strcmp(last, "running_var") != 0 && strcmp(last, "num_batches_tracked") != 0) {
        g->stranger = name;
    }
}

/* What has these tensors; KIND_NONE where nothing has. */
static void classify(group *g)
{
    const linnet_tensor *w = g->weight;
    g->kind = KIND_NONE;
    if (g->stranger != NULL) {
        return;
    }
    if (g->mean != NULL && g->mean->rank == 1) {
        g->in = g->out = g->mean->shape[0];
        bool affine = is_vector(w, g->in) && is_vector(g->bias, g->in);
        g->kind = affine || (w == NULL && g->bias == NULL) ? KIND_BATCH_NORM : KIND_NONE;
    } else if (w != NULL && w->rank == 2 && is_float(w) && g->mean == NULL) {
        g->in = w->shape[1];
        g->out = w->shape[0];
        g->kind = g->bias == NULL || is_vector(g->bias, g->out) ? KIND_LINEAR : KIND_NONE;
    } else if (w != NULL && w->rank == 1 && is_float(w) && g->mean == NULL) {
        g->in = g->out = w->shape[0];
        g->kind = g->bias == NULL             ? (g->in == 1 ? KIND_PRELU : KIND_RMS_NORM)
                  : is_vector(g->bias, g->in) ? KIND_LAYER_NORM
                                              : KIND_NONE;
    }
}

/* Digits by their number, everything else by its bytes: "fc2" before "fc10". */
static int compare_names(const char *a, size_t a_length, const char *b, size_t b_length)
{
    static const char digits[] = "0123456789";
    size_t i = 0, j = 0;
    while (i < a_length && j < b_length) {
        size_t m = strspn(a + i, digits), n = strspn(b + j, digits);
        m = m < a_length - i ? m : a_length - i;
        n = n < b_length - j ? n : b_length - j;
        if (m > 0 && n > 0 && m != n) {
            return m < n ? -1 : 1;
        }
        if (a[i] != b[j]) {
            return (unsigned char)a[i] < (unsigned char)b[j] ? -1 : 1;
        }
        i++;
        j++;
    }
    return (i < a_length) - (j < b_length);
}

static int compare_groups(const void *left, const void *right)
{
    const group *a = left, *b = right;
    return compare_names(a->path, a->length, b->path, b->length);
}

/* The modules in the order in which they lie in the file; a safetensors file sorts its tensors, so
 * there the order is that of the numbers in the names. NULL without memory. */
static group *gather(const linnet_state_dict *tensors, size_t *count)
{
    size_t total = linnet_state_dict_count(tensors);
    group *groups = calloc(total + 1, sizeof *groups);
    *count = 0;
    for (size_t i = 0; groups != NULL && i < total; i++) {
        const char *name = linnet_state_dict_name(tensors, i);
        const char *dot = strrchr(name, '.');
        size_t length = dot == NULL ? 0 : (size_t)(dot - name), g = *count;
        size_t end = g > LOOK_BACK ? g - LOOK_BACK : 0;
        while (g > end &&
               (groups[g - 1].length != length || memcmp(groups[g - 1].path, name, length) != 0)) {
            g--;
        }
        if (g == end) {
            g = ++*count;
            groups[g - 1].path = name;
            groups[g - 1].length = length;
        }
        add_tensor(&groups[g - 1], name, linnet_state_dict_tensor(tensors, i));
    }
    if (groups != NULL && strcmp(linnet_state_dict_format(tensors), "safetensors") == 0) {
        qsort(groups, *count, sizeof *groups, compare_groups);
    }
    for (size_t i = 0; groups != NULL && i < *count; i++) {
        classify(&groups[i]);
    }
    return groups;
}

/* ---- do they make a chain? ---- */

static int shown(const group *g)
{
    return (int)(g->length < SHOWN ? g->length : SHOWN);
}

static void say_stranger(const group *g, cli_text *reason)
{
    if (g->stranger != NULL) {
        cli_text_add(reason, "'%.200s' is a tensor that no module of linnet has", g->stranger);
    } else {
        cli_text_add(reason,
                     "the tensors of '%.*s' have shapes or dtypes that no module of linnet has",
                     shown(g), g->path);
    }
}

/* Whether each module takes what the one before gives, and one of them is a Linear. */
static bool is_chain(const group *groups, size_t count, cli_text *reason)
{
    bool linear = false;
    for (size_t i = 0; i < count; i++) {
        if (groups[i].kind == KIND_NONE) {
            say_stranger(&groups[i], reason);
            return false;
        }
        /* A PReLU of one weight takes any number. */
        const group *before = i > 0 ? &groups[i - 1] : NULL;
        size_t back = i;
        while (before != NULL && before->kind == KIND_PRELU) {
            back--;
            before = back > 0 ? &groups[back - 1] : NULL;
        }
        if (groups[i].kind != KIND_PRELU && before != NULL && before->out != groups[i].in) {
            cli_text_add(reason, "'%.*s' takes %lld features, and '%.*s' before it gives %lld",
                         shown(&groups[i]), groups[i].path, (long long)groups[i].in, shown(before),
                         before->path, (long long)before->out);
            return false;
        }
        linear = linear || groups[i].kind == KIND_LINEAR;
    }
    if (!linear) {
        cli_text_add(reason, "none of its modules is a Linear");
    }
    return linear;
}

static bool begins(const group *g, const char *path, size_t length)
{
    return g->length >= length && memcmp(g->path, path, length) == 0 &&
           (g->length == length || g->path[length] == '.');
}

/* Modules from `first` on whose names begin so. */
static size_t count_under(const group *groups, size_t first, size_t count, const char *path,
                          size_t length)
{
    size_t end = first;
    while (end < count && begins(&groups[end], path, length)) {
        end++;
    }
    return end - first;
}

/* Bytes of the first `depth` parts of a path; 0 where it has fewer. */
static size_t path_bytes(const group *g, size_t depth)
{
    size_t parts = 0;
    for (size_t i = 0; i <= g->length; i++) {
        if ((i == g->length || g->path[i] == '.') && ++parts == depth) {
            return i;
        }
    }
    return 0;
}

/* The part of the file that makes a chain: of the shortest names, the last. */
static bool find_part(const group *groups, size_t count, size_t *first, size_t *size, size_t *cut)
{
    enum { DEEPEST = 8 };
    bool found = false;
    for (size_t depth = 1; depth <= DEEPEST && !found; depth++) {
        for (size_t i = 0; i < count;) {
            size_t length = path_bytes(&groups[i], depth);
            size_t under = length == 0 ? 0 : count_under(groups, i, count, groups[i].path, length);
            cli_text unsaid = {0};
            if (under > 0 && is_chain(groups + i, under, &unsaid)) {
                found = true;
                *first = i;
                *size = under;
                *cut = length;
            }
            cli_text_free(&unsaid);
            i += under > 0 ? under : 1;
        }
    }
    return found;
}

/* ---- text ---- */

/* Adds a module without tensors to a list: `name` within the module whose children's names begin at
 * `at` of g's path. */
static void add_name(const writing *w, cli_text *list, const group *g, size_t at, const char *name)
{
    size_t length = at > w->base ? at - w->base : 0;
    cli_text_add(list, "%s%.*s%s", list->length > 0 ? ", " : "", (int)length, g->path + w->base,
                 name);
}

static void write_leaf(writing *w, const group *g)
{
    cli_text *text = &w->proposal->model, *remarks = &w->proposal->remarks;
    long long in = g->in, out = g->out;
    switch (g->kind) {
    case KIND_LINEAR:
        cli_text_add(text, "Linear(%lld, %lld%s)", in, out, g->bias == NULL ? ", bias=False" : "");
        w->due = true;
        break;
    case KIND_BATCH_NORM:
        cli_text_add(text, "BatchNorm1d(%lld%s)", in, g->weight == NULL ? ", affine=False" : "");
        break;
    case KIND_LAYER_NORM:
        cli_text_add(text, "LayerNorm(%lld)", in);
        cli_text_add(remarks,
                     "%.*s is taken to be a LayerNorm; a BatchNorm1d without running "
                     "statistics looks the same\n",
                     shown(g), g->path);
        break;
    case KIND_RMS_NORM:
        cli_text_add(text, "RMSNorm(%lld)", in);
        cli_text_add(remarks,
                     "%.*s is taken to be an RMSNorm; LayerNorm(%lld, bias=False) and "
                     "PReLU(%lld) look the same\n",
                     shown(g), g->path, in, in);
        break;
    case KIND_PRELU:
        cli_text_add(text, "PReLU()");
        w->due = false;
        break;
    case KIND_NONE: break;
    }
}

/* The part of the path from `at` to the next dot or the end. */
static size_t part_length(const group *g, size_t at)
{
    size_t end = at;
    while (end < g->length && g->path[end] != '.') {
        end++;
    }
    return end - at;
}

/* A name as it stands in text, or fails: it comes from a file. */
static bool is_plain(const char *name, size_t length)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    return length > 0 && strspn(name, plain) >= length;
}

/* Index of the part, or -1. */
static long part_index(const group *g, size_t at)
{
    size_t length = part_length(g, at);
    bool digits = length > 0 && length <= 4 && strspn(g->path + at, "0123456789") >= length;
    return digits && (length == 1 || g->path[at] != '0') ? strtol(g->path + at, NULL, 10) : -1;
}

/* Modules of the child that begins at `first`: those that share the part of the path at `at`. */
static size_t child_size(const group *groups, size_t first, size_t count, size_t at)
{
    return count_under(groups, first, count, groups[first].path,
                       at + part_length(&groups[first], at));
}

/* Whether children can stand by their numbers: numbers that grow, and never two Linear one right
 * after the other, which have an activation between them that has no number (a ModuleList). */
static bool is_numbered(const group *groups, size_t count, size_t at)
{
    long before = -1;
    bool linear = false;
    for (size_t i = 0; i < count;) {
        size_t size = child_size(groups, i, count, at);
        long index = part_index(&groups[i], at);
        bool leaf = groups[i].length == at + part_length(&groups[i], at);
        bool is_linear = leaf && groups[i].kind == KIND_LINEAR;
        if (index <= before || (index == before + 1 && linear && is_linear)) {
            return false;
        }
        before = index;
        linear = is_linear;
        i += size;
    }
    return true;
}

static void write_module(writing *w, const group *groups, size_t count, size_t at);

/* Sequential(..., ...): numbers that are not in the file are modules without tensors. */
static void write_numbered(writing *w, const group *groups, size_t count, size_t at)
{
    cli_text *text = &w->proposal->model;
    long next = 0;
    cli_text_add(text, "Sequential(");
    for (size_t i = 0; i < count;) {
        size_t size = child_size(groups, i, count, at);
        long index = part_index(&groups[i], at);
        for (; next < index; next++) {
            char number[24];
            snprintf(number, sizeof number, "%ld", next);
            cli_text_add(text, "%s, ", w->due ? "ReLU()" : "Identity()");
            add_name(w, w->due ? &w->proposal->activation : &w->proposal->identity, groups, at,
                     number);
            w->due = false;
        }
        write_module(w, groups + i, size, at + part_length(&groups[i], at));
        next = index + 1;
        i += size;
        cli_text_add(text, "%s", i < count ? ", " : "");
    }
    cli_text_add(text, ")");
}

/* Sequential(OrderedDict([("fc", ...), ...])), with an activation before each Linear but the first.
 * */
static void write_named(writing *w, const group *groups, size_t count, size_t at)
{
    cli_text *text = &w->proposal->model;
    cli_text_add(text, "Sequential(OrderedDict([");
    for (size_t i = 0; i < count;) {
        size_t size = child_size(groups, i, count, at);
        size_t length = part_length(&groups[i], at);
        w->failed = w->failed || !is_plain(groups[i].path + at, length);
        if (w->due && groups[i].kind == KIND_LINEAR) {
            char name[24];
            snprintf(name, sizeof name, "act_%d", ++w->activations);
            cli_text_add(text, "(\"%s\", ReLU()), ", name);
            add_name(w, &w->proposal->activation, groups, at, name);
            w->due = false;
        }
        cli_text_add(text, "(\"%.*s\", ", (int)length, groups[i].path + at);
        write_module(w, groups + i, size, at + length);
        i += size;
        cli_text_add(text, ")%s", i < count ? ", " : "");
    }
    cli_text_add(text, "]))");
}

/* The module whose name ends at `end`. */
static void write_module(writing *w, const group *groups, size_t count, size_t end)
{
    size_t at = end > 0 ? end + 1 : 0;
    if (groups[0].length == end) {
        w->failed = w->failed || count > 1; /* weights of its own and modules within */
        write_leaf(w, &groups[0]);
    } else if (is_numbered(groups, count, at)) {
        write_numbered(w, groups, count, at);
    } else {
        write_named(w, groups, count, at);
    }
}

/* "classifier = " where all names begin so and Python can say it. */
static size_t write_root(writing *w, const group *groups, size_t count)
{
    size_t length = part_length(&groups[0], 0);
    bool named = groups[0].length > 0 && part_index(&groups[0], 0) < 0 &&
                 child_size(groups, 0, count, 0) == count && is_plain(groups[0].path, length) &&
                 memchr(groups[0].path, '-', length) == NULL &&
                 strchr("0123456789", groups[0].path[0]) == NULL;
    if (!named) {
        return 0;
    }
    cli_text_add(&w->proposal->model, "%.*s = ", (int)length, groups[0].path);
    return length;
}

/* The whole is read back, so that nothing is proposed that --model would not take. */
static void check_text(cli_proposal *proposal)
{
    linnet_model *model = NULL;
    linnet_error error;
    if (linnet_model_parse(proposal->model.data, NULL, 0, &model, &error) != LINNET_OK) {
        const char *end = strchr(error.message, '\n');
        int length = end != NULL ? (int)(end - error.message) : (int)strlen(error.message);
        cli_text_add(&proposal->remarks, "this linnet does not run it: %.*s\n", length,
                     error.message);
    }
    linnet_model_free(model);
}

static void propose(const group *groups, size_t count, size_t cut, cli_proposal *proposal)
{
    writing w = {.base = cut > 0 ? cut + 1 : 0, .proposal = proposal};
    cli_text_bytes(&proposal->prefix, groups[0].path, cut);
    size_t end = cut > 0 ? cut : write_root(&w, groups, count);
    write_module(&w, groups, count, end);
    if (w.failed) {
        cli_text_clear(&proposal->model);
        cli_text_add(&proposal->reason, "its names are not those of a Sequential");
    } else if (!proposal->model.failed) {
        check_text(proposal);
    }
}

void cli_propose(const linnet_state_dict *tensors, cli_proposal *proposal)
{
    size_t count, first = 0, size, cut = 0;
    group *groups = gather(tensors, &count);
    proposal->model.failed = groups == NULL;
    for (size_t i = 0; groups != NULL && i < count; i++) {
        proposal->wanted = proposal->wanted || groups[i].weight != NULL;
    }
    if (!proposal->wanted) {
        free(groups);
        return;
    }
    static const char parallel[] = "module"; /* what DataParallel puts before every name */
    size = count;
    bool found = is_chain(groups, count, &proposal->reason);
    if (found && count_under(groups, 0, count, parallel, sizeof parallel - 1) == count) {
        cut = sizeof parallel - 1;
    }
    if (!found && find_part(groups, count, &first, &size, &cut)) {
        cli_text_add(&proposal->remarks, "not all of it is one model: %s\n",
                     proposal->reason.data != NULL ? proposal->reason.data : "");
        cli_text_clear(&proposal->reason);
        found = true;
    }
    if (found) {
        propose(groups + first, size, cut, proposal);
    }
    free(groups);
}
