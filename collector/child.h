/* SPDX-License-Identifier: MIT */
/*
** Starting other programs.
*/
#ifndef FLOWVT_CHILD_H
#define FLOWVT_CHILD_H

#include <sys/types.h>

/* Start the program argv[0], looked for in PATH, with those arguments: no shell, no standard input,
** signals as a program expects them. Returns its process id, to be waited for, or a negative errno. */
pid_t child_start(char *const *argv);

#endif
