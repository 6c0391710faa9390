/* SPDX-License-Identifier: MIT */
/*
** A report as one HTML page that asks for nothing else: its styles, its pictures and what moves them are
** in it, and its Content-Security-Policy lets nothing in.
*/
#ifndef FLOWREPORT_PAGE_H
#define FLOWREPORT_PAGE_H

#include <stdio.h>

#include "grid.h"

void page_write(FILE *out, const struct report *report, const struct settings *settings,
                const struct grid *grids, size_t count);

#endif
