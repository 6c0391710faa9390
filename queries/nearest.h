/* SPDX-License-Identifier: MIT */
#ifndef FLOWREPORT_NEAREST_H
#define FLOWREPORT_NEAREST_H

#include <stddef.h>

/* The name that was probably meant by the one that was written; NULL when none is like it. */
const char *nearest(const char *written, const char *const *names, size_t count);

#endif
