/* SPDX-License-Identifier: MIT */
/*
** Characters of UTF-8, as a terminal shows them. What the text of flows and names holds is anybody's:
** octets that are no UTF-8 are read as U+FFFD.
*/
#ifndef FLOWREPORT_UTF8_H
#define FLOWREPORT_UTF8_H

#include <stdbool.h>
#include <stdint.h>

/* The character at *at, which must not be the end, and *at moved past it. */
uint32_t utf8_next(const char **at);

/* Writes it; returns the octets, at most 4, without an end. */
int utf8_put(uint32_t c, char out[4]);

/* Columns of a text. */
int utf8_columns(const char *text);

/* Can more than ASCII be printed, by the locale that setlocale() has set? */
bool utf8_printable(void);

#endif
