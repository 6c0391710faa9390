/* SPDX-License-Identifier: MIT */
/*
** xBestIndex: which constraints the scan takes over, and what that is worth. query_read.c is the
** other end.
*/
#include "query.h"
#include "rollup.h"
#include "vtab.h"

SQLITE_EXTENSION_INIT3

enum { VTAB_IN_VERSION = 3038000, DISTINCT_VERSION = 3038000, RHS_VERSION = 3038000 };

/* Rows assumed for a store, and what a test leaves of them. A scan reads its columns whatever it
** delivers, so a test lowers the rows more than the cost: joins then put flows outside and look
** the small table up, not the other way round. */
static const double STORE_ROWS = 1e7;

struct best {
    const struct sql_table *t;
    sqlite3_index_info *info;
    sqlite3_str *words;
    int args;
    double rows, cost;
    int looked_up;           /* = with values that may be of another table, */
    double looked_left;      /* and what these leave of the rows */
    bool masked;             /* mask4 or mask6 is given */
    bool all_taken;          /* SQLite has nothing left to check */
    bool all_tested;         /* or only what has been checked */
    bool ordered;            /* rows come as aOrderBy asks */
    bool fixed[MAX_COLUMNS]; /* = constant: one value */
    const char *unknown;     /* a parameter whose value this plan would not have */
};

static const struct {
    unsigned char op;
    const char *word;
    double left; /* of the rows */
} operators[] = {
    {SQLITE_INDEX_CONSTRAINT_EQ, "=", 0.001},
    {SQLITE_INDEX_CONSTRAINT_IS, "==", 0.001},
    {SQLITE_INDEX_CONSTRAINT_NE, "<>", 0.9},
    {SQLITE_INDEX_CONSTRAINT_LT, "<", 0.3},
    {SQLITE_INDEX_CONSTRAINT_LE, "<=", 0.3},
    {SQLITE_INDEX_CONSTRAINT_GT, ">", 0.3},
    {SQLITE_INDEX_CONSTRAINT_GE, ">=", 0.3},
    {SQLITE_INDEX_CONSTRAINT_ISNULL, "=NULL", 0.1},
    {SQLITE_INDEX_CONSTRAINT_ISNOTNULL, "<>NULL", 0.9},
    {SQLITE_INDEX_CONSTRAINT_ISNOT, "!==", 0.9},
    {SQLITE_INDEX_CONSTRAINT_GLOB, "~*", 0.1},
    {SQLITE_INDEX_CONSTRAINT_LIKE, "~%", 0.1},
    {SQLITE_INDEX_CONSTRAINT_MATCH, "~,", 0.01},
    {QUERY_IP_IN, "~", 0.01},
};

static int find_operator(unsigned char op) {
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
        if (operators[i].op == op)
            return (int)i;
    return -1;
}

static bool is_equality(unsigned char op) {
    return op == SQLITE_INDEX_CONSTRAINT_EQ || op == SQLITE_INDEX_CONSTRAINT_IS;
}

static bool is_pattern(unsigned char op) {
    return op == SQLITE_INDEX_CONSTRAINT_GLOB || op == SQLITE_INDEX_CONSTRAINT_LIKE;
}

static bool is_inequality(unsigned char op) {
    return op == SQLITE_INDEX_CONSTRAINT_NE || op == SQLITE_INDEX_CONSTRAINT_ISNOT;
}

static bool is_null_test(unsigned char op) {
    return op == SQLITE_INDEX_CONSTRAINT_ISNULL || op == SQLITE_INDEX_CONSTRAINT_ISNOTNULL;
}

/* Tests that query_read.c can compile for this column. */
static bool can_take(const struct best *b, int i, const struct sql_column *c) {
    unsigned char op = b->info->aConstraint[i].op;
    bool zone = c->kind == COLUMN_LABEL && c->id == LABEL_ZONE;
    bool application = c->kind == COLUMN_LABEL && c->id == LABEL_APPLICATION && is_equality(op);
    if (find_operator(op) < 0 || (zone && is_pattern(op)) ||
        (!zone && !application && c->kind != COLUMN_VALUE && c->kind != COLUMN_MS &&
         c->kind != COLUMN_COMPUTED))
        return false;
    if (sql_column_is_net(c) && !is_equality(op) && !is_inequality(op) && !is_null_test(op))
        return false;
    enum flow_class class = sql_column_class(c);
    if (op == QUERY_IP_IN || op == SQLITE_INDEX_CONSTRAINT_MATCH)
        return class == FLOW_IP;
    if (is_pattern(op) && class == FLOW_UINT)
        return false;
    /* mask4 and mask6 make networks of addresses, and it is these that SQLite compares. */
    if (b->masked && class == FLOW_IP && c->kind == COLUMN_VALUE && !is_null_test(op))
        return false;
    if (is_null_test(op))
        return true;
    if (sql_column_is_text(c) && sqlite3_stricmp(sqlite3_vtab_collation(b->info, i), "BINARY") != 0)
        return false;
    return true;
}

