/* SPDX-License-Identifier: MIT */
/*
** A bounds-checked reader over octets in network byte order. Every decoder reads foreign input
** through it: a take that would pass the end changes nothing and says so.
*/
#ifndef FLOWVT_CURSOR_H
#define FLOWVT_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
    const uint8_t *p, *end;
};

/* Big-endian integers at p; the caller has checked that the octets are there. */
static inline uint16_t be16(const uint8_t *p) {
    uint16_t v;
    memcpy(&v, p, 2);
    return __builtin_bswap16(v);
}
static inline uint32_t be32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return __builtin_bswap32(v);
}
static inline uint64_t be64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, 8);
    return __builtin_bswap64(v);
}
/* n octets, 0 to 8. */
static inline uint64_t ben(const uint8_t *p, size_t n) {
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* A float64, also in reduced size (RFC 7011 6.1.3, 6.2); 0 of another number of octets. */
static inline double be_float(const uint8_t *p, size_t n) {
    uint32_t single = n == 4 ? be32(p) : 0;
    uint64_t bits = n == 8 ? be64(p) : 0;
    float reduced;
    double v;
    memcpy(&reduced, &single, sizeof reduced);
    memcpy(&v, &bits, sizeof v);
    return n == 4 ? (double)reduced : v;
}

static inline struct cursor cursor_of(const uint8_t *p, size_t n) {
    return (struct cursor){p, p + n};
}
static inline size_t cursor_left(const struct cursor *c) {
    return (size_t)(c->end - c->p);
}
/* The next n octets, consumed; NULL and nothing consumed when there are fewer. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t n) {
    if (cursor_left(c) < n)
        return NULL;
    const uint8_t *p = c->p;
    c->p += n;
    return p;
}
static inline bool cursor_u16(struct cursor *c, uint16_t *v) {
    const uint8_t *p = cursor_take(c, 2);
    if (p)
        *v = be16(p);
    return p != NULL;
}
static inline bool cursor_u32(struct cursor *c, uint32_t *v) {
    const uint8_t *p = cursor_take(c, 4);
    if (p)
        *v = be32(p);
    return p != NULL;
}
/* The next n octets, or as many as there are, consumed, as a cursor of their own. */
static inline struct cursor cursor_cut(struct cursor *c, size_t n) {
    size_t have = cursor_left(c) < n ? cursor_left(c) : n;
    struct cursor part = cursor_of(c->p, have);
    c->p += have;
    return part;
}
/* Whether all that is left is zero: padding. True when nothing is left. */
static inline bool cursor_zeros(const struct cursor *c) {
    for (const uint8_t *p = c->p; p < c->end; p++)
        if (*p)
            return false;
    return true;
}

#endif
