/* SPDX-License-Identifier: MIT */
/*
** Flow files: write them, read them. The layout on disk is specified in FORMAT.md; this header
** is the manual of the library.
**
** A flow file holds the flows received in one interval. It has one name for life,
** STORE/YYYY/MM/DD/flows.YYYYMMDDhhmm.fvt, and two states (merge.h has a third life, that of a day):
**
**   live    blocks are appended, each complete in itself with length and checksum; a reader that
**           opens the file sees every row flushed so far
**   closed  the same rows in few large row groups with a footer; put under the same name by
**           rename(), so a reader gets the one inode or the other, each whole
**
** Rows in a file are in row groups; a column of a group is a chunk with its own encoding,
** checksum, minimum, maximum and null count. Addresses and texts are stored as codes into a
** sorted dictionary of the group.
**
** Errors: functions returning int give 0 or a negative FVT_* code; where a struct fvt_error
** is passed, it holds one sentence that names the file. No function exits or prints.
**
** Caveats
** - A flow file is never changed in place and never shortened; readers rely on it.
** - One writer per file. store.h takes care of that for a whole store.
** - Readers use pread(), not mmap(): a file on a dying disk is an error, not a SIGBUS.
** - A struct fvt_file may be read from several threads at once, a struct fvt_chunk by one.
*/
#ifndef FLOWVT_FVT_H
#define FLOWVT_FVT_H

#include "field.h"

enum {
    FVT_OK = 0,
    FVT_IO = -1,      /* the system said no: errno text in the message */
    FVT_FOREIGN = -2, /* not a flow file, or a version this library cannot read */
    FVT_DAMAGED = -3, /* a flow file, but a checksum or a structure is wrong */
    FVT_NOMEM = -4,
    FVT_UNKNOWN = -5, /* an encoding newer than this library */
};

struct fvt_error {
    char text[512];
};

/* Protocol classes of the totals, as nfdump -I counts them. */
enum { FVT_TCP, FVT_UDP, FVT_ICMP, FVT_OTHER, FVT_NPROTO };

/* Totals over rows. packets and bytes are scaled by the sampling rate of each row. */
struct fvt_totals {
    uint64_t flows[FVT_NPROTO];
    uint64_t packets[FVT_NPROTO];
    uint64_t bytes[FVT_NPROTO];
    int64_t first; /* min tstart, ms since 1970 UTC; INT64_MAX when no row has one */
    int64_t last;  /* max tend; INT64_MIN when no row has one */
};

void fvt_totals_init(struct fvt_totals *t);
void fvt_totals_add(struct fvt_totals *t, const struct fvt_totals *more);

/* Why a datagram, or what is left of it, could not be decoded. */
enum fvt_malformed {
    FVT_BAD_SHORT,    /* shorter than its own header or count says */
    FVT_BAD_VERSION,  /* not a protocol flowvt knows */
    FVT_BAD_SET,      /* a set's length is impossible */
    FVT_BAD_TEMPLATE, /* a template that contradicts itself */
    FVT_BAD_RECORD,   /* a record that runs over the end of its set */
    FVT_NBAD
};
extern const char *const fvt_malformed_names[FVT_NBAD];

/* Where a sampling rate came from. The numbers are those in files. */
enum fvt_sampling {
    FVT_SAMPLING_UNKNOWN,  /* no rate, or a file that does not say */
    FVT_SAMPLING_HEADER,   /* of the export datagram (v5) */
    FVT_SAMPLING_OPTIONS,  /* announced in options data */
    FVT_SAMPLING_RECORD,   /* an element of the flow record itself */
    FVT_SAMPLING_DEFAULT,  /* of the collector's operator, where none was known */
    FVT_SAMPLING_OVERRIDE, /* of the collector's operator, instead of any other */
    FVT_NSAMPLING
};
extern const char *const fvt_sampling_names[FVT_NSAMPLING]; /* of the first: NULL */

