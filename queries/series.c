/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "scale.h"
#include "series.h"

enum { OWN_COLOURS = 7, MOST_POINTS = 5000, DAY = 86400 };

/* ---- what the comment says ----------------------------------------------------------------- */

/* The word, or what comes after `word` when that ends with '='; to free; NULL: not there. */
static char *remark_word(const char *remark, const char *word) {
    size_t length = strlen(word);
    while (*remark) {
        remark += strspn(remark, " \t");
        size_t n = strcspn(remark, " \t");
        if (word[length - 1] == '=' ? n > length && strncmp(remark, word, length) == 0
                                    : n == length && strncmp(remark, word, n) == 0)
            return word[length - 1] == '=' ? copy_of(remark + length, n - length) : copy(word);
        remark += n;
    }
    return NULL;
}

/* The words of a list with commas, which ends there; to free, as the array. */
static char **words_of(const char *list, size_t *count) {
    char **words = NULL;
    *count = 0;
    for (const char *at = list, *end; *at; at = end + (*end == ',')) {
        end = at + strcspn(at, ",");
        words = grow(words, *count + 1, sizeof *words);
        words[(*count)++] = copy_of(at, (size_t)(end - at));
    }
    return words;
}

bool grid_says(const struct grid *g, const char *word) {
    char *found = remark_word(g->chart, word);
    free(found);
    return found != NULL;
}

static size_t column_named(const struct grid *g, const char *name) {
    size_t i = 0;
    while (i < g->columns && strcmp(g->names[i], name) != 0)
        i++;
    return i;
}

static bool all_times(const struct grid *g) {
    int64_t time;
    for (size_t i = 0; i < g->rows; i++) {
        const struct cell *cell = grid_cell(g, i, 0);
        if (!cell->text || cell->numeric || !scale_parse(cell->text, &time))
            return false;
    }
    return g->columns > 1;
}

