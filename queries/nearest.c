/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "nearest.h"

enum { LONGEST = 64 };

/* How many characters to put in, take out, change or swap with the next make the one the other. */
static size_t distance(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b);
    size_t rows[3][LONGEST + 1];
    if (n > LONGEST || m > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *now = rows[i % 3], *before = rows[(i + 2) % 3], *older = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = before[j - 1] + (a[i - 1] != b[j - 1]);
            if (before[j] + 1 < best)
                best = before[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                older[j - 2] + 1 < best)
                best = older[j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[n % 3][m];
}

const char *nearest(const char *written, const char *const *names, size_t count) {
    const char *found = NULL;
    size_t best = 1 + strlen(written) / 3; /* more than that is another word */
    for (size_t i = 0; i < count; i++) {
        size_t d = distance(written, names[i]);
        if (d <= best && (!found || d < best)) {
            best = d;
            found = names[i];
        }
    }
    /* talkers is top-talkers. */
    for (size_t i = 0; i < count && !found && strlen(written) >= 3; i++)
        if (strstr(names[i], written))
            found = names[i];
    return found;
}
