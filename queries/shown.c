/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "memory.h"
#include "shown.h"
#include "utf8.h"

char *shown(const char *text) {
    char *out = grow(NULL, strlen(text) * 3 + 4, 1), *at = out;
    while (*text) {
        uint32_t c = utf8_next(&text);
        if (c < 0x20)
            c += 0x2400;
        else if (c == 0x7f)
            c = 0x2421;
        else if ((c >= 0x80 && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ||
                 (c >= 0x2066 && c <= 0x2069))
            c = 0xfffd;
        at += utf8_put(c, at);
    }
    *at = '\0';
    return out;
}
