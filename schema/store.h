/* SPDX-License-Identifier: MIT */
/*
** A store being written: puts rows into the flow file of their interval, rotates, and closes
** files in the background. The collector and `flowprobe -w` write through this; what else lies
** in the directory is left alone.
*/
#ifndef FLOWVT_STORE_H
#define FLOWVT_STORE_H

#include "fvt.h"

struct fvt_store;

/* dir is created if its parent exists. interval: seconds, 1 to 86400. Takes the store's lock (a
** second writer gets FVT_IO and a message that says so). What a dead writer left is finished at
** the first tick: live files of other intervals are closed, temporary ones removed. warn is called with one sentence
** for each thing that went wrong in the background, from the thread that calls
** fvt_store_add/tick/flush/close; it may be NULL. */
int fvt_store_open(const char *dir, unsigned interval, void (*warn)(void *arg, const char *text),
                   void *arg, struct fvt_store **out, struct fvt_error *err);

/* Files go to the directories of another layout (layout.h) than STORE/YYYY/MM/DD, and the interval is another one.
** The current file is completed; where the name of the next is taken, by a shorter interval, it gets a number. */
int fvt_store_change(struct fvt_store *s, unsigned interval, unsigned layout);

/* Move the store's clock to now (ms since 1970 UTC): rotates when an interval has ended and
** flushes when a second has passed since the last flush. Call it before adding the rows of a
** datagram or packet, and at least once a second while idle. A time that falls back by less than
** an interval is taken as the latest seen; by more, and the store follows it back and warns. The
** first tick also finishes what a dead writer left. Returns how the last attempt to write ended: after a failure
** the next one is a second later. */
int fvt_store_tick(struct fvt_store *s, int64_t now);
/* Whether the store at its path is the one that was locked: not removed, and no other put there. */
bool fvt_store_in_place(const struct fvt_store *s);

/* Add one row to the file of the current interval (that of the last tick). */
int fvt_store_add(struct fvt_store *s, const struct flow_row *row);
/* The same for some at a time; *kept: how many of them, from the first on, were taken, all with FVT_OK. */
int fvt_store_add_rows(struct fvt_store *s, const struct flow_rows *rows, uint32_t *kept);

/* report is called before each flush, and with last = true before a file is finished, so that the
** caller hands over its exporters, sockets and interfaces with the functions below: what it has counted since it
** did so before, which is added to what the file says already. */
void fvt_store_on_flush(struct fvt_store *s, void (*report)(void *arg, bool last), void *arg);
int fvt_store_exporter(struct fvt_store *s, const struct fvt_exporter *e);
int fvt_store_socket(struct fvt_store *s, const struct fvt_socket *socket);
int fvt_store_interface(struct fvt_store *s, const struct fvt_interface *i);
int fvt_store_option(struct fvt_store *s, const struct fvt_option *o);

/* Add interface counters to the file of the current interval. */
int fvt_store_counters(struct fvt_store *s, const struct fvt_if_counters *c);

/* closed is called for each file that is complete and in place, also for those that a dead writer
** left, from a thread of the store's own: it must not wait. A file that gets late rows is closed
** once more. To be said before the first tick. */
void fvt_store_on_closed(struct fvt_store *s, void (*closed)(void *arg, const char *path),
                         void *arg);

/* How things stand. */
struct fvt_store_state {
    uint64_t octets; /* of the current file, as far as it is written; 0: there is none */
    unsigned late,
        waiting; /* files whose last rows the disk did not take yet; to be synced or closed */
};
struct fvt_store_state fvt_store_state(const struct fvt_store *s);

int fvt_store_flush(struct fvt_store *s);
const char *fvt_store_message(const struct fvt_store *s); /* of the last error */

/* Flush, close the current file, wait for files being closed, free s. */
int fvt_store_close(struct fvt_store *s);

/* The path of the file for the interval that begins at start (ms), interval in seconds: flows.YYYYMMDDhhmm.fvt,
** with seconds when interval is not a multiple of 60, in the directory of that layout (layout.h). False when it
** is longer than n. */
bool fvt_store_path(const char *dir, unsigned layout, int64_t start, unsigned interval, char *out,
                    size_t n);

/* The flow files below dir, oldest first (by name). Finds each file once whatever is being
** rotated meanwhile. Links below dir are not followed. A directory that cannot be read is FVT_IO. *paths is one allocation of NULL-terminated pointers and their text;
** free() it. dir may also name one flow file. */
int fvt_store_list(const char *dir, char ***paths, size_t *n, struct fvt_error *err);

/* The same, but files that certainly have nothing of a stretch of time may be left out: by the times
** of their flows (tstart, tend, trecv), or by the interval they are for. Whether they are depends on
** the store's index; nothing else does. */
struct fvt_choice {
    enum { FVT_BY_FLOWS, FVT_BY_INTERVAL } by;
    int64_t since, until; /* ms, since <= t < until; INT64_MIN, INT64_MAX: open */
    /* Asked for every directory unless NULL: true ends the listing, with FVT_IO. */
    bool (*stop)(void *arg);
    void *stop_arg;
};
int fvt_store_choose(const char *dir, const struct fvt_choice *choice, char ***paths, size_t *n,
                     struct fvt_error *err);

/* Bring the store's index up to date: a cache beside the files, which those who only read do not write.
** *fresh: something changed just now, and is not in it yet: it is FVT_INDEX_REST_MS later, or two seconds
** where the file system has no finer times. */
enum { FVT_INDEX_REST_MS = 100 };
int fvt_index_update(const char *dir, bool *fresh, struct fvt_error *err);

#endif
