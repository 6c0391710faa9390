/* SPDX-License-Identifier: MIT */
/*
** A table of interface names.
*/
#include "interface.h"

#include <stdlib.h>

static uint32_t hash(const struct flow_ip *exporter, uint32_t ifindex) {
    return hashed_cut(hashed_mix(ifindex, exporter->addr, sizeof exporter->addr));
}

static struct interface *find(struct interface_table *t, const struct flow_ip *exporter,
                              uint32_t ifindex) {
    uint32_t at = hashed_first(&t->index, hash(exporter, ifindex));
    for (; at; at = hashed_next(&t->index, at)) {
        struct interface *i = &t->entry[at - 1];
        if (i->names.ifindex == ifindex && flow_ip_cmp(&i->names.exporter, exporter) == 0)
            return i;
    }
    return NULL;
}

static struct interface *add(struct interface_table *t, uint32_t max,
                             const struct flow_ip *exporter, uint32_t ifindex) {
    struct interface *entry = hashed_room(&t->index, t->entry, sizeof *entry, max);
    if (!entry)
        return NULL;
    t->entry = entry;
    struct interface *i = &entry[hashed_take(&t->index, max, hash(exporter, ifindex)) - 1];
    *i = (struct interface){.names = {.exporter = *exporter, .ifindex = ifindex}};
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
    return t->index.capacity * sizeof *t->entry + hashed_octets(&t->index);
}

void interface_free(struct interface_table *t) {
    free(t->entry);
    hashed_free(&t->index);
    *t = (struct interface_table){0};
}
