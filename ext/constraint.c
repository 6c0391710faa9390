/* SPDX-License-Identifier: MIT */
/*
** Tests out of constraints: every comparison is the one that SQLite would make, as ranges of what is stored.
*/
#include "constraint.h"

#include "net_test.h"
#include "pattern.h"
#include "vtab.h"
#include "window.h"

#include <math.h>

SQLITE_EXTENSION_INIT3

enum compare { EQ, NE, LT, LE, GT, GE };

/* ---- numbers ---------------------------------------------------------------------------- */

/* All of these return false when memory is out. */
static bool add_range(struct filter_values *v, int64_t lo, int64_t hi) {
    return filter_values_range(v, lo, hi) == 0;
}

static bool add_compared(struct filter_values *v, enum compare op, int64_t x) {
    switch (op) {
    case EQ:
        return add_range(v, x, x);
    case NE:
        break; /* made of EQ */
    case LT:
        return x == INT64_MIN || add_range(v, INT64_MIN, x - 1);
    case LE:
        return add_range(v, INT64_MIN, x);
    case GT:
        return x == INT64_MAX || add_range(v, x + 1, INT64_MAX);
    case GE:
        return add_range(v, x, INT64_MAX);
    }
    return true;
}

/* Integers x for which x op real. */
static bool add_compared_real(struct filter_values *v, enum compare op, double real) {
    bool less = op == LT || op == LE, greater = op == GT || op == GE;
    if (real >= 0x1p63 || real < -0x1p63)
        return !(real > 0 ? less : greater) || add_range(v, INT64_MIN, INT64_MAX);
    if (real == floor(real))
        return add_compared(v, op, (int64_t)real);
    if (less)
        return add_range(v, INT64_MIN, (int64_t)floor(real));
    return !greater || add_range(v, (int64_t)ceil(real), INT64_MAX);
}

/* INTEGER affinity on the value, then SQLite's order: NULL, numbers, text, blobs. */
static bool add_number(struct filter_values *v, enum compare op, sqlite3_value *value) {
    switch (sqlite3_value_numeric_type(value)) {
    case SQLITE_INTEGER:
        return add_compared(v, op, sqlite3_value_int64(value));
    case SQLITE_FLOAT:
        return add_compared_real(v, op, sqlite3_value_double(value));
    case SQLITE_NULL:
        return true;
    default:
        return !(op == LT || op == LE) || add_range(v, INT64_MIN, INT64_MAX);
    }
}

/* first, last: filter_values_compared(). */
static bool add_compared_doubles(struct filter_values *v, enum compare op, double first,
                                 double last) {
    return op == NE /* made of EQ */ ||
           filter_values_compared(v, op == LT || op == LE, op == EQ || op == LE || op == GE,
                                  op == GT || op == GE, first, last) == 0;
}

/* The same for numbers that are computed, and may have a fraction. */
static bool add_computed(struct filter_values *v, enum compare op, sqlite3_value *value) {
    int64_t x = sqlite3_value_int64(value);
    double real = sqlite3_value_double(value);
    switch (sqlite3_value_numeric_type(value)) {
    case SQLITE_INTEGER:
        return add_compared_doubles(v, op, filter_real_from(x, true), filter_real_from(x, false));
    case SQLITE_FLOAT:
        return add_compared_doubles(v, op, real, real);
    case SQLITE_NULL:
        return true;
    default:
        return !(op == LT || op == LE) || filter_values_real(v, -INFINITY, INFINITY) == 0;
    }
}

/* ---- text ------------------------------------------------------------------------------- */

/* A number beside a text column: what SQLite makes of it depends on where it comes from, so every
** row that is not NULL may pass, and SQLite checks them. */
static bool is_open(const struct sql_column *c, sqlite3_value *value) {
    int type = sqlite3_value_type(value);
    return sql_column_is_text(c) && (type == SQLITE_INTEGER || type == SQLITE_FLOAT);
}