static bool is_list(const struct best *b, int i) {
    return sqlite3_libversion_number() >= VTAB_IN_VERSION && sqlite3_vtab_in(b->info, i, -1);
}

static void take(struct best *b, int i, const char *name, const char *word, bool exact) {
    b->info->aConstraintUsage[i].argvIndex = ++b->args;
    b->info->aConstraintUsage[i].omit = exact;
    b->all_taken &= exact;
    sqlite3_str_appendf(b->words, "%s%s ", name, word);
}

/* Will the scan compare exactly as SQLite does? With a text column that depends on the affinity of
** the other side, which is known to be none only of a literal: for others the scan takes what it
** can and SQLite checks again. */
static bool is_exact(const struct best *b, int i, const struct sql_column *c) {
    unsigned char op = b->info->aConstraint[i].op;
    if (!sql_column_is_text(c) || op == QUERY_IP_IN || op == SQLITE_INDEX_CONSTRAINT_MATCH ||
        is_null_test(op))
        return true;
    /* Of <> and IS NOT SQLite (3.40) does not tell the collation, which may have more texts equal. */
    if (is_pattern(op) || is_inequality(op))
        return false;
    sqlite3_value *value;
    if (sqlite3_libversion_number() < RHS_VERSION || is_list(b, i) ||
        sqlite3_vtab_rhs_value(b->info, i, &value) != SQLITE_OK)
        return false;
    return sqlite3_value_type(value) == SQLITE_TEXT;
}

static int take_param(struct best *b, sqlite3_vtab *vtab, int i, const struct sql_column *c) {
    const struct sqlite3_index_constraint *k = &b->info->aConstraint[i];
    bool match = k->op == SQLITE_INDEX_CONSTRAINT_MATCH && c->id == PARAM_filter;
    bool not_given = k->op == SQLITE_INDEX_CONSTRAINT_ISNULL;
    if (!is_equality(k->op) && !match && !not_given)
        return vtab_not_compared(vtab, c->name);
    if (!k->usable) {
        b->unknown = c->name;
        return SQLITE_OK;
    }
    take(b, i, c->name, "=", true);
    if (!not_given && (c->id == PARAM_since || c->id == PARAM_until || c->id == PARAM_filter)) {
        b->rows *= 0.1;
        b->cost *= c->id == PARAM_filter ? 0.3 : 0.1; /* outside of the window nothing is read */
    }
    b->fixed[k->iColumn] = true;
    return SQLITE_OK;
}

/* Does the value come from another table or a subquery, so that the store may be scanned for each of
** its rows? A vector's IN is one of these too. */
static bool is_looked_up(const struct best *b, int i) {
    sqlite3_value *value;
    return sqlite3_libversion_number() >= RHS_VERSION &&
           sqlite3_vtab_rhs_value(b->info, i, &value) != SQLITE_OK;
}

/* What a test makes of the cost of a scan. To ask for each row whether it is in a network of another
** table is a call of ip_in() for each pair of them. A scan for each network takes as long as some 30 000
** such calls, for totals too. */
static double cost_of(const struct best *b, int i) {
    unsigned char op = b->info->aConstraint[i].op;
    bool net = op == QUERY_IP_IN || op == SQLITE_INDEX_CONSTRAINT_MATCH;
    return net && is_looked_up(b, i) ? 0.003 : 0.7;
}

static void take_test(struct best *b, int i, const struct sql_column *c) {
    const struct sqlite3_index_constraint *k = &b->info->aConstraint[i];
    int op = find_operator(k->op);
    bool exact = is_exact(b, i, c);
    double left = operators[op].left;
    if (is_equality(k->op) && !sql_column_is_text(c))
        left = 0.05; /* ports, protocols, interfaces: fewer values than addresses have */
    if (k->op == SQLITE_INDEX_CONSTRAINT_EQ && is_list(b, i)) {
        sqlite3_vtab_in(b->info, i, 1);
        take(b, i, c->name, "[]", exact);
        b->rows *= 0.01;
        b->cost *= 0.7;
    } else {
        take(b, i, c->name, operators[op].word, exact);
        bool looked_up = is_equality(k->op) && is_looked_up(b, i);
        b->looked_up += looked_up;
        *(looked_up ? &b->looked_left : &b->rows) *= left;
        b->fixed[k->iColumn] |= is_equality(k->op);
        b->cost *= cost_of(b, i);
    }
}

