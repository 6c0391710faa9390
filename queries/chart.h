/* SPDX-License-Identifier: MIT */
/*
** One chart as SVG: what a series has of one column, stacked by key, over time.
*/
#ifndef FLOWREPORT_CHART_H
#define FLOWREPORT_CHART_H

#include <stdint.h>
#include <stdio.h>

#include "series.h"

/* What happened, to be marked. */
struct event {
    int64_t time, until; /* until is time when it took none */
    char *text;
};

struct chart {
    const struct series *series;
    size_t value; /* the column of the series */
    const char *title;
    const struct event *events; /* numbered from 1 on */
    size_t event_count;
};

/* For a page that has chart.css in it. Coordinates are those of width; the page's script finds the
** points by the element's data-value, data-left and data-right. */
void chart_svg(FILE *out, const struct chart *chart, const char *class, int width, int height);

/* A whole file, with its title, legend and colours. */
void chart_file(FILE *out, const struct chart *chart);

/* The class of a key's colour: "k0", or "ko" for all others. */
void chart_class(const struct series *series, size_t key, char text[8]);

/* "4.2 MB", a sum in the unit of sums. */
void chart_total(const struct unit *unit, double sum, char text[32]);
/* "4.2 Mbit/s", in the unit of what is drawn. */
void chart_rate(const struct unit *unit, double value, char text[32]);

/* Text in which nothing is taken for markup, of HTML and XML; what XML has not becomes U+FFFD. */
void markup_text(FILE *out, const char *text);

#endif