/* The text of a value; NULL for what is none, or when memory is out. */
static const char *as_text(sqlite3_value *value, size_t *n) {
    if (sqlite3_value_type(value) != SQLITE_TEXT)
        return NULL;
    const char *text = (const char *)sqlite3_value_text(value);
    *n = (size_t)sqlite3_value_bytes(value);
    return text;
}

/* The address that is shown as this very text. */
static bool canonical_ip(const char *text, size_t n, struct flow_ip *ip) {
    char shown[FLOW_IP_TEXT];
    return flow_ip_parse(text, n, ip) == 0 && flow_ip_text(ip, shown) == n &&
           memcmp(shown, text, n) == 0;
}

static bool canonical_mac(const char *text, size_t n, uint64_t *mac) {
    char shown[FLOW_MAC_TEXT];
    return flow_mac_parse(text, n, mac) == 0 && flow_mac_text(*mac, shown) == n &&
           memcmp(shown, text, n) == 0;
}

static bool add_time(struct predicate *p, enum compare op, const char *text, size_t n) {
    static const enum window_op ops[] = {
        [EQ] = WINDOW_EQ, [LT] = WINDOW_LT, [LE] = WINDOW_LE, [GT] = WINDOW_GT, [GE] = WINDOW_GE};
    int64_t lo, hi;
    window_text_bound(ops[op], text, n, &lo, &hi);
    return add_range(&p->values, lo, hi);
}

/* How many MAC addresses have a text below this one, as memcmp() has it. */
static uint64_t macs_below(const char *text, size_t n) {
    static const char digits[] = "0123456789abcdef";
    uint64_t below = 0;
    unsigned bits = 48;
    for (size_t i = 0; i < FLOW_MAC_TEXT - 1; i++) {
        if (i == n)
            return below;
        unsigned char c = (unsigned char)text[i];
        if (i % 3 == 2) {
            if (c != ':')
                return below + (c > ':' ? UINT64_C(1) << bits : 0);
            continue;
        }
        unsigned digit = 0;
        while (digit < 16 && (unsigned char)digits[digit] < c)
            digit++;
        bits -= 4;
        below += (uint64_t)digit << bits;
        if (digit == 16 || (unsigned char)digits[digit] != c)
            return below;
    }
    return below + (n > FLOW_MAC_TEXT - 1);
}

static bool add_mac_order(struct predicate *p, enum compare op, const char *text, size_t n) {
    uint64_t mac, below = macs_below(text, n);
    bool equal = canonical_mac(text, n, &mac);
    bool less = op == LT || op == LE;
    uint64_t from = less ? 0 : below + (op == GT && equal);
    uint64_t to = less ? below + (op == LE && equal) : UINT64_C(1) << 48; /* not itself */
    return from >= to || add_range(&p->values, (int64_t)from, (int64_t)to - 1);
}

static bool add_text_value(struct predicate *p, enum flow_class class, enum compare op,
                           sqlite3_value *value) {
    size_t n;
    const char *text = as_text(value, &n);
    struct flow_ip ip;
    uint64_t mac;
    if (!text)
        return true; /* equal to no text */
    switch (class) {
    case FLOW_TIME:
        return add_time(p, op, text, n);
    case FLOW_IP:
        return !canonical_ip(text, n, &ip) || filter_values_net(&p->values, &ip, &ip) == 0;
    case FLOW_MAC:
        return !canonical_mac(text, n, &mac) || add_range(&p->values, (int64_t)mac, (int64_t)mac);
    default:
        return filter_values_text(&p->values, text, n) == 0;
    }
}

/* ---- constraints ------------------------------------------------------------------------ */

static enum predicate_op test_of(const struct sql_column *c) {
    if (c->kind == COLUMN_MS)
        return PREDICATE_RANGES;
    if (sql_column_is_net(c))
        return PREDICATE_OR; /* of what net_test_add() adds */
    if (c->kind == COLUMN_COMPUTED)
        return PREDICATE_COMPUTED;
    switch (sql_column_class(c)) {
    case FLOW_IP:
        return PREDICATE_NETS;
    case FLOW_TEXT:
        return PREDICATE_TEXT;
    default:
        return PREDICATE_RANGES;
    }
}

