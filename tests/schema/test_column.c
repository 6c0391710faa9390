/* SPDX-License-Identifier: MIT */
/*
** Columns in memory, and totals of rows, against plain arrays: values of all widths that come one by one and many at a
** time, rows without one, rows that are taken back, another order; sums beyond 64 bits.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "schema/column.h"
#include "schema/count.h"
#include "schema/kernel.h"

enum { SEED = 5, ROWS = 3000, ROUNDS = 60, MOST = 64 };

/* What the column is to be. */
struct model {
    uint32_t rows;
    int64_t v[ROWS];
    bool has[ROWS];
};

static uint64_t draw(void) {
    static uint64_t state = SEED;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return state >> 11 ^ state << 40;
}

static int64_t draw_value(unsigned bits) {
    return (int64_t)(draw() & (bits < 64 ? (UINT64_C(1) << bits) - 1 : UINT64_MAX));
}

/* Put some values, all alike, of some bits, or leave rows out. */
static void add(struct group_column *c, struct model *m, unsigned bits) {
    const uint32_t left = ROWS - m->rows, some = 1 + (uint32_t)(draw() % MOST),
                   n = some < left ? some : left;
    const unsigned kind = (unsigned)(draw() % 8);
    const bool same = kind < 3, none = kind == 7 && draw() % 4 == 0;
    int64_t v[MOST];
    for (uint32_t i = 0; i < n; i++) {
        v[i] = same && i ? v[0] : draw_value(bits);
        m->v[m->rows + i] = v[i];
        m->has[m->rows + i] = !none;
    }
    if (!none && !same && draw() % 2) {
        /* As datagrams have them, in as few octets as they may need. */
        const unsigned octets = bits <= 8 ? 1 : bits <= 16 ? 2 : 4;
        uint8_t narrow[MOST * 4];
        for (uint32_t i = 0; i < n; i++)
            m->v[m->rows + i] = v[i] &= UINT32_MAX;
        kernels()->narrow(narrow, v, n, octets, 0);
        assert_true(column_append_narrow(c, narrow, n, octets, 0));
        assert_true(column_mark(c, m->rows, n));
    } else if (!none) {
        assert_true(same ? column_append_same(c, v[0], n, 0, 0) : column_append(c, v, n, 0, 0));
        assert_true(column_mark(c, m->rows, n));
    }
    m->rows += n;
}

static void compare(struct group_column *c, const struct model *m) {
    uint32_t count = 0, runs = 0;
    int64_t last = 0, out[ROWS];
    uint8_t nulls[ROWS];
    for (uint32_t row = 0; row < m->rows; row++) {
        assert_int_equal(column_has(c, row), m->has[row]);
        assert_int_equal(column_before(c, row), count);
        if (m->has[row]) {
            runs += count == 0 || m->v[row] != last;
            last = m->v[row];
            count++;
        }
    }
    assert_int_equal(c->count, count);
    assert_int_equal(column_runs(c, 0, c->count), runs);
    assert_int_equal(column_read_rows(c, m->rows, 0, 0, m->rows, out, nulls), count);
    for (uint32_t row = 0; row < m->rows; row++) {
        assert_int_equal(nulls[row], !m->has[row]);
        assert_true(!m->has[row] || out[row] == m->v[row]);
    }
}

/* The same read in other ways. */
static void compare_reads(const struct group_column *c) {
    static int64_t v[ROWS], some[ROWS];
    static uint32_t few[ROWS], place[ROWS];
    static uint8_t pass[ROWS];
    const uint32_t n = c->count / 3;
    if (c->count == 0)
        return;
    column_read(c, 0, c->count, v);
    column_read_32(c, n, c->count - n, few);
    for (uint32_t i = n; i < c->count; i++)
        assert_int_equal(few[i - n], (uint32_t)v[i]);
    for (uint32_t i = 0; i < n; i++)
        place[i] = 3 * i + i % 3;
    column_pick(c, place, n, some);
    for (uint32_t i = 0; i < n; i++)
        assert_true(some[i] == v[place[i]]);
    int64_t least, most, min = INT64_MAX, max = INT64_MIN;
    for (uint32_t i = n; i < 2 * n; i++) {
        min = v[i] < min ? v[i] : min;
        max = v[i] > max ? v[i] : max;
    }
    column_extent(c, n, n, &least, &most);
    assert_true(least == min && most == max);
    assert_int_equal(column_runs(c, 0, n) + column_runs(c, n, c->count - n) -
                         (n && v[n - 1] == v[n]),
                     column_runs(c, 0, c->count));
    const int64_t limits[] = {0, v[0], v[0] + 1, INT64_MIN, INT64_MAX, 1 << 16};
    for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
        column_below(c, limits[l], pass);
        for (uint32_t i = 0; i < c->count; i++)
            assert_int_equal(pass[i], v[i] < limits[l]);
    }
}

