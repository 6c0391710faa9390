/* SPDX-License-Identifier: MIT */
/*
** Configuration files: lines of `name = value`. What the names mean is the caller's business.
*/
#ifndef FLOWVT_CONFIG_H
#define FLOWVT_CONFIG_H

#include <stdbool.h>

/* Call take for each line of the file at path, until it returns false. Blanks around name and value
** are gone, blank lines and those that begin with # are left out. Returns the text that names and
** values point into, to be freed; NULL when take returned false, or when the file cannot be read or
** a line is no `name = value`, which is said on stderr. */
char *config_read(const char *path,
                  bool (*take)(void *arg, unsigned line, const char *name, const char *value),
                  void *arg);

#endif