static struct predicate *new_test(const struct sql_column *c, int column) {
    struct predicate *p = predicate_new(test_of(c), column);
    if (p && c->kind == COLUMN_COMPUTED)
        p->computed = (enum computed)c->id;
    return p;
}

static struct predicate *make_not(struct predicate *test) {
    struct predicate *not = test ? predicate_new(PREDICATE_NOT, 0) : NULL;
    if (not &&predicate_adopt(not, test))
        return not ;
    predicate_free(not ? NULL : test);
    predicate_free(not );
    return NULL;
}

static struct predicate *make_notnull(const struct sql_column *c, int column) {
    if (sql_column_is_net(c))
        return net_test_known((enum computed)c->id);
    if (c->kind != COLUMN_COMPUTED)
        return predicate_new(PREDICATE_NOTNULL, column);
    struct predicate *p = new_test(c, column);
    if (p && filter_values_real(&p->values, -INFINITY, INFINITY) == 0)
        return p;
    predicate_free(p);
    return NULL;
}

static struct predicate *make_null(const struct sql_column *c, int column) {
    if (c->kind == COLUMN_COMPUTED)
        return make_not(make_notnull(c, column));
    return predicate_new(PREDICATE_NULL, column);
}

static bool is_number(const struct sql_column *c) {
    return c->kind == COLUMN_MS || sql_column_class(c) == FLOW_UINT;
}

static bool add_value(struct predicate *p, const struct sql_column *c, enum compare op,
                      sqlite3_value *value) {
    if (sql_column_is_net(c)) {
        size_t n;
        const char *text = as_text(value, &n);
        return !text || net_test_add(p, (enum computed)c->id, text, n);
    }
    if (c->kind == COLUMN_COMPUTED)
        return add_computed(&p->values, op, value);
    return is_number(c) ? add_number(&p->values, op, value)
                        : add_text_value(p, sql_column_class(c), op, value);
}

/* The order of a text column: time by its milliseconds, the others in each dictionary. A blob is
** greater than any text. */
static bool add_order(struct predicate *p, const struct sql_column *c, enum compare op,
                      sqlite3_value *value) {
    static const enum text_op ops[] = {[EQ] = TEXT_EQ, [NE] = TEXT_NE, [LT] = TEXT_LT,
                                       [LE] = TEXT_LE, [GT] = TEXT_GT, [GE] = TEXT_GE};
    if (is_number(c))
        return add_value(p, c, op, value);
    if (is_open(c, value)) {
        p->op = PREDICATE_NOTNULL;
        return true;
    }
    if (sqlite3_value_type(value) == SQLITE_BLOB) {
        p->op = op == LT || op == LE ? PREDICATE_NOTNULL : PREDICATE_OR;
        return true;
    }
    size_t n;
    const char *text = as_text(value, &n);
    if (!text) {
        p->op = PREDICATE_OR; /* compared with NULL: false */
        return true;
    }
    if (sql_column_class(c) == FLOW_TIME)
        return add_time(p, op, text, n);
    if (sql_column_class(c) == FLOW_MAC)
        return add_mac_order(p, op, text, n);
    p->op = PREDICATE_TEXT;
    p->text_op = ops[op];
    return filter_values_text(&p->values, text, n) == 0;
}

/* After the last add_value(). */
static void settle(struct predicate *p, const struct sql_column *c) {
    if (sql_column_is_net(c))
        net_test_settle(p);
    else
        filter_values_normalize(&p->values);
}

