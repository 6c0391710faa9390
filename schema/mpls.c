/* SPDX-License-Identifier: MIT */
/* MPLS label stacks as text. */
#include "mpls.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

size_t mpls_write(char text[MPLS_TEXT], const uint32_t *entry, unsigned n) {
    size_t at = 0;
    for (unsigned i = 0; i < n && i < MPLS_LABELS; i++) {
        char one[16];
        int octets = snprintf(one, sizeof one, "%s%u-%u-%u", i ? "," : "", entry[i] >> 4 & 0xfffff,
                              entry[i] >> 1 & 7, entry[i] & 1);
        memcpy(text + at, one, (size_t)octets);
        at += (size_t)octets;
    }
    return at;
}

/* A number up to most at text[*at], and behind it the octet that follows, or the end where that may be. */
static bool number(const char *text, size_t n, size_t *at, uint32_t most, char follows,
                   uint32_t *out) {
    size_t begin = *at;
    for (*out = 0; *at < n && text[*at] >= '0' && text[*at] <= '9' && *out <= most; (*at)++)
        *out = *out * 10 + (uint32_t)(text[*at] - '0');
    if (*at == begin || *out > most)
        return false;
    if (*at == n)
        return follows == ',';
    return text[(*at)++] == follows;
}

unsigned mpls_read(const char *text, size_t n, uint32_t entry[MPLS_LABELS]) {
    unsigned count = 0;
    for (size_t at = 0; at < n && count < MPLS_LABELS; count++) {
        uint32_t label, class, bottom;
        if (!number(text, n, &at, 0xfffff, '-', &label) || !number(text, n, &at, 7, '-', &class) ||
            !number(text, n, &at, 1, ',', &bottom))
            return 0;
        entry[count] = label << 4 | class << 1 | bottom;
    }
    return count;
}
