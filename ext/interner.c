/* SPDX-License-Identifier: MIT */
/*
** Numbering under a lock, many codes at a time; texts and ranks when that is over.
*/
#include "interner.h"
#include "dict_codes.h"
#include "groups.h"
#include "sorter.h"

#include <stdlib.h>

enum {
    /* Entry, place in the hash table, name, rank, and what sorting takes. */
    ENTRY_SIZE = 100,
    ARENA = 1 << 16,
    STEP = 256, /* addresses that are numbered while others wait */
};

struct arena {
    struct arena *next;
    size_t n;
    char text[ARENA];
};

void interner_init(struct interner *in, int mask4, int mask6, struct budget *budget) {
    memset(in, 0, sizeof *in);
    in->mask4 = mask4;
    in->mask6 = mask6;
    in->budget = budget;
    pthread_mutex_init(&in->lock, NULL);
    dict_builder_init(&in->ips.entries, FLOW_IP);
    dict_builder_init(&in->texts.entries, FLOW_TEXT);
}

static void clear_list(struct name_list *l) {
    dict_builder_free(&l->entries);
    free(l->name);
    free(l->rank);
    free(l->wanted);
    l->name = NULL;
    l->rank = NULL;
    l->wanted = NULL;
}

void interner_clear(struct interner *in) {
    clear_list(&in->ips);
    clear_list(&in->texts);
    for (struct arena *a = in->arena, *next; a; a = next) {
        next = a->next;
        free(a);
    }
    in->arena = NULL;
    budget_sub(in->budget, in->counted);
    in->counted = 0;
}

void interner_free(struct interner *in) {
    interner_clear(in);
    pthread_mutex_destroy(&in->lock);
}

static struct flow_ip masked(const struct interner *in, const struct flow_ip *ip) {
    int len = ip->family == 4 ? in->mask4 : in->mask6;
    return len == (ip->family == 4 ? 32 : 128) ? *ip : flow_ip_mask(ip, (unsigned)len);
}

static void count(struct interner *in) {
    size_t size = ((size_t)in->ips.entries.n + in->texts.entries.n) * ENTRY_SIZE +
                  in->texts.entries.text.n * 2;
    budget_add(in->budget, size - in->counted);
    in->counted = size;
}

static bool number_ips(struct interner *in, const struct fvt_dict *dict, const uint32_t *codes,
                       uint32_t n, uint32_t *number) {
    enum { MANY = STEP };
    /* So many of one block: the others of the dictionary will come, too. */
    if (n >= MANY) {
        pthread_mutex_lock(&in->lock);
        bool ok = dict_builder_reserve(&in->ips.entries, dict->n);
        pthread_mutex_unlock(&in->lock);
        if (!ok)
            return false;
    }
    for (uint32_t at = 0; at < n; at += STEP) {
        uint32_t entry[STEP], some = n - at < STEP ? n - at : STEP;
        struct flow_ip ip[STEP];
        for (uint32_t i = 0; i < some; i++)
            ip[i] = masked(in, &dict->ip[codes[at + i]]);
        pthread_mutex_lock(&in->lock);
        bool ok = dict_builder_ips(&in->ips.entries, ip, some, entry);
        count(in);
        pthread_mutex_unlock(&in->lock);
        for (uint32_t i = 0; ok && i < some; i++)
            number[codes[at + i]] = entry[i] + 1;
        if (!ok)
            return false;
    }
    return true;
}

bool interner_number(struct interner *in, const struct fvt_dict *dict, const uint32_t *codes,
                     uint32_t n, uint32_t *number) {
    int64_t entry = 0;
    if (dict->class == FLOW_IP)
        return number_ips(in, dict, codes, n, number);
    pthread_mutex_lock(&in->lock);
    for (uint32_t i = 0; i < n && entry >= 0; i++) {
        uint32_t code = codes[i];
        entry = dict_builder_text(&in->texts.entries, dict->text[code], dict->len[code]);
        number[code] = (uint32_t)(entry + 1);
    }
    count(in);
    pthread_mutex_unlock(&in->lock);
    return entry >= 0;
}