static struct predicate *make_list(const struct sql_column *c, int column, sqlite3_value *list) {
    struct predicate *p = new_test(c, column);
    bool ok = p != NULL, open = false;
    if (ok)
        p->text_op = TEXT_IN;
    sqlite3_value *value;
    int rc = ok ? sqlite3_vtab_in_first(list, &value) : SQLITE_NOMEM;
    for (; ok && rc == SQLITE_OK; rc = sqlite3_vtab_in_next(list, &value)) {
        open |= is_open(c, value);
        ok = add_value(p, c, EQ, value);
    }
    ok = ok && rc == SQLITE_DONE;
    if (ok && !open) {
        settle(p, c);
        return p;
    }
    predicate_free(p);
    return ok ? make_notnull(c, column) : NULL;
}

static struct predicate *make_equal(const struct sql_column *c, int column, sqlite3_value *value) {
    bool open = is_open(c, value);
    struct predicate *p = open ? make_notnull(c, column) : new_test(c, column);
    if (p)
        p->text_op = TEXT_IN; /* of the one value, or of none */
    if (p && (open || add_value(p, c, EQ, value))) {
        if (!open)
            settle(p, c);
        return p;
    }
    predicate_free(p);
    return NULL;
}

/* column <> value: not NULL, and not equal; nothing when the value is NULL. */
static struct predicate *make_unequal(const struct sql_column *c, int column,
                                      sqlite3_value *value) {
    if (value_is_null(value))
        return predicate_new(PREDICATE_OR, 0);
    if (is_open(c, value))
        return make_notnull(c, column);
    struct predicate *p = predicate_new(PREDICATE_AND, 0);
    if (p && predicate_adopt(p, make_notnull(c, column)) &&
        predicate_adopt(p, make_not(make_equal(c, column, value))))
        return p;
    predicate_free(p);
    return NULL;
}

/* column IS NOT value: NULL is equal to NULL, and to nothing else. */
static struct predicate *make_is_not(const struct sql_column *c, int column, sqlite3_value *value) {
    if (value_is_null(value))
        return make_notnull(c, column);
    if (is_open(c, value))
        return predicate_new(PREDICATE_AND, 0);
    return make_not(make_equal(c, column, value));
}

static struct predicate *make_order(const struct sql_column *c, int column, enum compare op,
                                    sqlite3_value *value) {
    struct predicate *p = new_test(c, column);
    if (p && add_order(p, c, op, value)) {
        filter_values_normalize(&p->values);
        return p;
    }
    predicate_free(p);
    return NULL;
}

/* ip_in(column, network): a NULL network matches nothing, what is no network is an error. */
static struct predicate *make_ip_in(int column, sqlite3_value *value, char **message) {
    struct predicate *p = predicate_new(PREDICATE_NETS, column);
    struct flow_ip first, last;
    const char *text = p ? (const char *)sqlite3_value_text(value) : NULL;
    if (!text)
        return p;
    if (flow_net_parse(text, (size_t)sqlite3_value_bytes(value), &first, &last) != 0) {
        *message = sqlite3_mprintf(
            "ip_in: '%s' is no network: write 192.0.2.0/24, 2001:db8::/32 or an address", text);
    } else if (filter_values_net(&p->values, &first, &last) == 0) {
        return p;
    }
    predicate_free(p);
    return NULL;
}

/* column MATCH 'network network': as ip_in() of any of them. */
static struct predicate *make_match(int column, sqlite3_value *value, char **message) {
    struct predicate *p = predicate_new(PREDICATE_NETS, column);
    struct flow_ip first, last;
    const char *list = p ? (const char *)sqlite3_value_text(value) : NULL;
    if (!list)
        return p;
    int more;
    bool ok = true;
    while (ok && (more = pattern_next_net(&list, &first, &last)) > 0)
        ok = filter_values_net(&p->values, &first, &last) == 0;
    if (ok && more == 0) {
        filter_values_normalize(&p->values);
        return p;
    }
    if (ok)
        *message = sqlite3_mprintf("MATCH: '%s' is no list of networks: " PATTERN_NETS, list);
    predicate_free(p);
    return NULL;
}

