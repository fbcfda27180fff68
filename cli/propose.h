/* propose.h - model text for tensors without an architecture.
 *
 * Names and shapes tell Linear layers, norms and their order; what they cannot tell (activations,
 * dropout) is filled in and said. */
#ifndef CLI_PROPOSE_H
#define CLI_PROPOSE_H

#include "text.h"

#include "linnet.h"

/* Starts as zeros; free with cli_proposal_free. Texts are empty (data NULL) where there is nothing
 * to say. */
typedef struct cli_proposal {
    bool wanted;         /* the file holds weights: either `model` or `reason` is there */
    cli_text model;      /* fits --model */
    cli_text prefix;     /* fits --prefix: the model is for this part; empty: for the whole file */
    cli_text activation; /* names of the modules that were taken to be ReLU(): "2, 5" */
    cli_text identity;   /* and Identity() */
    cli_text remarks;    /* what else could be: lines, each with its line end */
    cli_text reason;     /* why there is no model */
} cli_proposal;

void cli_propose(const linnet_state_dict *tensors, cli_proposal *proposal);
void cli_proposal_free(cli_proposal *proposal);

#endif
