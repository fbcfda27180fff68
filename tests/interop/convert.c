/* convert.c - `convert IN OUT`: reads a file of tensors and writes it as what OUT's ending says.
 *
 * For the checks against other programs; a single state_dict goes through the library and nothing
 * else is done to it. */
#include <stdio.h>

#include "linnet.h"

int main(int argc, char **argv)
{
    linnet_state_dict *state_dict;
    linnet_error error;
    if (argc != 3) {
        fprintf(stderr, "usage: convert IN OUT\n");
        return 2;
    }
    linnet_status status = linnet_state_dict_load(argv[1], &state_dict, &error);
    if (status == LINNET_OK) {
        status = linnet_state_dict_save(state_dict, argv[2], &error);
        linnet_state_dict_free(state_dict);
    }
    if (status != LINNET_OK) {
        fprintf(stderr, "convert: %s: %s\n", error.place, error.message);
        return 1;
    }
    return 0;
}
