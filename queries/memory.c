/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

static void *or_end(void *p) {
    if (!p) {
        fputs("flowreport: no memory left\n", stderr);
        exit(2);
    }
    return p;
}

char *copy_of(const char *text, size_t length) {
    return or_end(strndup(text, length));
}

char *copy(const char *text) {
    return or_end(strdup(text));
}

char *format(const char *how, ...) {
    char *text = NULL;
    va_list args;
    va_start(args, how);
    if (vasprintf(&text, how, args) < 0)
        text = NULL;
    va_end(args);
    return or_end(text);
}

FILE *memory_open(char **text, size_t *size) {
    return or_end(open_memstream(text, size));
}

void memory_close(FILE *stream) {
    if (fclose(stream) != 0)
        or_end(NULL);
}

/* Room doubles: it is a power of two, at least 8. */
void *grow(void *array, size_t count, size_t size) {
    if (array && (count <= 8 || ((count - 1) & (count - 2)) != 0))
        return array;
    size_t room = 8;
    while (room < count)
        room *= 2;
    return or_end(reallocarray(array, room, size));
}
