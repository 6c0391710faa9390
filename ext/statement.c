/* SPDX-License-Identifier: MIT */
/*
** A reader of one form of SELECT. Every function returns false for what is not of this form.
*/
#include "statement.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum token { END, WORD, QUOTED, STRING, NUMBER, SIGN, BAD };
enum { MAX_NAME = 64, MAX_ITEMS = 64, MOST = 10000, MAX_DEPTH = 16 };

/* What an item of the list of results is: a column, or sum(), count(DISTINCT) or ip_net() of one, or
** count(*). */
struct item {
    int column;
    bool sum, count, rows, net;
    int64_t mask4, mask6;
    char alias[MAX_NAME]; /* empty: none */
};

struct reader {
    const struct sql_table *t;
    const char *p; /* behind the token */
    enum token token;
    char text[MAX_NAME]; /* of WORD, QUOTED, SIGN; of NUMBER its digits */
    char alias[MAX_NAME];
    struct item item[MAX_ITEMS];
    int nitems;
    struct top_list *out;
};

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static const char *skip_blanks(const char *p) {
    for (;;) {
        if (*p == ' ' || (*p >= '\t' && *p <= '\r' && *p != '\v')) {
            p++;
        } else if (p[0] == '-' && p[1] == '-') {
            p += strcspn(p, "\n");
        } else if (p[0] == '/' && p[1] == '*') {
            const char *end = strstr(p + 2, "*/");
            p = end ? end + 2 : p + strlen(p);
        } else {
            return p;
        }
    }
}

static void keep(struct reader *r, enum token token, const char *from, size_t n) {
    r->token = n < MAX_NAME ? token : BAD;
    n = n < MAX_NAME ? n : 0;
    memcpy(r->text, from, n);
    r->text[n] = '\0';
    r->p += n;
}

/* A string or name in quotes; one with a quote inside is no name of ours, but may be a string. */
static void next_quoted(struct reader *r, char end) {
    const char *from = ++r->p;
    bool string = end == '\'', doubled = false;
    for (; *r->p && (*r->p != end || (end != ']' && r->p[1] == end)); r->p++) {
        if (*r->p == end) {
            doubled = true;
            r->p++;
        }
    }
    size_t n = (size_t)(r->p - from);
    r->token = !*r->p || (!string && (doubled || n >= MAX_NAME)) ? BAD : string ? STRING : QUOTED;
    if (r->token == BAD)
        return;
    r->text[0] = '\0';
    if (r->token == QUOTED) {
        memcpy(r->text, from, n);
        r->text[n] = '\0';
    }
    r->p++;
}

static void next_number(struct reader *r) {
    const char *p = r->p;
    while (is_digit(*p) || *p == '.')
        p++;
    if ((*p == 'e' || *p == 'E') &&
        (is_digit(p[1]) || ((p[1] == '-' || p[1] == '+') && is_digit(p[2]))))
        for (p += 2; is_digit(*p);)
            p++;
    keep(r, is_word(*p) ? BAD : NUMBER, r->p, (size_t)(p - r->p));
}

static void next(struct reader *r) {
    static const char *const pairs[] = {"<=", ">=", "<>", "!=", "=="};
    r->p = skip_blanks(r->p);
    char c = *r->p;
    size_t n = 0;
    if (c == '\0') {
        r->token = END;
    } else if (c == '\'' || c == '"' || c == '`' || c == '[') {
        next_quoted(r, c == '[' ? ']' : c);
    } else if (is_digit(c)) {
        next_number(r);
    } else if (is_word(c)) {
        while (is_word(r->p[n]))
            n++;
        /* x'00' is a blob; $ and what is not ASCII go on with a name */
        keep(r, r->p[n] == '\'' || r->p[n] == '$' || (r->p[n] & 0x80) ? BAD : WORD, r->p, n);
    } else {
        for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
            if (strncmp(r->p, pairs[i], 2) == 0)
                n = 2;
        keep(r, strchr("(),.;*=<>-!", c) ? SIGN : BAD, r->p, n ? n : 1);
    }
}

static bool take_sign(struct reader *r, const char *sign) {
    if (r->token != SIGN || strcmp(r->text, sign) != 0)
        return false;
    next(r);
    return true;
}

static bool take_word(struct reader *r, const char *word) {
    if (r->token != WORD || strcasecmp(r->text, word) != 0)
        return false;
    next(r);
    return true;
}

/* The name of a function and the parenthesis behind it. */
static bool take_call(struct reader *r, const char *name) {
    if (*skip_blanks(r->p) != '(' || !take_word(r, name))
        return false;
    next(r);
    return true;
}

