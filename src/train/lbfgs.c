/* lbfgs.c - a step of L-BFGS: direction from the last pairs of steps and gradients, length from lr
 * or from a line search under the strong Wolfe conditions.
 *
 * torch.optim.LBFGS's algorithm and constants. Sums over all parameters are ln_plan_dot's, in
 * double; what is computed element by element is of the model's dtype. So results depend neither on
 * threads nor on kernel sets. */
#include "train/lbfgs.h"

#include <math.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "optim/lbfgs.h"
#include "train/trainer.h"

#define ARRAYS 8 /* beside the pairs */

static linnet_dtype dtype_of(const ln_lbfgs *l)
{
    return l->trainer->model->dtype;
}

static size_t set_bytes(const ln_lbfgs *l)
{
    return ln_saturated_mul(l->trainer->set.size, linnet_dtype_size(dtype_of(l)));
}

/* ---- making it ---- */

static linnet_status take_arrays(ln_lbfgs *l, linnet_error *error)
{
    size_t bytes = set_bytes(l), pairs = l->history + 1;
    size_t sets = ln_saturated_add(ARRAYS, ln_saturated_mul(2, pairs));
    linnet_status status = ln_alloc_into(&l->memory, sets, bytes, "the history of LBFGS", error);
    if (status != LINNET_OK) {
        return status;
    }
    unsigned char *at = l->memory;
    void **arrays[ARRAYS] = {&l->d,        &l->previous, &l->begin,    &l->start,
                             &l->slots[0], &l->slots[1], &l->slots[2], &l->slots[3]};
    for (size_t i = 0; i < ARRAYS; i++, at += bytes) {
        *arrays[i] = at;
    }
    for (size_t i = 0; i < pairs; i++, at += 2 * bytes) {
        l->y[i] = at;
        l->s[i] = at + bytes;
    }
    l->bytes = sizeof *l + sets * bytes;
    return LINNET_OK;
}

linnet_status ln_lbfgs_create(linnet_trainer *trainer, ln_lbfgs **lbfgs, linnet_error *error)
{
    ln_lbfgs *l;
    *lbfgs = NULL;
    linnet_status status = ln_alloc_into(&l, 1, sizeof *l, "LBFGS", error);
    if (status != LINNET_OK) {
        return status;
    }
    l->trainer = trainer;
    l->history = (size_t)ln_optimizer_value(trainer->optimizer, "history_size")->integer;
    l->h_diag = 1;
    ln_value *max_eval = ln_optimizer_value(trainer->optimizer, "max_eval");
    if (max_eval->none) { /* state_dict() has the number that it stands for */
        max_eval->none = false;
        max_eval->integer = ln_optimizer_value(trainer->optimizer, "max_iter")->integer * 5 / 4;
    }
    status = ln_alloc_into(&l->y, l->history + 1, sizeof *l->y, "LBFGS", error);
    if (status == LINNET_OK) {
        status = ln_alloc_into(&l->s, l->history + 1, sizeof *l->s, "LBFGS", error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&l->ro, l->history, sizeof *l->ro, "LBFGS", error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&l->al, l->history, sizeof *l->al, "LBFGS", error);
    }
    if (status == LINNET_OK) {
        status = ln_alloc_into(&l->dots, ln_plan_dot_sums(trainer->plan), sizeof *l->dots, "LBFGS",
                               error);
    }
    if (status == LINNET_OK) {
        status = take_arrays(l, error);
    }
    if (status != LINNET_OK) {
        ln_lbfgs_free(l);
        return status;
    }
    *lbfgs = l;
    return LINNET_OK;
}

void ln_lbfgs_free(ln_lbfgs *lbfgs)
{
    if (lbfgs != NULL) {
        ln_free(lbfgs->memory);
        ln_free(lbfgs->dots);
        ln_free(lbfgs->al);
        ln_free(lbfgs->ro);
        ln_free(lbfgs->s);
        ln_free(lbfgs->y);
        ln_free(lbfgs);
    }
}

/* ---- over all parameters ---- */

static const ln_set_math *math_of(const ln_lbfgs *l)
{
    return ln_set_math_of(dtype_of(l));
}

static double dot(const ln_lbfgs *l, const void *a, const void *b)
{
    double total = 0;
    for (size_t i = 0; i < l->trainer->model->parameter_count; i++) {
        size_t at = ln_set_place(l->trainer, i);
        total += math_of(l)->dot(l->trainer->plan, i, (const unsigned char *)a + at,
                                 (const unsigned char *)b + at, l->dots);
    }
    return total;
}

