/* SPDX-License-Identifier: MIT */
/*
** Names in one hash table for all exporters.
*/
#include "names.h"

#include <stdlib.h>
#include <string.h>

static uint32_t hash(const struct flow_ip *exporter, const char *key, size_t n) {
    uint64_t h = exporter->family;
    for (size_t i = 0; i < sizeof exporter->addr; i++)
        h = (h ^ exporter->addr[i]) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint8_t)key[i]) * UINT64_C(0x100000001b3);
    return (uint32_t)(h ^ h >> 32);
}

static uint32_t *bucket_of(const struct name_table *t, const struct flow_ip *exporter,
                           const char *key, size_t n) {
    return &t->bucket[hash(exporter, key, n) & (t->capacity - 1)];
}

static uint32_t find(const struct name_table *t, const struct flow_ip *exporter, const char *key,
                     size_t n) {
    uint32_t at = t->capacity ? *bucket_of(t, exporter, key, n) : 0;
    while (at) {
        const struct name *e = &t->entry[at - 1];
        if (e->nkey == n && memcmp(e->key, key, n) == 0 && flow_ip_cmp(&e->exporter, exporter) == 0)
            break;
        at = e->next;
    }
    return at;
}

static void link_entry(struct name_table *t, uint32_t index) {
    struct name *e = &t->entry[index];
    uint32_t *bucket = bucket_of(t, &e->exporter, e->key, e->nkey);
    e->next = *bucket;
    *bucket = index + 1;
}

static void unlink_entry(struct name_table *t, uint32_t index) {
    const struct name *e = &t->entry[index];
    uint32_t *at = bucket_of(t, &e->exporter, e->key, e->nkey);
    while (*at != index + 1)
        at = &t->entry[*at - 1].next;
    *at = e->next;
}

static bool grow(struct name_table *t) {
    uint32_t n = t->capacity ? t->capacity * 2 : 64;
    struct name *entry = realloc(t->entry, n * sizeof *entry);
    if (!entry)
        return false;
    t->entry = entry;
    uint32_t *bucket = calloc(n, sizeof *bucket);
    if (!bucket)
        return false;
    free(t->bucket);
    t->bucket = bucket;
    t->capacity = n;
    for (uint32_t i = 0; i < t->count; i++)
        link_entry(t, i);
    return true;
}

static bool add(struct name_table *t, uint32_t max, const struct name *name, uint32_t *at) {
    uint32_t index = t->count;
    if (t->count >= max) {
        index = t->replace++ % t->count;
        unlink_entry(t, index);
    } else if (t->count == t->capacity && !grow(t)) {
        return false;
    } else {
        t->count++;
    }
    t->entry[index] = *name;
    link_entry(t, index);
    *at = index + 1;
    return true;
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
    if (!at && !add(t, max, &name, &at))
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
    free(t->bucket);
    *t = (struct name_table){0};
}