static bool is_keyword(const char *word) {
    static const char *const words[] = {
        "select",  "distinct", "all",    "from",   "where", "group",   "by",      "having",
        "order",   "limit",    "offset", "as",     "and",   "or",      "not",     "in",
        "is",      "null",     "like",   "glob",   "match", "between", "union",   "except",
        "natural", "join",     "cross",  "inner",  "left",  "right",   "full",    "outer",
        "using",   "on",       "window", "filter", "over",  "collate", "escape",  "case",
        "exists",  "asc",      "desc",   "nulls",  "with",  "cast",    "indexed", "intersect",
        "isnull",  "notnull",  "regexp", "true",   "false"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(word, words[i]) == 0)
            return true;
    return false;
}

static bool take_name(struct reader *r, char name[MAX_NAME]) {
    if (r->token != QUOTED && (r->token != WORD || is_keyword(r->text)))
        return false;
    memcpy(name, r->text, MAX_NAME);
    next(r);
    return true;
}

static int find_column(const struct sql_table *t, const char *name) {
    for (int i = 0; i < t->n; i++)
        if (strcasecmp(t->column[i].name, name) == 0)
            return i;
    return -1;
}

/* A column, with or without the table's name before it: its number, or -1. */
static int take_column(struct reader *r) {
    char name[MAX_NAME];
    if (!take_name(r, name))
        return -1;
    if (!take_sign(r, "."))
        return find_column(r->t, name);
    bool own = strcasecmp(name, r->alias) == 0;
    return take_name(r, name) && own ? find_column(r->t, name) : -1;
}

static bool take_integer(struct reader *r, int64_t most, int64_t *out) {
    if (r->token != NUMBER || strlen(r->text) > 9 ||
        strspn(r->text, "0123456789") != strlen(r->text))
        return false;
    *out = strtoll(r->text, NULL, 10);
    next(r);
    return *out <= most;
}

/* The arguments of ip_net(). */
static bool take_net(struct reader *r, struct item *out) {
    out->net = true;
    out->mask6 = 64;
    out->column = take_column(r);
    if (out->column < 0 || !take_sign(r, ",") || !take_integer(r, 32, &out->mask4))
        return false;
    const struct sql_column *c = &r->t->column[out->column];
    return c->kind == COLUMN_VALUE && sql_column_class(c) == FLOW_IP &&
           (!take_sign(r, ",") || take_integer(r, 128, &out->mask6)) && take_sign(r, ")");
}

/* The argument of count() that makes it count rows, and the parenthesis behind it. */
static bool take_rows(struct reader *r, struct item *out) {
    int64_t any;
    out->count = false;
    out->rows = true;
    out->column = ROWS_RANK;
    if (!take_sign(r, "*") && r->token == NUMBER && !take_integer(r, INT64_MAX, &any))
        return false;
    return r->t->kind == TABLE_FLOWS && take_sign(r, ")");
}

/* column, sum(column), count(DISTINCT column), count(*) or ip_net(column, ...), without what may follow. */
static bool take_value(struct reader *r, struct item *out) {
    *out = (struct item){0};
    if (take_call(r, "ip_net"))
        return take_net(r, out);
    out->sum = take_call(r, "sum");
    out->count = !out->sum && take_call(r, "count");
    if (out->count && !take_word(r, "distinct"))
        return take_rows(r, out);
    out->column = take_column(r);
    if (out->column < 0 || (!out->sum && !out->count))
        return out->column >= 0;
    const struct sql_column *c = &r->t->column[out->column];
    int measure = sql_column_measure(r->t, c);
    bool fits = out->sum ? measure >= 0 && measure < MEASURE_counted
                         : c->kind == COLUMN_VALUE && sql_column_is_key(r->t, c);
    return fits && take_sign(r, ")");
}

static bool is_total(const struct item *x) {
    return x->sum || x->count || x->rows;
}

/* What the statement has SQLite add up; of columns to count only one. */
static bool add_total(struct reader *r, const struct item *x) {
    struct top_list *out = r->out;
    out->rows |= x->rows;
    if (x->rows)
        return true;
    if (x->count && out->counted >= 0 && out->counted != x->column)
        return false;
    if (x->count)
        out->counted = x->column;
    out->measure[x->column] |= x->sum;
    return true;
}

/* Another name of the row's number, which GROUP BY takes it for before it looks at aliases. */
static bool is_rowid(const char *name) {
    return strcasecmp(name, "rowid") == 0 || strcasecmp(name, "oid") == 0 ||
           strcasecmp(name, "_rowid_") == 0;
}

static bool take_item(struct reader *r, struct item *out) {
    if (!take_value(r, out))
        return false;
    bool as = take_word(r, "as");
    if (!take_name(r, out->alias))
        return !as;
    return !is_rowid(out->alias);
}