/* What is known of one exporter during one file. Keyed by (exporter, odid, version). */
struct fvt_exporter {
    struct flow_ip exporter;
    uint32_t odid;   /* v5 to v8: see collector/fixed.c */
    char version[8]; /* "v1", "v5" to "v9", "ipfix", "sflow", "probe" */
    uint64_t datagrams;
    uint64_t flows;          /* records stored */
    uint64_t packets, bytes; /* as exported, not scaled */
    uint64_t options;        /* option data records */
    /* By sequence numbers: v5 to v8 flows, v9 and sFlow datagrams, IPFIX records. Below 0 when late
    ** ones fill gaps that were counted in another file. */
    int64_t lost;
    uint64_t no_template; /* data sets dropped because their template never came */
    uint64_t no_template_octets;
    uint64_t malformed[FVT_NBAD];        /* datagrams */
    uint64_t malformed_octets[FVT_NBAD]; /* what of them could not be used */
    uint64_t sampling;                   /* last rate announced or in a record; 0: none */
    uint64_t sampling_origin;  /* of that rate: enum fvt_sampling; a later library's may be above */
    uint64_t sampling_rounded; /* flows whose rate was no whole number and has been rounded */
};

/* Add what was counted apart; of the sampling rate the later one holds, where it has one. */
void fvt_exporter_add(struct fvt_exporter *sum, const struct fvt_exporter *more);

/* What one socket, or other source, received during one file. Keyed by (address, port, protocol). */
struct fvt_socket {
    struct flow_ip address; /* that it listens on; none: all of this machine */
    uint16_t port;
    uint8_t protocol; /* 17 UDP, 6 TCP; 0: packets that a probe captured */
    uint64_t datagrams;
    uint64_t octets;
    uint64_t drops;      /* by the kernel, for want of room in its buffer */
    uint64_t ring_drops; /* by the program, for want of room in its own queue */
    uint64_t buffer;     /* octets of the kernel's buffer that the system granted; 0: not known */
};

/* An interface name learned from options data. Keyed by (exporter, ifindex). */
struct fvt_interface {
    struct flow_ip exporter;
    uint32_t ifindex;
    char name[64];         /* IPFIX 82, "" when unknown */
    char description[128]; /* IPFIX 83 */
};

/* A record of options data: what an exporter says of itself, or of a part of it. Keyed by (exporter, odid, version,
** template, scope). Texts are JSON objects, as in the column extra. */
struct fvt_option {
    struct flow_ip exporter;
    uint32_t odid;
    char version[8];
    uint16_t template;
    int64_t time; /* of its arrival, ms since 1970 UTC */
    uint16_t nscope, ndata;
    const char *scope; /* what it is said of */
    const char *data;
    char *memory; /* of both in a struct fvt_file, private */
};

/* What an interface counted, as an exporter told at a time. Counters only grow, and begin anew with the
** exporter; the others are states. Names as in the IF-MIB (RFC 2863) are in fvt_counter_names. */
enum fvt_counter {
    FVT_SOURCE_TYPE, /* of the sFlow data source: 0 interface, 1 VLAN, 2 physical entity, 3 logical */
    FVT_SOURCE_INDEX,
    FVT_IFINDEX,
    FVT_IFTYPE,
    FVT_IFSPEED,       /* bit/s */
    FVT_IFDIRECTION,   /* 1 full duplex, 2 half duplex, 3 in, 4 out */
    FVT_IFADMINSTATUS, /* 1 up, 2 down */
    FVT_IFOPERSTATUS,
    FVT_IFINOCTETS,
    FVT_IFINUCASTPKTS,
    FVT_IFINMULTICASTPKTS,
    FVT_IFINBROADCASTPKTS,
    FVT_IFINDISCARDS,
    FVT_IFINERRORS,
    FVT_IFINUNKNOWNPROTOS,
    FVT_IFOUTOCTETS,
    FVT_IFOUTUCASTPKTS,
    FVT_IFOUTMULTICASTPKTS,
    FVT_IFOUTBROADCASTPKTS,
    FVT_IFOUTDISCARDS,
    FVT_IFOUTERRORS,
    FVT_IFPROMISCUOUSMODE,
    FVT_NCOUNTERS
};
extern const char *const fvt_counter_names[FVT_NCOUNTERS];
#define FVT_NO_COUNTER UINT64_MAX /* the exporter does not have it */
struct fvt_if_counters {
    int64_t time; /* of arrival, ms since 1970 UTC */
    struct flow_ip exporter;
    uint32_t odid;
    uint64_t value[FVT_NCOUNTERS];
};

