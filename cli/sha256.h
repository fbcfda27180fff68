/* sha256.h - SHA-256 (FIPS 180-4) of bytes that come piece by piece. */
#ifndef CLI_SHA256_H
#define CLI_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct cli_sha256 {
    uint32_t state[8];
    uint64_t size;
    uint8_t block[64]; /* the last size % 64 bytes */
} cli_sha256;

void cli_sha256_begin(cli_sha256 *hash);
void cli_sha256_add(cli_sha256 *hash, const void *data, size_t size);
/* The digest of all that was added as 64 hexadecimal digits. Returns text. */
char *cli_sha256_end(cli_sha256 *hash, char text[65]);

#endif
