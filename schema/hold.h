/* SPDX-License-Identifier: MIT */
/*
** Keeping the files of a store where they are. A reader holds the store from before it lists the
** files until it is done with them; whoever takes away a file that a reader may have listed, or puts
** one with more rows in its place, has the store to itself meanwhile. Both are an flock() of the
** store's directory, which ends with the process that has it. Making new files, and closing them
** under their names, needs no hold.
*/
#ifndef FLOWVT_HOLD_H
#define FLOWVT_HOLD_H

#include <stdbool.h>

/* Hold the store that path, its directory or anything in it, belongs to. Returns a descriptor to be
** closed, or -1: the directory cannot be opened, which whoever lists it will be told. Where locks
** are not to be had, or somebody keeps the store for longer than any removal takes, reading goes on
** without one. */
int hold_shared(const char *path);

/* Have the store at dir alone, waiting for up to ms. A descriptor to be closed, or -1: it is being
** read all the time, or cannot be opened (errno). */
int hold_alone(const char *dir, int ms);

/* flock(fd, how), asked for every ms for so long; false when another has it all the time. True also
** where there are no locks. */
bool lock_within(int fd, int how, int ms);

/* Lock the directory of a day's file (layout_day()), path, against others that would open a file in it for more
** rows, or merge them, and wait for them. A descriptor to be closed, or -1: there are no locks. */
int hold_day(const char *path);

#endif
