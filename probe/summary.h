/* SPDX-License-Identifier: MIT */
/* What the probe did, printed at its end. */
#ifndef FLOWVT_SUMMARY_H
#define FLOWVT_SUMMARY_H

#include <stdio.h>

#include "input.h"
#include "output.h"

/* One line a subject, "name: numbers". a: NULL when applications were not asked for. */
void summary_print(FILE *f, const struct meter_stats *m, const struct input_stats *in,
                   struct applications *a, const struct output *out);

#endif
