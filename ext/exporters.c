/* SPDX-License-Identifier: MIT */
/*
** "exporter id 3" becomes "(exporter 192.0.2.1 and odid 0 and version v9)", or several of these joined by OR.
*/
#include "exporters.h"

#include "../schema/sysid.h"

/* ---- tests of one field ------------------------------------------------------------------- */

/* rc: of adding to v, which is freed. */
static struct filter_node *has(int field, int rc, struct filter_values *v) {
    struct filter_node *node = rc == 0 ? filter_node_values(field, v) : NULL;
    filter_values_free(v);
    return node;
}

static struct filter_node *has_address(int field, const struct flow_ip *ip) {
    struct filter_values v = {0};
    return has(field, filter_values_net(&v, ip, ip), &v);
}

static struct filter_node *has_number(int field, int64_t number) {
    struct filter_values v = {0};
    return has(field, filter_values_range(&v, number, number), &v);
}

static struct filter_node *has_text(int field, const char *text) {
    struct filter_values v = {0};
    return has(field, filter_values_text(&v, text, strlen(text)), &v);
}

static struct filter_node *never(void) {
    const struct filter_values none = {0};
    return filter_node_values(FLOW_proto, &none);
}

/* ---- exporters ---------------------------------------------------------------------------- */

/* NULL when either is, which happens without memory. */
static struct filter_node *join(enum filter_op op, struct filter_node *a, struct filter_node *b) {
    if (a && b)
        return filter_node_join(op, a, b);
    filter_free(a);
    filter_free(b);
    return NULL;
}

/* Flows of a probe's own files have neither exporter nor domain. */
static struct filter_node *is_from(const struct sysid *e) {
    struct filter_node *node = has_text(FLOW_version, e->version);
    if (!e->exporter.family)
        return node;
    node = join(FILTER_AND, node, has_address(FLOW_exporter, &e->exporter));
    return join(FILTER_AND, node, has_number(FLOW_odid, e->odid));
}

static struct filter_node *is_one_of(const struct filter_node *test, const struct sysids *known) {
    struct filter_node *node = never();
    for (uint32_t i = 0; node && i < known->n; i++)
        if (filter_in_reals(&test->values, known->entry[i].number))
            node = join(FILTER_OR, node, is_from(&known->entry[i]));
    return node;
}

static bool is_number(const struct filter_node *node) {
    return node->op == FILTER_REALS && node->computed == COMPUTED_sysid;
}

static bool asks(const struct filter_node *node) {
    bool any = is_number(node);
    for (uint32_t i = 0; !any && i < node->n; i++)
        any = asks(node->child[i]);
    return any;
}

/* The place that has a node gets another one; false without memory, and the tree is whole still. */
static bool replace(struct filter_node **at, const struct sysids *known) {
    struct filter_node *node = *at;
    if (is_number(node)) {
        struct filter_node *meant = is_one_of(node, known);
        if (!meant)
            return false;
        filter_free(node);
        *at = meant;
        return true;
    }
    bool ok = true;
    for (uint32_t i = 0; ok && i < node->n; i++)
        ok = replace(&node->child[i], known);
    return ok;
}

struct filter_node *exporters_resolve(struct filter_node *node, const char *store) {
    struct sysids known;
    if (!asks(node))
        return node;
    bool ok = sysids_read(store, &known) == FVT_OK && replace(&node, &known);
    sysids_free(&known);
    if (ok)
        return node;
    filter_free(node);
    return NULL;
}
