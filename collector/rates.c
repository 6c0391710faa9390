/* SPDX-License-Identifier: MIT */
/*
** The operator's sampling rates: a list, looked through once for each exporter.
*/
#include "rates.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST UINT32_MAX

static bool read_rate(const char *text, uint64_t *out) {
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && *out >= 1 && *out <= MOST;
}

bool rates_add(struct rates *r, const char *text, bool instead, char *message, size_t size) {
    struct rate_line line = {.instead = instead};
    const char *equals = strchr(text, '='), *rate = equals ? equals + 1 : text;
    if (equals && flow_net_parse(text, (size_t)(equals - text), &line.first, &line.last) != 0) {
        snprintf(message, size,
                 "'%.*s' is no address or network: write as 192.0.2.0/24=1000 or 2001:db8::1=1000",
                 (int)(equals - text), text);
        return false;
    }
    if (*rate == '-') {
        line.instead = true;
        rate++;
    }
    if (!read_rate(rate, &line.rate)) {
        snprintf(message, size, "'%s' is no number from 1 to %u: one packet in how many", rate,
                 MOST);
        return false;
    }
    struct rate_line *more = realloc(r->line, (r->n + 1) * sizeof *more);
    if (!more) {
        snprintf(message, size, "out of memory");
        return false;
    }
    r->line = more;
    r->line[r->n++] = line;
    return true;
}

static bool covers(const struct rate_line *l, const struct flow_ip *ip) {
    return l->first.family == 0 ||
           (flow_ip_cmp(&l->first, ip) <= 0 && flow_ip_cmp(ip, &l->last) <= 0);
}

/* Networks that have an address in common lie in one another: the smaller one has the longer prefix. */
static bool is_within(const struct rate_line *a, const struct rate_line *b) {
    return b->first.family == 0 ||
           (a->first.family == b->first.family && flow_ip_cmp(&b->first, &a->first) <= 0 &&
            flow_ip_cmp(&a->last, &b->last) <= 0);
}

static uint64_t rate_of(const struct rates *r, const struct flow_ip *exporter, bool instead) {
    const struct rate_line *best = NULL;
    for (uint32_t i = 0; i < r->n; i++) {
        const struct rate_line *l = &r->line[i];
        if (l->instead == instead && covers(l, exporter) && (!best || is_within(l, best)))
            best = l;
    }
    return best ? best->rate : 0;
}

struct operator_rate rates_of(const struct rates *r, const struct flow_ip *exporter) {
    return (struct operator_rate){rate_of(r, exporter, false), rate_of(r, exporter, true)};
}

void rates_free(struct rates *r) {
    free(r->line);
    *r = (struct rates){0};
}
