/* SPDX-License-Identifier: MIT */
/*
** A country is the set of its networks, so that a filter for it is one for a list of networks, which is
** looked up in dictionaries and zone maps like any other. They are found by a walk over the database's tree, in
** which the networks of IPv4 are those below ::/96.
*/
#include "geo.h"

#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { V4_BITS = 96, MAX_BITS = 128, KNOWN = 1024 };

/* A part of the tree that is still to be walked. */
struct branch {
    uint32_t node;
    int bits; /* of address that lead there */
    uint8_t address[16];
};

struct walk {
    MMDB_s db;
    struct filter_values *values;
    bool *found; /* of each country wanted */
    struct branch branch[MAX_BITS + 1];
    int branches;
    /* Networks share the entries of their countries: what entries were, by their place. */
    struct {
        uint32_t place;
        bool set;
        int country;
    } known[KNOWN];
};

/* Where databases have the two letters. */
static const char *const paths[][3] = {
    {"country", "iso_code", NULL}, {"country_code", NULL, NULL}, {"country", NULL, NULL}};
enum { NPATHS = sizeof paths / sizeof *paths };

/* Which of the countries wanted the entry is of, or -1. */
static int find_country(const struct walk *w, MMDB_entry_s *entry) {
    for (int i = 0; i < NPATHS; i++) {
        MMDB_entry_data_s data;
        if (MMDB_aget_value(entry, &data, paths[i]) != MMDB_SUCCESS || !data.has_data ||
            data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size != 2)
            continue;
        for (uint32_t k = 0; k < w->values->ntext; k++)
            if (strncasecmp(data.utf8_string, w->values->text[k].p, 2) == 0)
                return (int)k;
        return -1;
    }
    return -1;
}

static int country_of(struct walk *w, MMDB_entry_s *entry) {
    uint32_t slot = entry->offset * 2654435761U >> 22;
    if (!w->known[slot].set || w->known[slot].place != entry->offset) {
        w->known[slot].set = true;
        w->known[slot].place = entry->offset;
        w->known[slot].country = find_country(w, entry);
    }
    return w->known[slot].country;
}

static int add_range(struct walk *w, int family, const uint8_t *first, int bits) {
    uint8_t last[16];
    int octets = family == 4 ? 4 : 16;
    memcpy(last, first, (size_t)octets);
    for (int i = bits; i < octets * 8; i++)
        last[i / 8] |= (uint8_t)(0x80 >> i % 8);
    struct flow_ip lo = flow_ip_make(family, first), hi = flow_ip_make(family, last);
    return filter_values_net(w->values, &lo, &hi);
}

/* The addresses that begin so belong to one of the countries. */
static int add_network(struct walk *w, const uint8_t address[16], int bits) {
    static const uint8_t zeros[16];
    if (w->db.metadata.ip_version == 4)
        return add_range(w, 4, address, bits);
    if (memcmp(address, zeros, V4_BITS / 8) == 0) {
        if (bits >= V4_BITS)
            return add_range(w, 4, address + V4_BITS / 8, bits - V4_BITS);
        if (add_range(w, 4, zeros, 0) != 0)
            return -1;
    }
    return add_range(w, 6, address, bits);
}

enum walked { WALKED, WALK_DAMAGED, WALK_MEMORY };

/* What lies behind one bit of a node. */
static enum walked follow(struct walk *w, const struct branch *from, int bit, uint64_t record,
                          int type, MMDB_entry_s *entry) {
    int length = w->db.metadata.ip_version == 4 ? 32 : MAX_BITS, country;
    struct branch to = {(uint32_t)record, from->bits + 1, {0}};
    memcpy(to.address, from->address, sizeof to.address);
    if (bit)
        to.address[from->bits / 8] |= (uint8_t)(0x80 >> from->bits % 8);
    switch (type) {
    case MMDB_RECORD_TYPE_EMPTY:
        return WALKED;
    case MMDB_RECORD_TYPE_DATA:
        country = country_of(w, entry);
        if (country < 0)
            return WALKED;
        w->found[country] = true;
        return add_network(w, to.address, to.bits) == 0 ? WALKED : WALK_MEMORY;
    case MMDB_RECORD_TYPE_SEARCH_NODE:
        if (to.bits >= length)
            return WALK_DAMAGED;
        w->branch[w->branches++] = to;
        return WALKED;
    default:
        return WALK_DAMAGED;
    }
}

/* The tree of IPv4 may be there several times, for addresses that stand for one of IPv4; one that has its nodes
** more often than that is none. */
static enum walked walk(struct walk *w) {
    uint64_t left = (uint64_t)w->db.metadata.node_count * 8;
    enum walked how = WALKED;
    w->branch[w->branches++] = (struct branch){0, 0, {0}};
    while (how == WALKED && w->branches) {
        struct branch here = w->branch[--w->branches];
        MMDB_search_node_s node;
        if (left-- == 0 || MMDB_read_node(&w->db, here.node, &node) != MMDB_SUCCESS)
            return WALK_DAMAGED;
        how = follow(w, &here, 1, node.right_record, node.right_record_type,
                     &node.right_record_entry);
        if (how == WALKED)
            how = follow(w, &here, 0, node.left_record, node.left_record_type,
                         &node.left_record_entry);
    }
    return how;
}

/* What is wrong with a walk that ended so, or NULL. */
static const char *fault_of(const struct walk *w, enum walked how, char *err, size_t errn) {
    const char *path = w->db.filename;
    if (how == WALK_MEMORY)
        return "out of memory";
    if (how == WALK_DAMAGED) {
        snprintf(err, errn, "%s: the tree of networks is damaged", path);
        return err;
    }
    for (uint32_t i = 0; i < w->values->ntext; i++)
        if (!w->found[i]) {
            snprintf(err, errn, "%s: it has no networks of %.2s; countries are those of ISO 3166",
                     path, w->values->text[i].p);
            return err;
        }
    return NULL;
}

const char *geo_networks(const char *geodb, struct filter_values *values, char *err, size_t errn) {
    const char *path = geodb ? geodb : getenv("FLOWVT_GEODB");
    if (!path || !*path)
        return "countries need a database: set FLOWVT_GEODB, or geodb in the site's table "
               "settings, "
               "to a file in MaxMind's format (.mmdb)";
    struct walk *w = calloc(1, sizeof *w);
    bool *found = calloc(values->ntext + 1, sizeof *found);
    const char *why = "out of memory";
    if (w && found) {
        w->values = values;
        w->found = found;
        int rc = MMDB_open(path, MMDB_MODE_MMAP, &w->db);
        if (rc == MMDB_SUCCESS) {
            why = fault_of(w, walk(w), err, errn);
            MMDB_close(&w->db);
        } else {
            snprintf(err, errn, "%s: %s", path, MMDB_strerror(rc));
            why = err;
        }
    }
    free(found);
    free(w);
    return why;
}
