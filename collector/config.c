/* SPDX-License-Identifier: MIT */
/*
** Reads a configuration file into memory and takes its lines apart in place.
*/
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

enum { LARGEST = 1 << 20 }; /* octets; more is not a file that somebody wrote */

static char *read_all(const char *path) {
    FILE *in = fopen(path, "re");
    char *text = in ? malloc(LARGEST + 1) : NULL;
    errno = in && !text ? ENOMEM : errno;
    size_t n = text ? fread(text, 1, LARGEST + 1, in) : 0;
    bool failed = !text || ferror(in);
    if (failed)
        log_line("%s: %s", path, strerror(errno));
    else if (n > LARGEST || memchr(text, '\0', n))
        log_line("%s: is no configuration file: write lines of name = value", path);
    if (in)
        fclose(in);
    if (failed || n > LARGEST || memchr(text, '\0', n)) {
        free(text);
        return NULL;
    }
    text[n] = '\0';
    return text;
}

/* Without blanks at both ends. */
static char *trim(char *text) {
    static const char blanks[] = " \t\r\f\v";
    text += strspn(text, blanks);
    size_t n = strlen(text);
    while (n && strchr(blanks, text[n - 1]))
        text[--n] = '\0';
    return text;
}

char *config_read(const char *path,
                  bool (*take)(void *arg, unsigned line, const char *name, const char *value),
                  void *arg) {
    char *text = read_all(path), *rest = text;
    bool good = text != NULL;
    for (unsigned number = 1; good && rest; number++) {
        char *line = trim(strsep(&rest, "\n"));
        if (*line == '\0' || *line == '#')
            continue;
        char *value = strchr(line, '=');
        if (!value || value == line) {
            log_line("%s:%u: '%s': write name = value", path, number, line);
            good = false;
            break;
        }
        *value++ = '\0';
        good = take(arg, number, trim(line), trim(value));
    }
    if (!good) {
        free(text);
        text = NULL;
    }
    return text;
}
