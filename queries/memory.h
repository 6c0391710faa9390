/* SPDX-License-Identifier: MIT */
/*
** Memory for a program that has nothing better to do than to end when there is none.
*/
#ifndef FLOWREPORT_MEMORY_H
#define FLOWREPORT_MEMORY_H

#include <stddef.h>
#include <stdio.h>

/* To free with free(). */
char *copy(const char *text);
char *copy_of(const char *text, size_t length);
__attribute__((format(printf, 1, 2))) char *format(const char *how, ...);

/* A stream into memory, and its end: *text is whole then, ends with a NUL, and is to free. */
FILE *memory_open(char **text, size_t *size);
void memory_close(FILE *stream);

/* The array with room for count elements of this size, as realloc; called with every count, it gives
** more room than that now and then. */
void *grow(void *array, size_t count, size_t size);

#endif