static void look_at_bounds(struct group_column *c, const struct model *m) {
    column_bounds(c);
    for (uint32_t row = 0; row < m->rows; row++)
        assert_true(!m->has[row] || (m->v[row] >= c->min && m->v[row] <= c->max));
}

/* Another order, of some of the rows. */
static void reorder(struct group_column *c, struct model *m, struct column_spare *spare) {
    static struct model after;
    uint32_t from[ROWS];
    after.rows = 0;
    for (uint32_t row = m->rows; row-- > 0;)
        if (draw() % 4) {
            after.v[after.rows] = m->v[row];
            after.has[after.rows] = m->has[row];
            from[after.rows++] = row;
        }
    if (c->count)
        assert_true(column_permute(c, from, after.rows, m->rows, spare));
    *m = after;
}

static void columns(void **unused) {
    (void)unused;
    static struct model m;
    struct group_column c = {0};
    struct column_spare spare = {0};
    for (int round = 0; round < ROUNDS; round++) {
        m.rows = 0;
        while (m.rows < ROWS) {
            add(&c, &m, (unsigned[]){5, 8, 13, 16, 31, 32, 63}[draw() % (round % 7 + 1)]);
            if (draw() % 16 == 0) {
                m.rows -= (uint32_t)(draw() % (m.rows < MOST ? m.rows : MOST));
                column_cut(&c, m.rows);
                compare(&c, &m);
            }
        }
        compare(&c, &m);
        compare_reads(&c);
        look_at_bounds(&c, &m);
        reorder(&c, &m, &spare);
        compare(&c, &m);
        look_at_bounds(&c, &m);
        column_clear(&c);
        assert_false(column_has(&c, 0));
    }
    column_free(&c);
    column_spare_free(&spare);
}

/* Times, which are stored less something; numbers of entries, which become others. */
static void times_and_numbers(void **unused) {
    (void)unused;
    static struct model m;
    struct group_column times = {0}, numbers = {0};
    const int64_t now = INT64_C(1700000000000);
    static uint32_t map[ROWS];
    for (uint32_t i = 0; i < ROWS; i++) {
        int64_t t = now + draw_value(20) - draw_value(24), entry = draw_value(8);
        m.v[i] = entry;
        map[i] = 70000 + i;
        assert_true(column_append(&times, &t, 1, (uint64_t)(now - (INT64_C(1) << 31)), 0));
        assert_true(column_append(&numbers, &entry, 1, 0, 0));
    }
    assert_int_equal(times.octets, 4);
    compare_reads(&times);
    assert_true(column_map(&numbers, map, 70000 + ROWS));
    for (uint32_t i = 0; i < ROWS; i++) {
        int64_t v;
        column_read(&numbers, i, 1, &v);
        assert_int_equal(v, 70000 + m.v[i]);
    }
    assert_true(numbers.min >= 70000 && numbers.max <= 70255);
    column_free(&times);
    column_free(&numbers);
}

/* Memory that columns have is that which they have after many groups: none is asked for again and again. */
static void memory_is_kept(void **unused) {
    (void)unused;
    enum { COLUMNS = 6, N = 300000 };
    static const unsigned bits[COLUMNS] = {8, 16, 32, 16, 8, 32};
    struct group_column c[COLUMNS] = {{0}};
    struct column_spare spare = {0};
    static uint32_t from[N];
    static int64_t v[N];
    const uint8_t *seen[3 * COLUMNS];
    size_t nseen = 0;
    for (uint32_t i = 0; i < N; i++)
        from[i] = N - 1 - i;
    for (int round = 0; round < 8; round++)
        for (int k = 0; k < COLUMNS; k++) {
            size_t at = 0;
            for (uint32_t i = 0; i < N; i++)
                v[i] = draw_value(bits[k]);
            column_clear(&c[k]);
            assert_true(column_append(&c[k], v, N, 0, 0) && column_mark(&c[k], 0, N));
            assert_true(column_permute(&c[k], from, N, N, &spare));
            while (at < nseen && seen[at] != c[k].v)
                at++;
            assert_true(at < nseen || round < 2);
            if (at == nseen)
                seen[nseen++] = c[k].v;
        }
    for (int k = 0; k < COLUMNS; k++)
        column_free(&c[k]);
    column_spare_free(&spare);
}

