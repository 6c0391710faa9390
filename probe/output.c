/* SPDX-License-Identifier: MIT */
/* Outputs of ended flows. */
#include "output.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INTERFACES = 1024 };

struct interface {
    uint32_t ifindex;
    char name[IF_NAMESIZE];
    char alias[64];
};

struct output {
    bool live;
    void (*warn)(const char *text);
    struct exporter *exporter;
    int64_t exported_at; /* ms; of the last flush of the exporter */
    struct fvt_store *store;
    bool failed; /* a row was not taken, and it was said */
    uint64_t stored, drops, drops_reported;
    struct fvt_exporter books; /* of the file being written */
    unsigned ninterfaces;
    uint32_t last_interface;
    struct interface interfaces[INTERFACES];
};

struct output *output_new(bool live, void (*warn)(const char *text)) {
    struct output *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->live = live;
    o->warn = warn;
    return o;
}

int output_collectors(struct output *o, unsigned version, uint32_t odid, const char *const *targets,
                      unsigned n, char *message, size_t size) {
    struct sender *sender = sender_new(!o->live);
    for (unsigned i = 0; sender && i < n; i++) {
        if (sender_target(sender, targets[i], message, size) != 0) {
            sender_free(sender);
            return -1;
        }
    }
    o->exporter = sender ? exporter_new(version, odid, sender, o->warn) : NULL;
    if (!o->exporter) {
        sender_free(sender);
        snprintf(message, size, "out of memory");
        return -1;
    }
    return 0;
}

static void store_warning(void *arg, const char *text) {
    struct output *o = arg;
    o->warn(text);
}

/* Before each flush: what was counted since the last one, and the interfaces. */
static void report(void *arg, bool last) {
    struct output *o = arg;
    const struct fvt_socket source = {.drops = o->drops - o->drops_reported};
    (void)last;
    if (o->books.flows && fvt_store_exporter(o->store, &o->books) == FVT_OK)
        o->books = (struct fvt_exporter){.version = "probe"};
    if (source.drops && fvt_store_socket(o->store, &source) == FVT_OK)
        o->drops_reported = o->drops;
    for (unsigned i = 0; i < o->ninterfaces; i++) {
        struct fvt_interface f = {.ifindex = o->interfaces[i].ifindex};
        memcpy(f.name, o->interfaces[i].name, sizeof o->interfaces[i].name);
        memcpy(f.description, o->interfaces[i].alias, sizeof o->interfaces[i].alias);
        fvt_store_interface(o->store, &f);
    }
}

int output_store(struct output *o, const char *dir, unsigned interval, char *message, size_t size) {
    struct fvt_error error;
    o->books = (struct fvt_exporter){.version = "probe"};
    if (fvt_store_open(dir, interval, store_warning, o, &o->store, &error) != FVT_OK) {
        snprintf(message, size, "%s", error.text);
        return -1;
    }
    fvt_store_on_flush(o->store, report, o);
    return 0;
}

static void tick(struct output *o, int64_t now) {
    if (fvt_store_tick(o->store, now) != FVT_OK)
        o->warn(fvt_store_message(o->store));
}

static void store_flow(struct output *o, struct flow_row *row, int64_t now) {
    tick(o, now);
    flow_row_set_time(row, FLOW_trecv, now);
    flow_row_set_text(row, FLOW_version, "probe", 5);
    if (fvt_store_add(o->store, row) != FVT_OK) {
        if (!o->failed)
            o->warn(fvt_store_message(o->store));
        o->failed = true;
        return;
    }
    o->stored++;
    o->books.flows++;
    o->books.packets += (uint64_t)row->value[FLOW_packets].i;
    o->books.bytes += (uint64_t)row->value[FLOW_bytes].i;
}

void output_flow(struct output *o, struct flow_row *row, int64_t now) {
    if (o->exporter)
        exporter_add(o->exporter, row, now);
    if (o->store)
        store_flow(o, row, now);
}

/* The alias an administrator gave the interface, or "". */
static void read_alias(const char *name, char *out, size_t size) {
    char path[64 + IF_NAMESIZE];
    snprintf(path, sizeof path, "/sys/class/net/%s/ifalias", name);
    FILE *f = fopen(path, "re");
    out[0] = '\0';
    if (!f)
        return;
    if (!fgets(out, (int)size, f))
        out[0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    fclose(f);
}

void output_interface(struct output *o, uint32_t ifindex) {
    if (ifindex == 0 || ifindex == o->last_interface)
        return;
    o->last_interface = ifindex;
    for (unsigned i = 0; i < o->ninterfaces; i++)
        if (o->interfaces[i].ifindex == ifindex)
            return;
    if (o->ninterfaces == INTERFACES)
        return;
    struct interface *i = &o->interfaces[o->ninterfaces];
    i->ifindex = ifindex;
    if (!if_indextoname(ifindex, i->name))
        return;
    read_alias(i->name, i->alias, sizeof i->alias);
    o->ninterfaces++;
    if (o->exporter)
        exporter_interface(o->exporter, ifindex, i->name, i->alias);
}

void output_idle(struct output *o, int64_t now, int64_t expint) {
    if (o->exporter && now - o->exported_at >= expint) {
        exporter_flush(o->exporter);
        o->exported_at = now;
    }
    if (o->store)
        tick(o, now);
}

void output_drops(struct output *o, uint64_t drops) {
    o->drops = drops;
}

uint64_t output_stored(const struct output *o) {
    return o->stored;
}

const struct exporter *output_exporter(const struct output *o) {
    return o->exporter;
}

int output_close(struct output *o, char *message, size_t size) {
    if (o->exporter)
        exporter_flush(o->exporter);
    struct fvt_store *store = o->store;
    if (!store)
        return 0;
    int result = fvt_store_flush(store);
    if (result != FVT_OK)
        snprintf(message, size, "%s", fvt_store_message(store));
    if (fvt_store_close(store) != FVT_OK && result == FVT_OK) {
        snprintf(message, size, "the store could not be closed");
        result = FVT_IO;
    }
    o->store = NULL;
    return result == FVT_OK && !o->failed ? 0 : -1;
}

void output_free(struct output *o) {
    if (!o)
        return;
    exporter_free(o->exporter);
    free(o);
}