/* A file whose rows were merged into the file of their day. Keyed by name, size and checksum. */
struct fvt_replaced {
    char name[64]; /* in the same directory */
    uint64_t size;
    uint64_t checksum; /* of its footer; of all its octets when the footer cannot be found */
};

/* ---- writing ---------------------------------------------------------------------------- */

struct fvt_writer;

/* Open path for adding rows. start, length: the interval in ms since 1970 UTC, and its length.
** If the file exists, live or closed, its rows are kept and the new ones follow them. */
int fvt_writer_open(const char *path, int64_t start, int64_t length, struct fvt_writer **out,
                    struct fvt_error *err);

/* Copy one row. Rows become visible with fvt_writer_flush(); a full group is flushed here. */
int fvt_writer_add(struct fvt_writer *w, const struct flow_row *row);
/* The same for some at a time; *kept: how many of them, from the first on, were taken, all with FVT_OK. */
int fvt_writer_add_rows(struct fvt_writer *w, const struct flow_rows *rows, uint32_t *kept);

/* Add to what the file says of this exporter, or socket; replace what it says of this interface. Written
** by the next flush. FVT_NOMEM when too much waits for one. */
int fvt_writer_exporter(struct fvt_writer *w, const struct fvt_exporter *e);
int fvt_writer_socket(struct fvt_writer *w, const struct fvt_socket *s);
int fvt_writer_interface(struct fvt_writer *w, const struct fvt_interface *i);
/* FVT_NOMEM when too many wait for a flush. Each text has at most 16384 octets. */
int fvt_writer_option(struct fvt_writer *w, const struct fvt_option *o);
/* Copy one row of interface counters. FVT_NOMEM when too many wait for a flush. */
int fvt_writer_counters(struct fvt_writer *w, const struct fvt_if_counters *c);

/* Append what was added since the last flush: from here on readers see it and kill -9 does not
** undo it. sync: also wait for the disk (fdatasync), against power loss. Nothing to flush is no
** error. After FVT_IO the rows are kept and the next flush tries again. */
int fvt_writer_flush(struct fvt_writer *w, bool sync);
uint64_t fvt_writer_octets(const struct fvt_writer *w); /* of the file, as far as it is written */
const char *fvt_writer_message(const struct fvt_writer *w); /* of the last error */

/* Flush without waiting for the disk, and leave the file live; free w. fvt_close_file() makes it a closed one. */
int fvt_writer_finish(struct fvt_writer *w);

/* Rewrite a live file into large row groups, fsync it and put it in place. A closed file is
** left alone. May run in any thread, under readers; nobody may be writing to the file. */
int fvt_close_file(const char *path, struct fvt_error *err);

/* ---- reading ---------------------------------------------------------------------------- */

enum fvt_state { FVT_LIVE, FVT_CLOSED };

/* The zone map of a chunk and where it lies. */
struct fvt_chunk_info {
    int field;       /* enum flow_field; -1: a column this library does not know */
    uint32_t column; /* index into the file's column table */
    uint64_t offset; /* in the file */
    uint32_t length; /* on disk */
    uint64_t nulls;
    int64_t min, max;            /* UINT, TIME, MAC: over the values that are not NULL */
    struct flow_ip ipmin, ipmax; /* IP */
    int dict;                    /* dictionary of the group for IP and TEXT, -1: none */
    uint8_t encoding;            /* FORMAT.md, for show */
    uint8_t flags;
    uint32_t raw;   /* octets before LZ4 */
    uint32_t count; /* values in the stream, or entries of the dictionary */
    uint64_t checksum;
    uint32_t parent; /* field this one is coded against, UINT32_MAX: none */
};