bool interner_zones(struct interner *in, struct labels *labels, const struct fvt_dict *dict,
                    uint32_t *number) {
    const char *before = NULL;
    uint32_t zone_number = 0;
    for (uint32_t code = 0, from; (from = code) < dict->n;) {
        const char *zone = dict_zone(dict, &code, labels);
        if (zone != before && !(zone_number = interner_text(in, zone)))
            return false;
        before = zone;
        while (from < code)
            number[from++] = zone_number;
    }
    return true;
}

/* A network stands among addresses with a family that tells its length, too. */
enum { NET_FAMILY = 64 };

static struct flow_ip net_entry(const struct flow_ip *ip, unsigned length) {
    struct flow_ip net = flow_ip_mask(ip, length);
    net.family = (uint8_t)(NET_FAMILY + (ip->family == 4 ? length : 33 + length));
    return net;
}

/* The network's address and length; false for an address. */
static bool read_net(const struct flow_ip *entry, struct flow_ip *ip, unsigned *length) {
    if (entry->family < NET_FAMILY)
        return false;
    unsigned at = entry->family - NET_FAMILY;
    *ip = *entry;
    ip->family = at <= 32 ? 4 : 6;
    *length = at <= 32 ? at : at - 33;
    return true;
}

bool interner_nets(struct interner *in, const struct fvt_dict *dict, const uint32_t *codes,
                   const uint8_t *length, uint32_t n, uint32_t *number) {
    bool ok = true;
    for (uint32_t at = 0; ok && at < n; at += STEP) {
        uint32_t some = n - at < STEP ? n - at : STEP;
        struct flow_ip net[STEP];
        for (uint32_t i = 0; i < some; i++)
            net[i] = net_entry(&dict->ip[codes[at + i]], length[at + i]);
        pthread_mutex_lock(&in->lock);
        ok = dict_builder_ips(&in->ips.entries, net, some, number + at);
        count(in);
        pthread_mutex_unlock(&in->lock);
        for (uint32_t i = 0; i < some; i++)
            number[at + i]++;
    }
    return ok;
}

static uint32_t mark_of(const struct flow_ip *entry) {
    uint64_t half[2];
    memcpy(half, entry->addr, sizeof half);
    uint64_t h = group_hash_word(group_hash_word(entry->family, half[0]), half[1]);
    uint32_t mark = (uint32_t)(group_hash_end(h) >> 32);
    return mark ? mark : 1;
}

void interner_mark(const struct interner *in, const struct fvt_dict *dict, const uint32_t *codes,
                   uint32_t n, uint32_t *mark) {
    for (uint32_t i = 0; i < n; i++) {
        struct flow_ip ip = masked(in, &dict->ip[codes[i]]);
        mark[codes[i]] = mark_of(&ip);
    }
}

void interner_mark_nets(const struct fvt_dict *dict, const uint32_t *codes, const uint8_t *length,
                        uint32_t n, uint32_t *mark) {
    for (uint32_t i = 0; i < n; i++) {
        struct flow_ip net = net_entry(&dict->ip[codes[i]], length[i]);
        mark[i] = mark_of(&net);
    }
}

uint32_t interner_marked(const struct interner *in, uint64_t number) {
    return mark_of(&in->ips.entries.ip[number - 1]);
}

uint32_t interner_text(struct interner *in, const char *text) {
    pthread_mutex_lock(&in->lock);
    int64_t entry = dict_builder_text(&in->texts.entries, text, strlen(text));
    count(in);
    pthread_mutex_unlock(&in->lock);
    return (uint32_t)(entry + 1); /* -1 without memory */
}

static const char *keep(struct interner *in, const char *text, size_t n) {
    struct arena *a = in->arena;
    if (!a || a->n + n > ARENA) {
        a = malloc(sizeof *a);
        if (!a)
            return NULL;
        a->next = in->arena;
        a->n = 0;
        in->arena = a;
    }
    char *to = a->text + a->n;
    memcpy(to, text, n);
    a->n += n;
    return to;
}

