/* SPDX-License-Identifier: MIT */
/*
** Remembers numbers by address, in a table of fixed size: of addresses that fall into one place the later one has it.
*/
#include "domains.h"

#include <stdbool.h>
#include <stdlib.h>

#include "schema/format.h"

enum {
    PLACES = 1024,
    NUMBERS = 64, /* of an address; a gap that is longer is no other domain's */
};

struct place {
    struct flow_ip from;
    uint32_t session;
    bool apart;    /* its source ids count apart */
    bool several;  /* it has several */
    uint8_t count; /* of numbers, up to NUMBERS */
    uint8_t next;  /* to be replaced */
    struct {
        uint32_t odid, number;
    } latest[NUMBERS];
};

struct domains {
    struct place place[PLACES];
};

struct domains *domains_new(void) {
    return calloc(1, sizeof(struct domains));
}

void domains_free(struct domains *d) {
    free(d);
}

static struct place *place_of(struct domains *d, const struct flow_ip *from, uint32_t session) {
    struct place *p = &d->place[(fvt_hash(from->addr, sizeof from->addr) + session) % PLACES];
    if (p->session != session || flow_ip_cmp(&p->from, from) != 0) {
        p->from = *from;
        p->session = session;
        p->apart = p->several = false;
        p->count = p->next = 0;
    }
    return p;
}

static void remember(struct place *p, uint32_t odid, uint32_t number) {
    p->latest[p->next].odid = odid;
    p->latest[p->next].number = number;
    p->next = (uint8_t)((p->next + 1) % NUMBERS);
    p->count = (uint8_t)(p->count + (p->count < NUMBERS));
}

/* Has another source id of the place that number? */
static bool of_another(const struct place *p, uint32_t odid, uint32_t number) {
    for (unsigned i = 0; p->several && i < p->count; i++)
        if (p->latest[i].number == number && p->latest[i].odid != odid)
            return true;
    return false;
}

uint32_t domains_take(struct domains *d, const struct flow_ip *from, uint32_t session,
                      uint32_t odid, uint32_t number, int64_t gap) {
    struct place *p = place_of(d, from, session);
    uint32_t others = 0;
    p->several |= p->count && p->latest[0].odid != odid;
    if (p->apart)
        return 0;
    for (uint32_t n = number - (uint32_t)gap; gap > 0 && gap < NUMBERS && n != number; n++)
        if (of_another(p, odid, n))
            others++;
        else
            remember(p, odid, n); /* so that it is lost once */
    p->apart = of_another(p, odid, number);
    remember(p, odid, number);
    return p->apart ? 0 : others;
}
