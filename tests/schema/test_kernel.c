/* SPDX-License-Identifier: MIT */
/*
** The inner loops of reading, each variant that this processor can run against what the header
** says, over all widths and odd lengths.
*/
#include "../../schema/format.h"
#include "../../schema/kernel.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { MOST = 600 };

static uint64_t state = 88172645463325252;

static uint64_t draw(void) {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static const uint32_t lengths[] = {0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 255, 500};

#define EACH_LENGTH(i, n) \
    for (size_t i = 0, n; i < sizeof lengths / sizeof lengths[0] && ((n = lengths[i]), true); i++)

/* One number, bit by bit. */
static uint64_t packed(const uint8_t *data, uint64_t i, unsigned width) {
    uint64_t v = 0;
    for (unsigned b = 0; b < width; b++)
        v |= (uint64_t)(data[(i * width + b) / 8] >> ((i * width + b) & 7) & 1) << b;
    return v;
}

static void unpacking(void **unused) {
    (void)unused;
    const struct kernels *k;
    for (unsigned variant = 0; (k = kernels_variant(variant)) != NULL; variant++)
        for (unsigned width = 0; width <= 64; width++) {
            /* No more memory than is promised, so that a sanitizer sees what is read beyond. */
            size_t size = ((size_t)MOST * width + 63) / 64 * 8;
            uint8_t *data = malloc(size + KERNEL_SLACK);
            assert_non_null(data);
            for (size_t i = 0; i < size + KERNEL_SLACK; i++)
                data[i] = (uint8_t)draw();
            for (uint32_t first = 0; first < 20; first += 1 + (first > 9) * 6)
                EACH_LENGTH(i, n) {
                    int64_t out[MOST];
                    uint64_t base = i & 1 ? draw() : 0;
                    uint32_t from = i & 2 ? MOST - (uint32_t)n - first : first;
                    out[n] = 42;
                    k->unpack(out, data, from, (uint32_t)n, width, base);
                    for (uint32_t j = 0; j < n; j++)
                        if ((uint64_t)out[j] != base + packed(data, from + j, width))
                            fail_msg("%s: width %u, number %u of %u from %u", k->name, width, j,
                                     (unsigned)n, from);
                    assert_int_equal(out[n], 42);
                }
            free(data);
        }
}

static void joining(void **unused) {
    (void)unused;
    const struct kernels *k;
    uint8_t planes[8 * MOST];
    for (size_t i = 0; i < sizeof planes; i++)
        planes[i] = (uint8_t)draw();
    for (unsigned variant = 0; (k = kernels_variant(variant)) != NULL; variant++)
        for (unsigned octets = 0; octets <= 8; octets++)
            EACH_LENGTH(i, n) {
                int64_t out[MOST];
                uint64_t base = draw();
                uint32_t at = (uint32_t)(i * 3);
                k->join(out, planes + at, MOST, (uint32_t)n, octets, base);
                for (uint32_t j = 0; j < n; j++) {
                    uint64_t v = base;
                    for (unsigned o = 0; o < octets; o++)
                        v += (uint64_t)planes[o * MOST + at + j] << 8 * o;
                    assert_true((uint64_t)out[j] == v);
                }
            }
}

static void narrowing(void **unused) {
    (void)unused;
    const struct kernels *k;
    int64_t v[MOST];
    for (size_t i = 0; i < MOST; i++)
        v[i] = (int64_t)draw();
    for (unsigned variant = 0; (k = kernels_variant(variant)) != NULL; variant++)
        for (unsigned octets = 1; octets <= 8; octets *= 2)
            EACH_LENGTH(i, n) {
                uint8_t out[8 * MOST];
                uint64_t base = draw();
                k->narrow(out, v, (uint32_t)n, octets, base);
                for (uint32_t j = 0; j < n * octets; j++)
                    assert_int_equal(
                        out[j], (uint8_t)(((uint64_t)v[j / octets] - base) >> 8 * (j % octets)));
            }
}

/* Numbers of narrow() in other numbers of octets, and compared. */
static void recoding(void **unused) {
    (void)unused;
    const struct kernels *k;
    for (unsigned variant = 0; (k = kernels_variant(variant)) != NULL; variant++)
        for (unsigned from = 1; from <= 8; from *= 2)
            EACH_LENGTH(i, n) {
                uint8_t p[8 * MOST], out[8 * MOST], pass[MOST];
                int64_t v[MOST];
                uint32_t few[MOST];
                const uint64_t base = draw();
                const uint32_t limits[] = {0, 1, 255, 256, 65536, UINT32_MAX, (uint32_t)draw()};
                for (uint32_t j = 0; j < n; j++)
                    v[j] = (int64_t)(draw() & (UINT64_MAX >> (64 - 8 * from)));
                k->narrow(p, v, (uint32_t)n, from, 0);
                k->widen_32(few, p, (uint32_t)n, from, base);
                for (uint32_t j = 0; j < n; j++)
                    assert_int_equal(few[j], (uint32_t)((uint64_t)v[j] + base));
                for (unsigned to = 1; to <= 8; to *= 2) {
                    k->recode(out, to, p, from, (uint32_t)n);
                    for (uint32_t j = 0; j < n * to; j++)
                        assert_int_equal(out[j], (uint8_t)((uint64_t)v[j / to] >> 8 * (j % to)));
                }
                for (size_t l = 0; from <= 4 && l < sizeof limits / sizeof *limits; l++) {
                    k->below(pass, p, (uint32_t)n, from, limits[l]);
                    for (uint32_t j = 0; j < n; j++)
                        assert_int_equal(pass[j], (uint64_t)v[j] < limits[l]);
                }
            }
}

static void splitting(void **unused) {
    (void)unused;
    const struct kernels *k;
    int64_t v[MOST], w[MOST], sum[MOST];
    for (size_t i = 0; i < MOST; i++) {
        v[i] = (int64_t)draw();
        w[i] = (int64_t)draw();
    }
    for (unsigned variant = 0; (k = kernels_variant(variant)) != NULL; variant++)
        EACH_LENGTH(i, n) {
            uint64_t base = draw();
            for (unsigned octets = 1; octets <= 8; octets++) {
                uint8_t out[8 * MOST];
                k->split(out, MOST, v, (uint32_t)n, octets, base);
                for (uint32_t j = 0; j < n * octets; j++)
                    assert_int_equal(out[j / n * MOST + j % n],
                                     (uint8_t)(((uint64_t)v[j % n] - base) >> 8 * (j / n)));
            }
            k->plus(sum, v, w, (uint32_t)n);
            for (uint32_t j = 0; j < n; j++)
                assert_true((uint64_t)sum[j] == (uint64_t)v[j] + (uint64_t)w[j]);
            k->minus(sum, sum, w, (uint32_t)n);
            for (uint32_t j = 0; j < n; j++)
                assert_true(sum[j] == v[j]);
        }
}

static int64_t awkward(void) {
    static const int64_t values[] = {INT64_MIN, INT64_MIN + 1, -1,        0,
                                     1,         INT64_MAX,     INT32_MAX, UINT32_MAX};
    uint64_t x = draw();
    return x & 8 ? values[x & 7] : (int64_t)(x >> 4 & 63);
}

static void looking_up(void **unused) {
    (void)unused;
    const struct kernels *k;
    int64_t from[40], in[MOST], v[MOST];
    for (int i = 0; i < 40; i++)
        from[i] = (int64_t)draw();
    for (unsigned variant = 0; (k = kernels_variant(variant)) != NULL; variant++)
        EACH_LENGTH(i, n) {
            uint32_t last = (uint32_t)(i * 2);
            for (uint32_t j = 0; j < MOST; j++)
                in[j] = awkward();
            memcpy(v, in, sizeof v);
            k->look_up(v, (uint32_t)n, from, last);
            for (uint32_t j = 0; j < n; j++)
                assert_true(v[j] == from[in[j] >= 0 && in[j] < last ? in[j] : last]);
            memcpy(v, in, sizeof v);
            k->limit(v, (uint32_t)n, last);
            for (uint32_t j = 0; j < n; j++)
                assert_true(v[j] == (in[j] >= 0 && in[j] < last ? in[j] : last));
            memcpy(v, in, sizeof v);
            k->not_below_0(v, (uint32_t)n);
            for (uint32_t j = 0; j < n; j++)
                assert_true(v[j] == (in[j] < 0 ? 0 : in[j]));
            assert_memory_equal(v + n, in + n, sizeof v - n * sizeof *v);
        }
}

static void comparing(void **unused) {
    (void)unused;
    const struct kernels *k;
    int64_t v[MOST];
    uint8_t pass[MOST], codes[64];
    for (int i = 0; i < 64; i++)
        codes[i] = draw() & 1;
    for (unsigned variant = 0; (k = kernels_variant(variant)) != NULL; variant++)
        EACH_LENGTH(i, n) {
            for (uint32_t j = 0; j < n; j++)
                v[j] = awkward();
            int64_t lo = awkward(), hi = awkward(), mask = awkward(), value = awkward() & mask;
            if (lo > hi) {
                int64_t swap = lo;
                lo = hi;
                hi = swap;
            }
            k->in_range(pass, v, (uint32_t)n, lo, (uint64_t)hi - (uint64_t)lo);
            for (uint32_t j = 0; j < n; j++)
                assert_int_equal(pass[j], v[j] >= lo && v[j] <= hi);
            k->masked(pass, v, (uint32_t)n, mask, value);
            for (uint32_t j = 0; j < n; j++)
                assert_int_equal(pass[j], (v[j] & mask) == value);
            for (uint32_t j = 0; j < n; j++)
                v[j] &= 63;
            k->coded(pass, v, (uint32_t)n, codes);
            for (uint32_t j = 0; j < n; j++)
                assert_int_equal(pass[j], codes[v[j]]);
        }
}

/* Stretches of time, most of them such as flows have. */
static void spans(void **unused) {
    (void)unused;
    enum { MIN = -1000, MAX = 5000, LONGEST = 900 };
    const struct kernels *k;
    int64_t start[MOST], end[MOST], sum[MOST];
    uint8_t pass[MOST];
    for (unsigned variant = 0; (k = kernels_variant(variant)) != NULL; variant++)
        EACH_LENGTH(i, n) {
            for (int round = 0; round < 50; round++) {
                bool are = true;
                for (uint32_t j = 0; j < n; j++) {
                    bool odd = round > 25 && draw() % 200 == 0;
                    start[j] = odd ? awkward() : (int64_t)(draw() % 5000) - 1000;
                    end[j] = odd && draw() & 1 ? awkward()
                                               : (int64_t)((uint64_t)start[j] + draw() % 901);
                    are &= start[j] >= MIN && end[j] <= MAX && start[j] <= end[j] &&
                           (uint64_t)end[j] - (uint64_t)start[j] <= LONGEST;
                    sum[j] = (int64_t)((uint64_t)start[j] + (uint64_t)end[j]);
                }
                assert_int_equal(k->are_spans(start, end, (uint32_t)n, MIN, MAX, LONGEST), are);
                int64_t since = (int64_t)(draw() % 4000) - 500,
                        until = since + (int64_t)(draw() % 999);
                k->overlap(pass, start, end, (uint32_t)n, since, until);
                for (uint32_t j = 0; j < n; j++)
                    assert_int_equal(pass[j], start[j] < until && end[j] >= since);
                k->inside(pass, start, end, (uint32_t)n, since, until);
                for (uint32_t j = 0; j < n; j++)
                    assert_int_equal(pass[j], start[j] >= since && end[j] < until);
                uint64_t all = 0, bits = 0, want = 0;
                for (uint32_t j = 0; j < n; j++) {
                    all += pass[j] ? (uint64_t)end[j] : 0;
                    want |= pass[j] ? (uint64_t)end[j] : 0;
                }
                assert_true(k->sum_where(end, pass, (uint32_t)n, &bits) == all && bits == want);
                k->add(start, end, (uint32_t)n);
                assert_memory_equal(start, sum, n * sizeof *sum);
            }
        }
}

/* 0 and 1, mostly in long stretches. */
static void draw_bools(uint8_t *out, uint32_t n) {
    for (uint32_t i = 0, left = 0, kind = 0; i < n; i++, left--) {
        if (left == 0) {
            left = 1 + (uint32_t)(draw() % 30);
            kind = (uint32_t)(draw() % 3);
        }
        out[i] = (uint8_t)(kind == 2 ? draw() & 1 : kind);
    }
}

static void choosing(void **unused) {
    (void)unused;
    const struct kernels *k;
    for (unsigned variant = 0; (k = kernels_variant(variant)) != NULL; variant++)
        EACH_LENGTH(i, n) {
            uint8_t a[MOST], b[MOST], pass[MOST];
            uint16_t rows[MOST];
            draw_bools(a, (uint32_t)n);
            draw_bools(b, (uint32_t)n);
            memcpy(pass, a, n);
            k->both(pass, b, (uint32_t)n);
            for (uint32_t j = 0; j < n; j++)
                assert_int_equal(pass[j], a[j] & b[j]);
            memcpy(pass, a, n);
            k->either(pass, b, (uint32_t)n);
            for (uint32_t j = 0; j < n; j++)
                assert_int_equal(pass[j], a[j] | b[j]);
            memcpy(pass, a, n);
            k->but_not(pass, b, (uint32_t)n);
            for (uint32_t j = 0; j < n; j++)
                assert_int_equal(pass[j], a[j] && !b[j]);
            uint32_t count = k->places(rows, a, (uint32_t)n), at = 0;
            for (uint32_t j = 0; j < n; j++)
                if (a[j])
                    assert_int_equal(rows[at++], j);
            assert_int_equal(count, at);
        }
}

static void looking_over(void **unused) {
    (void)unused;
    const struct kernels *k;
    int64_t v[MOST];
    for (unsigned variant = 0; (k = kernels_variant(variant)) != NULL; variant++)
        EACH_LENGTH(i, n) {
            int64_t least = awkward(), most = least, min = least, max = least;
            uint32_t changes = 0;
            for (uint32_t j = 0; j < n; j++) {
                v[j] = j > 0 && draw() & 1 ? v[j - 1] : awkward();
                changes += j > 0 && v[j] != v[j - 1];
                least = v[j] < least ? v[j] : least;
                most = v[j] > most ? v[j] : most;
            }
            k->bounds(v, (uint32_t)n, &min, &max);
            assert_true(min == least && max == most);
            assert_int_equal(k->changes(v, (uint32_t)n), changes);
        }
}

/* Of numbers in as few octets as they have: the least, the greatest, and how many differ from the one before. */
static void looking_over_narrow(void **unused) {
    (void)unused;
    const struct kernels *k;
    for (unsigned variant = 0; (k = kernels_variant(variant)) != NULL; variant++)
        for (unsigned octets = 1; octets <= 8; octets *= 2)
            EACH_LENGTH(i, n) {
                uint8_t p[8 * MOST];
                int64_t v[MOST];
                uint64_t least = UINT64_MAX, most = 0, min, max;
                uint32_t turns = 0;
                if (n == 0)
                    continue;
                for (uint32_t j = 0; j < n; j++) {
                    const uint64_t x = draw() & (UINT64_MAX >> (64 - 8 * octets));
                    v[j] = j > 0 && draw() & 1 ? v[j - 1] : (int64_t)x;
                    turns += j > 0 && v[j] != v[j - 1];
                    least = (uint64_t)v[j] < least ? (uint64_t)v[j] : least;
                    most = (uint64_t)v[j] > most ? (uint64_t)v[j] : most;
                }
                k->narrow(p, v, (uint32_t)n, octets, 0);
                k->extent(p, (uint32_t)n, octets, &min, &max);
                assert_true(min == least && max == most);
                assert_int_equal(k->turns(p, (uint32_t)n, octets), turns);
            }
}

static void choice(void **unused) {
    (void)unused;
    const struct kernels *last = NULL;
    for (unsigned i = 0; kernels_variant(i); i++)
        last = kernels_variant(i);
    assert_non_null(last);
    assert_string_equal(kernels_variant(0)->name, "any");
    const char *simd = getenv("FLOWVT_SIMD");
    assert_ptr_equal(kernels(), simd && strcmp(simd, "0") == 0 ? kernels_variant(0) : last);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unpacking),  cmocka_unit_test(joining),
        cmocka_unit_test(looking_up), cmocka_unit_test(comparing),
        cmocka_unit_test(choosing),   cmocka_unit_test(looking_over),
        cmocka_unit_test(narrowing),  cmocka_unit_test(looking_over_narrow),
        cmocka_unit_test(spans),      cmocka_unit_test(splitting),
        cmocka_unit_test(recoding),   cmocka_unit_test(choice),
    };
    return cmocka_run_group_tests_name("schema/kernel", tests, NULL, NULL);
}