/* ---- totals ----------------------------------------------------------------------------- */

static uint64_t limited(unsigned __int128 sum) {
    return sum > UINT64_MAX ? UINT64_MAX : (uint64_t)sum;
}

static void totals(void **unused) {
    (void)unused;
    static const int64_t protos[] = {6, 17, 1, 58, 47, 256, -1};
    static const int class[] = {FVT_TCP,   FVT_UDP,   FVT_ICMP, FVT_ICMP,
                                FVT_OTHER, FVT_OTHER, FVT_OTHER};
    for (int round = 0; round < 2000; round++) {
        int64_t v[COUNT_COLUMNS][MOST];
        struct flow_values of[COUNT_COLUMNS];
        unsigned __int128 packets[FVT_NPROTO] = {0}, bytes[FVT_NPROTO] = {0},
                          flows[FVT_NPROTO] = {0};
        struct fvt_totals t, half;
        int64_t first = INT64_MAX, last = INT64_MIN;
        const uint32_t n = 2 + (uint32_t)(draw() % (MOST - 2)), split = n / 2;
        const unsigned bits = round % 3 ? 30 : 63, rate = round % 5 ? 7 : 31;
        for (int k = 0; k < COUNT_COLUMNS; k++) {
            of[k] = (struct flow_values){v[k], draw() % 3 > 0};
            for (uint32_t i = 0; i < n; i++)
                v[k][i] = k == COUNT_PROTO   ? (int64_t)(draw() % 7)
                          : k == COUNT_RATE  ? draw_value(rate)
                          : k == COUNT_FLOWS ? draw_value(3)
                                             : draw_value(bits);
        }
        for (uint32_t i = 0; i < n; i++) {
            int64_t one[COUNT_COLUMNS];
            for (int k = 0; k < COUNT_COLUMNS; k++)
                one[k] = v[k][i * of[k].step];
            const int p = class[one[COUNT_PROTO]];
            const uint64_t times = one[COUNT_RATE] ? (uint64_t)one[COUNT_RATE] : 1;
            flows[p] += (uint64_t)one[COUNT_FLOWS];
            packets[p] += (unsigned __int128)(uint64_t)one[COUNT_PACKETS] * times;
            bytes[p] += (unsigned __int128)(uint64_t)one[COUNT_BYTES] * times;
            first = one[COUNT_FIRST] < first ? one[COUNT_FIRST] : first;
            last = one[COUNT_LAST] > last ? one[COUNT_LAST] : last;
        }
        for (uint32_t i = 0; i < n; i++)
            v[COUNT_PROTO][i] = protos[v[COUNT_PROTO][i]];
        fvt_totals_init(&t);
        count_rows(&t, of, n);
        assert_true(t.first == first && t.last == last);
        for (int p = 0; p < FVT_NPROTO; p++) {
            assert_true(t.flows[p] == limited(flows[p]));
            assert_true(t.packets[p] == limited(packets[p]));
            assert_true(t.bytes[p] == limited(bytes[p]));
        }
        /* Less the first rows: the others, if it can be known. */
        struct fvt_totals rest;
        fvt_totals_init(&half);
        fvt_totals_init(&rest);
        count_rows(&half, of, split);
        for (int k = 0; k < COUNT_COLUMNS; k++)
            of[k].v += split * of[k].step;
        count_rows(&rest, of, n - split);
        if (count_less(&t, &half)) {
            assert_memory_equal(t.flows, rest.flows, sizeof t.flows);
            assert_memory_equal(t.packets, rest.packets, sizeof t.packets);
            assert_memory_equal(t.bytes, rest.bytes, sizeof t.bytes);
        } else {
            assert_true(bits == 63 || rate == 31);
        }
    }
}

int main(void) {
    printf("seed %d\n", SEED);
    const struct CMUnitTest tests[] = {cmocka_unit_test(columns),
                                       cmocka_unit_test(times_and_numbers),
                                       cmocka_unit_test(memory_is_kept), cmocka_unit_test(totals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
