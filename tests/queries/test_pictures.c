// SPDX-License-Identifier: MIT
/*
** What pictures are made of: round steps of numbers and of time, also where clocks are put forward;
** series out of rows; characters; names that were meant.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "queries/nearest.h"
#include "queries/number.h"
#include "queries/scale.h"
#include "queries/series.h"
#include "queries/utf8.h"

static void zone(const char *name) {
    setenv("TZ", name, 1);
    tzset();
}

static void numbers_are_short(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0, "0"},           {1, "1"},
                 {0.0075, "0.0075"}, {9.994, "9.99"},
                 {9.996, "10"},      {99.96, "100"},
                 {999.4, "999"},     {999.5, "1 k"},
                 {1234, "1.23 k"},   {28.34e6, "28.3 M"},
                 {999.6e6, "1 G"},   {-1500, "-1.5 k"},
                 {5e18, "5 E"},      {5e21, "5000 E"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[16];
        scale_number(cases[i].value, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void steps_are_round(void **state) {
    (void)state;
    assert_float_equal(scale_step(0, 4), 1, 0);
    assert_float_equal(scale_step(4, 4), 1, 1e-12);
    assert_float_equal(scale_step(4.1, 4), 2, 1e-12);
    assert_float_equal(scale_step(28e6, 4), 10e6, 1e-3);
    assert_float_equal(scale_step(0.01, 4), 0.0025, 1e-12);
    for (double max = 1e-6; max < 1e20; max *= 1.7) {
        double step = scale_step(max, 4);
        assert_true(step * 4 >= max && step * 4 < max * 3);
    }
}

static int64_t at(const char *text) {
    int64_t time = -1;
    assert_true(scale_parse(text, &time));
    return time;
}

static void times_are_read(void **state) {
    (void)state;
    int64_t time;
    zone("UTC");
    assert_int_equal(at("2026-11-23 18:12:30.000"), 1795457550);
    assert_int_equal(at("2026-11-23T18:12Z"), 1795457520);
    assert_int_equal(at("2026-11"), at("2026-11-01 00:00"));
    /* A day is that of the zone, a moment is UTC. */
    zone("Europe/Berlin");
    assert_int_equal(at("2026-11-23 18:12:30"), 1795457550);
    assert_int_equal(at("2026-07-01"), at("2026-06-30 22:00"));
    static const char *const none[] = {"",
                                       "2026-",
                                       "26-11-23",
                                       "2026-11-23 18",
                                       "2026-11-23 18:12:30,5",
                                       "2026-11-23 18:12 +1",
                                       "192.168.1.1",
                                       "2026x"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(scale_parse(none[i], &time));
}

/* All labels, with a blank after each. */
static const char *labels(const char *from, const char *until, int64_t step, int most) {
    static char text[1024];
    struct tick ticks[TICKS];
    int n = scale_times(at(from), at(until), step, most, ticks);
    assert_true(n <= most);
    text[0] = '\0';
    for (int i = 0; i < n; i++) {
        assert_true(i == 0 || ticks[i].time > ticks[i - 1].time);
        strcat(strcat(text, ticks[i].label), ", ");
    }
    return text;
}

static void axes_have_round_times(void **state) {
    (void)state;
    zone("UTC");
    assert_string_equal(labels("2026-11-23 18:12:35", "2026-11-23 18:13:46", 1, 6),
                        "18:12:45, 18:13:00, 18:13:15, 18:13:30, 18:13:45, ");
    assert_string_equal(labels("2026-11-23 00:00", "2026-11-24 00:00", 300, 6),
                        "23 Nov, 06:00, 12:00, 18:00, 24 Nov, ");
    assert_string_equal(labels("2026-11-27 00:00", "2026-12-04 00:00", 3600, 5),
                        "27 Nov, 29 Nov, 1 Dec, 3 Dec, ");
    assert_string_equal(labels("2026-01-01 00:00", "2027-01-01 00:00", 86400, 6),
                        "2026, Apr, Jul, Oct, 2027, ");
    /* Not finer than what is drawn. */
    assert_string_equal(labels("2026-07-01 00:00", "2026-10-01 00:00", 28 * 86400, 14),
                        "Jul, Aug, Sep, Oct, ");
    /* Midnights of Berlin on both sides of the night in which clocks go from 2 to 3. */
    zone("Europe/Berlin");
    assert_string_equal(labels("2026-03-27 12:00", "2026-03-31 12:00", 3600, 6),
                        "28 Mar, 29 Mar, 30 Mar, 31 Mar, ");
    assert_string_equal(labels("2026-03-28 23:00", "2026-03-29 05:00", 300, 8),
                        "29 Mar, 01:00, 03:00, 04:00, 05:00, 06:00, 07:00, ");
    zone("UTC");
}

