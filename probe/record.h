/* SPDX-License-Identifier: MIT */
/* An ended flow of the table as a row of the field catalogue, which is what all outputs take. */
#ifndef FLOWVT_RECORD_H
#define FLOWVT_RECORD_H

#include "schema/field.h"
#include "table.h"

/* Fill *row; fields that the packets did not have are left out (NULL). */
void record_of_flow(struct flow_row *row, const struct flow_ended *ended);

#endif
