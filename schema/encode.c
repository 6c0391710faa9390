/* SPDX-License-Identifier: MIT */
/*
** A row group into bytes: for each column the candidates that FORMAT.md allows (plain, as a
** difference to another column, as a property of an address), the smallest of which is kept.
*/
#include "arrange.h"
#include "early.h"
#include "piece.h"
#include "stream.h"

enum {
    /* The form of a column of a large group is chosen by runs of rows from all over it, about so many rows
    ** in all. */
    SAMPLE_ROWS = 1 << 15,
    SAMPLE_RUN = 1 << 11,
};

/* Columns worth coding against another one of the same row. RELATIVE: close to it in value;
** DERIVED: mostly a function of it. Tried in closed files only; what does not pay is not kept. */
static const struct {
    int field, parent;
    enum fvt_chunk_flag how;
} relations[] = {
    {FLOW_tend, FLOW_trecv, FVT_RELATIVE},     {FLOW_tstart, FLOW_tend, FVT_RELATIVE},
    {FLOW_srcas, FLOW_srcip, FVT_DERIVED},     {FLOW_dstas, FLOW_dstip, FVT_DERIVED},
    {FLOW_srcmask, FLOW_srcip, FVT_DERIVED},   {FLOW_dstmask, FLOW_dstip, FVT_DERIVED},
    {FLOW_next, FLOW_dstip, FVT_DERIVED},      {FLOW_bgpnext, FLOW_dstip, FVT_DERIVED},
    {FLOW_nextas, FLOW_dstip, FVT_DERIVED},    {FLOW_prevas, FLOW_srcip, FVT_DERIVED},
    {FLOW_insrcmac, FLOW_srcip, FVT_DERIVED},  {FLOW_indstmac, FLOW_dstip, FVT_DERIVED},
    {FLOW_outsrcmac, FLOW_srcip, FVT_DERIVED}, {FLOW_outdstmac, FLOW_dstip, FVT_DERIVED},
    {FLOW_inif, FLOW_srcip, FVT_DERIVED},      {FLOW_outif, FLOW_dstip, FVT_DERIVED},
    {FLOW_srcvlan, FLOW_srcip, FVT_DERIVED},   {FLOW_dstvlan, FLOW_dstip, FVT_DERIVED},
    {FLOW_ipversion, FLOW_srcip, FVT_DERIVED}, {FLOW_ethertype, FLOW_srcip, FVT_DERIVED},
    {FLOW_natsrcip, FLOW_srcip, FVT_DERIVED},  {FLOW_natdstip, FLOW_dstip, FVT_DERIVED},
    {FLOW_appname, FLOW_appid, FVT_DERIVED},   {FLOW_username, FLOW_srcip, FVT_DERIVED},
};

/* Columns of one end of a flow and of the other. */
static const int twins[][2] = {
    {FLOW_srcip, FLOW_dstip},        {FLOW_srcport, FLOW_dstport},
    {FLOW_inif, FLOW_outif},         {FLOW_srcas, FLOW_dstas},
    {FLOW_prevas, FLOW_nextas},      {FLOW_srcmask, FLOW_dstmask},
    {FLOW_srcvlan, FLOW_dstvlan},    {FLOW_insrcmac, FLOW_outdstmac},
    {FLOW_indstmac, FLOW_outsrcmac}, {FLOW_inphysif, FLOW_outphysif},
    {FLOW_ivrf, FLOW_evrf},
};

/* Keep the smaller of the two in *best. */
static void keep_smaller(struct piece *best, struct piece *p) {
    if (p->bytes.failed || p->guess < best->guess) {
        struct piece swap = *best;
        *best = *p;
        *p = swap;
    }
    piece_free(p);
}

