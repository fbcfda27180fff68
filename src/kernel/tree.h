/* tree.h - rule 2's balanced tree, built while the leaves come.
 *
 * Works like a binary counter: after leaf i, as many pairs are added as i has trailing ones, so
 * level l holds the sum of 2^l neighbouring leaves. What is left at the end is added from the
 * right. */
#ifndef LN_KERNEL_TREE_H
#define LN_KERNEL_TREE_H

#include <string.h>

#include "kernel/kernel.h"

/* Enough for 2^34 leaves, 2^40 rows. */
#define LN_TREE_LEVELS 36

typedef struct ln_tree {
    const ln_kernels *kernels;
    size_t width;   /* numbers of a leaf */
    ln_real *level; /* LN_TREE_LEVELS * width numbers of scratch */
    size_t depth;   /* levels in use */
    size_t leaves;  /* pushed so far */
} ln_tree;

/* Where the next leaf is to be written. */
static inline ln_real *ln_tree_next(const ln_tree *tree)
{
    return tree->level + tree->depth * tree->width;
}

static inline void ln_tree_merge(ln_tree *tree)
{
    tree->depth--;
    ln_real *right = tree->level + tree->depth * tree->width;
    tree->kernels->add(tree->width, right, right - tree->width);
}

static inline void ln_tree_push(ln_tree *tree)
{
    tree->depth++;
    for (size_t ones = tree->leaves; (ones & 1) != 0; ones >>= 1) {
        ln_tree_merge(tree);
    }
    tree->leaves++;
}

/* The last leaf's place: a leaf may be added to it at once instead of being written behind it ...
 * */
static inline ln_real *ln_tree_last(const ln_tree *tree)
{
    return tree->level + (tree->depth - 1) * tree->width;
}

/* ... where it is the right neighbour, which every second one is. */
static inline void ln_tree_added(ln_tree *tree)
{
    for (size_t ones = tree->leaves >> 1; (ones & 1) != 0; ones >>= 1) {
        ln_tree_merge(tree);
    }
    tree->leaves++;
}

/* The sum of all leaves; zeros where there was none. */
static inline const ln_real *ln_tree_sum(ln_tree *tree)
{
    if (tree->depth == 0) {
        memset(tree->level, 0, tree->width * sizeof *tree->level);
    }
    while (tree->depth > 1) {
        ln_tree_merge(tree);
    }
    return tree->level;
}

#endif
