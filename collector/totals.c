/* SPDX-License-Identifier: MIT */
/*
** A flow is known by a hash of its key, of 64 bits with a secret of the process (fvt_hash()).
*/
#include "totals.h"

#include <stdlib.h>

#include "elements.h"
#include "schema/format.h"

struct totals_flow {
    uint64_t key;
    int64_t most[TOTALS]; /* that was reported */
    bool again;           /* more than once */
};

static const struct {
    uint16_t id; /* of the flow itself; reversed (RFC 5103) it counts what goes back */
    uint8_t forth, back;
} elements[] = {
    {85, TOTAL_BYTES, TOTAL_OUTBYTES},
    {86, TOTAL_PACKETS, TOTAL_OUTPACKETS},
    {171, TOTAL_OUTBYTES, TOTALS},
    {172, TOTAL_OUTPACKETS, TOTALS},
};

enum total total_of(uint32_t pen, uint16_t id) {
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++)
        if (elements[i].id == id && (pen == 0 || pen == REVERSE_PEN))
            return pen ? elements[i].back : elements[i].forth;
    return TOTALS;
}

static const uint8_t counter[TOTALS] = {
    [TOTAL_BYTES] = FLOW_bytes,
    [TOTAL_PACKETS] = FLOW_packets,
    [TOTAL_OUTBYTES] = FLOW_outbytes,
    [TOTAL_OUTPACKETS] = FLOW_outpackets,
};

/* What tells a flow from others, as far as a row has it. */
static uint64_t key_of(const struct flow_row *row) {
    static const uint8_t numbers[] = {FLOW_tstart,   FLOW_odid,     FLOW_srcport,  FLOW_dstport,
                                      FLOW_proto,    FLOW_icmptype, FLOW_icmpcode, FLOW_tos,
                                      FLOW_inif,     FLOW_outif,    FLOW_srcvlan,  FLOW_dstvlan,
                                      FLOW_direction};
    static const uint8_t addresses[] = {FLOW_exporter, FLOW_srcip, FLOW_dstip};
    enum { NUMBERS = sizeof numbers, ADDRESSES = sizeof addresses };
    struct {
        int64_t number[NUMBERS];
        uint8_t address[ADDRESSES][16];
        uint8_t family[ADDRESSES];
        uint8_t has[NUMBERS];
    } key;
    memset(&key, 0, sizeof key);
    for (int i = 0; i < NUMBERS; i++)
        if (flow_row_has(row, numbers[i])) {
            key.has[i] = 1;
            key.number[i] = row->value[numbers[i]].i;
        }
    for (int i = 0; i < ADDRESSES; i++)
        if (flow_row_has(row, addresses[i])) {
            key.family[i] = row->value[addresses[i]].ip.family;
            memcpy(key.address[i], row->value[addresses[i]].ip.addr, sizeof key.address[i]);
        }
    return fvt_hash(&key, sizeof key);
}

static struct totals_flow *find(const struct totals_table *t, uint64_t key) {
    uint32_t at = hashed_first(&t->index, (uint32_t)key);
    while (at && t->flow[at - 1].key != key)
        at = hashed_next(&t->index, at);
    return at ? &t->flow[at - 1] : NULL;
}

/* NULL without memory. */
static struct totals_flow *add(struct totals_table *t, uint32_t max, const struct flow_ip *exporter,
                               uint64_t key) {
    const uint32_t before = t->index.count;
    struct totals_flow *flow = max ? hashed_room(&t->index, t->flow, sizeof *flow, max) : NULL;
    if (!flow)
        return NULL;
    t->flow = flow;
    uint32_t at = shares_take(&t->shares, &t->index, max, exporter, (uint32_t)key);
    if (!at)
        return NULL;
    t->forgotten += t->index.count == before && flow[at - 1].again;
    flow[at - 1] = (struct totals_flow){.key = key};
    return &flow[at - 1];
}

void totals_apply(struct totals_table *t, uint32_t max, unsigned which, struct flow_row *row) {
    if (!which || !flow_row_has(row, FLOW_srcip) || !flow_row_has(row, FLOW_dstip)) {
        t->unknown++;
        return;
    }
    const uint64_t key = key_of(row);
    struct totals_flow *flow = find(t, key);
    if (flow)
        flow->again = true;
    else if (!(flow = add(t, max, &row->value[FLOW_exporter].ip, key)))
        return;
    for (unsigned i = 0; i < TOTALS; i++) {
        if (!(which >> i & 1) || !flow_row_has(row, counter[i]))
            continue;
        int64_t *value = &row->value[counter[i]].i, most = flow->most[i];
        /* One that is less came late: what it says is in the rows already. */
        if (*value > most)
            flow->most[i] = *value;
        *value = *value > most ? *value - most : 0;
    }
}

void totals_free(struct totals_table *t) {
    free(t->flow);
    hashed_free(&t->index);
    shares_free(&t->shares);
    *t = (struct totals_table){0};
}
