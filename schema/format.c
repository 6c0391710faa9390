/* SPDX-License-Identifier: MIT */
/*
** Bytes in and out: the buffer a block is built in, the cursor a block is read with, and reading them from a file.
*/
#include "format.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t fvt_checksum(const void *p, size_t n) {
    return XXH3_64bits(p, n);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint64_t hash_seed; /* constant after once */

static void draw_seed(void) {
    if (getrandom(&hash_seed, sizeof hash_seed, GRND_NONBLOCK) != sizeof hash_seed)
        hash_seed = (uint64_t)(uintptr_t)&hash_seed; /* where the loader put us */
}

uint64_t fvt_hash(const void *p, size_t n) {
    pthread_once(&once, draw_seed);
    return XXH3_64bits_withSeed(p, n, hash_seed);
}

bool fvt_buffer_reserve(struct fvt_buffer *b, size_t more) {
    if (b->failed)
        return false;
    if (b->cap - b->n >= more)
        return true;
    size_t cap = b->cap ? b->cap : 256;
    while (cap - b->n < more)
        cap *= 2;
    uint8_t *p = realloc(b->p, cap);
    if (!p) {
        b->failed = true;
        return false;
    }
    b->p = p;
    b->cap = cap;
    return true;
}

void fvt_put(struct fvt_buffer *b, const void *p, size_t n) {
    if (n && fvt_buffer_reserve(b, n)) {
        memcpy(b->p + b->n, p, n);
        b->n += n;
    }
}

void fvt_put_zeros(struct fvt_buffer *b, size_t n) {
    if (n && fvt_buffer_reserve(b, n)) {
        memset(b->p + b->n, 0, n);
        b->n += n;
    }
}

void fvt_put_int(struct fvt_buffer *b, uint64_t v, unsigned octets) {
    uint8_t le[8];
    for (unsigned i = 0; i < octets; i++)
        le[i] = (uint8_t)(v >> 8 * i);
    fvt_put(b, le, octets);
}

void fvt_put_ip(struct fvt_buffer *b, const struct flow_ip *ip) {
    fvt_put(b, &ip->family, 1);
    fvt_put(b, ip->addr, 16);
}

void fvt_put_varint(struct fvt_buffer *b, uint64_t v) {
    uint8_t out[10];
    size_t n = 0;
    for (; v >= 128; v >>= 7)
        out[n++] = (uint8_t)(v | 128);
    out[n++] = (uint8_t)v;
    fvt_put(b, out, n);
}

void fvt_align(struct fvt_buffer *b) {
    fvt_put_zeros(b, -b->n % FVT_ALIGN);
}

void fvt_set_int(struct fvt_buffer *b, size_t at, uint64_t v, unsigned octets) {
    if (b->failed)
        return;
    for (unsigned i = 0; i < octets; i++)
        b->p[at + i] = (uint8_t)(v >> 8 * i);
}

bool fvt_read_at(int fd, uint64_t offset, void *out, size_t n) {
    uint8_t *p = out;
    for (size_t got = 0; got < n;) {
        ssize_t more = pread(fd, p + got, n - got, (off_t)(offset + got));
        if (more < 0 && errno == EINTR)
            continue;
        if (more <= 0)
            return false;
        got += (size_t)more;
    }
    return true;
}

const uint8_t *fvt_get(struct fvt_cursor *c, size_t n) {
    if (c->bad || fvt_left(c) < n) {
        c->bad = true;
        return NULL;
    }
    const uint8_t *p = c->p;
    c->p += n;
    return p;
}

uint64_t fvt_get_int(struct fvt_cursor *c, unsigned octets) {
    const uint8_t *p = fvt_get(c, octets);
    uint64_t v = 0;
    for (unsigned i = octets; p && i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

struct flow_ip fvt_get_ip(struct fvt_cursor *c) {
    struct flow_ip ip = {0, {0}};
    const uint8_t *p = fvt_get(c, 17);
    if (p) {
        ip.family = p[0];
        memcpy(ip.addr, p + 1, 16);
    }
    return ip;
}

uint64_t fvt_get_varint(struct fvt_cursor *c) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const uint8_t *p = fvt_get(c, 1);
        if (!p)
            return 0;
        v |= (uint64_t)(*p & 127) << shift;
        if (!(*p & 128))
            return v;
    }
    c->bad = true;
    return 0;
}

void fvt_fail(struct fvt_error *err, const char *format, ...) {
    if (!err)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
}
