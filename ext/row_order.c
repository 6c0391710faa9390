/* SPDX-License-Identifier: MIT */
/*
** Sorting rows by the bits of their keys.
**
** The key of a row is made of fields: for each term a bit that says whether it is NULL, if any is,
** and the value less the smallest one, or the place of its text among all texts. Fields stand one
** behind the other and are cut into words of 32 bits. An entry is a word of the key and where the
** row is, in 64 bits; words behind the first are looked up where the ones before them agree.
*/
#include "row_order.h"

#include <stdlib.h>

#include "schema/pool.h"

enum {
    WORD_BITS = 32,
    MAX_FIELDS = 2 * MAX_COLUMNS,
    MAX_PART_BITS = 11,
    PART_ROWS = 8192, /* aimed at: a part fits the cache */
    FEW_ROWS = 24,    /* sorted by insertion */
};

struct field {
    int column;
    bool is_null_bit, desc;
    uint32_t bits, offset; /* from the first bit of the key */
    int64_t base;          /* smallest value */
    uint64_t top;          /* largest code */
};

/* Texts by number, in order where the statement asks for it. */
struct texts {
    char *p;
    size_t *start; /* n + 1 */
    uint32_t n;
};

struct set {
    struct rowset *rows;
    uint32_t *ip, *text; /* number in the set to number in texts */
    uint32_t first_run;
    uint64_t *at; /* where the next entry of each part goes */
};

struct row_order {
    const struct row_spec *spec;
    int nsets;
    struct set *set;
    uint32_t nruns;
    const struct run **run; /* of all sets */
    uint16_t *run_set;
    struct texts ips, texts;
    int nfields;
    struct field field[MAX_FIELDS];
    uint32_t words;
    uint64_t rows;
    uint64_t *entry;
    uint32_t part_shift, nparts;
    uint64_t *part;   /* first entry of each part, and the end */
    uint32_t in_part; /* that is being given */
    uint64_t next;    /* entry */
    uint64_t *spare;  /* entries */
    size_t nspare;
    const struct sort_stop *stop; /* of the thread that is at it */
    struct interrupt *interrupt;  /* of those that divide */
    atomic_int next_set;
};

static bool must_stop(const struct row_order *o) {
    return o->stop->now(o->stop->arg);
}

/* ---- texts ------------------------------------------------------------------------------ */

/* Texts as words, and behind them the length, since zeros were put there. */
struct ranking {
    const struct texts *texts;
    unsigned words;
};

static uint64_t word_of(const void *arg, uint64_t at, unsigned w) {
    const struct ranking *r = arg;
    size_t start = r->texts->start[at], n = r->texts->start[at + 1] - start;
    return w + 1 == r->words ? n : sort_octets(r->texts->p + start, n, w);
}

/* Put texts into the order of SQL; new[id] is the number of what was id. */
static bool sort_texts(struct texts *t, uint32_t *new, const struct sort_stop *stop) {
    struct sort_item *item = malloc((2 * (size_t)t->n + 1) * sizeof *item);
    char *p = malloc(t->start[t->n] + 1);
    size_t *start = malloc(((size_t)t->n + 1) * sizeof *start), longest = 0;
    bool ok = item && p && start;
    for (uint32_t i = 0; ok && i < t->n; i++) {
        size_t n = t->start[i + 1] - t->start[i];
        longest = n > longest ? n : longest;
    }
    struct ranking r = {t, (unsigned)((longest + 7) / 8 + 1)};
    for (uint32_t i = 0; ok && i < t->n; i++)
        item[i] = (struct sort_item){word_of(&r, i, 0), i};
    if (ok)
        sort_items(item, t->n, item + t->n, r.words, word_of, &r, stop);
    ok = ok && !stop->now(stop->arg);
    if (ok)
        start[0] = 0;
    for (uint32_t i = 0; ok && i < t->n; i++) {
        size_t from = t->start[item[i].at], n = t->start[item[i].at + 1] - from;
        memcpy(p + start[i], t->p + from, n);
        start[i + 1] = start[i] + n;
        new[item[i].at] = i;
    }
    free(item);
    free(ok ? t->p : p);
    free(ok ? t->start : start);
    if (ok) {
        t->p = p;
        t->start = start;
    }
    return ok;
}

