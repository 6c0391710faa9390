/* SPDX-License-Identifier: MIT */
#include <langinfo.h>
#include <stddef.h>
#include <string.h>

#include "utf8.h"

enum { NO_CHARACTER = 0xfffd };

uint32_t utf8_next(const char **at) {
    const unsigned char *p = (const unsigned char *)*at;
    int more = *p < 0x80                 ? 0
               : *p >= 0xc2 && *p < 0xe0 ? 1
               : *p >= 0xe0 && *p < 0xf0 ? 2
               : *p >= 0xf0 && *p < 0xf5 ? 3
                                         : -1;
    uint32_t c = more <= 0 ? *p : *p & (0x3fu >> more);
    for (int i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            more = -1;
            break;
        }
        c = c << 6 | (p[i] & 0x3f);
    }
    /* Longer than needed, a surrogate, beyond the last. */
    bool bad = more < 0 || (more == 2 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
               (more == 3 && (c < 0x10000 || c > 0x10ffff));
    *at += bad ? 1 : more + 1;
    return bad ? NO_CHARACTER : c;
}

int utf8_put(uint32_t c, char out[4]) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    for (int i = more; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[more] | c);
    return more + 1;
}

/* UAX #11 wide and fullwidth, UAX #44 marks without width and format characters: the blocks that
** names of people and places are written in. */
static const struct {
    uint32_t from, to;
    int width;
} widths[] = {
    {0x0300, 0x036f, 0},   {0x0483, 0x0489, 0},   {0x0591, 0x05bd, 0},   {0x0610, 0x061a, 0},
    {0x064b, 0x065f, 0},   {0x06d6, 0x06dc, 0},   {0x093c, 0x093c, 0},   {0x0941, 0x0948, 0},
    {0x094d, 0x094d, 0},   {0x0e31, 0x0e31, 0},   {0x0e34, 0x0e3a, 0},   {0x0e47, 0x0e4e, 0},
    {0x1100, 0x115f, 2},   {0x1ab0, 0x1aff, 0},   {0x1dc0, 0x1dff, 0},   {0x200b, 0x200f, 0},
    {0x202a, 0x202e, 0},   {0x2060, 0x2064, 0},   {0x20d0, 0x20ff, 0},   {0x231a, 0x231b, 2},
    {0x2e80, 0x303e, 2},   {0x3041, 0x33ff, 2},   {0x3400, 0x4dbf, 2},   {0x4e00, 0x9fff, 2},
    {0xa000, 0xa4cf, 2},   {0xa960, 0xa97f, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},
    {0xfe00, 0xfe0f, 0},   {0xfe20, 0xfe2f, 0},   {0xfe30, 0xfe6f, 2},   {0xfeff, 0xfeff, 0},
    {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2},   {0x1f1e6, 0x1f1ff, 1}, {0x1f300, 0x1f64f, 2},
    {0x1f680, 0x1f6ff, 2}, {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2}, {0xe0100, 0xe01ef, 0},
};

/* Columns that c takes in a terminal: 0, 1 or 2. */
static int utf8_width(uint32_t c) {
    size_t low = 0, high = sizeof widths / sizeof *widths;
    if (c < 0x300)
        return 1;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (c > widths[mid].to)
            low = mid + 1;
        else
            high = mid;
    }
    return low < sizeof widths / sizeof *widths && c >= widths[low].from ? widths[low].width : 1;
}

bool utf8_printable(void) {
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

int utf8_columns(const char *text) {
    int n = 0;
    while (*text)
        n += utf8_width(utf8_next(&text));
    return n;
}
