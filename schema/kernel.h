/* SPDX-License-Identifier: MIT */
/*
** The inner loops: unpacking, looking up, comparing, each over the values of a block.
** They are compiled for the processor that every build is for, and for later ones too; which of
** them are used is found out when the program runs. All give the same results.
**
** FLOWVT_SIMD=0 in the environment: the plain ones, on any processor.
*/
#ifndef FLOWVT_KERNEL_H
#define FLOWVT_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets behind packed data that may be read, whatever is in them. */
enum { KERNEL_SLACK = 32 };

struct kernels {
    const char *name;

    /* out[i] = base + number first + i of those that lie packed in data, width (0 to 64) bits each,
    ** lowest bit first. KERNEL_SLACK octets behind data must be readable. */
    void (*unpack)(int64_t *out, const uint8_t *data, uint64_t first, uint32_t n, unsigned width,
                   uint64_t base);
    /* out[i] = base + the octets p[i], p[i + stride], ..., the first the lowest; 0 to 8 octets. */
    void (*join)(int64_t *out, const uint8_t *p, size_t stride, uint32_t n, unsigned octets,
                 uint64_t base);
    /* v[i] = from[v[i]], from[last] where v[i], without sign, is beyond that. */
    void (*look_up)(int64_t *v, uint32_t n, const int64_t *from, uint32_t last);
    /* Values beyond last, without sign, become last; values below 0 become 0. */
    void (*limit)(int64_t *v, uint32_t n, uint32_t last);
    void (*not_below_0)(int64_t *v, uint32_t n);

    /* v[i] += more[i], modulo 2^64. */
    void (*add)(int64_t *v, const int64_t *more, uint32_t n);

    /* The sum of v where pass is 1, modulo 2^64; all bits that any of these have are set in *bits, too. */
    uint64_t (*sum_where)(const int64_t *v, const uint8_t *pass, uint32_t n, uint64_t *bits);

    /* Is min <= start[i] <= end[i] <= max, and end[i] - start[i] at most longest, of all? */
    bool (*are_spans)(const int64_t *start, const int64_t *end, uint32_t n, int64_t min,
                      int64_t max, int64_t longest);
    /* pass[i], 0 or 1: does start[i] to end[i], both included, overlap since <= t < until; lie in it? */
    void (*overlap)(uint8_t *pass, const int64_t *start, const int64_t *end, uint32_t n,
                    int64_t since, int64_t until);
    void (*inside)(uint8_t *pass, const int64_t *start, const int64_t *end, uint32_t n,
                   int64_t since, int64_t until);

    /* pass[i], 0 or 1: is v[i] one of the width + 1 numbers from lo on, modulo 2^64; (v[i] & mask)
    ** == value; is codes[v[i]] set? */
    void (*in_range)(uint8_t *pass, const int64_t *v, uint32_t n, int64_t lo, uint64_t width);
    void (*masked)(uint8_t *pass, const int64_t *v, uint32_t n, int64_t mask, int64_t value);
    void (*coded)(uint8_t *pass, const int64_t *v, uint32_t n, const uint8_t *codes);
    /* What passes and passes more; passes either; passes and is not set in more. */
    void (*both)(uint8_t *pass, const uint8_t *more, uint32_t n);
    void (*either)(uint8_t *pass, const uint8_t *more, uint32_t n);
    void (*but_not)(uint8_t *pass, const uint8_t *more, uint32_t n);
    /* The places i < n where pass is 1, ascending; n is at most 65536, rows has room for n. Returns
    ** how many. */
    uint32_t (*places)(uint16_t *rows, const uint8_t *pass, uint32_t n);

    /* The lowest octets, 1, 2, 4 or 8, of each v[i] - base, one number behind the other, the lowest octet
    ** first. Returns the bits that any of these differences has, as any() does. */
    uint64_t (*narrow)(uint8_t *out, const int64_t *v, uint32_t n, unsigned octets, uint64_t base);
    uint64_t (*any)(const int64_t *v, uint32_t n, uint64_t base);
    /* The least and the greatest of n > 0 numbers that narrow() made, without base. */
    void (*extent)(const uint8_t *p, uint32_t n, unsigned octets, uint64_t *min, uint64_t *max);
    /* How many of them differ from the one before; the first has none. */
    uint32_t (*turns)(const uint8_t *p, uint32_t n, unsigned octets);
    /* The numbers that narrow() made; also 0 octets, when all are base. */
    void (*widen)(int64_t *out, const uint8_t *p, uint32_t n, unsigned octets, uint64_t base);

    /* The same modulo 2^32. */
    void (*widen_32)(uint32_t *out, const uint8_t *p, uint32_t n, unsigned octets, uint64_t base);
    /* Numbers that narrow() made, of from octets each, become such of to octets each: their lowest ones, or with
    ** zeros behind. */
    void (*recode)(uint8_t *out, unsigned to, const uint8_t *p, unsigned from, uint32_t n);
    /* pass[i], 0 or 1: is it below limit? 4 octets at most. */
    void (*below)(uint8_t *pass, const uint8_t *p, uint32_t n, unsigned octets, uint32_t limit);

    /* The octets of v[i] - base, 1 to 8: the lowest of all n first, out[i], then the next, out[stride + i]. */
    void (*split)(uint8_t *out, size_t stride, const int64_t *v, uint32_t n, unsigned octets,
                  uint64_t base);
    /* out[i] = a[i] - b[i], a[i] + b[i], modulo 2^64; out may be a or b. */
    void (*minus)(int64_t *out, const int64_t *a, const int64_t *b, uint32_t n);
    void (*plus)(int64_t *out, const int64_t *a, const int64_t *b, uint32_t n);

    /* Lower *min and raise *max to the least and the greatest of v. */
    void (*bounds)(const int64_t *v, uint32_t n, int64_t *min, int64_t *max);
    /* How many of v differ from the one before; the first has none. */
    uint32_t (*changes)(const int64_t *v, uint32_t n);
};

/* The best that this processor can run. */
const struct kernels *kernels(void);
/* Each that this processor can run: i from 0, the plain ones, until NULL. */
const struct kernels *kernels_variant(unsigned i);

#endif