static bool texts_of(struct texts *t, const struct dict_builder *d, const struct sort_stop *stop) {
    size_t size = d->class == FLOW_IP ? (size_t)d->n * FLOW_IP_TEXT : d->text.n;
    t->n = d->n;
    t->p = malloc(size + 1);
    t->start = malloc(((size_t)d->n + 1) * sizeof *t->start);
    if (!t->p || !t->start)
        return false;
    t->start[0] = 0;
    for (uint32_t i = 0; i < d->n; i++) {
        t->start[i + 1] = d->class == FLOW_IP
                              ? t->start[i] + flow_ip_text(&d->ip[i], t->p + t->start[i])
                              : d->end[i];
        if (sort_stopped(stop, i))
            return false;
    }
    if (d->class == FLOW_TEXT && d->text.n)
        memcpy(t->p, d->text.p, d->text.n);
    return true;
}

/* The dictionaries of all sets as one. map[] of each set gets the new numbers. */
static bool join_texts(struct row_order *o, enum flow_class class, bool sorted, struct texts *t) {
    struct dict_builder all;
    dict_builder_init(&all, class);
    bool ok = true;
    for (int s = 0; ok && s < o->nsets; s++) {
        const struct dict_builder *d =
            class == FLOW_IP ? &o->set[s].rows->ips : &o->set[s].rows->texts;
        uint32_t *map = malloc(((size_t)d->n + 1) * sizeof *map);
        *(class == FLOW_IP ? &o->set[s].ip : &o->set[s].text) = map;
        ok = map != NULL;
        for (uint32_t i = 0; ok && i < d->n; i++) {
            size_t start = class == FLOW_TEXT && i ? d->end[i - 1] : 0;
            int64_t id = class == FLOW_IP ? dict_builder_ip(&all, &d->ip[i])
                                          : dict_builder_text(&all, (const char *)d->text.p + start,
                                                              d->end[i] - start);
            ok = id >= 0 && !sort_stopped(o->stop, i);
            map[i] = (uint32_t)id;
        }
    }
    ok = ok && texts_of(t, &all, o->stop);
    uint32_t *new = ok &&sorted ? malloc(((size_t)all.n + 1) * sizeof *new) : NULL;
    if (sorted)
        ok = new &&sort_texts(t, new, o->stop);
    for (int s = 0; ok && sorted && s < o->nsets; s++) {
        uint32_t *map = class == FLOW_IP ? o->set[s].ip : o->set[s].text;
        uint32_t n = class == FLOW_IP ? o->set[s].rows->ips.n : o->set[s].rows->texts.n;
        for (uint32_t i = 0; i < n; i++)
            map[i] = new[map[i]];
    }
    free(new);
    dict_builder_free(&all);
    return ok;
}

const char *row_order_text(const struct row_order *o, enum cell_kind kind, int64_t v, size_t *n) {
    const struct texts *t = kind == CELL_IP ? &o->ips : &o->texts;
    *n = t->start[v + 1] - t->start[v];
    return t->p + t->start[v];
}

static bool is_text(enum cell_kind kind) {
    return kind == CELL_TEXT || kind == CELL_NET;
}

static const uint32_t *map_of(const struct row_order *o, uint32_t run, enum cell_kind kind) {
    const struct set *s = &o->set[o->run_set[run]];
    return kind == CELL_IP ? s->ip : is_text(kind) ? s->text : NULL;
}

/* ---- keys ------------------------------------------------------------------------------- */

static uint32_t bits_of(uint64_t v) {
    return v ? 64 - (uint32_t)__builtin_clzll(v) : 0;
}