/* Is it a value that is exactly one time, so that the window it narrows to has that bucket, or, when none
** begins then, nothing? */
static bool is_one_time(const struct best *b, int i, const struct sql_column *c) {
    sqlite3_value *value;
    int64_t lo, hi;
    if (sqlite3_libversion_number() < RHS_VERSION ||
        sqlite3_vtab_rhs_value(b->info, i, &value) != SQLITE_OK)
        return false;
    if (c->kind == COLUMN_BUCKET_MS)
        return sqlite3_value_type(value) == SQLITE_INTEGER &&
               sqlite3_value_int64(value) > WINDOW_MS_MIN &&
               sqlite3_value_int64(value) < WINDOW_MS_MAX;
    if (sqlite3_value_type(value) != SQLITE_TEXT)
        return false;
    window_text_bound(WINDOW_EQ, (const char *)sqlite3_value_text(value),
                      (size_t)sqlite3_value_bytes(value), &lo, &hi);
    return lo == hi;
}

/* A comparison of time narrows the window, a list to the span of its values, and is checked again unless it
** is = with one time. Not with each row of another table, which would be a scan of its own for each. */
static bool take_bucket(struct best *b, int i, const struct sql_column *c) {
    unsigned char op = b->info->aConstraint[i].op;
    bool range = op == SQLITE_INDEX_CONSTRAINT_LT || op == SQLITE_INDEX_CONSTRAINT_LE ||
                 op == SQLITE_INDEX_CONSTRAINT_GT || op == SQLITE_INDEX_CONSTRAINT_GE;
    bool list = op == SQLITE_INDEX_CONSTRAINT_EQ && is_list(b, i);
    bool one = is_equality(op) && !list && !is_looked_up(b, i);
    if ((c->kind != COLUMN_BUCKET && c->kind != COLUMN_BUCKET_MS) || (!range && !list && !one) ||
        (c->kind == COLUMN_BUCKET &&
         sqlite3_stricmp(sqlite3_vtab_collation(b->info, i), "BINARY") != 0))
        return false;
    int at = find_operator(op);
    if (list)
        sqlite3_vtab_in(b->info, i, 1);
    take(b, i, c->name, list ? "[]" : operators[at].word, one && is_one_time(b, i, c));
    b->rows *= operators[at].left;
    b->cost *= operators[at].left;
    return true;
}

/* Groups with less of a total than asked for need not be delivered. Whether they are changes nothing of what is read. */
static bool take_least(struct best *b, int i, const struct sql_column *c) {
    unsigned char op = b->info->aConstraint[i].op;
    if (c->kind != COLUMN_MEASURE || c->id >= MEASURE_first ||
        (op != SQLITE_INDEX_CONSTRAINT_GT && op != SQLITE_INDEX_CONSTRAINT_GE))
        return false;
    int at = find_operator(op);
    take(b, i, c->name, operators[at].word, true);
    b->rows *= operators[at].left;
    return true;
}

static int take_constraints(struct best *b, sqlite3_vtab *vtab) {
    for (int i = 0; i < b->info->nConstraint; i++) {
        const struct sqlite3_index_constraint *k = &b->info->aConstraint[i];
#ifdef SQLITE_INDEX_CONSTRAINT_LIMIT
        if (k->op == SQLITE_INDEX_CONSTRAINT_LIMIT || k->op == SQLITE_INDEX_CONSTRAINT_OFFSET)
            continue;
#endif
        if (k->iColumn < 0 || k->iColumn >= b->t->n) {
            b->all_taken = b->all_tested = false;
            continue;
        }
        const struct sql_column *c = &b->t->column[k->iColumn];
        if (c->kind == COLUMN_PARAM) {
            int rc = take_param(b, vtab, i, c);
            if (rc != SQLITE_OK)
                return rc;
        } else if (k->op == SQLITE_INDEX_CONSTRAINT_MATCH &&
                   (c->kind != COLUMN_VALUE || sql_column_class(c) != FLOW_IP)) {
            vtab_say(vtab,
                     sqlite3_mprintf("%s MATCH: it is for columns of addresses, as srcip MATCH "
                                     "'10.0.0.0/8 192.0.2.1', and for filter",
                                     c->name));
            return SQLITE_ERROR;
        } else if (k->usable && can_take(b, i, c)) {
            take_test(b, i, c);
        } else if (!k->usable || (!take_bucket(b, i, c) && !take_least(b, i, c))) {
            b->all_taken = b->all_tested = false;
        }
    }
    return SQLITE_OK;
}