bool interner_want(struct interner *in, enum flow_class class, uint64_t number) {
    struct name_list *l = class == FLOW_IP ? &in->ips : &in->texts;
    if (!l->wanted)
        l->wanted = calloc((size_t)l->entries.n + 1, sizeof *l->wanted);
    if (l->wanted)
        l->wanted[number] = true;
    return l->wanted;
}

static bool is_wanted(const struct name_list *l, uint32_t entry) {
    return !l->wanted || l->wanted[entry + 1];
}

static size_t name_ip(const struct interner *in, const struct flow_ip *entry,
                      char text[FLOW_NET_TEXT]) {
    struct flow_ip ip;
    unsigned length;
    if (read_net(entry, &ip, &length))
        return flow_net_text(&ip, length, text);
    int len = entry->family == 4 ? in->mask4 : in->mask6;
    if (!in->bare && len < (entry->family == 4 ? 32 : 128))
        return flow_net_text(entry, (unsigned)len, text);
    return flow_ip_text(entry, text);
}

static bool name_ips(struct interner *in, const struct sort_stop *stop) {
    const struct dict_builder *d = &in->ips.entries;
    for (uint32_t i = 0; i < d->n && !sort_stopped(stop, i); i++) {
        if (!is_wanted(&in->ips, i))
            continue;
        struct name *name = &in->ips.name[i];
        char text[FLOW_NET_TEXT];
        size_t n = name_ip(in, &d->ip[i], text);
        name->n = (uint32_t)n;
        if (n <= sizeof name->text.own)
            memcpy(name->text.own, text, n);
        else if (!(name->text.far = keep(in, text, n)))
            return false;
    }
    return true;
}

static void name_texts(struct name_list *l, const struct sort_stop *stop) {
    const struct dict_builder *d = &l->entries;
    for (uint32_t i = 0; i < d->n && !sort_stopped(stop, i); i++) {
        size_t start = i ? d->end[i - 1] : 0, n = d->end[i] - start;
        l->name[i].n = (uint32_t)n;
        if (n > sizeof l->name[i].text.own)
            l->name[i].text.far = (const char *)d->text.p + start;
        else if (n)
            memcpy(l->name[i].text.own, d->text.p + start, n);
    }
}

bool interner_name(struct interner *in, const struct sort_stop *stop) {
    in->ips.name = malloc(((size_t)in->ips.entries.n + 1) * sizeof *in->ips.name);
    in->texts.name = malloc(((size_t)in->texts.entries.n + 1) * sizeof *in->texts.name);
    if (!in->ips.name || !in->texts.name)
        return false;
    name_texts(&in->texts, stop);
    return name_ips(in, stop);
}

/* Texts as words, and behind them the length, since zeros were put there. */
struct ranking {
    const struct name *name;
    unsigned words;
};

static uint64_t word_of(const void *arg, uint64_t at, unsigned w) {
    const struct ranking *r = arg;
    const struct name *n = &r->name[at];
    return w + 1 == r->words ? n->n : sort_octets(name_text(n), n->n, w);
}

bool interner_rank(struct interner *in, enum flow_class class, const struct sort_stop *stop) {
    struct name_list *l = class == FLOW_IP ? &in->ips : &in->texts;
    uint32_t n = l->entries.n, longest = 0;
    if (l->rank)
        return true;
    struct sort_item *items = malloc((2 * (size_t)n + 1) * sizeof *items);
    l->rank = malloc(((size_t)n + 1) * sizeof *l->rank);
    if (items && l->rank) {
        for (uint32_t i = 0; i < n; i++)
            if (is_wanted(l, i))
                longest = l->name[i].n > longest ? l->name[i].n : longest;
        struct ranking r = {l->name, (longest + 7) / 8 + 1};
        uint32_t some = 0;
        for (uint32_t i = 0; i < n && !sort_stopped(stop, i); i++)
            if (is_wanted(l, i))
                items[some++] = (struct sort_item){word_of(&r, i, 0), i};
        sort_items(items, some, items + some, r.words, word_of, &r, stop);
        l->rank[0] = 0;
        for (uint32_t i = 0; i < some && !sort_stopped(stop, i); i++)
            l->rank[items[i].at + 1] = i + 1;
    }
    free(items);
    return items && l->rank;
}