enum shape grid_shape(const struct grid *g, bool guess) {
    static const struct {
        const char *word;
        enum shape shape;
    } words[] = {{"none", SHAPE_TABLE},
                 {"tiles", SHAPE_TILES},
                 {"list", SHAPE_LIST},
                 {"events", SHAPE_EVENTS},
                 {"note", SHAPE_NOTE}};
    static const char *const times[] = {"time", "hour", "day", "week", "month"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (grid_says(g, words[i].word))
            return words[i].shape;
    if (guess && g->rows == 1 && g->columns == 1 && strcmp(g->names[0], "losses") == 0)
        return SHAPE_NOTE;
    bool named = *g->chart != '\0';
    for (size_t i = 0; guess && i < sizeof times / sizeof *times; i++)
        named = named || (g->columns && strcmp(g->names[0], times[i]) == 0);
    return named && all_times(g) && (g->rows > 1 || *g->chart) ? SHAPE_SERIES : SHAPE_TABLE;
}

/* ---- which columns ------------------------------------------------------------------------- */

/* How columns are named, as a whole or with more before or behind, and what they count. */
static const struct {
    const char *name, *rate, *total;
    double factor;
    int rank; /* which is drawn first */
} measures[] = {
    {"bytes", "bit/s", "B", 8, 1},      {"octets", "bit/s", "B", 8, 1},
    {"packets", "packets/s", "", 1, 2}, {"flows", "flows/s", "", 1, 3},
    {"sent", "bit/s", "B", 8, 1},       {"received", "bit/s", "B", 8, 1},
    {"bps", "bit/s", NULL, 1, 4},       {"pps", "packets/s", NULL, 1, 5},
    {"fps", "flows/s", NULL, 1, 6},     {"percent", "%", NULL, 1, 7},
};
enum { MEASURES = sizeof measures / sizeof *measures };

/* bytes, bytes_out, raw_bytes. */
static size_t measure_of(const char *name) {
    for (size_t i = 0; i < MEASURES; i++) {
        size_t length = strlen(measures[i].name), all = strlen(name);
        if (strncmp(name, measures[i].name, length) == 0 &&
            (name[length] == '\0' || name[length] == '_'))
            return i;
        if (all > length + 1 && name[all - length - 1] == '_' &&
            strcmp(name + all - length, measures[i].name) == 0)
            return i;
    }
    return MEASURES;
}

static int rank_of(const char *name) {
    size_t m = measure_of(name);
    return m < MEASURES ? measures[m].rank : 8;
}

/* bps says again what bytes do. */
static bool again(const struct grid *g, const char *name) {
    return (strcmp(name, "bps") == 0 && column_named(g, "bytes") < g->columns) ||
           (strcmp(name, "pps") == 0 && column_named(g, "packets") < g->columns) ||
           (strcmp(name, "fps") == 0 && column_named(g, "flows") < g->columns) ||
           strcmp(name, "percent") == 0 || strcmp(name, "bpp") == 0;
}

/* The columns to draw, in order; returns how many. */
static size_t pick_values(const struct grid *g, size_t stack, size_t *picked) {
    char *list = remark_word(g->chart, "values=");
    size_t n = 0, named = 0;
    char **names = words_of(list ? list : "", &named);
    for (size_t i = 0; i < named; i++) {
        size_t column = column_named(g, names[i]);
        if (column < g->columns && grid_is_numeric(g, column) && n < g->columns)
            picked[n++] = column;
        free(names[i]);
    }
    free(names);
    for (size_t i = 1; i < g->columns && !list; i++) {
        if (i == stack || !grid_is_numeric(g, i) || again(g, g->names[i]))
            continue;
        size_t at = n++;
        for (; at > 0 && rank_of(g->names[picked[at - 1]]) > rank_of(g->names[i]); at--)
            picked[at] = picked[at - 1];
        picked[at] = i;
    }
    free(list);
    return n;
}

static size_t pick_stack(const struct grid *g) {
    char *name = remark_word(g->chart, "stack=");
    size_t column = name ? column_named(g, name) : 1;
    while (!name && column < g->columns && grid_is_numeric(g, column))
        column++;
    free(name);
    return column;
}

/* ---- the points ---------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The largest that both are multiples of. */
static int64_t common(int64_t a, int64_t b) {
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* From one time to the next. Where little is, not every step is there: hours and shorter ones are all multiples of it. Days
** and months are not equally long. */
static int64_t find_step(const struct series *s, const struct grid *g) {
    char *given = remark_word(g->chart, "step=");
    int64_t step = given ? strtoll(given, NULL, 10) : 0, least = 0, all = 0;
    free(given);
    for (size_t i = 1; i < s->points; i++) {
        int64_t apart = s->times[i] - s->times[i - 1];
        least = least == 0 || apart < least ? apart : least;
        all = common(apart, all);
    }
    if (step > 0 && all % step == 0 && !s->whole)
        return step;
    if (s->points < 2)
        return s->whole ? DAY : 300;
    bool few = !s->whole && (s->times[s->points - 1] - s->times[0]) / all < MOST_POINTS;
    return few ? all : least;
}

static void find_times(struct series *s, const struct grid *g) {
    s->times = grow(NULL, g->rows, sizeof *s->times);
    for (size_t i = 0; i < g->rows; i++)
        scale_parse(grid_cell(g, i, 0)->text, &s->times[i]);
    qsort(s->times, g->rows, sizeof *s->times, by_time);
    for (size_t i = 0; i < g->rows; i++)
        if (s->points == 0 || s->times[s->points - 1] != s->times[i])
            s->times[s->points++] = s->times[i];
    s->whole = strlen(grid_cell(g, 0, 0)->text) <= 10;
    s->step = find_step(s, g);
    /* Whole numbers of steps apart: what is not there was nothing. */
    s->even = true;
    for (size_t i = 1; i < s->points; i++)
        s->even = s->even && (s->times[i] - s->times[0]) % s->step == 0;
    int64_t all = s->points ? (s->times[s->points - 1] - s->times[0]) / s->step + 1 : 0;
    if (!s->even || all > MOST_POINTS) {
        s->even = s->even && all == (int64_t)s->points;
        return;
    }
    int64_t first = s->points ? s->times[0] : 0;
    free(s->times);
    s->points = (size_t)all;
    s->times = grow(NULL, s->points, sizeof *s->times);
    for (size_t i = 0; i < s->points; i++)
        s->times[i] = first + (int64_t)i * s->step;
}

static size_t point_of(const struct series *s, const char *text) {
    int64_t time = 0;
    scale_parse(text, &time);
    if (s->even)
        return (size_t)((time - s->times[0]) / s->step);
    size_t low = 0, high = s->points;
    while (low + 1 < high) {
        size_t mid = (low + high) / 2;
        if (s->times[mid] <= time)
            low = mid;
        else
            high = mid;
    }
    return low;
}

/* ---- the keys ------------------------------------------------------------------------------ */

struct key {
    const char *name;
    double sum;
};

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct key *)a)->name, ((const struct key *)b)->name);
}

