/* SPDX-License-Identifier: MIT */
/*
** Networks in order of their first address, each with the smallest one that it lies in: the last one
** that begins at or before an address, or one of those around it, is the smallest with the address
** in it.
*/
#include "sources.h"

#include <stdio.h>
#include <stdlib.h>

enum { NONE = -1 };

struct network {
    struct flow_ip first, last;
    const char *ident;
    long around; /* index of the smallest network that this one lies in, or NONE */
};

/* Names live as long as the list: rows that wait for a template point to them. */
struct name {
    struct name *next;
    char text[SOURCES_IDENT];
};

struct sources {
    struct network *network;
    size_t n;
    struct name *names;
    uint64_t dropped, others;
    size_t nstrangers;
    struct sources_stranger stranger[SOURCES_STRANGERS_MAX];
};

/* ---- reading ---------------------------------------------------------------------------- */

static const char *name_of(struct sources *s, const char *text, size_t n) {
    struct name *name = s->names;
    while (name && (strlen(name->text) != n || memcmp(name->text, text, n) != 0))
        name = name->next;
    if (!name && (name = calloc(1, sizeof *name))) {
        memcpy(name->text, text, n);
        name->next = s->names;
        s->names = name;
    }
    return name ? name->text : NULL;
}

static bool good_ident(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
            return false;
    return n > 0 && n < SOURCES_IDENT;
}

/* Add the networks of one source; s NULL: only look. */
static bool parse(struct sources *s, const char *text, char *message, size_t size) {
    size_t n = strcspn(text, ",");
    if (!good_ident(text, n) || text[n] == '\0') {
        snprintf(
            message, size,
            "write a name of up to %d octets without blanks, and networks, with commas between",
            SOURCES_IDENT - 1);
        return false;
    }
    const char *ident = s ? name_of(s, text, n) : NULL;
    bool room = !s || ident;
    for (const char *p = text + n; room && *p; p += n) {
        struct network net = {.ident = ident};
        p++;
        n = strcspn(p, ",;");
        if (flow_net_parse(p, n, &net.first, &net.last) != 0) {
            snprintf(message, size, "'%.*s' is no network: write ADDRESS or ADDRESS/LENGTH", (int)n,
                     p);
            return false;
        }
        struct network *grown = s ? realloc(s->network, (s->n + 1) * sizeof *grown) : NULL;
        room = !s || grown;
        if (grown) {
            s->network = grown;
            s->network[s->n++] = net;
        }
    }
    if (!room)
        snprintf(message, size, "out of memory");
    return room;
}

bool sources_check(const char *text, char *message, size_t size) {
    return parse(NULL, text, message, size);
}

/* By the first address, the larger one first. */
static int by_first(const void *a, const void *b) {
    const struct network *x = a, *y = b;
    int order = flow_ip_cmp(&x->first, &y->first);
    return order ? order : flow_ip_cmp(&y->last, &x->last);
}

/* Networks lie in one another or apart, so those around one are a stack. */
static bool arrange(struct sources *s, char *message, size_t size) {
    if (s->n)
        qsort(s->network, s->n, sizeof *s->network, by_first);
    for (size_t i = 0; i < s->n; i++) {
        struct network *net = &s->network[i];
        long around = (long)i - 1;
        while (around != NONE && flow_ip_cmp(&s->network[around].last, &net->last) < 0)
            around = s->network[around].around;
        net->around = around;
        if (i && by_first(net - 1, net) == 0) {
            char ip[FLOW_IP_TEXT];
            flow_ip_text(&net->first, ip);
            snprintf(message, size, "%s: the same network is '%s' and '%s': leave one out", ip,
                     net[-1].ident, net->ident);
            return false;
        }
    }
    return true;
}

struct sources *sources_new(const char *const *text, size_t n, char *message, size_t size) {
    struct sources *s = calloc(1, sizeof *s);
    bool good = s != NULL;
    if (!s)
        snprintf(message, size, "out of memory");
    for (size_t i = 0; good && i < n; i++)
        good = parse(s, text[i], message, size);
    if (good && arrange(s, message, size))
        return s;
    sources_free(s);
    return NULL;
}

void sources_free(struct sources *s) {
    if (!s)
        return;
    for (struct name *name = s->names, *after; name; name = after) {
        after = name->next;
        free(name);
    }
    free(s->network);
    free(s);
}

void sources_replace(struct sources *s, struct sources *other) {
    struct name **end = &other->names;
    while (*end)
        end = &(*end)->next;
    *end = s->names;
    s->names = other->names;
    other->names = NULL;
    free(s->network);
    s->network = other->network;
    s->n = other->n;
    other->network = NULL;
    sources_free(other);
}

/* ---- asking ----------------------------------------------------------------------------- */

static const struct network *find(const struct sources *s, const struct flow_ip *ip) {
    size_t low = 0, high = s->n; /* the first network behind ip is in there */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (flow_ip_cmp(&s->network[middle].first, ip) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    long i = (long)low - 1;
    while (i != NONE && flow_ip_cmp(&s->network[i].last, ip) < 0)
        i = s->network[i].around;
    return i == NONE ? NULL : &s->network[i];
}

static void count(struct sources *s, const struct flow_ip *ip) {
    size_t i = 0;
    s->dropped++;
    while (i < s->nstrangers && flow_ip_cmp(&s->stranger[i].ip, ip) != 0)
        i++;
    if (i == SOURCES_STRANGERS_MAX) {
        s->others++;
        return;
    }
    if (i == s->nstrangers)
        s->stranger[s->nstrangers++] = (struct sources_stranger){.ip = *ip};
    s->stranger[i].datagrams++;
}

bool sources_admit(struct sources *s, const struct flow_ip *ip, const char **ident) {
    *ident = NULL;
    if (s->n == 0)
        return true;
    const struct network *net = find(s, ip);
    if (net)
        *ident = net->ident;
    else
        count(s, ip);
    return net != NULL;
}

struct sources_counts sources_dropped(const struct sources *s) {
    return (struct sources_counts){s->dropped, s->nstrangers, s->stranger, s->others};
}
