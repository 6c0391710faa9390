/* SPDX-License-Identifier: MIT */
/*
** From the plan, and the text of the statement that runs, to a request.
*/
#include "asked.h"
#include "limits.h"
#include "shown.h"
#include "top_list.h"

#include <stdlib.h>

SQLITE_EXTENSION_INIT3

/* Is it certain that SQLite only adds up what it is given, by the columns of GROUP BY? */
static bool only_adds_up(const struct sql_table *t, const struct query *q,
                         const struct top_list *list) {
    bool masked = q->mask4 < 32 || q->mask6 < 128;
    /* A total is tested of groups by all columns that are named, WHERE's among them. */
    if (!q->exact || q->any_least || q->ntests != list->tests || q->used >> 63)
        return false;
    for (int i = 0; i < t->n && i < 63; i++)
        if ((q->used >> i & 1) != (list->group[i] || list->measure[i] || list->tested[i] ||
                                   list->counted == i || list->net == i))
            return false;
    /* What makes networks of one column would make them of all. */
    for (int i = 0; i < t->n && list->net >= 0; i++)
        if (masked || (list->group[i] && sql_column_class(&t->column[i]) == FLOW_IP))
            return false;
    return true;
}

/* The dimension of the only column of GROUP BY; false when there are more. */
static bool only_group(const struct sql_table *t, const struct asked *a,
                       const struct top_list *list, int *dimension) {
    int n = 0;
    for (int i = 0; i < t->n; i++)
        if (list->group[i]) {
            *dimension = a->dimension[i];
            n++;
        }
    return n == 1 && *dimension >= 0;
}

static bool is_net(const struct sql_column *c) {
    return c->kind == COLUMN_LABEL && c->id == LABEL_NET;
}

static struct dimension dimension_of(const struct sql_column *col) {
    return (struct dimension){
        {col->side[0], col->side[1]},
        is_net(col) ? FLOW_IP : sql_column_class(col), /* as the interner has networks */
        col->kind == COLUMN_LABEL ? (enum label)col->id : LABEL_NONE,
    };
}

/* The column whose address a zone is of, when rows are told apart by that anyway: the zone then tells none apart. -1: none, or
** rows come in the order of the zone. */
static int address_of_zone(const struct sql_table *t, const struct query *q,
                           const struct asked *out, int zone) {
    const struct sql_column *z = &t->column[zone];
    bool other = z->kind != COLUMN_LABEL || z->id != LABEL_ZONE || out->top_list || q->mask4 < 32 ||
                 q->mask6 < 128;
    for (int i = 0; i < q->norder; i++)
        other |= q->order[i].column == zone;
    for (int i = 0; !other && i < t->n && i < 63; i++) {
        const struct sql_column *c = &t->column[i];
        if (q->used >> i & 1 && c->kind == COLUMN_VALUE && c->side[0] == z->side[0] &&
            c->side[1] == z->side[1])
            return i;
    }
    return -1;
}

/* Dimensions and measures that the statement names. */
static void ask_columns(const struct sql_table *t, const struct query *q, struct asked *out) {
    struct totals_request *r = &out->request;
    for (int i = 0; i < t->n; i++) {
        const struct sql_column *col = &t->column[i];
        out->dimension[i] = out->address[i] = -1;
        if (!(q->used >> (i < 63 ? i : 63) & 1))
            continue;
        int measure = sql_column_measure(t, col);
        if (measure >= 0 || col->kind == COLUMN_TOTAL)
            r->measures |= UINT32_C(1) << (measure >= 0 ? measure : col->id);
        r->total |= col->kind == COLUMN_TOTAL;
        r->buckets |= col->kind == COLUMN_BUCKET || col->kind == COLUMN_BUCKET_MS;
        if (measure >= 0 || (col->kind != COLUMN_VALUE && col->kind != COLUMN_LABEL))
            continue;
        out->address[i] = address_of_zone(t, q, out, i);
        if (out->address[i] >= 0)
            continue;
        out->dimension[i] = r->ndims;
        r->dim[r->ndims++] = dimension_of(col);
    }
    out->zones = false;
    for (int i = 0; i < t->n; i++) {
        out->zones |= out->address[i] >= 0;
        out->address[i] = out->address[i] >= 0 ? out->dimension[out->address[i]] : -1;
    }
    r->counts = r->measures >> MEASURE_counted & 1;
    if (r->counts)
        r->dim[r->ndims] = dimension_of(&t->column[q->count_of]);
}

