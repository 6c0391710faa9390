/* SPDX-License-Identifier: MIT */
/*
** Where ended flows go: collectors (export.h), a store (schema/store.h), or both; and the names of
** interfaces with them.
*/
#ifndef FLOWVT_OUTPUT_H
#define FLOWVT_OUTPUT_H

#include "export.h"
#include "schema/store.h"

struct output;

/* live: packets come at the pace of the clock, so flows must become visible soon, and exporting
** needs no pacing. warn is called with one sentence for what goes wrong later on. */
struct output *output_new(bool live, void (*warn)(const char *text));

/* Both return 0, or -1 and one sentence in message. */
/* Each target gets all flows; or, with balance, they are dealt out, and each target is sent as if it were alone. */
struct output_targets {
    unsigned version; /* 5, 9, 10 */
    uint32_t odid;
    const char *const *names;
    unsigned n;
    bool balance;
    enum time_format time_format;
    struct sender_options sending;
};
int output_collectors(struct output *o, const struct output_targets *targets, char *message,
                      size_t size);
int output_store(struct output *o, const char *dir, unsigned interval, char *message, size_t size);

/* Packets are sampled: said with each flow, and to the collectors. After they are open. */
void output_sampling(struct output *o, struct sampling_method method);

/* Of the flow that output_flow() is given next. */
void output_times(struct output *o, const struct flow_times *times);

/* The flow that output_flow() is given next is of it, and its name is told first. a as for exporter_application(). */
void output_application(struct output *o, const struct application *a);

/* One ended flow, with the names of its interfaces if they are new; trecv is set in row. now: ms
** since 1970, packet time. */
void output_flow(struct output *o, struct flow_row *row, int64_t now);

/* What an interface is called, or is called now. It is told with the first flow that has it. */
void output_interface(struct output *o, uint32_t ifindex, const char *name,
                      const char *description);

/* Live: it is now (ms since 1970). Send and flush what waited for expint (ms) or longer. */
void output_idle(struct output *o, int64_t now, int64_t expint);

/* Send what waits, and make it visible in the store. */
void output_flush(struct output *o);

/* Templates and options data go out again with the next flow. */
void output_refresh(struct output *o);

/* What is lost so far: packets by the capture, kept in the store's exporter statistics; and all that collectors
** are told, at the next occasion, or now when it is the last one. */
void output_losses(struct output *o, uint64_t drops, const struct exporter_losses *losses,
                   bool last);

uint64_t output_stored(const struct output *o);

/* What all exporters did. The name of their format, or NULL when there is none. */
const char *output_exported(const struct output *o, struct exporter_stats *stats,
                            struct sender_stats *sent);

/* Send and write everything. Returns 0, or -1 and a sentence when the store could not be closed, or some flow not be
** written to it. */
int output_close(struct output *o, char *message, size_t size);
void output_free(struct output *o);

#endif