static int by_sum(const void *a, const void *b) {
    const struct key *x = a, *y = b;
    return x->sum != y->sum ? (x->sum < y->sum) - (x->sum > y->sum) : strcmp(x->name, y->name);
}

static const char *key_text(const struct grid *g, size_t row, size_t stack) {
    if (stack >= g->columns)
        return "";
    const char *text = grid_cell(g, row, stack)->text;
    return text && *text ? text : "(none)";
}

/* The greatest by the first value, and the rest as one. */
static void find_keys(struct series *s, const struct grid *g, size_t stack, size_t value) {
    struct key *all = grow(NULL, g->rows, sizeof *all);
    size_t n = 0;
    for (size_t i = 0; i < g->rows; i++)
        all[i] = (struct key){key_text(g, i, stack), grid_cell(g, i, value)->number};
    qsort(all, g->rows, sizeof *all, by_name);
    for (size_t i = 0; i < g->rows; i++) {
        if (n && strcmp(all[n - 1].name, all[i].name) == 0)
            all[n - 1].sum += all[i].sum;
        else
            all[n++] = all[i];
    }
    qsort(all, n, sizeof *all, by_sum);
    char *top = remark_word(g->chart, "top=");
    size_t own = top ? strtoul(top, NULL, 10) : OWN_COLOURS;
    free(top);
    if (own < 1 || own > OWN_COLOURS)
        own = OWN_COLOURS;
    s->key_count = n <= own + 1 ? n : own + 1;
    s->other = n <= own ? s->key_count : own;
    s->keys = grow(NULL, s->key_count, sizeof *s->keys);
    for (size_t i = 0; i < s->key_count; i++)
        s->keys[i] =
            i == s->other && n > own + 1 ? format("%zu others", n - own) : copy(all[i].name);
    free(all);
}

static size_t key_of(const struct series *s, const char *name) {
    for (size_t i = 0; i < s->key_count; i++)
        if (strcmp(s->keys[i], name) == 0)
            return i;
    return s->other;
}

/* ---- all ----------------------------------------------------------------------------------- */

/* Counters become rates; of days and months people want totals. */
static struct unit unit_of(const struct series *s, const char *name) {
    size_t m = measure_of(name);
    if (m == MEASURES)
        return (struct unit){"", 1, NULL};
    if (!measures[m].total)
        return (struct unit){measures[m].rate, 1, NULL};
    if (s->even && !s->whole)
        return (struct unit){measures[m].rate, measures[m].factor / (double)s->step,
                             measures[m].total};
    return (struct unit){measures[m].total, 1, measures[m].total};
}

/* Room for all numbers, of values of these names. */
static void make_room(struct series *s, char **names) {
    size_t size = s->value_count * s->key_count * s->points;
    s->values = names;
    s->units = grow(NULL, s->value_count, sizeof *s->units);
    for (size_t v = 0; v < s->value_count; v++)
        s->units[v] = unit_of(s, names[v]);
    s->numbers = grow(NULL, size, sizeof *s->numbers);
    memset(s->numbers, 0, size * sizeof *s->numbers);
}

static double *number_at(struct series *s, size_t value, size_t key, size_t point) {
    return &s->numbers[(value * s->key_count + key) * s->points + point];
}