static bool take_items(struct reader *r) {
    do {
        if (r->nitems == MAX_ITEMS || !take_item(r, &r->item[r->nitems++]))
            return false;
        const struct item *x = &r->item[r->nitems - 1];
        for (int i = 0; x->alias[0] && i < r->nitems - 1; i++)
            if (strcasecmp(r->item[i].alias, x->alias) == 0)
                return false;
        if (!add_total(r, x))
            return false;
    } while (take_sign(r, ","));
    return true;
}

/* ---- WHERE ------------------------------------------------------------------------------ */

static bool take_literal(struct reader *r) {
    bool minus = take_sign(r, "-");
    bool ok = r->token == NUMBER || (r->token == STRING && !minus);
    next(r);
    return ok;
}

static bool take_tested(struct reader *r) {
    int column = take_column(r);
    if (column >= 0)
        r->out->tested[column] = true;
    return column >= 0;
}

/* The arguments of ip_in(). */
static bool take_ip_in(struct reader *r) {
    return take_tested(r) && take_sign(r, ",") && take_literal(r) && take_sign(r, ")");
}

static bool take_literals(struct reader *r) {
    bool ok = take_sign(r, "(");
    do
        ok = ok && take_literal(r);
    while (ok && take_sign(r, ","));
    return ok && take_sign(r, ")");
}

static bool take_test(struct reader *r) {
    static const char *const compare[] = {"=", "==", "<>", "!=", "<", "<=", ">", ">="};
    r->out->tests++;
    if (take_call(r, "ip_in"))
        return take_ip_in(r);
    if (!take_tested(r))
        return false;
    if (take_word(r, "between")) {
        r->out->tests++;
        return take_literal(r) && take_word(r, "and") && take_literal(r);
    }
    if (take_word(r, "in"))
        return take_literals(r);
    /* IS NOT NULL is a test that SQLite makes again, of a column that would not be there. */
    if (take_word(r, "is"))
        return take_word(r, "null");
    if (take_word(r, "match"))
        return take_literal(r);
    for (size_t i = 0; i < sizeof compare / sizeof compare[0]; i++)
        if (take_sign(r, compare[i]))
            return take_literal(r);
    return false;
}

static bool take_where(struct reader *r) {
    if (!take_word(r, "where"))
        return true;
    do
        if (!take_test(r))
            return false;
    while (take_word(r, "and"));
    return true;
}

/* ---- GROUP BY and behind it ------------------------------------------------------------- */

/* The item whose alias the token is, or NULL. */
static const struct item *find_item(const struct reader *r) {
    for (int i = 0; (r->token == WORD || r->token == QUOTED) && i < r->nitems; i++)
        if (r->item[i].alias[0] && strcasecmp(r->item[i].alias, r->text) == 0)
            return &r->item[i];
    return NULL;
}

/* An alias, column or total. */
static bool take_named(struct reader *r, struct item *out) {
    const struct item *x = find_item(r);
    if (!x)
        return take_value(r, out);
    *out = *x;
    next(r);
    return true;
}

/* The same, or the number of an item. */
static bool take_term(struct reader *r, struct item *out) {
    int64_t at;
    if (r->token != NUMBER)
        return take_named(r, out);
    if (!take_integer(r, r->nitems, &at) || at < 1)
        return false;
    *out = r->item[at - 1];
    return true;
}

/* Is the token the name of a column and an alias of something else? In ORDER BY it is the alias, elsewhere the
** column. */
static bool is_ambiguous(const struct reader *r) {
    const struct item *x = find_item(r);
    int column = x ? find_column(r->t, r->text) : -1;
    return column >= 0 && (is_total(x) || x->net || x->column != column);
}

/* Of ip_net() only one, and its column is nothing but its argument. */
static bool add_net(struct top_list *out, const struct item *x) {
    if (out->net >= 0 &&
        (out->net != x->column || out->mask4 != x->mask4 || out->mask6 != x->mask6))
        return false;
    out->net = x->column;
    out->mask4 = (int)x->mask4;
    out->mask6 = (int)x->mask6;
    return true;
}

/* Is it what GROUP BY has? */
static bool is_key(const struct top_list *out, const struct item *x) {
    if (x->net)
        return out->net == x->column && out->mask4 == x->mask4 && out->mask6 == x->mask6;
    return !is_total(x) && out->group[x->column];
}

static bool take_group(struct reader *r) {
    struct item x;
    if (!take_word(r, "group") || !take_word(r, "by"))
        return false;
    do {
        if (is_ambiguous(r) || !take_term(r, &x) || is_total(&x) ||
            !sql_column_is_key(r->t, &r->t->column[x.column]))
            return false;
        if (x.net && !add_net(r->out, &x))
            return false;
        r->out->group[x.column] |= !x.net;
    } while (take_sign(r, ","));
    for (int i = 0; i < r->nitems; i++)
        if (!is_total(&r->item[i]) && !is_key(r->out, &r->item[i]))
            return false;
    return r->out->net < 0 || (!r->out->group[r->out->net] && r->out->counted < 0);
}

