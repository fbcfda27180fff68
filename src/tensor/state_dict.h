/* state_dict.h - building a state_dict inside the library.
 *
 * linnet.h holds what everybody may do; this is for the readers of src/format, which make tensors
 * that are views of a mapped file. */
#ifndef LN_TENSOR_STATE_DICT_H
#define LN_TENSOR_STATE_DICT_H

#include "linnet.h"

/* Appends `tensor` as it is: a view stays a view, an owning tensor's storage is taken on success
 * (and the caller's struct is then a view). Names are unique: an existing one is an error of
 * FORMAT. */
LINNET_NODISCARD linnet_status ln_state_dict_take(linnet_state_dict *state_dict, const char *name,
                                                  linnet_tensor *tensor, linnet_error *error);

/* Something that must live as long as the views do (a mapped file): `release(keeper)` is called
 * when the state_dict is freed. At most one. */
void ln_state_dict_keep(linnet_state_dict *state_dict, void *keeper, void (*release)(void *keeper));

/* Takes no copy: `format` is a string with static lifetime. */
void ln_state_dict_set_format(linnet_state_dict *state_dict, const char *format);

/* Writes the elements of a tensor of any dtype and strides to `out`, contiguous and row-major. */
void ln_tensor_gather(const linnet_tensor *tensor, void *out);

#endif