/* Add n rows of g from first on to the sample, SAMPLE_RUN at most. */
static bool sample_rows(struct group *s, const struct group *g, uint32_t first, uint32_t n) {
    bool ok = true;
    for (int f = 0; ok && f < FLOW_NFIELDS; f++) {
        const struct group_column *c = &g->column[f];
        if (c->count == 0)
            continue;
        int64_t v[SAMPLE_RUN];
        uint8_t nulls[SAMPLE_RUN];
        uint32_t before = c->count < g->rows ? column_before(c, first) : first;
        column_read_rows(c, g->rows, first, before, n, v, nulls);
        ok = group_put_rows(s, f, s->rows, v, nulls, n);
    }
    s->rows += n;
    return ok;
}

/* Add runs of the rows [first, first + n) of g to the sample, a part of one in every. */
static bool sample_part(struct group *s, const struct group *g, uint32_t first, uint32_t n,
                        uint32_t every) {
    bool ok = true;
    for (uint32_t at = 0; ok && at < n; at += SAMPLE_RUN * every) {
        uint32_t some = n - at < SAMPLE_RUN ? n - at : SAMPLE_RUN;
        ok = sample_rows(s, g, first + at, some);
    }
    return ok;
}

/* A group to try forms on: g itself when it is small, else some runs of its rows, of its answers just those
** that belong to the others. NULL without memory. */
static struct group *take_sample(struct group *g) {
    if (g->rows < 4 * SAMPLE_ROWS)
        return g;
    struct group *s = g->sample ? g->sample : (g->sample = group_new());
    uint32_t every = g->rows / SAMPLE_ROWS, h = g->mirrored;
    if (!s)
        return NULL;
    group_clear(s);
    s->pool = g->pool;
    bool ok = sample_part(s, g, 0, h, every);
    if (ok) {
        s->effort = g->effort;
        s->mirrored = s->rows;
        ok = sample_part(s, g, h, h, every) && sample_part(s, g, 2 * h, g->rows - 2 * h, every) &&
             group_cover(s);
    }
    return ok ? s : NULL;
}

/* What is guessed of a piece that was made of the sample goes for the whole group. */
static void guess_whole(struct piece *p, struct group *g, const struct group *sample) {
    p->trial = sample != g;
    if (!p->bytes.failed)
        piece_guess(p, g->effort, &g->packed);
    if (p->trial)
        p->guess = (size_t)((double)p->guess * g->rows / sample->rows);
}

/* A column that is derived from a parent, with exceptions where there are any. These are tried on the sample s first,
** in which there are too few of them rather than too many. */
static bool try_derived(struct group *g, struct group *s, int field, int parent, size_t below,
                        struct piece *out) {
    if (piece_derived(g, field, parent, out))
        return true;
    uint32_t n = g->dict[g->dict_of[parent]].n;
    if (s != g) {
        if (!piece_excepted(s, field, parent, n, true, out))
            return false;
        guess_whole(out, g, s);
        bool good = !out->bytes.failed && out->guess < below;
        piece_free(out);
        if (!good)
            return false;
    }
    return piece_excepted(g, field, parent, n, false, out);
}

/* The smallest form of a column: tried on the sample s, but for DERIVED, whose size has nothing to do with
** the number of rows. */
static struct piece try_column(struct group *g, struct group *s, int field) {
    struct piece p = {0}, best = piece_plain(s, field);
    guess_whole(&best, g, s);
    if (s->mirrored && best.guess > PIECE_TRIAL &&
        piece_mirror(s, field, field, FVT_NO_COLUMN, &p)) {
        guess_whole(&p, g, s);
        keep_smaller(&best, &p);
    }
    for (size_t i = 0; i < sizeof relations / sizeof relations[0]; i++) {
        int parent = relations[i].parent;
        bool derived = relations[i].how == FVT_DERIVED;
        struct group *of = derived ? g : s;
        if (relations[i].field != field || of->column[parent].count == 0 ||
            best.guess <= PIECE_TRIAL)
            continue;
        if (derived ? try_derived(g, s, field, parent, best.guess, &p)
                    : piece_relative(of, field, (uint32_t)parent, &p)) {
            p.parent = (uint32_t)parent;
            guess_whole(&p, g, of);
            keep_smaller(&best, &p);
        }
        if (derived && s != g)
            group_forget(g, field);
        if (!derived && s->mirrored && piece_mirror(s, field, field, (uint32_t)parent, &p)) {
            p.parent = (uint32_t)parent;
            guess_whole(&p, g, s);
            keep_smaller(&best, &p);
        }
    }
    return best;
}

