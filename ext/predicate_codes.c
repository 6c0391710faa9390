/* SPDX-License-Identifier: MIT */
/*
** Tests of coded columns are made once for each entry of a group's dictionary; what is left for its rows
** is whether their code is one of those that pass. Where a dictionary's order helps, entries are looked up.
*/
#include "predicate_codes.h"
#include "dict_codes.h"

#include <sqlite3ext.h>
#include <stdlib.h>

SQLITE_EXTENSION_INIT3

/* The text of entry code of a dictionary of addresses or texts. buffer: FLOW_IP_TEXT octets. */
static const char *dict_text(const struct fvt_dict *d, uint32_t code, char *buffer, size_t *n) {
    if (d->class == FLOW_IP) {
        *n = flow_ip_text(&d->ip[code], buffer);
        return buffer;
    }
    *n = d->len[code];
    return d->text[code];
}

static bool text_passes(const struct predicate *p, const char *text, size_t n) {
    if (p->text_op == TEXT_IN)
        return filter_in_texts(&p->values, text, n);
    int order = filter_text_cmp(text, n, p->values.text[0].p, p->values.text[0].n);
    switch (p->text_op) {
    case TEXT_EQ:
        return order == 0;
    case TEXT_NE:
        return order != 0;
    case TEXT_LT:
        return order < 0;
    case TEXT_LE:
        return order <= 0;
    case TEXT_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

/* Codes [lo, hi) pass too. False without memory. */
static bool add_codes(struct predicate *p, const struct fvt_dict *d, uint32_t lo, uint32_t hi) {
    if (lo >= hi)
        return true;
    bool first = p->code_lo == p->code_hi && !p->codes;
    if (first || (!p->codes && lo == p->code_hi)) {
        p->code_lo = first ? lo : p->code_lo;
        p->code_hi = hi;
        return true;
    }
    if (!p->codes) {
        p->codes = calloc((size_t)d->n + 1, 1);
        if (!p->codes)
            return false;
        memset(p->codes + p->code_lo, 1, p->code_hi - p->code_lo);
    }
    memset(p->codes + lo, 1, hi - lo);
    return true;
}

/* Two ascending lists, dictionary and networks, walked side by side. */
static bool mark_nets(struct predicate *p, const struct fvt_dict *d) {
    uint32_t code = 0;
    bool ok = true;
    for (uint32_t i = 0; ok && i < p->values.nnet && code < d->n; i++) {
        const struct filter_net *net = &p->values.net[i];
        uint32_t lo = dict_seek_ip(d, code, &net->lo), hi = lo;
        while (hi < d->n && hi < lo + 4 && flow_ip_cmp(&d->ip[hi], &net->hi) <= 0)
            hi++;
        if (hi == lo + 4)
            hi = dict_seek_ip(d, hi, &net->hi);
        if (hi < d->n && hi >= lo + 4 && flow_ip_cmp(&d->ip[hi], &net->hi) == 0)
            hi++;
        ok = add_codes(p, d, lo, hi);
        code = hi;
    }
    return ok;
}

/* A dictionary of texts is in their order. */
static bool mark_sorted_texts(struct predicate *p, const struct fvt_dict *d) {
    bool ok = true;
    for (uint32_t i = 0; ok && i < p->values.ntext; i++) {
        const struct filter_text *text = &p->values.text[i];
        uint32_t lo = fvt_dict_lower_text(d, text->p, text->n), hi = lo;
        if (lo < d->n && filter_text_cmp(d->text[lo], d->len[lo], text->p, text->n) == 0)
            hi++;
        switch (p->text_op) {
        case TEXT_NE:
            ok = add_codes(p, d, 0, lo) && add_codes(p, d, hi, d->n);
            break;
        case TEXT_LT:
            ok = add_codes(p, d, 0, lo);
            break;
        case TEXT_LE:
            ok = add_codes(p, d, 0, hi);
            break;
        case TEXT_GT:
            ok = add_codes(p, d, hi, d->n);
            break;
        case TEXT_GE:
            ok = add_codes(p, d, lo, d->n);
            break;
        default:
            ok = add_codes(p, d, lo, hi);
            break;
        }
    }
    return ok;
}

/* One of addresses is not: each must be spelled. */
static bool mark_spelled(struct predicate *p, const struct fvt_dict *d) {
    bool ok = true;
    for (uint32_t code = 0; ok && code < d->n; code++) {
        char buffer[FLOW_IP_TEXT];
        size_t n;
        const char *text = dict_text(d, code, buffer, &n);
        if (text_passes(p, text, n))
            ok = add_codes(p, d, code, code + 1);
    }
    return ok;
}

static bool is_like(const struct predicate *p, const char *text) {
    const char *pattern = p->values.text[0].p;
    return (p->text_op == TEXT_GLOB ? sqlite3_strglob(pattern, text)
                                    : sqlite3_strlike(pattern, text, 0)) == 0;
}

/* Entries that are LIKE the pattern: as strings, which is how SQLite compares them. */
static bool mark_pattern(struct predicate *p, const struct fvt_dict *d) {
    const struct filter_net *net = p->values.nnet ? &p->values.net[0] : NULL;
    size_t room = FLOW_IP_TEXT;
    for (uint32_t code = 0; d->class == FLOW_TEXT && code < d->n; code++)
        room = d->len[code] >= room ? d->len[code] + (size_t)1 : room;
    char *string = malloc(room);
    bool ok = string != NULL;
    for (uint32_t code = net ? dict_seek_ip(d, 0, &net->lo) : 0; ok && code < d->n; code++) {
        size_t n;
        if (net && flow_ip_cmp(&d->ip[code], &net->hi) > 0)
            break;
        const char *text = dict_text(d, code, string, &n);
        if (text != string && n)
            memcpy(string, text, n);
        string[n] = '\0';
        if (is_like(p, string))
            ok = add_codes(p, d, code, code + 1);
    }
    free(string);
    return ok;
}

static bool mark_texts(struct predicate *p, const struct fvt_dict *d) {
    if (p->text_op == TEXT_LIKE || p->text_op == TEXT_GLOB)
        return mark_pattern(p, d);
    return d->class == FLOW_TEXT ? mark_sorted_texts(p, d) : mark_spelled(p, d);
}

static bool mark_mpls(struct predicate *p, const struct fvt_dict *d) {
    bool ok = true;
    for (uint32_t code = 0; ok && code < d->n; code++)
        if (filter_mpls_match((enum filter_label)p->value, &p->values, d->text[code], d->len[code]))
            ok = add_codes(p, d, code, code + 1);
    return ok;
}

static bool mark_own(struct predicate *p, const struct fvt_dict *d) {
    bool ok = true;
    for (uint32_t code = 0; ok && code < d->n; code++)
        if (filter_own_passes(p->own, &p->values, d->text[code], d->len[code]))
            ok = add_codes(p, d, code, code + 1);
    return ok;
}

static bool mark_zones(struct predicate *p, const struct fvt_dict *d) {
    bool ok = true;
    for (uint32_t code = 0, from; ok && (from = code) < d->n;) {
        const char *zone = dict_zone(d, &code, p->labels);
        if (text_passes(p, zone, strlen(zone)))
            ok = add_codes(p, d, from, code);
    }
    return ok;
}

/* The tests of coded columns, whose values are numbers of entries in a dictionary. */
static bool (*const marks[])(struct predicate *, const struct fvt_dict *) = {
    [PREDICATE_NETS] = mark_nets, [PREDICATE_TEXT] = mark_texts, [PREDICATE_ZONE] = mark_zones,
    [PREDICATE_OWN] = mark_own,   [PREDICATE_MPLS] = mark_mpls,
};

bool predicate_is_coded(const struct predicate *p) {
    return p->op < sizeof marks / sizeof *marks && marks[p->op];
}

bool predicate_look_up(struct predicate *p, const struct fvt_dict *d) {
    return marks[p->op](p, d);
}

double predicate_share(const struct predicate *p, const struct fvt_dict *d) {
    double pass = p->code_hi - p->code_lo;
    if (p->codes) {
        uint32_t n = 0;
        for (uint32_t code = 0; code < d->n; code++)
            n += p->codes[code];
        pass = n;
    }
    return d->n ? pass / d->n : 0;
}