static double largest(const ln_lbfgs *l, const void *x)
{
    return math_of(l)->largest(l->trainer->set.size, x);
}

/* y = y + a x */
static void add_scaled(const ln_lbfgs *l, double a, const void *x, void *y)
{
    math_of(l)->add_scaled(l->trainer->set.size, a, x, y);
}

/* z = a x */
static void scale(const ln_lbfgs *l, double a, const void *x, void *z)
{
    math_of(l)->scale(l->trainer->set.size, a, x, z);
}

static double rounded(const ln_lbfgs *l, double a)
{
    return math_of(l)->round(a);
}

static void copy(const ln_lbfgs *l, const void *from, void *to)
{
    memcpy(to, from, set_bytes(l));
}

/* The sum of absolute values; `scratch` holds their signs for it. */
static double absolute_sum(const ln_lbfgs *l, const void *x, void *scratch)
{
    math_of(l)->signs(l->trainer->set.size, x, scratch);
    return dot(l, x, scratch);
}

static const void *gradient_of(const ln_lbfgs *l)
{
    return ln_gradients_whole(l->trainer->gradients);
}

static size_t parameter_bytes(const ln_lbfgs *l, size_t parameter)
{
    return l->trainer->set.counts[parameter] * linnet_dtype_size(dtype_of(l));
}

static void copy_parameters(const ln_lbfgs *l, void *to)
{
    for (size_t i = 0; i < l->trainer->model->parameter_count; i++) {
        memcpy((unsigned char *)to + ln_set_place(l->trainer, i), l->trainer->parameters[i],
               parameter_bytes(l, i));
    }
}

static void set_parameters(const ln_lbfgs *l, const void *from)
{
    for (size_t i = 0; i < l->trainer->model->parameter_count; i++) {
        memcpy(l->trainer->parameters[i], (const unsigned char *)from + ln_set_place(l->trainer, i),
               parameter_bytes(l, i));
    }
}

/* parameters = start + t d */
static void move(const ln_lbfgs *l, double t)
{
    set_parameters(l, l->start);
    for (size_t i = 0; i < l->trainer->model->parameter_count; i++) {
        math_of(l)->add_scaled(l->trainer->set.counts[i], t,
                               (const unsigned char *)l->d + ln_set_place(l->trainer, i),
                               l->trainer->parameters[i]);
    }
    ln_plan_weights_changed(l->trainer->plan);
}

/* ---- the line search ---- */

/* A point on the line: loss, gradient, and its slope along d. */
typedef struct point {
    double t, f, slope;
    void *g;
} point;

typedef struct search {
    ln_lbfgs *lbfgs;
    ln_lbfgs_evaluate evaluate;
    void *context;
    point first; /* t = 0 */
    int evaluations;
} search;

/* PyTorch's line search does not know the optimizer's tolerance_change. */
static const double least_decrease = 1e-4, most_slope = 0.9, narrowest = 1e-9;
enum { MOST_EVALUATIONS = 25 };

/* Where the cubic through two points has its least value, within bounds. */
static double interpolate(const point *a, const point *b, double low, double high)
{
    double d1 = a->slope + b->slope - 3 * (a->f - b->f) / (a->t - b->t);
    double square = d1 * d1 - a->slope * b->slope;
    if (!(square >= 0)) {
        return (low + high) / 2;
    }
    const point *left = a->t <= b->t ? a : b, *right = left == a ? b : a;
    double d2 = sqrt(square);
    double least = right->t - (right->t - left->t) * ((right->slope + d2 - d1) /
                                                      (right->slope - left->slope + 2 * d2));
    return fmin(fmax(least, low), high);
}

/* A gradient's slot that neither of two points holds, nor the first. */
static void *free_slot(const search *s, const point *a, const point *b)
{
    for (size_t i = 1; i < 4; i++) {
        void *slot = s->lbfgs->slots[i];
        if (slot != a->g && slot != b->g) {
            return slot;
        }
    }
    return NULL; /* there are three */
}

/* Evaluates the point at t, while a and b stay. */
static linnet_status look(search *s, double t, const point *a, const point *b, point *found,
                          linnet_error *error)
{
    ln_lbfgs *l = s->lbfgs;
    void *slot = free_slot(s, a, b);
    move(l, t);
    *found = (point){.t = t, .g = slot};
    linnet_status status = s->evaluate(s->context, &found->f, error);
    if (status == LINNET_OK) {
        copy(l, gradient_of(l), slot);
        found->slope = dot(l, slot, l->d);
        s->evaluations++;
    }
    return status;
}