/* Code two columns, one for each end of a flow, against each other when both together are smaller
** than as they are in own[]. */
static void try_twins(struct group *g, struct group *s, const int *field, struct piece **own) {
    struct piece p[2];
    memset(p, 0, sizeof p);
    if (own[0]->guess + own[1]->guess > 2 * PIECE_TRIAL &&
        piece_mirror(s, field[0], field[1], FVT_NO_COLUMN, &p[0]) &&
        piece_mirror(s, field[1], field[0], FVT_NO_COLUMN, &p[1])) {
        guess_whole(&p[0], g, s);
        guess_whole(&p[1], g, s);
        if (p[0].guess + p[1].guess < own[0]->guess + own[1]->guess)
            for (int i = 0; i < 2; i++) {
                struct piece swap = *own[i];
                *own[i] = p[i];
                own[i]->parent = (uint32_t)field[1 - i];
                p[i] = swap;
            }
    }
    piece_free(&p[0]);
    piece_free(&p[1]);
}

/* Is another column coded against it? */
static bool is_parent(int field) {
    for (size_t i = 0; i < sizeof relations / sizeof relations[0]; i++)
        if (relations[i].parent == field)
            return true;
    return false;
}

/* Put a column of the whole group into the form that was found for it in a sample; as it is where that
** form is not for all rows. */
static void make_whole(struct group *g, int field, struct piece *p) {
    struct piece whole = {0};
    uint32_t parent = p->parent;
    bool dense = p->dense;
    bool relative = p->flags & FVT_RELATIVE, made = false;
    if (p->flags & FVT_MIRROR)
        made = piece_mirror(g, field, relative || parent == FVT_NO_COLUMN ? field : (int)parent,
                            relative ? parent : FVT_NO_COLUMN, &whole);
    else if (relative)
        made = piece_relative(g, field, parent, &whole);
    if (!made)
        whole = piece_plain(g, field);
    else
        whole.parent = parent;
    /* Only what is far from being smaller in the sample is not tried, if it is long: a sample does not show what comes
    ** again after many rows. */
    whole.dense = made && dense && whole.bytes.n > g->rows / 2;
    /* What others need again stays. */
    if (!is_parent(field))
        group_forget(g, field);
    if (made && !relative && parent != FVT_NO_COLUMN && !is_parent((int)parent))
        group_forget(g, (int)parent);
    piece_free(p);
    *p = whole;
}

static void forget_all(struct group *g) {
    for (int f = 0; f < FLOW_NFIELDS; f++)
        group_forget(g, f);
}

/* The pieces of the columns that have values, each in its smallest form. */
static bool choose_forms(struct group *g, struct piece **of) {
    struct group *s = take_sample(g);
    if (!s)
        return false;
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (of[f] && s->column[f].count)
            *of[f] = try_column(g, s, f);
        else if (of[f])
            *of[f] = piece_plain(g, f);
    for (size_t i = 0; s->mirrored && i < sizeof twins / sizeof twins[0]; i++) {
        struct piece *own[] = {of[twins[i][0]], of[twins[i][1]]};
        if (own[0] && own[1])
            try_twins(g, s, twins[i], own);
    }
    if (s != g)
        forget_all(s);
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (of[f] && of[f]->trial)
            make_whole(g, f, of[f]);
    return true;
}