static uint32_t key_bits(const struct row_order *o) {
    const struct field *last = &o->field[o->nfields ? o->nfields - 1 : 0];
    return o->nfields ? last->offset + last->bits : 0;
}

static void add_field(struct row_order *o, struct field f) {
    if (f.bits == 0)
        return;
    f.offset = key_bits(o);
    o->field[o->nfields++] = f;
}

static void make_fields(struct row_order *o, const struct row_terms *terms) {
    for (int t = 0; t < terms->n; t++) {
        struct field f = {.column = terms->term[t].column, .desc = terms->term[t].desc};
        enum cell_kind kind = o->spec->kind[f.column];
        int64_t min = INT64_MAX, max = INT64_MIN;
        bool null = false, value = false;
        for (int s = 0; s < o->nsets; s++) {
            const struct rowset *r = o->set[s].rows;
            if (r->min[f.column] <= r->max[f.column]) {
                min = r->min[f.column] < min ? r->min[f.column] : min;
                max = r->max[f.column] > max ? r->max[f.column] : max;
                value = true;
            }
            null |= r->null[f.column];
        }
        if (kind == CELL_IP || is_text(kind)) {
            min = 0;
            max = kind == CELL_IP ? o->ips.n : o->texts.n;
        }
        if (null && value) {
            struct field bit = f;
            bit.is_null_bit = true;
            bit.bits = 1;
            bit.top = 1;
            add_field(o, bit);
        }
        f.base = min;
        f.top = value ? (uint64_t)max - (uint64_t)min : 0;
        f.bits = bits_of(f.top);
        add_field(o, f);
    }
    o->words = (key_bits(o) + WORD_BITS - 1) / WORD_BITS;
}

/* A field's part of word w of the key. */
static uint32_t cut(const struct field *f, uint32_t w, uint64_t code) {
    int shift = (int)((w + 1) * WORD_BITS) - (int)(f->offset + f->bits);
    return (uint32_t)(shift >= WORD_BITS ? 0
                      : shift >= 0       ? code << shift
                      : shift > -64      ? code >> -shift
                                         : 0);
}

static uint64_t code_of(const struct row_order *o, const struct field *f, uint32_t run,
                        uint32_t row) {
    enum cell_kind kind = o->spec->kind[f->column];
    int64_t v;
    if (!run_cell(o->run[run], f->column, row, &v))
        return f->is_null_bit && f->desc ? 1 : 0;
    if (f->is_null_bit)
        return !f->desc;
    const uint32_t *map = map_of(o, run, kind);
    v = map ? map[v] : v;
    uint64_t code = (uint64_t)v - (uint64_t)f->base;
    return f->desc ? f->top - code : code;
}

/* Fields that lie in word w, wholly or in part. */
static void fields_of_word(const struct row_order *o, uint32_t w, int *first, int *end) {
    *first = 0;
    while (*first < o->nfields && o->field[*first].offset + o->field[*first].bits <= w * WORD_BITS)
        ++*first;
    *end = *first;
    while (*end < o->nfields && o->field[*end].offset < (w + 1) * WORD_BITS)
        ++*end;
}

static void fill_words(const struct row_order *o, uint64_t *entry, size_t n, uint32_t w) {
    int first, end;
    fields_of_word(o, w, &first, &end);
    for (size_t i = 0; i < n; i++) {
        uint32_t ref = (uint32_t)entry[i], word = 0;
        for (int f = first; f < end; f++)
            word |= cut(&o->field[f], w, code_of(o, &o->field[f], ref >> 16, ref & 0xffff));
        entry[i] = (uint64_t)word << WORD_BITS | ref;
    }
}