static void ask_order(const struct sql_table *t, const struct query *q, struct asked *out) {
    struct totals_request *r = &out->request;
    for (int i = 0; i < q->norder; i++) {
        int at = q->order[i].column, measure = sql_column_measure(t, &t->column[at]);
        struct order_term *term = &r->order[r->norder++];
        term->desc = q->order[i].desc;
        term->kind = measure >= 0              ? ORDER_MEASURE
                     : out->dimension[at] >= 0 ? ORDER_DIMENSION
                                               : ORDER_BUCKET;
        term->id = measure >= 0 ? measure : out->dimension[at];
    }
}

/* Of a top list only its rows need be delivered. */
static void ask_first(const struct sql_table *t, const struct top_list *list, struct asked *out) {
    struct totals_request *r = &out->request;
    if (list->first < 0)
        return;
    if (list->counted >= 0) {
        if (!only_group(t, out, list, &r->counted_by))
            return;
        r->counted = out->dimension[list->counted];
    } else if (list->rank == ROWS_RANK) {
        r->first_by = MEASURE_flows;
    } else {
        r->first_by = (enum measure)sql_column_measure(t, &t->column[list->rank]);
    }
    r->first = list->first;
    r->greatest = list->desc;
}

void asked_read(const struct flow_table *table, struct query *q, struct asked *out) {
    const struct sql_table *t = &table->columns;
    struct totals_request *r = &out->request;
    struct top_list *list = limits_top_lists() ? malloc(sizeof *list) : NULL;
    out->top_list = list && top_list_running(table->vtab.db, t, table->vtab.name, list) &&
                    only_adds_up(t, q, list);
    *r = (struct totals_request){.table = t, .db = table->vtab.db, .first = -1, .counted = -1};
    if (out->top_list || t->kind != TABLE_FLOWS) {
        /* What WHERE alone names is no part of the key, but for time: where it is named, totals without
        ** anything in them are left out. */
        for (int i = 0; out->top_list && i < t->n && i < 63; i++)
            if (t->column[i].kind != COLUMN_BUCKET && t->column[i].kind != COLUMN_BUCKET_MS &&
                !list->group[i] && !list->measure[i] && list->counted != i && list->net != i)
                q->used &= ~(UINT64_C(1) << i);
        ask_columns(t, q, out);
        ask_order(t, q, out);
    }
    r->rows = out->top_list && list->rows;
    if (r->rows)
        r->measures |= UINT32_C(1) << MEASURE_flows;
    if (out->top_list) {
        ask_first(t, list, out);
        if (list->net >= 0) {
            q->mask4 = list->mask4;
            q->mask6 = list->mask6;
            r->bare = true;
        }
    }
    free(list);
}

void asked_show_dimension(const struct totals *totals, sqlite3_context *ctx,
                          const struct sql_column *column, int dimension) {
    if (dimension < 0 || totals_null(totals, dimension))
        return;
    uint32_t n;
    const char *text;
    char mac[FLOW_MAC_TEXT];
    switch (sql_column_class(column)) {
    case FLOW_IP:
    case FLOW_TEXT:
        text = totals_text(totals, dimension, &n);
        result_text(ctx, text, n);
        break;
    case FLOW_MAC:
        n = (uint32_t)flow_mac_text((uint64_t)totals_integer(totals, dimension), mac);
        result_text(ctx, mac, n);
        break;
    default:
        sqlite3_result_int64(ctx, totals_integer(totals, dimension));
        break;
    }
}
