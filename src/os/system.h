/* system.h - what a system call's failure is called. */
#ifndef LN_OS_SYSTEM_H
#define LN_OS_SYSTEM_H

#include "linnet.h"

/* IO: "cannot open: No such file or directory" for an errno, with the file as place. */
LINNET_NODISCARD linnet_status ln_fail_system(linnet_error *error, const char *path,
                                              const char *what, int number);
/* ln_fail_memory with the file as place. */
LINNET_NODISCARD linnet_status ln_fail_memory_at(linnet_error *error, const char *path, size_t size,
                                                 const char *what);

#endif
