/* SPDX-License-Identifier: MIT */
/*
** Packets from capture files. Live capture is in live.c.
**
** pcapng files have no ifIndex. Their interfaces are numbered by their place in the file, from 1
** on, and have the names that the file gives them.
*/
#include "input.h"

#include <stdio.h>
#include <string.h>

#include "capfile.h"
#include "capfilter.h"

enum { LINKTYPE_LINUX_SLL = 113, LINKTYPE_LINUX_SLL2 = 276, NO_LINKTYPE = 65536 };

/* Cooked captures are of all interfaces as a rule, and pcapng says how many it is of. */
static bool is_of_several(const struct capfile *c, const struct capfile_packet *p) {
    return p->linktype == LINKTYPE_LINUX_SLL || p->linktype == LINKTYPE_LINUX_SLL2 ||
           p->ifindex != 0 || capfile_interfaces(c) > 1;
}

static struct meter_source source_of(const struct capfile *c, const struct capfile_packet *p) {
    struct meter_source source = {.linktype = p->linktype,
                                  .ifindex = p->ifindex ? p->ifindex : p->place,
                                  .several = is_of_several(c, p),
                                  .direction = p->direction};
    const uint8_t *mac = p->place ? capfile_interface_mac(c, p->interface) : NULL;
    if (mac) {
        source.has_mac = true;
        memcpy(source.mac, mac, sizeof source.mac);
    }
    return source;
}

/* Names of interfaces that the file has described since the last packet. */
static void tell_interfaces(const struct capfile *c, const struct capfile_packet *p, uint32_t *told,
                            const struct input_sink *sink) {
    uint32_t earlier = p->place - p->interface - 1, n = capfile_interfaces(c);
    for (uint32_t i = *told > earlier ? *told - earlier : 0; i < n; i++)
        sink->interface(sink->arg, earlier + i + 1, capfile_interface_name(c, i),
                        capfile_interface_description(c, i));
    *told = earlier + n;
}

static int read_packets(struct capfile *c, struct capfilter *filter, const struct input_sink *sink,
                        const volatile sig_atomic_t *stop, struct input_stats *stats, char *message,
                        size_t size) {
    struct capfile_packet p;
    struct meter_source source = {.linktype = NO_LINKTYPE};
    int result = CAPFILE_PACKET;
    uint32_t told = 0;
    while (!*stop && (result = capfile_next(c, &p)) == CAPFILE_PACKET) {
        if (p.wire < p.captured)
            p.wire = p.captured;
        int pass =
            filter ? capfilter_passes(filter, p.linktype, p.data, p.captured, p.wire, message, size)
                   : 1;
        if (pass < 0)
            return -1;
        if (pass == 0) {
            stats->filtered++;
            continue;
        }
        if (p.place > 0)
            tell_interfaces(c, &p, &told, sink);
        if (p.place > 0 || p.ifindex > 0 || source.linktype != p.linktype) /* else all are of one */
            source = source_of(c, &p);
        sink->packet(sink->arg, &source, p.time, p.data, p.captured, p.wire);
    }
    if (*stop || result == CAPFILE_END)
        return 0;
    snprintf(message, size, "%s", capfile_message(c));
    return -1;
}

int input_file(const char *path, const char *expression, const struct input_sink *sink,
               const volatile sig_atomic_t *stop, struct input_stats *stats, char *message,
               size_t size) {
    struct capfile *c;
    if (capfile_open(path, &c, message, size) != CAPFILE_PACKET)
        return -1;
    struct capfilter *filter = expression ? capfilter_new(expression) : NULL;
    int result = -1;
    capfile_stop_flag(c, stop);
    if (!filter && expression)
        snprintf(message, size, "out of memory for the filter");
    else if (sink->opened(sink->arg, message, size) == 0)
        result = read_packets(c, filter, sink, stop, stats, message, size);
    capfilter_free(filter);
    capfile_close(c);
    return result;
}