static bool too_high(const search *s, const point *p)
{
    return p->f > s->first.f + least_decrease * p->t * s->first.slope;
}

static bool flat_enough(const search *s, const point *p)
{
    return fabs(p->slope) <= -most_slope * s->first.slope;
}

/* Two points with one that fulfils the conditions between them, or one that does (done). */
static linnet_status bracket(search *s, double t, point ends[2], bool *done, linnet_error *error)
{
    point before = s->first, now;
    linnet_status status = look(s, t, &before, &before, &now, error);
    for (int i = 0; status == LINNET_OK; i++) {
        if (i == MOST_EVALUATIONS) {
            ends[0] = s->first;
            ends[1] = now;
            return LINNET_OK;
        }
        bool high = too_high(s, &now) || (i > 1 && now.f >= before.f);
        *done = !high && flat_enough(s, &now);
        if (high || *done || now.slope >= 0) {
            ends[0] = *done ? now : before;
            ends[1] = now;
            return LINNET_OK;
        }
        double next = interpolate(&before, &now, now.t + 0.01 * (now.t - before.t), now.t * 10);
        before = now;
        status = look(s, next, &before, &before, &now, error);
    }
    return status;
}

/* A new place between the ends, not too near to either. */
static double choose(const point ends[2], bool *near)
{
    double low = fmin(ends[0].t, ends[1].t), high = fmax(ends[0].t, ends[1].t);
    double t = interpolate(&ends[0], &ends[1], low, high), margin = 0.1 * (high - low);
    if (fmin(high - t, t - low) >= margin) {
        *near = false;
    } else if (*near || t >= high || t <= low) {
        t = fabs(t - high) < fabs(t - low) ? high - margin : low + margin;
        *near = false;
    } else {
        *near = true;
    }
    return t;
}

/* Narrows the bracket until a point fulfils the conditions; ends[low] is the result. */
static linnet_status zoom(search *s, point ends[2], size_t *low, linnet_error *error)
{
    bool near = false, done = false;
    double widest = largest(s->lbfgs, s->lbfgs->d);
    *low = ends[0].f <= ends[1].f ? 0u : 1u;
    while (!done && s->evaluations <= MOST_EVALUATIONS &&
           fabs(ends[1].t - ends[0].t) * widest >= narrowest) {
        point now;
        linnet_status status = look(s, choose(ends, &near), &ends[0], &ends[1], &now, error);
        if (status != LINNET_OK) {
            return status;
        }
        size_t high = 1 - *low;
        if (too_high(s, &now) || now.f >= ends[*low].f) {
            ends[high] = now;
            *low = ends[0].f <= ends[1].f ? 0u : 1u;
            continue;
        }
        done = flat_enough(s, &now);
        if (!done && now.slope * (ends[high].t - ends[*low].t) >= 0) {
            ends[high] = ends[*low];
        }
        ends[*low] = now;
    }
    return LINNET_OK;
}

/* Moves along d; *loss and the gradient in slot 0 become those of the place that is found. */
static linnet_status search_line(search *s, double *t, double *loss, linnet_error *error)
{
    ln_lbfgs *l = s->lbfgs;
    point ends[2];
    size_t low = 0;
    bool done = false;
    linnet_status status = bracket(s, *t, ends, &done, error);
    if (status == LINNET_OK && !done) {
        status = zoom(s, ends, &low, error);
    }
    if (status == LINNET_OK) {
        *t = ends[low].t;
        *loss = ends[low].f;
        move(l, *t);
        if (ends[low].g != l->slots[0]) {
            copy(l, ends[low].g, l->slots[0]);
        }
    }
    return status;
}

/* ---- a step ---- */

/* Takes the last move into the history, where the loss curves upwards along it. */
static void remember(ln_lbfgs *l, const void *g)
{
    void *y = l->y[l->count], *s = l->s[l->count];
    copy(l, g, y);
    add_scaled(l, -1, l->previous, y);
    scale(l, l->t, l->d, s);
    double ys = dot(l, y, s);
    if (!(ys > 1e-10)) {
        return;
    }
    l->h_diag = rounded(l, ys / dot(l, y, y));
    if (l->count < l->history) {
        l->ro[l->count++] = rounded(l, 1 / ys);
        return;
    }
    void *oldest_y = l->y[0], *oldest_s = l->s[0];
    memmove(l->y, l->y + 1, l->history * sizeof *l->y);
    memmove(l->s, l->s + 1, l->history * sizeof *l->s);
    memmove(l->ro, l->ro + 1, (l->history - 1) * sizeof *l->ro);
    l->y[l->history] = oldest_y;
    l->s[l->history] = oldest_s;
    l->ro[l->history - 1] = rounded(l, 1 / ys);
}

