/* SPDX-License-Identifier: MIT */
/* Fuzz target: the capture reader, and what it reads through the meter, with and without biflows, tunnels and several
** interfaces. The books must balance. */
#include <stdlib.h>

#include "probe/capfile.h"
#include "probe/meter.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ended(void *arg, struct flow_row *row, int64_t now) {
    (void)arg;
    (void)row;
    (void)now;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct table_timeouts timeouts = {15000000, 15000000, 5000000,  5000000,
                                                   15000000, 15000000, 300000000};
    char message[256];
    struct capfile *c;
    if (capfile_open_memory(data, size, &c, message, sizeof message) != CAPFILE_PACKET)
        return 0;
    struct meter *m = meter_new(8, &timeouts, ended, NULL);
    struct capfile_packet p;
    if (m && size % 2)
        meter_biflows(m);
    if (m)
        meter_tunnels(m, (enum tunnels)(size / 2 % TUNNELS_N));
    while (m && capfile_next(c, &p) == CAPFILE_PACKET) {
        const struct meter_source source = {.linktype = p.linktype,
                                            .ifindex = p.place,
                                            .several = size / 8 % 2,
                                            .direction = p.direction};
        meter_packet(m, &source, p.time, p.data, p.captured, p.wire);
    }
    if (m)
        meter_flush(m);
    if (m && !meter_balances(meter_stats(m)))
        abort();
    meter_free(m);
    capfile_close(c);
    return 0;
}
