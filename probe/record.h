/* SPDX-License-Identifier: MIT */
/* An ended flow of the table as a row of the field catalogue, which is what all outputs take. */
#ifndef FLOWVT_RECORD_H
#define FLOWVT_RECORD_H

#include "schema/field.h"
#include "schema/mpls.h"
#include "table.h"

/* Fill *row; fields that the packets did not have are left out (NULL). */
void record_of_flow(struct flow_row *row, const struct flow_ended *ended);

/* Then, where it has one: labels, fragments, and the other header of the tunnel, which is the one inside or not. The row
** has its text in labels. */
void record_of_shell(struct flow_row *row, const struct flow_shell *shell, bool inside,
                     char labels[MPLS_TEXT]);

#endif
