/* order.c - in which order an epoch takes the rows of a dataset.
 *
 * The parts of a fold are shuffled as parts of the whole, so that one pass over that can serve the
 * parts of all folds (relay.h). */
#include "base/error.h"
#include "base/memory.h"
#include "data/data.h"
#include "data/dataset.h"
#include "numeric/random.h"

/* Which of 64 rows of the whole a part has, and how many of all rows before them. */
struct ln_members {
    uint64_t bits;
    int64_t before;
};

linnet_status ln_dataset_set_whole(linnet_dataset *part, const linnet_dataset *whole,
                                   const uint8_t *held, bool value, linnet_error *error)
{
    size_t rows = (size_t)whole->rows;
    int64_t count = 0;
    linnet_status status =
        ln_alloc_into(&part->members, rows / 64 + 1, sizeof *part->members, "a fold's rows", error);
    for (size_t row = 0; row < rows && status == LINNET_OK; row++) {
        ln_members *members = &part->members[row / 64];
        if (row % 64 == 0) {
            members->before = count;
        }
        if ((held[row] != 0) == value) {
            members->bits |= UINT64_C(1) << row % 64;
            count++;
        }
    }
    part->whole = whole;
    return status;
}

const linnet_dataset *ln_dataset_whole(const linnet_dataset *dataset)
{
    return dataset->whole != NULL ? dataset->whole : dataset;
}

void ln_dataset_order(const linnet_dataset *dataset, uint64_t seed, uint32_t epoch, size_t block,
                      int64_t *order)
{
    size_t rows = (size_t)ln_dataset_whole(dataset)->rows, kept = 0;
    ln_philox_order(seed, epoch, rows, block, order);
    for (size_t i = 0; i < rows && dataset->members != NULL; i++) {
        const ln_members *members = &dataset->members[order[i] / 64];
        uint64_t bit = UINT64_C(1) << order[i] % 64;
        if ((members->bits & bit) != 0) {
            order[kept++] = members->before + __builtin_popcountll(members->bits & (bit - 1));
        }
    }
}
