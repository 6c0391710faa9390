/* SPDX-License-Identifier: MIT */
/*
** Options data in a hash table by exporter, template and scope.
*/
#include "told.h"

#include <stdlib.h>

static uint32_t hash(const struct fvt_option *o) {
    uint64_t h = o->odid ^ (uint64_t)o->template << 32;
    for (size_t i = 0; i < sizeof o->exporter.addr; i++)
        h = (h ^ o->exporter.addr[i]) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < o->nscope; i++)
        h = (h ^ (uint8_t)o->scope[i]) * UINT64_C(0x100000001b3);
    return (uint32_t)(h ^ h >> 32);
}

static bool same(const struct fvt_option *a, const struct fvt_option *b) {
    return a->odid == b->odid && a->template == b->template && a->nscope == b->nscope &&
           memcmp(a->scope, b->scope, a->nscope) == 0 && strcmp(a->version, b->version) == 0 &&
           flow_ip_cmp(&a->exporter, &b->exporter) == 0;
}

static void link_entry(struct told_table *t, uint32_t index) {
    uint32_t *bucket = &t->bucket[hash(&t->entry[index].option) & (t->capacity - 1)];
    t->entry[index].next = *bucket;
    *bucket = index + 1;
}

static void unlink_entry(struct told_table *t, uint32_t index) {
    uint32_t *at = &t->bucket[hash(&t->entry[index].option) & (t->capacity - 1)];
    while (*at != index + 1)
        at = &t->entry[*at - 1].next;
    *at = t->entry[index].next;
}

static bool grow(struct told_table *t) {
    uint32_t n = t->capacity ? t->capacity * 2 : 64;
    struct told *entry = realloc(t->entry, n * sizeof *entry);
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

static bool copy(struct fvt_option *to, const struct fvt_option *from) {
    char *memory = malloc((size_t)from->nscope + from->ndata + 1);
    if (!memory)
        return false;
    *to = *from;
    to->memory = memory;
    to->scope = memcpy(memory, from->scope, from->nscope);
    to->data = memcpy(memory + from->nscope, from->data, from->ndata);
    return true;
}

void told_keep(struct told_table *t, uint32_t max, const struct fvt_option *option) {
    struct fvt_option kept;
    uint32_t at = t->capacity ? t->bucket[hash(option) & (t->capacity - 1)] : 0, index;
    while (at && !same(&t->entry[at - 1].option, option))
        at = t->entry[at - 1].next;
    if (!max || (!at && t->count < max && t->count == t->capacity && !grow(t)) ||
        !copy(&kept, option))
        return;
    if (at) {
        index = at - 1;
    } else if (t->count >= max) {
        index = t->replace++ % t->count;
        unlink_entry(t, index);
    } else {
        index = t->count++;
        t->entry[index] = (struct told){.next = 0};
    }
    free(t->entry[index].option.memory);
    t->entry[index].option = kept;
    t->entry[index].changed = true;
    if (!at)
        link_entry(t, index);
}

void told_free(struct told_table *t) {
    for (uint32_t i = 0; i < t->count; i++)
        free(t->entry[i].option.memory);
    free(t->entry);
    free(t->bucket);
    *t = (struct told_table){0};
}
