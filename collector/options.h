/* SPDX-License-Identifier: MIT */
/*
** Options data: what an exporter says about itself. Sampling rates, names of interfaces and applications, and the
** time of its start are learned; records that say anything but names are kept as they are (told.h).
*/
#ifndef FLOWVT_OPTIONS_H
#define FLOWVT_OPTIONS_H

#include "decode.h"

/* Decode all records of a data set of an options template. Returns their number; *overrun is set
** when one runs over the end. */
uint32_t options_set(struct collector *c, struct exporter *e, const struct template *t,
                     struct cursor set, size_t *overrun);

#endif