/* bytes and tcp: the column bytes_tcp, or tcp_bytes. */
static size_t column_of_part(const struct grid *g, const char *value, const char *part) {
    char *name = format("%s_%s", value, part);
    size_t column = column_named(g, name);
    free(name);
    name = format("%s_%s", part, value);
    if (column == g->columns)
        column = column_named(g, name);
    free(name);
    return column;
}

/* Of columns that are parts of one: they are stacked in the order that the comment has them. */
static bool series_of_parts(struct series *s, const struct grid *g, const char *parts) {
    char *list = remark_word(g->chart, "values=");
    char **names = words_of(list ? list : "", &s->value_count);
    free(list);
    s->keys = words_of(parts, &s->key_count);
    s->other = s->key_count;
    for (size_t k = 0; k < s->key_count; k++)
        s->other = strcmp(s->keys[k], "other") == 0 ? k : s->other;
    find_times(s, g);
    make_room(s, names);
    for (size_t v = 0; v < s->value_count; v++)
        for (size_t k = 0; k < s->key_count; k++) {
            size_t column = column_of_part(g, names[v], s->keys[k]);
            for (size_t i = 0; column < g->columns && i < g->rows; i++)
                *number_at(s, v, k, point_of(s, grid_cell(g, i, 0)->text)) +=
                    grid_cell(g, i, column)->number;
        }
    return s->value_count > 0 && s->key_count > 0;
}

bool series_of(struct series *s, const struct grid *g) {
    *s = (struct series){0};
    if (g->rows == 0 || !all_times(g))
        return false;
    char *parts = remark_word(g->chart, "parts=");
    if (parts) {
        bool is_one = series_of_parts(s, g, parts);
        free(parts);
        if (!is_one)
            series_free(s);
        return is_one;
    }
    size_t *picked = grow(NULL, g->columns, sizeof *picked), stack = pick_stack(g);
    s->value_count = pick_values(g, stack, picked);
    if (s->value_count == 0) {
        free(picked);
        return false;
    }
    find_times(s, g);
    find_keys(s, g, stack, picked[0]);
    char **names = grow(NULL, s->value_count, sizeof *names);
    for (size_t v = 0; v < s->value_count; v++)
        names[v] = copy(g->names[picked[v]]);
    make_room(s, names);
    for (size_t i = 0; i < g->rows; i++) {
        size_t key = key_of(s, key_text(g, i, stack));
        size_t point = point_of(s, grid_cell(g, i, 0)->text);
        for (size_t v = 0; v < s->value_count; v++)
            *number_at(s, v, key, point) += grid_cell(g, i, picked[v])->number;
    }
    free(picked);
    return true;
}

void series_free(struct series *s) {
    for (size_t i = 0; i < s->key_count; i++)
        free(s->keys[i]);
    for (size_t i = 0; i < s->value_count; i++)
        free(s->values[i]);
    free(s->keys);
    free(s->values);
    free(s->units);
    free(s->times);
    free(s->numbers);
    *s = (struct series){0};
}

double series_at(const struct series *s, size_t value, size_t key, size_t point) {
    return s->numbers[(value * s->key_count + key) * s->points + point];
}

int64_t series_end(const struct series *s, size_t point) {
    /* Months and local days differ by that much; what is farther away leaves a gap. */
    int64_t longest = s->even ? s->step : s->step + s->step * 3 / 20;
    if (point + 1 < s->points && s->times[point + 1] - s->times[point] <= longest)
        return s->times[point + 1];
    return s->times[point] + s->step;
}

double series_sum(const struct series *s, size_t value, size_t key) {
    double sum = 0;
    for (size_t i = 0; i < s->points; i++)
        sum += series_at(s, value, key, i);
    return sum;
}

double series_peak(const struct series *s, size_t value, size_t key) {
    double peak = 0;
    for (size_t i = 0; i < s->points; i++)
        if (series_at(s, value, key, i) > peak)
            peak = series_at(s, value, key, i);
    return peak;
}

double series_top(const struct series *s, size_t value) {
    double top = 0;
    for (size_t i = 0; i < s->points; i++) {
        double sum = 0;
        for (size_t k = 0; k < s->key_count; k++)
            sum += series_at(s, value, k, i);
        if (sum > top)
            top = sum;
    }
    return top;
}