/* A parameter that the statement names, but not as a term of WHERE that holds for every row, as in
** one arm of an OR: SQLite then has to find a plan in which it is. */
static bool params_known(struct best *b) {
    for (int c = 0; c < b->t->n && !b->unknown; c++)
        if (b->t->column[c].kind == COLUMN_PARAM && b->info->colUsed >> c & 1 && !b->fixed[c])
            b->unknown = b->t->column[c].name;
    return !b->unknown;
}

/* LIMIT is taken when what we deliver is the result, as far as we are told: nothing left to check and
** nothing to sort. SQLite 3.40 does not tell of comparisons between columns, and checks them itself, so
** it is a hint, and more is delivered when more is asked for. Of totals it is one, too, where SQLite checks again what
** they have been tested for. Totals without an order are all made
** before the first one is, a limit is of no use there. Not with OFFSET, which SQLite gives to each arm
** of a compound and applies itself as well. */
static void take_limit(struct best *b) {
#ifdef SQLITE_INDEX_CONSTRAINT_LIMIT
    int limit = -1;
    if (!(b->t->kind == TABLE_FLOWS ? b->all_taken : b->all_tested) ||
        (b->info->nOrderBy > 0 && !b->info->orderByConsumed) ||
        (b->info->nOrderBy == 0 && b->t->kind != TABLE_FLOWS))
        return;
    for (int i = 0; i < b->info->nConstraint; i++) {
        const struct sqlite3_index_constraint *k = &b->info->aConstraint[i];
        if (k->op == SQLITE_INDEX_CONSTRAINT_OFFSET)
            return;
        if (k->usable && k->op == SQLITE_INDEX_CONSTRAINT_LIMIT)
            limit = i;
    }
    if (limit >= 0)
        take(b, limit, "limit", "", false); /* SQLite 3.40 must go on with its own checks */
#endif
}

/* Keys of totals never repeat, so rows are distinct in any set of columns that has all of the key but
** what is fixed to one value. */
static bool comes_grouped(const struct best *b) {
    if (b->t->kind == TABLE_FLOWS || b->info->nOrderBy == 0 ||
        sqlite3_libversion_number() < DISTINCT_VERSION)
        return false;
    /* 2 is DISTINCT in any order. 1 is GROUP BY, but SQLite also says so of GROUP BY x ORDER BY x, and
    ** then takes our order for the one that was asked for. */
    if (sqlite3_vtab_distinct(b->info) != 2)
        return false;
    bool ordered[MAX_COLUMNS] = {false};
    for (int i = 0; i < b->info->nOrderBy; i++) {
        int c = b->info->aOrderBy[i].iColumn;
        if (c < 0 ||
            (b->t->column[c].kind != COLUMN_VALUE && b->t->column[c].kind != COLUMN_BUCKET))
            return false;
        ordered[c] = true;
    }
    for (int c = 0; c < b->t->n; c++) {
        bool named = b->info->colUsed >> (c < 63 ? c : 63) & 1;
        bool key = b->t->column[c].kind == COLUMN_VALUE || b->t->column[c].kind == COLUMN_BUCKET;
        if (named && b->t->column[c].kind == COLUMN_BUCKET_MS)
            return false;
        if (named && key && !ordered[c] && !b->fixed[c])
            return false;
    }
    return true;
}

/* Rows are sorted as ORDER BY or GROUP BY ask, which costs less than SQLite's sorter; GROUP BY
** would do with less, but SQLite (3.40) also takes our order for that of an ORDER BY it has dropped.
** Of flows that are alike none is left out for DISTINCT: a statement may look at their rowid, of
** which colUsed does not tell. */
static bool can_order(const struct best *b) {
    if (b->info->nOrderBy == 0)
        return false;
    for (int i = 0; i < b->info->nOrderBy; i++) {
        int c = b->info->aOrderBy[i].iColumn;
        if (c < 0 || b->t->column[c].kind == COLUMN_PARAM || b->t->column[c].kind == COLUMN_EXTRA ||
            !(b->info->colUsed >> (c < 63 ? c : 63) & 1))
            return false;
    }
    return true;
}

static void take_order(struct best *b) {
    if (comes_grouped(b)) {
        b->info->orderByConsumed = 1;
        return;
    }
    b->ordered = can_order(b);
    b->info->orderByConsumed = b->ordered;
}

