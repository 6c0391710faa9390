/* SPDX-License-Identifier: MIT */
/*
** The command that is run for each file that is complete: one after the other, in order, by a thread
** of its own, so that nothing waits for it.
*/
#ifndef FLOWVT_HOOK_H
#define FLOWVT_HOOK_H

#include <stdbool.h>
#include <stddef.h>

/* Can text be run? Words are separated by blanks; '...' and "..." keep blanks in one. In a word,
** %d is the store's directory, %f the file's path below it, %t the begin of its interval as in its
** name (YYYYMMDDhhmm, UTC), %u the same in seconds since 1970, %% a percent sign. False with one
** sentence in message. */
bool hook_check(const char *text, char *message, size_t size);

/* text NULL: none for now. store must stay. NULL with a line on the log: no memory or no thread. */
struct hook;
struct hook *hook_new(const char *text, const char *store);

/* Another command, or none, for files from now on and for those that wait. False with a line on the log: without
** memory, and it stays as it was. */
bool hook_change(struct hook *h, const char *text);

/* Run the command for the file at path, below the store. From any thread; never waits. When too many
** files wait already, this one is left out, which is counted and said. */
void hook_file(void *hook, const char *path);

/* Files that wait for their turn. NULL is taken. */
size_t hook_waiting(struct hook *h);

/* Run it for the files that wait, but not for longer than a while; free the hook. NULL is taken. */
void hook_finish(struct hook *h);

#endif