/* The directory and, in the same order, the pieces it speaks of. */
struct layout {
    struct fvt_buffer dir;
    struct piece piece[FLOW_NFIELDS + GROUP_DICTS];
    unsigned npieces;
    uint16_t dicts;
};

static void put_entry(struct layout *l, const struct piece *p, struct directory_entry *e) {
    e->encoding = p->encoding;
    e->flags = p->flags;
    e->raw = p->raw;
    e->parent = p->parent;
    e->count = p->count;
    directory_put(&l->dir, e, p->bytes.p, p->bytes.n);
}

/* Leave out of a dictionary what no row has any more. code[i] becomes the number of each of the others. */
static bool drop_unused(struct group *g, int d, uint32_t *code) {
    enum { STEP = 1024 };
    uint8_t *used = calloc((size_t)g->dict[d].n + 1, 1);
    for (int f = 0; used && f < FLOW_NFIELDS; f++) {
        const struct group_column *c = &g->column[f];
        for (uint32_t at = 0; g->dict_of[f] == d && at < c->count; at += STEP) {
            uint32_t v[STEP], some = c->count - at < STEP ? c->count - at : STEP;
            column_read_32(c, at, some, v);
            for (uint32_t i = 0; i < some; i++)
                used[v[i]] = 1;
        }
    }
    if (used)
        dict_builder_drop(&g->dict[d], used, code);
    free(used);
    return used != NULL;
}

/* Codes of entries in sorted order: *sorted[i] of entry i of the dictionary, *code[i] of what the columns still call i,
** which is the same unless entries were left out. */
static bool sort_dict(struct group *g, int d, bool less, uint32_t **sorted, uint32_t **code) {
    const struct dict_builder *b = &g->dict[d];
    const uint32_t before = b->n;
    *code = less ? malloc((size_t)before * sizeof **code) : NULL;
    if (less && !(*code && drop_unused(g, d, *code)))
        return false;
    *sorted = malloc(((size_t)b->n + 1) * sizeof **sorted);
    if (!*sorted || !dict_builder_sort(b, *sorted))
        return false;
    for (uint32_t i = 0; less && i < before; i++)
        (*code)[i] = (*code)[i] < b->n ? (*sorted)[(*code)[i]] : 0;
    return true;
}

/* Sorts the dictionaries in use, codes the columns by them and lays them out. place[d] becomes
** the number of builder d's dictionary in the directory. less: the columns may not have all entries any more. */
static bool layout_dicts(struct group *g, bool less, struct layout *l, uint16_t *place,
                         uint32_t **sorted) {
    uint16_t used = 0;
    for (int d = 0; d < GROUP_DICTS; d++) {
        const struct dict_builder *b = &g->dict[d];
        uint32_t *code = NULL;
        bool ok = b->n == 0 || sort_dict(g, d, less, &sorted[d], &code);
        for (int f = 0; ok && f < FLOW_NFIELDS; f++)
            if (g->dict_of[f] == d && g->column[f].count)
                ok = column_map(&g->column[f], code ? code : sorted[d], b->n - 1);
        free(code);
        if (!ok)
            return false;
        if (b->n == 0)
            continue;
        struct piece *p = &l->piece[l->npieces++];
        memset(p, 0, sizeof *p);
        dict_encode(&p->bytes, b, sorted[d]);
        p->count = b->n;
        p->parent = FVT_NO_COLUMN;
        piece_compress(p, g);
        struct directory_entry e = {.column = (uint16_t)b->class, .dict = FVT_NO_DICT};
        put_entry(l, p, &e);
        place[d] = used++;
    }
    l->dicts = used;
    return true;
}

