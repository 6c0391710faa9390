/* SPDX-License-Identifier: MIT */
/*
** Options data in a hash table by exporter, template and scope.
*/
#include "told.h"

#include <stdlib.h>

static uint32_t hash(const struct fvt_option *o) {
    uint64_t h = o->odid ^ (uint64_t)o->template << 32;
    h = hashed_mix(h, o->exporter.addr, sizeof o->exporter.addr);
    return hashed_cut(hashed_mix(h, o->scope, o->nscope));
}

static bool same(const struct fvt_option *a, const struct fvt_option *b) {
    return a->odid == b->odid && a->template == b->template && a->nscope == b->nscope &&
           memcmp(a->scope, b->scope, a->nscope) == 0 && strcmp(a->version, b->version) == 0 &&
           flow_ip_cmp(&a->exporter, &b->exporter) == 0;
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
    const uint32_t key = hash(option);
    uint32_t at = hashed_first(&t->index, key);
    while (at && !same(&t->entry[at - 1].option, option))
        at = hashed_next(&t->index, at);
    if (!max || !copy(&kept, option))
        return;
    if (!at) {
        const uint32_t before = t->index.count;
        struct told *entry = hashed_room(&t->index, t->entry, sizeof *entry, max);
        if (!entry) {
            free(kept.memory);
            return;
        }
        t->entry = entry;
        at = shares_take(&t->shares, &t->index, max, &option->exporter, key);
        if (!at) {
            free(kept.memory);
            return;
        }
        if (t->index.count > before)
            entry[at - 1] = (struct told){0};
    }
    free(t->entry[at - 1].option.memory);
    t->entry[at - 1] = (struct told){.option = kept, .changed = true};
}

void told_free(struct told_table *t) {
    for (uint32_t i = 0; i < t->index.count; i++)
        free(t->entry[i].option.memory);
    free(t->entry);
    hashed_free(&t->index);
    shares_free(&t->shares);
    *t = (struct told_table){0};
}
