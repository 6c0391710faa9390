/* SPDX-License-Identifier: MIT */
#ifndef FLOWREPORT_SHOWN_H
#define FLOWREPORT_SHOWN_H

/* The text as it may be written to a terminal, to free: control characters, which would drive it, are
** U+2400 and on, those that turn the direction of writing U+FFFD. */
char *shown(const char *text);

#endif