/* The first words of the keys of rows of a run. */
static void first_words(const struct row_order *o, uint32_t run, uint32_t from, uint32_t n,
                        uint32_t *word) {
    memset(word, 0, n * sizeof *word);
    int first, end;
    fields_of_word(o, 0, &first, &end);
    for (int i = first; i < end; i++) {
        const struct field *f = &o->field[i];
        const struct run_column *c = &o->run[run]->column[f->column];
        const uint32_t *map = map_of(o, run, o->spec->kind[f->column]);
        const uint32_t *v = c->v;
        if (map && c->width == 4 && !c->null && !f->desc && !f->is_null_bit && c->base == 0) {
            for (uint32_t k = 0; k < n; k++)
                word[k] |= cut(f, 0, map[v[from + k]]);
        } else {
            for (uint32_t k = 0; k < n; k++)
                word[k] |= cut(f, 0, code_of(o, f, run, from + k));
        }
    }
}

/* ---- parts ------------------------------------------------------------------------------ */

enum { WORDS = 1024 };

static inline __attribute__((always_inline)) void
each_word(struct row_order *o, struct set *s, int worker,
          void (*use)(struct row_order *o, struct set *s, uint32_t word, uint32_t ref)) {
    for (uint32_t r = 0; r < s->rows->nruns; r++) {
        uint32_t word[WORDS], run = s->first_run + r, rows = o->run[run]->n;
        if (worker_stopped(o->interrupt, worker))
            return;
        for (uint32_t from = 0; from < rows; from += WORDS) {
            uint32_t n = rows - from < WORDS ? rows - from : WORDS;
            first_words(o, run, from, n, word);
            for (uint32_t i = 0; i < n; i++)
                use(o, s, word[i], run << 16 | (from + i));
        }
    }
}

static inline void count_entry(struct row_order *o, struct set *s, uint32_t word, uint32_t ref) {
    (void)ref;
    s->at[word >> o->part_shift]++;
}

static inline void place_entry(struct row_order *o, struct set *s, uint32_t word, uint32_t ref) {
    o->entry[s->at[word >> o->part_shift]++] = (uint64_t)word << WORD_BITS | ref;
}

static void count_entries(void *arg, int worker) {
    struct row_order *o = arg;
    for (int i; (i = atomic_fetch_add(&o->next_set, 1)) < o->nsets;)
        each_word(o, &o->set[i], worker, count_entry);
}

static void place_entries(void *arg, int worker) {
    struct row_order *o = arg;
    for (int i; (i = atomic_fetch_add(&o->next_set, 1)) < o->nsets;)
        each_word(o, &o->set[i], worker, place_entry);
}

/* For all sets. False when it is to stop. */
static bool run(struct row_order *o, void (*work)(void *arg, int worker)) {
    atomic_store(&o->next_set, 0);
    workers_run(o->nsets, work, o, o->interrupt);
    return !interrupt_stopped(o->interrupt);
}

static bool divide(struct row_order *o) {
    uint32_t bits = 0;
    while (bits < MAX_PART_BITS && bits < key_bits(o) && o->rows >> bits > PART_ROWS)
        bits++;
    /* Keys begin at the highest bit. Shifting a word of 32 bits by 32 is not defined: one part then
    ** takes the words whole. */
    o->nparts = 1u << bits;
    o->part_shift = WORD_BITS - (bits ? bits : 1);
    uint32_t room = bits ? o->nparts : 2;
    o->part = calloc((size_t)room + 1, sizeof *o->part);
    o->entry = large_alloc(o->rows * sizeof *o->entry);
    bool ok = o->part && o->entry;
    for (int s = 0; s < o->nsets; s++) {
        o->set[s].at = calloc(room, sizeof *o->set[s].at);
        ok &= o->set[s].at != NULL;
    }
    if (!ok)
        return false;
    if (!run(o, count_entries))
        return false;
    uint64_t sum = 0;
    for (uint32_t p = 0; p < room; p++) {
        o->part[p] = sum;
        for (int s = 0; s < o->nsets; s++) {
            uint64_t n = o->set[s].at[p];
            o->set[s].at[p] = sum;
            sum += n;
        }
    }
    o->part[room] = sum;
    if (!bits)
        o->part[1] = sum;
    return run(o, place_entries);
}

