/* pickling.h - a pickle being written: the other way round of pickle.h.
 *
 * A container is its opening opcodes, what it holds, and its closing one:
 *     dict         "}("  key, value, ...  "u"
 *     OrderedDict  ln_put_ordered_dict, and on as a dict from "(" on
 *     list         "]("  items  "e"
 *     tuple        "("   items  "t"
 *     Counter      ln_put_counter, then a dict of counts, "\x85R"
 * A pickle begins with "\x80\x02" and ends with ".". */
#ifndef LN_FORMAT_PICKLING_H
#define LN_FORMAT_PICKLING_H

#include "format/text.h"
#include "linnet.h"

#define LN_PICKLING_MEMO 128

/* Start with {0}; text.failed tells that there was no memory. Free text.data with ln_free. */
typedef struct ln_pickling {
    ln_text text;
    bool said[LN_PICKLING_MEMO]; /* what is in the memo */
} ln_pickling;

void ln_put_opcodes(ln_pickling *p, const char *codes);
/* The shortest form, as Python's pickler chooses it. */
void ln_put_int(ln_pickling *p, int64_t number);
void ln_put_float(ln_pickling *p, double number);
void ln_put_bool(ln_pickling *p, bool value);
/* UTF-8, shorter than 4 GiB: the caller's to see to. */
void ln_put_text(ln_pickling *p, const char *text);
void ln_put_ordered_dict(ln_pickling *p);
void ln_put_counter(ln_pickling *p);
/* A tensor of contiguous elements that stand in the archive's entry data/INDEX. */
void ln_put_tensor(ln_pickling *p, size_t index, const linnet_tensor *tensor);

/* Writes `path` as torch.save would: an archive of the pickle and of the tensors' elements
 * (torch_write.c). Errors: IO, MEMORY. */
LINNET_NODISCARD linnet_status ln_torch_write_archive(const ln_pickling *p,
                                                      const linnet_state_dict *tensors,
                                                      const char *path, linnet_error *error);

#endif
