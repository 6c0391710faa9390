/* SPDX-License-Identifier: MIT */
/*
** Fuzz target: the records of a cache of templates (schema/FORMAT.md), given a header with right checksums, and data
** sets for what was learned. The bounds of memory are low.
*/
#include <stdlib.h>

#include "collector/cache.h"
#include "schema/format.h"
#include "tests/fuzz/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool take_row(void *arg, const struct flow_row *row) {
    (void)arg;
    (void)row;
    return true;
}

/* As its exporter would send it, for each template that there is. */
static void give_data(struct collector *c, const struct fvt_exporter *e, uint16_t id, int64_t now) {
    uint8_t octets[20 + 4 + 200] = {0};
    bool v9 = e->version[0] == 'v';
    uint8_t *set = octets + (v9 ? 20 : 16), *odid = octets + (v9 ? 16 : 12);
    uint8_t size = (uint8_t)(set + 204 - octets);
    octets[1] = v9 ? 9 : 10;
    if (!v9)
        octets[3] = size;
    for (int i = 0; i < 4; i++)
        odid[i] = (uint8_t)(e->odid >> (24 - 8 * i));
    set[0] = (uint8_t)(id >> 8);
    set[1] = (uint8_t)id;
    set[3] = 204;
    memset(set + 4, 1, 200);
    const struct datagram d = {.data = octets, .size = size, .from = e->exporter, .received = now};
    collector_datagram(c, &d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const int64_t now = INT64_C(1700000000000);
    struct collector *c = collector_new((struct flow_sink){take_row, NULL, NULL},
                                        (struct fault_sink){NULL, NULL}, &limits);
    uint8_t *file = malloc(64 + size);
    if (c && file) {
        memset(file, 0, 64);
        memcpy(file, "FLOWTPL1", 8);
        if (size)
            memcpy(file + 64, data, size);
        struct fvt_buffer head = {.p = file, .n = 64, .cap = 64};
        fvt_set_int(&head, 8, size, 8);
        fvt_set_int(&head, 16, fvt_checksum(file + 64, size), 8);
        fvt_set_int(&head, 24, (uint64_t)now, 8);
        fvt_set_int(&head, 56, fvt_checksum(file, 56), 8);
        if (!cache_decode(c, now, file, 64 + size) ||
            c->exporters.announced_octets > limits.announced ||
            c->exporters.count > limits.exporters)
            abort();
        /* What is given may make room for itself: of the exporters and templates, those of now. */
        struct {
            struct fvt_exporter stat;
            uint16_t id;
        } known[256];
        size_t n = 0;
        for (const struct exporter *e = c->exporters.newest; e; e = e->older)
            for (const struct template *t = e->templates.newest; t && n < 256; t = t->older, n++) {
                known[n].stat = e->stat;
                known[n].id = t->id;
            }
        while (n--)
            give_data(c, &known[n].stat, known[n].id, now);
    }
    free(file);
    collector_free(c);
    return 0;
}