struct fvt_group {
    uint64_t first_row; /* rows of the file before this group */
    uint64_t at;        /* where the payload of its block begins in the file */
    uint32_t rows;
    uint32_t nchunks;
    struct fvt_chunk_info *chunks;
    uint32_t ndicts;
    struct fvt_chunk_info *dicts; /* column: enum flow_class; count: entries */
    struct fvt_totals totals;
    int chunk_of[FLOW_NFIELDS]; /* index into chunks, -1: all NULL here */
    bool damaged;               /* its directory could not be read: nothing of it can */
};

/* What the flows of the file come to by some of their columns and by hour or day. Its row groups have these
** columns, flows, packets and bytes (scaled by sampling), trecv: the begin of the bucket, tstart and tend:
** the earliest start and latest end of the flows in it. Those three are NULL for flows without a time.
** Rows of one key and bucket add up. */
enum { FVT_ROLLUP_COLUMNS = 8 };
struct fvt_rollup {
    uint32_t seconds; /* of a bucket, aligned to 1970: 3600 or 86400 */
    uint32_t ncolumns;
    uint32_t column[FVT_ROLLUP_COLUMNS]; /* enum flow_field, ascending */
    uint64_t rows;
    uint32_t nblocks;
    uint64_t *block; /* where the file has them */
};

/* A block of interface counters and the earliest and latest time in it. */
struct fvt_counter_block {
    uint64_t at; /* offset in the file */
    uint32_t rows;
    int64_t first, last; /* ms since 1970 UTC */
};

struct fvt_file {
    char *path;
    int fd;
    enum fvt_state state;
    int64_t start, length; /* the interval, ms */
    uint64_t size;         /* octets on disk when opened */
    uint64_t inode, device;
    int64_t changed; /* ctime when opened, ns */
    uint64_t tail;   /* end of the last whole block, where a writer goes on */
    bool native;     /* has exactly this library's columns */
    uint64_t rows;
    uint64_t blocks;  /* checksummed parts of groups: directories, dictionaries, chunks */
    uint64_t damaged; /* blocks and footers found damaged while opening */
    struct fvt_totals totals;
    uint32_t ngroups;
    struct fvt_group *groups;
    uint32_t nexporters;
    struct fvt_exporter *exporters;
    uint32_t ninterfaces;
    struct fvt_interface *interfaces;
    uint32_t nsockets;
    struct fvt_socket *sockets;
    struct fvt_exporter *added; /* while it is being opened: to be added to exporters */
    uint32_t nadded;
    uint32_t added_keys, socket_keys; /* how many keys there were when they were counted */
    uint32_t noptions, option_keys;
    struct fvt_option *options;
    uint32_t nreplaced; /* not 0: the file of a day, into which these were merged */
    struct fvt_replaced *replaced;
    uint32_t nrollups;
    struct fvt_rollup *rollups;
    uint32_t ncounters; /* blocks */
    struct fvt_counter_block *counters;
    uint32_t ncolumns; /* of its column table */
    int *field_of;     /* enum flow_field of each, -1: not known here */
};

/* Open for reading: reads the footer, or of a live file the block headers and directories, and no
** chunk. FVT_FOREIGN, FVT_UNKNOWN (a later version's file) and FVT_IO give no file. A damaged file opens as far as it can be read. */
int fvt_open(const char *path, struct fvt_file **out, struct fvt_error *err);
void fvt_file_free(struct fvt_file *file);

