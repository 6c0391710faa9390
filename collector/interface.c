/* SPDX-License-Identifier: MIT */
/*
** A table of interface names.
*/
#include "interface.h"

#include <stdlib.h>

static uint32_t hash(const struct flow_ip *exporter, uint32_t ifindex) {
    uint64_t h = ifindex;
    for (size_t i = 0; i < sizeof exporter->addr; i++)
        h = (h ^ exporter->addr[i]) * UINT64_C(0x100000001b3);
    return (uint32_t)(h ^ h >> 32);
}

static uint32_t *bucket_for(struct interface_table *t, const struct fvt_interface *i) {
    return &t->bucket[hash(&i->exporter, i->ifindex) & (t->nbuckets - 1)];
}

static struct interface *find(struct interface_table *t, const struct flow_ip *exporter,
                              uint32_t ifindex) {
    if (!t->nbuckets)
        return NULL;
    uint32_t at = t->bucket[hash(exporter, ifindex) & (t->nbuckets - 1)];
    for (; at; at = t->entry[at - 1].next) {
        struct interface *i = &t->entry[at - 1];
        if (i->names.ifindex == ifindex && flow_ip_cmp(&i->names.exporter, exporter) == 0)
            return i;
    }
    return NULL;
}

static bool grow(struct interface_table *t) {
    uint32_t n = t->capacity ? t->capacity * 2 : 4;
    struct interface *entry = realloc(t->entry, n * sizeof *entry);
    if (!entry)
        return false;
    t->entry = entry;
    uint32_t *bucket = calloc(n, sizeof *bucket);
    if (!bucket)
        return false;
    free(t->bucket);
    t->bucket = bucket;
    t->nbuckets = t->capacity = n;
    for (uint32_t k = 0; k < t->count; k++) {
        uint32_t *b = bucket_for(t, &entry[k].names);
        entry[k].next = *b;
        *b = k + 1;
    }
    return true;
}

static void unlink_entry(struct interface_table *t, uint32_t index) {
    uint32_t *at = bucket_for(t, &t->entry[index].names);
    while (*at != index + 1)
        at = &t->entry[*at - 1].next;
    *at = t->entry[index].next;
}

static struct interface *add(struct interface_table *t, uint32_t max,
                             const struct flow_ip *exporter, uint32_t ifindex) {
    uint32_t index;
    if (t->count >= max) {
        index = t->replace++ % t->count;
        unlink_entry(t, index);
    } else {
        if (t->count == t->capacity && !grow(t))
            return NULL;
        index = t->count++;
    }
    struct interface *i = &t->entry[index];
    *i = (struct interface){.names = {.exporter = *exporter, .ifindex = ifindex}};
    uint32_t *b = bucket_for(t, &i->names);
    i->next = *b;
    *b = index + 1;
    return i;
}

/* Returns whether the text changed. */
static bool put(char *out, size_t room, const char *text, size_t n) {
    if (!text)
        return false;
    if (n >= room) {
        n = room - 1;
        while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
            n--;
    }
    if (strlen(out) == n && memcmp(out, text, n) == 0)
        return false;
    memcpy(out, text, n);
    memset(out + n, 0, room - n);
    return true;
}

bool interface_learn(struct interface_table *t, uint32_t max, const struct flow_ip *exporter,
                     uint32_t ifindex, const char *name, size_t nname, const char *description,
                     size_t ndescription) {
    struct interface *i = find(t, exporter, ifindex);
    if (!i)
        i = add(t, max, exporter, ifindex);
    if (!i)
        return false;
    bool a = put(i->names.name, sizeof i->names.name, name, nname);
    bool b = put(i->names.description, sizeof i->names.description, description, ndescription);
    i->changed |= a || b;
    return a || b;
}

size_t interface_octets(const struct interface_table *t) {
    return t->capacity * (sizeof *t->entry + sizeof *t->bucket);
}

void interface_free(struct interface_table *t) {
    free(t->entry);
    free(t->bucket);
    *t = (struct interface_table){0};
}