/* ---- sorting a part --------------------------------------------------------------------- */

static void insertion_sort(uint64_t *e, size_t n) {
    for (size_t i = 1; i < n; i++) {
        uint64_t x = e[i];
        size_t k = i;
        for (; k > 0 && e[k - 1] > x; k--)
            e[k] = e[k - 1];
        e[k] = x;
    }
}

/* By the word, octet by octet from the last one that differs. */
static bool radix_sort(struct row_order *o, uint64_t *e, size_t n) {
    if (o->nspare < n) {
        large_free(o->spare, o->nspare * sizeof *o->spare);
        o->spare = large_alloc(n * sizeof *o->spare);
        o->nspare = o->spare ? n : 0;
        if (!o->spare)
            return false;
    }
    uint64_t differ = 0, *from = e, *to = o->spare;
    for (size_t i = 1; i < n; i++)
        differ |= e[i] ^ e[0];
    for (int shift = WORD_BITS; shift < 64; shift += 8) {
        if (!(differ >> shift & 255))
            continue;
        size_t at[256] = {0}, sum = 0;
        for (size_t i = 0; i < n; i++)
            at[from[i] >> shift & 255]++;
        for (int d = 0; d < 256; d++) {
            size_t count = at[d];
            at[d] = sum;
            sum += count;
        }
        if (n > STOP_SLOW && must_stop(o))
            return false;
        for (size_t i = 0; i < n; i++)
            to[at[from[i] >> shift & 255]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != e)
        memcpy(e, from, n * sizeof *e);
    return true;
}

static bool sort_entries(struct row_order *o, uint64_t *e, size_t n, uint32_t w) {
    if (n <= FEW_ROWS)
        insertion_sort(e, n);
    else if (!radix_sort(o, e, n))
        return false;
    if (w + 1 >= o->words)
        return true;
    for (size_t i = 0, end; i < n; i = end) {
        uint64_t word = e[i] >> WORD_BITS;
        for (end = i + 1; end < n && e[end] >> WORD_BITS == word; end++)
            ;
        if (end - i < 2)
            continue;
        for (size_t at = i; at < end; at += STOP_SLOW) {
            fill_words(o, e + at, end - at < STOP_SLOW ? end - at : STOP_SLOW, w + 1);
            if (end - i > STOP_SLOW && must_stop(o))
                return false;
        }
        if (!sort_entries(o, e + i, end - i, w + 1))
            return false;
    }
    return true;
}

/* ---- batches ---------------------------------------------------------------------------- */

bool row_batch_init(struct row_batch *b, const struct row_spec *spec) {
    memset(b, 0, sizeof *b);
    b->memory = malloc(((size_t)spec->n + 1) * BATCH_ROWS * (sizeof(int64_t) + 1));
    if (!b->memory)
        return false;
    int64_t *v = b->memory;
    uint8_t *null = (uint8_t *)(v + (size_t)spec->n * BATCH_ROWS);
    for (int c = 0; c < spec->n; c++) {
        b->v[c] = v + (size_t)c * BATCH_ROWS;
        b->null[c] = null + (size_t)c * BATCH_ROWS;
    }
    return true;
}

void row_batch_free(struct row_batch *b) {
    free(b->memory);
    b->memory = NULL;
}

static void gather(const struct row_order *o, int c, const uint64_t *entry, uint32_t n, int64_t *v,
                   uint8_t *null) {
    enum cell_kind kind = o->spec->kind[c];
    bool coded = kind == CELL_IP || is_text(kind);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t ref = (uint32_t)entry[i];
        v[i] = 0;
        null[i] = !run_cell(o->run[ref >> 16], c, ref & 0xffff, &v[i]);
    }
    for (uint32_t i = 0; kind == CELL_REAL && i < n; i++)
        v[i] = real_order(v[i]);
    for (uint32_t i = 0; coded && i < n; i++)
        if (!null[i])
            v[i] = map_of(o, (uint32_t)entry[i] >> 16, kind)[v[i]];
}