/* Read the directories of a roll-up's blocks: *groups becomes an array of r->nblocks row groups, for
** fvt_chunk_load() and fvt_dict_load(); fvt_rollup_close() it. FVT_OK, FVT_NOMEM, or FVT_DAMAGED when one of them is not what
** it must be: the roll-up is of no use then. Safe from several threads. */
int fvt_rollup_open(const struct fvt_file *file, const struct fvt_rollup *r,
                    struct fvt_group **groups);
void fvt_rollup_close(struct fvt_group *groups, uint32_t n);

/* The interface counters of one block: *rows becomes an array of *n to be freed. FVT_OK, FVT_DAMAGED,
** FVT_UNKNOWN (encoded by a later version) or FVT_NOMEM. Safe from several threads. */
int fvt_counters_read(const struct fvt_file *file, const struct fvt_counter_block *block,
                      struct fvt_if_counters **rows, uint32_t *n);

/* Check every checksum of the file; returns the number of damaged blocks (chunks, directories,
** footers), those found by fvt_open() included. A block of a roll-up counts as one. */
uint64_t fvt_verify(struct fvt_file *file);
/* The same by the checksums of row groups alone: has the disk kept what was written? Takes a tenth of the
** time, or less. */
uint64_t fvt_verify_sums(const struct fvt_file *file);

/* A sorted dictionary of one group. Code c means ip[c] or text[c]. Ascending, no duplicates. */
struct fvt_dict {
    enum flow_class class; /* FLOW_IP or FLOW_TEXT */
    uint32_t n;
    struct flow_ip *ip;
    const char **text;
    uint32_t *len;
    void *memory;          /* owned */
    struct fvt_pool *pool; /* what ip is from */
};
int fvt_dict_load(const struct fvt_file *file, const struct fvt_group *g, int dict,
                  struct fvt_dict **out);
void fvt_dict_free(struct fvt_dict *d);
/* The first code whose entry is >= key (n when none is). */
uint32_t fvt_dict_lower_text(const struct fvt_dict *d, const char *key, size_t n);

/* A chunk in memory, checked and decompressed. */
struct fvt_chunk;
/* field must have a chunk in g. FVT_DAMAGED: the chunk or one it depends on is damaged. */
int fvt_chunk_load(const struct fvt_file *file, const struct fvt_group *g, int field,
                   struct fvt_chunk **out);
void fvt_chunk_free(struct fvt_chunk *c);
/* Values of rows [first, first + n): UINT, TIME and MAC as they are, IP and TEXT as codes.
** nulls (may be NULL when the chunk has none) gets 1 where a row is NULL, else 0; out is 0 there.
*/
void fvt_chunk_read(struct fvt_chunk *c, uint32_t first, uint32_t n, int64_t *out, uint8_t *nulls);
/* Are all codes inside of the dictionary, and all places inside of what they are places of? Reads all values.
** When it is not so the file is forged: fvt_chunk_read() gives the last one for those behind. */
bool fvt_chunk_fits(struct fvt_chunk *c);

/* The chunks and dictionaries of the row group that a thread is at: each is read once, however many
** columns share it or are coded against it, and their memory is used again for the next group. */
struct fvt_cache;
struct fvt_cache *fvt_cache_new(void); /* NULL without memory */
void fvt_cache_free(struct fvt_cache *cache);
/* Go to a group, which must stay until the next one or fvt_cache_leave(). What was had of the group
** before is gone. */
void fvt_cache_enter(struct fvt_cache *cache, const struct fvt_file *file,
                     const struct fvt_group *g);
void fvt_cache_leave(struct fvt_cache *cache);
/* Octets of memory that it takes, about. */
size_t fvt_cache_octets(const struct fvt_cache *cache);
/* As fvt_chunk_load() and fvt_dict_load(); what they give belongs to the cache. */
int fvt_cache_chunk(struct fvt_cache *cache, int field, struct fvt_chunk **out);
int fvt_cache_dict(struct fvt_cache *cache, int dict, const struct fvt_dict **out);

#endif
