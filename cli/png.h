/* png.h - small pictures as PNG inside a page. */
#ifndef CLI_PNG_H
#define CLI_PNG_H

#include "text.h"

/* Appends the picture as a data: URI. `pixels`: (height, width, channels) bytes; 1 channel is grey,
 * 3 are red, green, blue. Width and height are from 1 to CLI_PNG_LARGEST. The bytes are not
 * compressed. */
#define CLI_PNG_LARGEST 4096
void cli_png_uri(cli_text *text, const uint8_t *pixels, size_t width, size_t height,
                 size_t channels);

#endif
