/* SPDX-License-Identifier: MIT */
/*
** Names and descriptions of an exporter's interfaces, learned from options data, by ifIndex.
*/
#ifndef FLOWVT_INTERFACE_H
#define FLOWVT_INTERFACE_H

#include "hashed.h"
#include "schema/fvt.h"

struct interface {
    struct fvt_interface names;
    bool changed; /* since it was last handed to the store */
};

struct interface_table {
    struct interface *entry;
    struct hashed index;
};

/* Learn; a NULL name or description leaves what was known. n: octets; texts are cut at a
** character boundary to fit. max: entries; the oldest are replaced above. Returns whether it is news. */
bool interface_learn(struct interface_table *t, uint32_t max, const struct flow_ip *exporter,
                     uint32_t ifindex, const char *name, size_t nname, const char *description,
                     size_t ndescription);
/* Memory it takes. */
size_t interface_octets(const struct interface_table *t);
void interface_free(struct interface_table *t);

#endif
