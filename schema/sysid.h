/* SPDX-License-Identifier: MIT */
/*
** Numbers of exporters, as nfcapd gives them (its SysID): 1 to 65535, in the order in which the programs that write
** to the store first heard of them. They are kept in STORE/.exporters (FORMAT.md, "Exporters") and not with the
** flows: exporter, odid and version tell which one a flow is from.
*/
#ifndef FLOWVT_SYSID_H
#define FLOWVT_SYSID_H

#include "fvt.h"

enum { SYSID_MAX = 65535 };

struct sysid {
    struct flow_ip exporter; /* family 0: flows without exporter, of a probe's own files */
    uint32_t odid;
    char version[8];
    uint16_t number;
};

struct sysids {
    struct sysid *entry; /* ascending by number, each once */
    uint32_t n, room;
    uint32_t *slot; /* by key: index into entry + 1, 0: free; nslots is a power of two, or 0 */
    uint32_t nslots;
};

/* What the store at dir says; nothing when it has no such file, or none that can be read. Lines that are damaged
** are passed over. FVT_OK or FVT_NOMEM, and then *out is to be freed as well. */
int sysids_read(const char *dir, struct sysids *out);
void sysids_free(struct sysids *s);

/* The number of the exporter with e's address, odid and version; 0: it has none. */
uint16_t sysids_find(const struct sysids *s, const struct fvt_exporter *e);

/* Give e the next number, unless it has one, and write that down in the store at dir, which must be locked by the
** caller. FVT_OK, also when all numbers are given; FVT_NOMEM or FVT_IO, and e still has none. */
int sysids_add(struct sysids *s, const char *dir, const struct fvt_exporter *e);

#endif
