/* SPDX-License-Identifier: MIT */
/*
** Comparing rows term by term, texts as texts. Slower than keys, and only where rows are more than
** fit or than are asked for.
*/
#include "row_bound.h"

#include <stdlib.h>

/* A value of a term, and room for a text that is made. */
struct term_value {
    bool null;
    int64_t v;
    const char *text;
    size_t n;
    char room[FLOW_NET_TEXT];
};

static bool has_text(enum cell_kind kind) {
    return kind == CELL_IP || kind == CELL_TEXT || kind == CELL_NET;
}

static int compare_values(enum cell_kind kind, bool desc, const struct term_value *a,
                          const struct term_value *b) {
    int order;
    if (a->null || b->null) {
        order = b->null - a->null;
    } else if (has_text(kind)) {
        size_t n = a->n < b->n ? a->n : b->n;
        order = n ? memcmp(a->text, b->text, n) : 0;
        order = order ? order : (a->n > b->n) - (a->n < b->n);
    } else {
        order = (a->v > b->v) - (a->v < b->v);
    }
    return desc ? -order : order;
}

static struct term_value of_bound(const struct row_bound *b, int term) {
    const struct bound_value *k = &b->value[term];
    struct term_value v;
    v.null = k->null;
    v.v = k->v;
    v.text = k->text;
    v.n = k->n;
    return v;
}

void row_bound_clear(struct row_bound *b) {
    for (int t = 0; t < b->nterms; t++)
        free(b->value[t].text);
    memset(b, 0, sizeof *b);
}

static bool set_value(struct row_bound *b, enum cell_kind kind, const struct term_value *v) {
    struct bound_value *k = &b->value[b->nterms];
    *k = (struct bound_value){.null = v->null, .v = v->v};
    b->nterms++;
    if (v->null || !has_text(kind))
        return true;
    k->n = v->n;
    k->text = malloc(v->n + 1);
    if (k->text && v->n)
        memcpy(k->text, v->text, v->n);
    return k->text != NULL;
}

bool row_bound_copy(struct row_bound *to, const struct row_bound *from) {
    row_bound_clear(to);
    for (int t = 0; t < from->nterms; t++) {
        struct term_value v = of_bound(from, t);
        if (!set_value(to, v.text ? CELL_TEXT : CELL_INT, &v))
            return false;
    }
    to->position = from->position;
    to->set = from->set;
    return true;
}

int row_bound_compare(const struct row_bound *a, const struct row_bound *b,
                      const struct row_spec *spec, const struct row_terms *terms) {
    for (int t = 0; t < terms->n; t++) {
        struct term_value x = of_bound(a, t), y = of_bound(b, t);
        int order = compare_values(spec->kind[terms->term[t].column], terms->term[t].desc, &x, &y);
        if (order)
            return order;
    }
    return (a->position > b->position) - (a->position < b->position);
}

/* ---- rows of a block -------------------------------------------------------------------- */

struct block_term {
    const int64_t *v;
    const uint8_t *null;
    const struct fvt_dict *dict;
};

static void of_block(const struct block_term *b, enum cell_kind kind, uint32_t row,
                     struct term_value *out) {
    out->null = b->null[row];
    out->v = b->v[row];
    if (out->null)
        return;
    switch (kind) {
    case CELL_IP:
        out->n = flow_ip_text(&b->dict->ip[out->v], out->room);
        out->text = out->room;
        break;
    case CELL_NET:
        out->n = flow_net_text(&b->dict->ip[out->v >> 8], (unsigned)(out->v & 255), out->room);
        out->text = out->room;
        break;
    case CELL_TEXT:
        out->text = b->dict->text[out->v];
        out->n = b->dict->len[out->v];
        break;
    case CELL_TIME:
        out->v = cell_time(out->v);
        break;
    case CELL_REAL:
        out->v = real_order(out->v);
        break;
    default:
        break;
    }
}

struct block {
    struct scan *scan;
    const struct row_spec *spec;
    const struct row_terms *terms;
    struct block_term term[MAX_COLUMNS];
};

static int compare_row(const struct block *k, uint32_t row, const struct row_bound *bound) {
    for (int t = 0; t < k->terms->n; t++) {
        const struct row_term *term = &k->terms->term[t];
        enum cell_kind kind = k->spec->kind[term->column];
        struct term_value x, y = of_bound(bound, t);
        of_block(&k->term[t], kind, row, &x);
        int order = compare_values(kind, term->desc, &x, &y);
        if (order)
            return order;
    }
    int64_t position = scan_position(k->scan, row);
    return (position > bound->position) - (position < bound->position);
}

uint32_t row_bound_select(struct scan *scan, const struct row_spec *spec,
                          const struct row_terms *terms, const struct row_bound *low,
                          const struct row_bound *high, const uint16_t *rows, uint32_t n,
                          uint16_t *out) {
    struct block k = {.scan = scan, .spec = spec, .terms = terms};
    struct cell_buffer *buffers = NULL;
    uint32_t kept = 0;
    int computed = 0;
    for (int t = 0; t < terms->n; t++)
        computed += spec->column[terms->term[t].column]->kind == COLUMN_COMPUTED;
    if (computed && !(buffers = malloc((size_t)computed * sizeof *buffers)))
        return UINT32_MAX;
    for (int t = 0, b = 0; t < terms->n; t++) {
        const struct sql_column *c = spec->column[terms->term[t].column];
        bool own = c->kind == COLUMN_COMPUTED;
        k.term[t].v = cells_of_block(scan, c, own ? &buffers[b] : NULL, &k.term[t].null);
        b += own;
        if (has_text(spec->kind[terms->term[t].column]))
            k.term[t].dict = scan_dict(scan, cell_column(c));
    }
    for (uint32_t i = 0; i < n; i++) {
        bool in = (!low->set || compare_row(&k, rows[i], low) >= 0) &&
                  (!high->set || compare_row(&k, rows[i], high) < 0);
        out[kept] = rows[i];
        kept += in;
    }
    free(buffers);
    return kept;
}

