/* SPDX-License-Identifier: MIT */
/*
** Names in one hash table for all exporters.
*/
#include "names.h"

#include <stdlib.h>
#include <string.h>

static uint32_t hash(const struct flow_ip *exporter, const char *key, size_t n) {
    uint64_t h = hashed_mix(exporter->family, exporter->addr, sizeof exporter->addr);
    return hashed_cut(hashed_mix(h, key, n));
}

static uint32_t find(const struct name_table *t, const struct flow_ip *exporter, const char *key,
                     size_t n) {
    uint32_t at = hashed_first(&t->index, hash(exporter, key, n));
    for (; at; at = hashed_next(&t->index, at)) {
        const struct name *e = &t->entry[at - 1];
        if (e->nkey == n && memcmp(e->key, key, n) == 0 && flow_ip_cmp(&e->exporter, exporter) == 0)
            break;
    }
    return at;
}

/* 0 without memory. */
static uint32_t add(struct name_table *t, uint32_t max, const struct name *name) {
    struct name *entry = hashed_room(&t->index, t->entry, sizeof *entry, max);
    if (!entry)
        return 0;
    t->entry = entry;
    uint32_t at = shares_take(&t->shares, &t->index, max, &name->exporter,
                              hash(&name->exporter, name->key, name->nkey));
    if (at)
        entry[at - 1] = *name;
    return at;
}

/* At most so many octets, at a character's end (UTF-8). */
static size_t cut(const char *text, size_t n, size_t most) {
    if (n <= most)
        return n;
    n = most;
    while (n && ((uint8_t)text[n] & 0xc0) == 0x80)
        n--;
    return n;
}

bool names_learn(struct name_table *t, uint32_t max, const struct flow_ip *exporter,
                 const char *key, size_t nkey, const char *text, size_t ntext) {
    if (nkey > NAMES_KEY || !ntext || !max)
        return false;
    uint32_t at = find(t, exporter, key, nkey);
    struct name name = {.exporter = *exporter, .nkey = (uint8_t)nkey};
    memcpy(name.key, key, nkey);
    if (!at && !(at = add(t, max, &name)))
        return false;
    struct name *e = &t->entry[at - 1];
    uint8_t n = (uint8_t)cut(text, ntext, NAMES_TEXT);
    bool news = e->ntext != n || memcmp(e->text, text, n) != 0;
    e->ntext = n;
    memcpy(e->text, text, n);
    return news;
}

const struct name *names_find(const struct name_table *t, const struct flow_ip *exporter,
                              const char *key, size_t nkey) {
    uint32_t at = find(t, exporter, key, nkey);
    return at ? &t->entry[at - 1] : NULL;
}

void names_free(struct name_table *t) {
    free(t->entry);
    hashed_free(&t->index);
    shares_free(&t->shares);
    *t = (struct name_table){0};
}