/* A superset of the rows: SQLite looks again. What is compared with NULL, or with nothing, is not
** LIKE it. */
static struct predicate *make_pattern(int column, bool glob, sqlite3_value *value) {
    const char *text = (const char *)sqlite3_value_text(value);
    if (!text)
        return predicate_new(PREDICATE_OR, 0);
    return pattern_test(column, glob, text);
}

static const struct {
    const char *word;
    enum compare compare;
} words[] = {{"=", EQ}, {"==", EQ}, {"<>", NE}, {"<", LT}, {"<=", LE}, {">", GT}, {">=", GE}};

/* The comparison that a word of the plan stands for; false when it is none of these. */
static bool find_compare(const char *op, size_t n, enum compare *out) {
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i].word) == n && memcmp(op, words[i].word, n) == 0) {
            *out = words[i].compare;
            return true;
        }
    return false;
}

struct predicate *constraint_test(const struct sql_column *c, int column, const char *op, size_t n,
                                  sqlite3_value *value, char **message) {
    if (n == 2 && memcmp(op, "[]", 2) == 0)
        return make_list(c, column, value);
    if (n == 1 && *op == '~')
        return make_ip_in(column, value, message);
    if (n == 2 && memcmp(op, "~,", 2) == 0)
        return make_match(column, value, message);
    if (n == 2 && *op == '~')
        return make_pattern(column, op[1] == '*', value);
    if (n == 3 && memcmp(op, "!==", 3) == 0)
        return make_is_not(c, column, value);
    bool is_null = n == 2 && memcmp(op, "==", 2) == 0 && value_is_null(value);
    if (is_null || (n == 5 && memcmp(op, "=NULL", 5) == 0))
        return make_null(c, column);
    if (n == 6 && memcmp(op, "<>NULL", 6) == 0)
        return make_notnull(c, column);
    enum compare compare;
    if (!find_compare(op, n, &compare))
        return NULL;
    if (compare == EQ)
        return make_equal(c, column, value);
    if (compare == NE)
        return make_unequal(c, column, value);
    return make_order(c, column, compare, value);
}

/* ---- buckets ---------------------------------------------------------------------------- */

/* Starts of buckets that compare so, into p; *known false when the value is no time of the column's type,
** which is left to SQLite. False without memory. */
static bool add_bucket(struct predicate *p, const struct sql_column *c, enum compare op,
                       sqlite3_value *value, bool *known) {
    size_t ignored;
    if (c->kind == COLUMN_BUCKET_MS) {
        *known &= sqlite3_value_numeric_type(value) == SQLITE_INTEGER;
        return add_number(&p->values, op, value);
    }
    *known &= as_text(value, &ignored) != NULL;
    return add_text_value(p, FLOW_TIME, op, value);
}

bool constraint_starts(const struct sql_column *c, const char *op, size_t n, sqlite3_value *value,
                       int64_t *first, int64_t *last, struct predicate **starts) {
    struct predicate *p = predicate_new(PREDICATE_RANGES, 0);
    bool ok = p != NULL, known = true;
    enum compare compare;
    if (ok && n == 2 && memcmp(op, "[]", 2) == 0) {
        sqlite3_value *one;
        int rc = sqlite3_vtab_in_first(value, &one);
        for (; ok && rc == SQLITE_OK; rc = sqlite3_vtab_in_next(value, &one))
            ok = add_bucket(p, c, EQ, one, &known);
        ok = ok && rc == SQLITE_DONE;
    } else if (ok && find_compare(op, n, &compare)) {
        ok = add_bucket(p, c, compare, value, &known);
    }
    if (ok)
        filter_values_normalize(&p->values);
    if (ok && known && p->values.nrange == 0) {
        *first = 1;
        *last = 0; /* none can */
    } else if (ok && known) {
        predicate_bounds(p, 0, first, last);
    }
    if (ok && known && !*starts) {
        *starts = p;
        p = NULL;
    }
    predicate_free(p);
    return ok;
}