/* d = -H g, H the inverse of the Hessian as the history tells it. */
static void find_direction(ln_lbfgs *l, const void *g)
{
    scale(l, -1, g, l->d);
    for (size_t i = l->count; i-- > 0;) {
        l->al[i] = rounded(l, dot(l, l->s[i], l->d) * l->ro[i]);
        add_scaled(l, -l->al[i], l->y[i], l->d);
    }
    scale(l, l->h_diag, l->d, l->d);
    for (size_t i = 0; i < l->count; i++) {
        double be = rounded(l, dot(l, l->y[i], l->d) * l->ro[i]);
        add_scaled(l, l->al[i] - be, l->s[i], l->d);
    }
}

typedef struct options {
    double lr, tolerance_grad, tolerance_change;
    int64_t max_iter, max_eval;
    bool wolfe;
} options;

static options options_of(const ln_lbfgs *l)
{
    ln_optimizer *o = l->trainer->optimizer;
    return (options){.lr = ln_optimizer_value(o, "lr")->number[0],
                     .tolerance_grad = ln_optimizer_value(o, "tolerance_grad")->number[0],
                     .tolerance_change = ln_optimizer_value(o, "tolerance_change")->number[0],
                     .max_iter = ln_optimizer_value(o, "max_iter")->integer,
                     .max_eval = ln_optimizer_value(o, "max_eval")->integer,
                     .wolfe = ln_optimizer_value(o, "line_search_fn")->integer == 1};
}

/* One iteration from loss and gradient where the parameters are; the gradient is in slot 0. *more:
 * another one may follow. */
static linnet_status iterate(search *s, const options *o, bool last, double *loss, bool *more,
                             linnet_error *error)
{
    ln_lbfgs *l = s->lbfgs;
    void *g = l->slots[0];
    linnet_status status = LINNET_OK;
    bool first = ++l->n_iter == 1;
    if (first) {
        scale(l, -1, g, l->d);
        l->count = 0;
        l->h_diag = 1;
    } else {
        remember(l, g);
        find_direction(l, g);
    }
    copy(l, g, l->previous);
    l->prev_loss = *loss;
    l->t = first ? fmin(1, 1 / absolute_sum(l, g, l->slots[1])) * o->lr : o->lr;
    s->first = (point){.f = *loss, .slope = dot(l, g, l->d), .g = g};
    *more = s->first.slope <= -o->tolerance_change;
    if (!*more) {
        return LINNET_OK;
    }
    s->evaluations = 0;
    copy_parameters(l, l->start);
    if (o->wolfe) {
        status = search_line(s, &l->t, loss, error);
    } else {
        move(l, l->t);
        if (!last) {
            status = s->evaluate(s->context, loss, error);
            copy(l, gradient_of(l), g);
            s->evaluations = 1;
        }
    }
    l->func_evals += s->evaluations;
    *more = largest(l, g) > o->tolerance_grad &&
            largest(l, l->d) * fabs(l->t) > o->tolerance_change &&
            fabs(*loss - l->prev_loss) >= o->tolerance_change;
    return status;
}

linnet_status ln_lbfgs_step(ln_lbfgs *lbfgs, ln_lbfgs_evaluate evaluate, void *context,
                            linnet_error *error)
{
    search s = {.lbfgs = lbfgs, .evaluate = evaluate, .context = context};
    options o = options_of(lbfgs);
    double loss;
    copy_parameters(lbfgs, lbfgs->begin);
    linnet_status status = evaluate(context, &loss, error);
    if (status != LINNET_OK || isnan(loss)) {
        return status;
    }
    lbfgs->func_evals++;
    copy(lbfgs, gradient_of(lbfgs), lbfgs->slots[0]);
    bool more = largest(lbfgs, lbfgs->slots[0]) > o.tolerance_grad;
    int64_t evaluations = 1;
    for (int64_t i = 1; more && status == LINNET_OK && i <= o.max_iter; i++) {
        status = iterate(&s, &o, i == o.max_iter, &loss, &more, error);
        evaluations += s.evaluations;
        more = more && evaluations < o.max_eval;
    }
    if (status != LINNET_OK) {
        set_parameters(lbfgs, lbfgs->begin);
        ln_plan_weights_changed(lbfgs->trainer->plan);
    }
    return status;
}