/* A grid of these rows: time, key, bytes; NULL ends them. */
static struct grid grid_of(const char *chart, char *rows[][3]) {
    static const char *const names[] = {"time", "who", "bytes"};
    struct result_set head = {"", chart, "", 3, names};
    struct grid g;
    grid_begin(&g, &head);
    while (rows[g.rows][0])
        g.rows++;
    g.cells = calloc(g.rows * 3, sizeof *g.cells);
    for (size_t i = 0; i < g.rows * 3; i++) {
        char *text = rows[i / 3][i % 3];
        g.cells[i] =
            (struct cell){text ? strdup(text) : NULL, i % 3 == 2 ? atof(text) : 0, i % 3 == 2};
    }
    return g;
}

/* Where little is, steps are those of the report, and not how far apart that little lies. */
static void steps_are_known(void **state) {
    (void)state;
    char *rows[][3] = {{"2026-11-23 10:00:00", NULL, "600"},
                       {"2026-11-23 10:10:00", NULL, "600"},
                       {"2026-11-23 10:25:00", NULL, "600"},
                       {NULL, NULL, NULL}};
    static const struct {
        const char *chart;
        int64_t step;
    } charts[] = {{"stack=who", 300}, {"step=60 stack=who", 60}, {"step=7 stack=who", 300}};
    struct series s;
    for (size_t i = 0; i < sizeof charts / sizeof *charts; i++) {
        struct grid g = grid_of(charts[i].chart, rows);
        assert_true(series_of(&s, &g));
        assert_true(s.even);
        assert_int_equal(s.step, charts[i].step);
        assert_int_equal(s.points, 1500 / charts[i].step + 1);
        assert_string_equal(s.units[0].name, "bit/s");
        assert_float_equal(s.units[0].factor, 8.0 / (double)charts[i].step, 1e-12);
        assert_float_equal(series_sum(&s, 0, 0), 1800, 0);
        series_free(&s);
        grid_free(&g);
    }
    rows[1][0] = NULL;
    struct grid one = grid_of("step=60 stack=who", rows);
    assert_true(series_of(&s, &one));
    assert_int_equal(s.step, 60);
    series_free(&s);
    grid_free(&one);
}

static void columns_are_parts(void **state) {
    (void)state;
    static const char *const names[] = {"time", "bytes_tcp", "udp_bytes", "bytes_other"};
    struct result_set head = {"", "values=bytes parts=tcp,udp,other", "", 4, names};
    static const char *const cells[] = {"2026-11-23 10:00:00", "1", "20", "300",
                                        "2026-11-23 10:05:00", "2", "30", "400"};
    struct grid g;
    struct series s;
    grid_begin(&g, &head);
    g.rows = 2;
    g.cells = calloc(8, sizeof *g.cells);
    for (size_t i = 0; i < 8; i++)
        g.cells[i] = (struct cell){strdup(cells[i]), atof(cells[i]), i % 4 != 0};
    assert_true(series_of(&s, &g));
    assert_int_equal(s.key_count, 3);
    assert_int_equal(s.value_count, 1);
    assert_string_equal(s.keys[1], "udp");
    assert_int_equal(s.other, 2);
    assert_float_equal(series_sum(&s, 0, 0), 3, 0);
    assert_float_equal(series_at(&s, 0, 1, 1), 30, 0);
    assert_float_equal(series_top(&s, 0), 432, 0);
    series_free(&s);
    grid_free(&g);
}

