/* SPDX-License-Identifier: MIT */
/*
** Networks of routes. A list of them is, for each length among them, the addresses in the networks of this
** length that have this mask: never more tests than there are lengths, however long the list.
*/
#include "net_test.h"

#include <stdlib.h>

/* The fields of id. */
static int address_of(enum computed id) {
    int column[COMPUTED_COLUMNS];
    computed_columns(id, column);
    return column[0];
}

static int mask_of(enum computed id) {
    int column[COMPUTED_COLUMNS];
    computed_columns(id, column);
    return column[1];
}

/* In the networks that child[0] is still to be given, with a mask of lo to hi. */
static struct predicate *new_masked(enum computed id, int64_t lo, int64_t hi) {
    struct predicate *p = predicate_new(PREDICATE_AND, 0);
    if (p && predicate_adopt(p, predicate_new(PREDICATE_NETS, address_of(id))) &&
        predicate_adopt(p, predicate_new(PREDICATE_RANGES, mask_of(id))) &&
        filter_values_range(&p->child[1]->values, lo, hi) == 0)
        return p;
    predicate_free(p);
    return NULL;
}

/* The child of p for masks of that length. */
static struct predicate *find_length(struct predicate *p, enum computed id, int64_t length) {
    for (uint32_t i = 0; i < p->n; i++)
        if (p->child[i]->child[1]->values.range[0].lo == length)
            return p->child[i];
    return predicate_adopt(p, new_masked(id, length, length)) ? p->child[p->n - 1] : NULL;
}

/* A network as result_net() shows it, with its length; false for any other text. */
static bool canonical_net(const char *text, size_t n, struct flow_ip *first, struct flow_ip *last,
                          unsigned *length) {
    char shown[FLOW_NET_TEXT], digits[4] = "";
    const char *slash = memchr(text, '/', n);
    size_t behind = slash ? n - (size_t)(slash + 1 - text) : 0;
    if (behind == 0 || behind >= sizeof digits || flow_net_parse(text, n, first, last) != 0)
        return false;
    memcpy(digits, slash + 1, behind);
    *length = (unsigned)strtoul(digits, NULL, 10);
    return flow_net_text(first, *length, shown) == n && memcmp(shown, text, n) == 0;
}

bool net_test_add(struct predicate *p, enum computed id, const char *text, size_t n) {
    struct flow_ip first, last;
    unsigned length;
    if (!canonical_net(text, n, &first, &last, &length))
        return true;
    struct predicate *masked = find_length(p, id, length);
    return masked && filter_values_net(&masked->child[0]->values, &first, &last) == 0;
}

void net_test_settle(struct predicate *p) {
    for (uint32_t i = 0; i < p->n; i++)
        filter_values_normalize(&p->child[i]->child[0]->values);
}

struct predicate *net_test_known(enum computed id) {
    static const struct {
        const char *all;
        int64_t longest;
    } families[] = {{"0.0.0.0/0", 32}, {"::/0", 128}};
    struct predicate *p = predicate_new(PREDICATE_OR, 0);
    bool ok = p != NULL;
    for (size_t i = 0; ok && i < sizeof families / sizeof families[0]; i++) {
        struct flow_ip first, last;
        ok = predicate_adopt(p, new_masked(id, 0, families[i].longest)) &&
             flow_net_parse(families[i].all, strlen(families[i].all), &first, &last) == 0 &&
             filter_values_net(&p->child[i]->child[0]->values, &first, &last) == 0;
    }
    if (ok)
        return p;
    predicate_free(p);
    return NULL;
}
