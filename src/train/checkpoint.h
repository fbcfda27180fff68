/* checkpoint.h - what writing and reading a checkpoint share.
 *
 * The file is what a PyTorch script saves as {'epoch': ..., 'model_state_dict': ...,
 * 'optimizer_state_dict': ..., 'scheduler_state_dict': ..., 'rng_state': ...}, with one key more,
 * 'linnet_run': the options and the data of the run as texts, and the caller's notes. */
#ifndef LN_TRAIN_CHECKPOINT_H
#define LN_TRAIN_CHECKPOINT_H

#include "format/text.h"
#include "train/trainer.h"

/* The run's options and data as text metadata: what has to be the same in a run that goes on. Some
 * that follow from others are left out. The caller owns it. Errors: MEMORY. */
LINNET_NODISCARD linnet_status ln_checkpoint_identity(const linnet_trainer *trainer,
                                                      linnet_state_dict **identity,
                                                      linnet_error *error);

/* ---- reading ---- */

/* The key of Linnet's own: not "linnet", under which model files have theirs. Under it, the place
 * in the epoch in hand. */
#define LN_CHECKPOINT_OWN "linnet_run"
#define LN_CHECKPOINT_AVERAGE "averaged_model_state_dict"
#define LN_CHECKPOINT_POSITION "position"

/* Bytes of an entry's name. */
#define LN_CHECKPOINT_NAME 1200

/* A file being read into a trainer. */
typedef struct ln_checkpoint_reading {
    linnet_trainer *trainer;
    linnet_state_dict *file;
    const char *path;
    ln_text differences;
    size_t difference_count;
    bool force; /* go on in spite of them */
    bool other_optimizer, other_schedule, other_rng, other_order;
    linnet_error *error;
    /* What is read, to be taken over at the end. */
    int64_t epoch;
    ln_epoch_position position;
    uint64_t steps;
    float product;
    void **states; /* of each parameter, one after the other; NULL: none in the file */
    size_t state_count;
    ln_torch_generator generator;
    ln_lbfgs *lbfgs;         /* NULL: another optimizer's */
    linnet_tensor *averages; /* of each entry of the state_dict; NULL: none in the file */
    int64_t averaged;
} ln_checkpoint_reading;

/* Whether a name is `key`, or stands under it. */
bool ln_checkpoint_begins(const char *name, const char *key);
/* The first of these keys that anything stands under; NULL: none. `keys` ends with NULL. */
const char *ln_checkpoint_find(const ln_checkpoint_reading *r, const char *const *keys);
/* The text "prefix.key"; NULL: none. */
const char *ln_checkpoint_text(const ln_checkpoint_reading *r, const char *prefix, const char *key);
/* FORMAT: "name: expected WHAT, found ...". */
LINNET_NODISCARD linnet_status ln_checkpoint_fail(const ln_checkpoint_reading *r, const char *name,
                                                  const char *expected, const char *found);

/* Numbers as Python prints them; false where the text is none. */
bool ln_checkpoint_number(const char *text, double *number);
bool ln_checkpoint_pair(const char *text, double numbers[2]);

/* Adds to the differences: "KEY there, here HERE"; where the values are long, or NULL, "other KEY".
 * */
void ln_checkpoint_differ(ln_checkpoint_reading *r, const char *key, const char *there,
                          const char *here);
void ln_checkpoint_differ_number(ln_checkpoint_reading *r, const char *key, const char *there,
                                 double here);
/* The same where the text is not the value's. */
void ln_checkpoint_compare(ln_checkpoint_reading *r, const ln_parameter *parameter,
                           const ln_value *value, const char *there);

/* A tensor of the file with shape and dtype of another; the caller owns it. A number that is a
 * tensor, or in files of older PyTorch Python's. Errors: FORMAT, MEMORY. */
LINNET_NODISCARD linnet_status ln_checkpoint_tensor(const ln_checkpoint_reading *r,
                                                    const char *name, const linnet_tensor *like,
                                                    linnet_tensor *tensor);
LINNET_NODISCARD linnet_status ln_checkpoint_scalar(const ln_checkpoint_reading *r,
                                                    const char *name, double *number);

/* A set of parameters as one vector, each parameter as PyTorch lays it out; the caller owns it. */
LINNET_NODISCARD linnet_status ln_checkpoint_flat(const linnet_trainer *trainer, const void *set,
                                                  linnet_tensor *flat, linnet_error *error);

/* Check and compare, and read aside what is not there already. Errors: FORMAT, MEMORY. */
LINNET_NODISCARD linnet_status ln_checkpoint_read_optimizer(ln_checkpoint_reading *r);
LINNET_NODISCARD linnet_status ln_checkpoint_read_schedule(ln_checkpoint_reading *r);
/* The optimizer's, where it is LBFGS; `prefix`: its key. */
LINNET_NODISCARD linnet_status ln_checkpoint_read_lbfgs(ln_checkpoint_reading *r,
                                                        const char *prefix);
LINNET_NODISCARD linnet_status ln_checkpoint_read_average(ln_checkpoint_reading *r);
/* Take over what has been read. */
void ln_checkpoint_take_optimizer(ln_checkpoint_reading *r);
void ln_checkpoint_take_schedule(ln_checkpoint_reading *r);
void ln_checkpoint_take_average(ln_checkpoint_reading *r);
void ln_checkpoint_free_average(ln_checkpoint_reading *r);

#endif