static void put_order(struct best *b) {
    for (int i = 0; b->ordered && i < b->info->nOrderBy; i++)
        sqlite3_str_appendf(b->words, "%s%s%s",
                            i ? "," : " order:", b->info->aOrderBy[i].desc ? "-" : "",
                            b->t->column[b->info->aOrderBy[i].iColumn].name);
    if (b->info->orderByConsumed && !b->ordered)
        sqlite3_str_appendall(b->words, " grouped");
}

/* Is the bucket, as far as it is known yet, of whole hours? It is of 300 seconds when it is not given. */
static bool whole_hours(const struct best *b) {
    for (int i = 0; i < b->info->nConstraint; i++) {
        const struct sqlite3_index_constraint *k = &b->info->aConstraint[i];
        sqlite3_value *value;
        if (k->iColumn < 0 || b->t->column[k->iColumn].kind != COLUMN_PARAM ||
            b->t->column[k->iColumn].id != PARAM_bucket)
            continue;
        return sqlite3_libversion_number() < RHS_VERSION ||
               sqlite3_vtab_rhs_value(b->info, i, &value) != SQLITE_OK ||
               sqlite3_value_int64(value) % 3600 == 0;
    }
    return false;
}

/* May a column be had from a roll-up? */
static bool rolls_up(const struct best *b, const struct sql_column *c) {
    switch (c->kind) {
    case COLUMN_PARAM:
    case COLUMN_TOTAL:
        return true;
    case COLUMN_VALUE:
        return rollup_able(c->side[0]) && (b->t->kind == TABLE_TRAFFIC || rollup_able(c->side[1]));
    case COLUMN_LABEL:
        return c->id == LABEL_ZONE;
    case COLUMN_MEASURE:
        return c->id != MEASURE_outpackets && c->id != MEASURE_outbytes;
    case COLUMN_BUCKET:
    case COLUMN_BUCKET_MS:
        return whole_hours(b);
    default:
        return false;
    }
}

static void put_rollup(struct best *b) {
    const char *before = " rollup:";
    for (int c = 0; c < b->t->n; c++) {
        bool named = b->info->colUsed >> (c < 63 ? c : 63) & 1;
        if (b->t->kind == TABLE_FLOWS || (named && !rolls_up(b, &b->t->column[c])))
            return;
    }
    for (int c = 0; c < b->t->n && c < 63; c++) {
        if (!(b->info->colUsed >> c & 1) || b->t->column[c].kind != COLUMN_VALUE)
            continue;
        sqlite3_str_appendf(b->words, "%s%s", before, b->t->column[c].name);
        before = ",";
    }
    if (*before == ' ')
        sqlite3_str_appendf(b->words, "%sany", before);
}

/* Several that are looked up may be (a, b) IN (SELECT ...), which cannot be told from a join, and of which
** SQLite would make a scan for each row: one scan that looks these up must be cheaper, whatever follows. */
static void put_looked_up(struct best *b) {
    if (b->looked_up > 1)
        b->cost += 2 * STORE_ROWS;
    else
        b->rows *= b->looked_left;
}

int query_best_index(const struct sql_table *t, sqlite3_vtab *vtab, sqlite3_index_info *info) {
    struct best b = {.t = t,
                     .info = info,
                     .rows = STORE_ROWS,
                     .cost = STORE_ROWS,
                     .looked_left = 1,
                     .all_taken = true,
                     .all_tested = true};
    b.words = sqlite3_str_new(NULL);
    for (int i = 0; i < info->nConstraint; i++) {
        int c = info->aConstraint[i].iColumn;
        b.masked |= c >= 0 && c < t->n && t->column[c].kind == COLUMN_PARAM &&
                    (t->column[c].id == PARAM_mask4 || t->column[c].id == PARAM_mask6);
    }
    int rc = take_constraints(&b, vtab);
    if (rc == SQLITE_OK && !params_known(&b)) {
        sqlite3_free(sqlite3_str_finish(b.words));
        return vtab_put_unknown(info, b.unknown);
    }
    if (rc == SQLITE_OK) {
        take_order(&b);
        take_limit(&b);
        sqlite3_str_appendf(b.words, "@%llx", (unsigned long long)info->colUsed);
        put_order(&b);
        if (b.all_taken)
            sqlite3_str_appendall(b.words, " exact");
        put_rollup(&b);
        if (t->kind != TABLE_FLOWS)
            b.rows *= 0.05;
        put_looked_up(&b);
        info->estimatedRows = b.rows < 1 ? 1 : (sqlite3_int64)b.rows;
        info->estimatedCost = b.cost;
        info->idxStr = sqlite3_str_finish(b.words);
        info->needToFreeIdxStr = 1;
        return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
    }
    sqlite3_free(sqlite3_str_finish(b.words));
    return rc;
}