bool row_order_next(struct row_order *o, const struct sort_stop *stop, struct row_batch *b) {
    b->n = 0;
    o->stop = stop;
    while (o->next >= o->part[o->in_part + 1]) {
        if (o->in_part + 1 == o->nparts)
            return true;
        uint32_t p = ++o->in_part;
        o->next = o->part[p];
        if (!sort_entries(o, o->entry + o->next, o->part[p + 1] - o->next, 0))
            return false;
    }
    uint64_t left = o->part[o->in_part + 1] - o->next;
    b->n = left < BATCH_ROWS ? (uint32_t)left : BATCH_ROWS;
    const uint64_t *entry = o->entry + o->next;
    for (int c = 0; c < o->spec->n; c++)
        gather(o, c, entry, b->n, b->v[c], b->null[c]);
    for (uint32_t i = 0; i < b->n; i++) {
        uint32_t ref = (uint32_t)entry[i];
        (void)run_cell(o->run[ref >> 16], o->spec->n, ref & 0xffff, &b->position[i]);
    }
    o->next += b->n;
    return true;
}

/* ---- all together ----------------------------------------------------------------------- */

static bool list_runs(struct row_order *o) {
    uint32_t n = 0;
    for (int s = 0; s < o->nsets; s++)
        n += o->set[s].rows->nruns;
    o->run = malloc(((size_t)n + 1) * sizeof *o->run);
    o->run_set = malloc(((size_t)n + 1) * sizeof *o->run_set);
    if (n > MAX_RUNS || !o->run || !o->run_set)
        return false;
    for (int s = 0; s < o->nsets; s++) {
        struct rowset *rows = o->set[s].rows;
        o->set[s].first_run = o->nruns;
        o->rows += rows->rows;
        for (uint32_t r = 0; r < rows->nruns; r++) {
            o->run_set[o->nruns] = (uint16_t)s;
            o->run[o->nruns++] = rows->run[r];
        }
    }
    return true;
}

static bool orders_by(const struct row_order *o, const struct row_terms *terms, bool ips) {
    for (int t = 0; t < terms->n; t++) {
        enum cell_kind kind = o->spec->kind[terms->term[t].column];
        if (ips ? kind == CELL_IP : is_text(kind))
            return true;
    }
    return false;
}

struct row_order *row_order_new(struct rowset *const *sets, int n, const struct row_terms *terms,
                                struct interrupt *interrupt) {
    struct row_order *o = calloc(1, sizeof *o);
    struct worker self = {interrupt, 0};
    const struct sort_stop stop = {worker_must_stop, &self};
    if (!o)
        return NULL;
    o->interrupt = interrupt;
    o->stop = &stop;
    o->spec = sets[0]->spec;
    o->in_part = UINT32_MAX;
    o->set = calloc((size_t)n, sizeof *o->set);
    for (; o->set && o->nsets < n; o->nsets++)
        o->set[o->nsets].rows = sets[o->nsets];
    bool ok = o->set && list_runs(o) &&
              join_texts(o, FLOW_IP, orders_by(o, terms, true), &o->ips) &&
              join_texts(o, FLOW_TEXT, orders_by(o, terms, false), &o->texts);
    if (ok) {
        make_fields(o, terms);
        ok = divide(o);
    }
    if (ok)
        return o;
    row_order_free(o);
    return NULL;
}

void row_order_free(struct row_order *o) {
    if (!o)
        return;
    for (int s = 0; s < o->nsets; s++) {
        free(o->set[s].ip);
        free(o->set[s].text);
        free(o->set[s].at);
    }
    free(o->set);
    free(o->run);
    free(o->run_set);
    free(o->ips.p);
    free(o->ips.start);
    free(o->texts.p);
    free(o->texts.start);
    large_free(o->entry, o->rows * sizeof *o->entry);
    free(o->part);
    large_free(o->spare, o->nspare * sizeof *o->spare);
    free(o);
}