/* The entry of a column whose piece is made. */
static void put_column(struct group *g, struct layout *l, int field, const struct piece *p,
                       const uint16_t *place, uint32_t *const *sorted) {
    const struct group_column *c = &g->column[field];
    int d = g->dict_of[field];
    struct directory_entry e = {.column = (uint16_t)field,
                                .dict = d < 0 ? FVT_NO_DICT : place[d],
                                .nulls = g->rows - c->count,
                                .min = c->min,
                                .max = c->max,
                                .zone = flow_fields[field].class == FLOW_IP};
    for (uint32_t i = 0; e.zone && i < g->dict[d].n; i++) {
        if (sorted[d][i] == e.min)
            e.first = g->dict[d].ip[i];
        if (sorted[d][i] == e.max)
            e.last = g->dict[d].ip[i];
    }
    put_entry(l, p, &e);
}

static bool layout_columns(struct group *g, struct layout *l, const uint16_t *place,
                           uint32_t *const *sorted) {
    struct piece *of[FLOW_NFIELDS] = {NULL};
    uint16_t used = 0;
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (g->column[f].count) {
            of[f] = &l->piece[l->npieces++];
            used++;
        }
    if (g->effort == GROUP_QUICK) {
        for (int f = 0; f < FLOW_NFIELDS; f++)
            if (of[f])
                *of[f] = piece_plain(g, f);
    } else if (!choose_forms(g, of)) {
        return false;
    }
    for (int f = 0; f < FLOW_NFIELDS; f++)
        if (of[f]) {
            piece_compress(of[f], g);
            put_column(g, l, f, of[f], place, sorted);
        }
    directory_counts(&l->dir, used, l->dicts);
    return true;
}

/* Put header, directory and pieces at the end of out, offsets filled in. */
static void put_block(struct fvt_buffer *out, struct layout *l, uint32_t rows) {
    size_t at = out->n, payload = at + FVT_BLOCK_HEADER;
    fvt_put_zeros(out, FVT_BLOCK_HEADER);
    fvt_put(out, l->dir.p, l->dir.n);
    size_t entry = payload + FVT_GROUP_HEADER;
    for (unsigned i = 0; i < l->npieces && !out->failed; i++) {
        out->failed |= l->piece[i].bytes.failed;
        fvt_set_int(out, entry + 8, out->n - payload, 4);
        entry += (size_t)out->p[entry] | (size_t)out->p[entry + 1] << 8;
        fvt_put(out, l->piece[i].bytes.p, l->piece[i].bytes.n);
        fvt_align(out);
    }
    block_seal(out, at, FVT_GROUP, l->dir.n, rows);
}

static bool put_in_order(struct group *g, struct group *early) {
    uint32_t *from = NULL;
    bool ok = g->effort == GROUP_QUICK || group_arrange(g, &from);
    if (ok && early)
        ok = group_part_early(g, early, from);
    else if (ok && from)
        ok = group_reorder(g, from, g->rows);
    pool_put(g->pool, from);
    return ok;
}

size_t group_encode(struct fvt_buffer *out, struct group *g, enum group_effort effort,
                    struct group *early) {
    const uint32_t before = early ? early->rows : 0;
    g->effort = effort;
    if (!group_settle(g) || !group_cover(g))
        return 0;
    group_seal(g);
    struct layout *l = put_in_order(g, early) ? calloc(1, sizeof *l) : NULL;
    if (!l)
        return 0;
    uint16_t place[GROUP_DICTS] = {0};
    uint32_t *sorted[GROUP_DICTS] = {NULL};
    directory_begin(&l->dir, g->rows, &g->totals);
    size_t dirlen = 0;
    const bool less = early && early->rows > before;
    if (layout_dicts(g, less, l, place, sorted) && layout_columns(g, l, place, sorted) &&
        !l->dir.failed) {
        put_block(out, l, g->rows);
        dirlen = out->failed ? 0 : l->dir.n;
    }
    forget_all(g);
    for (unsigned i = 0; i < l->npieces; i++)
        piece_free(&l->piece[i]);
    for (int d = 0; d < GROUP_DICTS; d++)
        free(sorted[d]);
    free(l->dir.p);
    free(l);
    return dirlen;
}
