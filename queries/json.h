/* SPDX-License-Identifier: MIT */
#ifndef FLOWREPORT_JSON_H
#define FLOWREPORT_JSON_H

#include <stdio.h>

/* A string, with its quotes; NULL is null. It may stand in a script of an HTML page, too. */
void json_text(FILE *out, const char *text);

#endif