/* ---- rows of a set ---------------------------------------------------------------------- */

static void of_set(const struct rowset *s, int column, uint32_t ref, struct term_value *out) {
    out->null = !run_cell(s->run[ref >> 16], column, ref & 0xffff, &out->v);
    if (out->null)
        return;
    if (s->spec->kind[column] == CELL_IP) {
        out->n = flow_ip_text(&s->ips.ip[out->v], out->room);
        out->text = out->room;
    } else if (has_text(s->spec->kind[column])) {
        size_t start = out->v ? s->texts.end[out->v - 1] : 0;
        out->text = (const char *)s->texts.text.p + start;
        out->n = s->texts.end[out->v] - start;
    }
}

static int64_t position_of(const struct rowset *s, uint32_t ref) {
    int64_t v = 0;
    (void)run_cell(s->run[ref >> 16], s->spec->n, ref & 0xffff, &v);
    return v;
}

struct comparison {
    const struct rowset *set;
    const struct row_terms *terms;
};

/* Does row x come before row y? No two are at the same place. */
static bool is_before(const struct comparison *k, uint32_t x, uint32_t y) {
    for (int t = 0; t < k->terms->n; t++) {
        const struct row_term *term = &k->terms->term[t];
        struct term_value p, q;
        of_set(k->set, term->column, x, &p);
        of_set(k->set, term->column, y, &q);
        int order = compare_values(k->set->spec->kind[term->column], term->desc, &p, &q);
        if (order)
            return order < 0;
    }
    return position_of(k->set, x) < position_of(k->set, y);
}

/* What sorting n rows would bring to a place. Of each half only the one with that place is looked at further. False:
** stopped. */
static bool find_place(const struct comparison *k, uint32_t *ref, uint32_t n, uint32_t place,
                       const struct sort_stop *stop, uint32_t *out) {
    uint64_t chance = 1;
    size_t steps = 0;
    for (uint32_t lo = 0, hi = n; hi - lo > 1;) {
        chance = chance * UINT64_C(6364136223846793005) + 1442695040888963407;
        uint32_t pick = lo + (uint32_t)((chance >> 32) % (hi - lo)), pivot = ref[pick], at = lo;
        ref[pick] = ref[hi - 1];
        ref[hi - 1] = pivot;
        for (uint32_t i = lo; i < hi - 1; i++) {
            if (sort_stopped(stop, ++steps))
                return false;
            uint32_t r = ref[i];
            if (!is_before(k, r, pivot))
                continue;
            ref[i] = ref[at];
            ref[at++] = r;
        }
        ref[hi - 1] = ref[at];
        ref[at] = pivot;
        if (at == place)
            break;
        if (at < place)
            lo = at + 1;
        else
            hi = at;
    }
    *out = ref[place];
    return true;
}

static bool bound_at(const struct rowset *s, const struct row_terms *terms, uint32_t ref,
                     struct row_bound *out) {
    row_bound_clear(out);
    for (int t = 0; t < terms->n; t++) {
        struct term_value v;
        of_set(s, terms->term[t].column, ref, &v);
        if (!set_value(out, s->spec->kind[terms->term[t].column], &v))
            return false;
    }
    out->position = position_of(s, ref);
    out->set = true;
    return true;
}

bool row_bound_split(const struct rowset *s, const struct row_terms *terms, int64_t limit,
                     const struct sort_stop *stop, struct row_bound *out) {
    enum { SAMPLE = 511 };
    uint64_t step = limit < 0 && s->rows > SAMPLE ? s->rows / SAMPLE : 1, i = 0;
    uint32_t *refs = calloc((size_t)(s->rows / step + 1), sizeof *refs), n = 0;
    if (!refs)
        return false;
    for (uint32_t r = 0; r < s->nruns; r++)
        for (uint32_t row = 0; row < s->run[r]->n; row++)
            if (i++ % step == 0)
                refs[n++] = r << 16 | row;
    struct comparison k = {s, terms};
    uint32_t at = limit < 0 ? n / 2 : limit < n ? (uint32_t)limit : n - 1, row;
    bool ok = find_place(&k, refs, n, at, stop, &row) && bound_at(s, terms, row, out);
    free(refs);
    return ok;
}

void row_bound_mark(const struct rowset *s, const struct row_terms *terms,
                    const struct row_bound *bound, const struct sort_stop *stop, uint8_t *keep) {
    for (uint32_t r = 0; r < s->nruns; r++) {
        for (uint32_t row = 0; row < s->run[r]->n; row++) {
            if (sort_stopped(stop, row))
                return;
            uint32_t ref = r << 16 | row;
            int order = 0;
            for (int t = 0; t < terms->n && !order; t++) {
                struct term_value x, y = of_bound(bound, t);
                of_set(s, terms->term[t].column, ref, &x);
                order = compare_values(s->spec->kind[terms->term[t].column], terms->term[t].desc,
                                       &x, &y);
            }
            int64_t position = position_of(s, ref);
            *keep++ = order < 0 || (order == 0 && position < bound->position);
        }
    }
}