static void gaps_are_nothing(void **state) {
    (void)state;
    char *rows[][3] = {{"2026-11-23 10:10:00", "a", "3000"}, {"2026-11-23 10:00:00", "a", "600"},
                       {"2026-11-23 10:00:00", NULL, "300"}, {"2026-11-23 10:05:00", "b", "900"},
                       {"2026-11-23 10:30:00", "a", "1"},    {NULL, NULL, NULL}};
    struct grid g = grid_of("stack=who", rows);
    struct series s;
    assert_int_equal(grid_shape(&g, false), SHAPE_SERIES);
    assert_true(series_of(&s, &g));
    assert_int_equal(s.points, 7);
    assert_int_equal(s.step, 300);
    assert_int_equal(s.key_count, 3);
    assert_string_equal(s.keys[0], "a");
    assert_string_equal(s.keys[1], "b");
    assert_string_equal(s.keys[2], "(none)");
    static const double wanted[] = {600, 0, 3000, 0, 0, 0, 1};
    for (size_t i = 0; i < 7; i++)
        assert_float_equal(series_at(&s, 0, 0, i), wanted[i], 0);
    assert_float_equal(series_sum(&s, 0, 2), 300, 0);
    assert_float_equal(series_top(&s, 0), 3000, 0);
    assert_string_equal(s.units[0].name, "bit/s");
    assert_float_equal(s.units[0].factor * 300, 8, 1e-12);
    series_free(&s);
    grid_free(&g);
}

/* Months are as long as they are, and are totals; small ones go together. */
static void months_and_others(void **state) {
    (void)state;
    zone("Europe/Berlin");
    char *rows[][3] = {{"2026-01", "a", "9"}, {"2026-02", "b", "8"}, {"2026-03", "c", "7"},
                       {"2026-04", "d", "1"}, {"2026-06", "e", "2"}, {NULL, NULL, NULL}};
    struct grid g = grid_of("stack=who top=2", rows);
    struct series s;
    assert_true(series_of(&s, &g));
    assert_int_equal(s.points, 5);
    assert_int_equal(s.key_count, 3);
    assert_int_equal(s.other, 2);
    assert_string_equal(s.keys[2], "3 others");
    assert_float_equal(series_sum(&s, 0, 2), 10, 0);
    assert_string_equal(s.units[0].name, "B");
    assert_float_equal(s.units[0].factor, 1, 0);
    /* March ends where April begins, an hour early by the sun; April does not last until June. */
    assert_int_equal(series_end(&s, 2), s.times[3]);
    assert_true(series_end(&s, 3) < s.times[4]);
    series_free(&s);
    grid_free(&g);
    zone("UTC");
}

static void characters_have_widths(void **state) {
    (void)state;
    assert_int_equal(utf8_columns("abc"), 3);
    assert_int_equal(utf8_columns("Zu\u0308rich"), 6);
    assert_int_equal(utf8_columns("漢字"), 4);
    const char *bad = "\xc3(\xed\xa0\x80\xf4\x90\x80\x80\xe0\x80\x80";
    size_t n = 0, replaced = 0;
    while (*bad) {
        replaced += utf8_next(&bad) == 0xfffd;
        n++;
    }
    assert_int_equal(n, 12);
    assert_int_equal(replaced, 11);
}

static void names_that_were_meant(void **state) {
    (void)state;
    static const char *const names[] = {"top-talkers", "top-ports", "series", "since"};
    assert_string_equal(nearest("top-talker", names, 4), "top-talkers");
    assert_string_equal(nearest("sicne", names, 4), "since");
    assert_string_equal(nearest("talkers", names, 4), "top-talkers");
    assert_null(nearest("weather", names, 4));
    assert_float_equal(number_of("1.5G"), 1.5e9, 0);
    assert_true(number_of("10 k") != number_of("10 k"));
    assert_true(number_of("k") != number_of("k"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_short),      cmocka_unit_test(steps_are_round),
        cmocka_unit_test(times_are_read),         cmocka_unit_test(axes_have_round_times),
        cmocka_unit_test(steps_are_known),        cmocka_unit_test(columns_are_parts),
        cmocka_unit_test(gaps_are_nothing),       cmocka_unit_test(months_and_others),
        cmocka_unit_test(characters_have_widths), cmocka_unit_test(names_that_were_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
