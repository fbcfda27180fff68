/* sha256.h - SHA-256 (FIPS 180-4), for comparing large results with a recorded digest. */
#ifndef LN_TESTS_SHA256_H
#define LN_TESTS_SHA256_H

#include <stddef.h>

/* The digest of `size` bytes as 64 hexadecimal digits. Returns text. */
char *sha256_text(const void *data, size_t size, char text[65]);

#endif