/* The end of a value in HAVING that is followed by another one. */
static bool take_operator(struct reader *r) {
    static const char *const words[] = {"and", "or", "between"};
    static const char *const signs[] = {"=", "==", "<>", "!=", "<", "<=", ">", ">=", "*", "-"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (take_word(r, words[i]))
            return true;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (take_sign(r, signs[i]))
            return true;
    return false;
}

static bool take_condition(struct reader *r, int depth);

static bool take_operand(struct reader *r, int depth) {
    while (take_word(r, "not"))
        ;
    if (take_sign(r, "("))
        return depth < MAX_DEPTH && take_condition(r, depth + 1) && take_sign(r, ")");
    bool minus = take_sign(r, "-");
    if (r->token == NUMBER || r->token == STRING)
        return take_literal(r);
    struct item x;
    if (minus || is_ambiguous(r) || !take_named(r, &x) || !add_total(r, &x))
        return false;
    return is_total(&x) || is_key(r->out, &x);
}

/* SQLite makes of them what it makes of any; here it counts only that nothing but totals and what the groups
** are made by is in them. */
static bool take_condition(struct reader *r, int depth) {
    do
        if (!take_operand(r, depth))
            return false;
    while (take_operator(r));
    return true;
}

/* all: whether every group is needed. */
static bool take_having(struct reader *r, bool *all) {
    *all = take_word(r, "having");
    return !*all || (r->t->kind == TABLE_FLOWS && take_condition(r, 0));
}

static bool take_order(struct reader *r, bool *all) {
    struct item x;
    if (!take_word(r, "order")) {
        *all = true;
        return true;
    }
    if (!take_word(r, "by"))
        return false;
    for (bool first = true; first || take_sign(r, ","); first = false) {
        if (!take_term(r, &x) || !add_total(r, &x) || (!is_total(&x) && !is_key(r->out, &x)))
            return false;
        bool desc = take_word(r, "desc");
        if (!desc)
            take_word(r, "asc");
        if (first) {
            r->out->rank = x.column;
            r->out->desc = desc;
            *all |= !is_total(&x);
        }
    }
    return true;
}

/* first: how many groups are shown, or skipped before these; as large as can be without LIMIT. */
static bool take_limit(struct reader *r, int64_t *first) {
    int64_t a, b = 0;
    *first = INT64_MAX;
    if (!take_word(r, "limit"))
        return true;
    if (!take_integer(r, INT64_MAX, &a))
        return false;
    if ((take_word(r, "offset") || take_sign(r, ",")) && !take_integer(r, INT64_MAX, &b))
        return false;
    *first = a + b;
    return true;
}

/* What stands behind GROUP BY. */
static bool take_first(struct reader *r) {
    struct top_list *out = r->out;
    bool all;
    int64_t first;
    if (!take_having(r, &all) || !take_order(r, &all) || !take_limit(r, &first))
        return false;
    if (all || first > MOST) {
        /* Of the others SQLite is given all groups anyway. */
        return r->t->kind == TABLE_FLOWS && out->counted < 0;
    }
    out->first = first;
    /* Counting makes rows of finer groups, of which SQLite has yet to make the sums. */
    return out->counted < 0 ||
           (out->rank == out->counted && !out->group[out->counted] && out->net < 0);
}

/* ---- all of it -------------------------------------------------------------------------- */

static bool take_from(struct reader *r, const char *name) {
    char table[MAX_NAME];
    if (!take_word(r, "from") || !take_name(r, table))
        return false;
    if (take_sign(r, ".") && (strcasecmp(table, "main") != 0 || !take_name(r, table)))
        return false;
    if (strcasecmp(table, name) != 0)
        return false;
    memcpy(r->alias, table, MAX_NAME);
    bool as = take_word(r, "as");
    return take_name(r, r->alias) || !as;
}

/* The list of results may name the alias that FROM gives: look there first. */
static bool find_alias(struct reader *r, const char *name) {
    struct reader ahead = *r;
    while (ahead.token != END && ahead.token != BAD &&
           (ahead.token != WORD || strcasecmp(ahead.text, "from") != 0))
        next(&ahead);
    bool ok = take_from(&ahead, name);
    memcpy(r->alias, ahead.alias, MAX_NAME);
    return ok;
}

bool statement_top_list(const char *sql, const struct sql_table *t, const char *name,
                        struct top_list *out) {
    struct reader r = {.t = t, .p = sql, .out = out};
    *out = (struct top_list){.net = -1, .counted = -1, .rank = -1, .first = -1};
    next(&r);
    if (!take_word(&r, "select") || !find_alias(&r, name) || !take_items(&r) ||
        !take_from(&r, name) || !take_where(&r) || !take_group(&r) || !take_first(&r))
        return false;
    while (take_sign(&r, ";"))
        ;
    return r.token == END;
}
