/* SPDX-License-Identifier: MIT */
/*
** Axes: round steps of numbers and of time, and how both are written. Time is that of the time zone in
** TZ, which is UTC unless the program was told otherwise.
*/
#ifndef FLOWREPORT_SCALE_H
#define FLOWREPORT_SCALE_H

#include <stdint.h>

/* The 1, 2, 2.5 or 5 of a power of ten that up to `most` steps of reach beyond max; 1 for max <= 0. */
double scale_step(double max, int most);

/* "950", "4.2 k", "12 M", three digits at most; "0.25". */
void scale_number(double value, char text[16]);

struct tick {
    int64_t time; /* seconds since 1970 */
    char label[24];
};
enum { TICKS = 32 };

/* Round times with from <= t <= until, `step` seconds or more apart, at most `most` (<= TICKS) of them;
** returns how many. */
int scale_times(int64_t from, int64_t until, int64_t step, int most, struct tick ticks[TICKS]);

/* What a moment is called when a step of so many seconds begins there: "Mon 23 Nov 18:15". */
void scale_moment(int64_t time, int64_t step, char text[40]);

/* Seconds since 1970 of '2026-11-23 18:12:30.000', '2026-11-23', '2026-11' or '2026', UTC, but for a
** day, month or year: those are the time zone's. 0: it is none of those. */
int scale_parse(const char *text, int64_t *time);

#endif
