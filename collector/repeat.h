/* SPDX-License-Identifier: MIT */
/*
** Sending each datagram on to other collectors, from a thread of its own: reception waits for nobody.
** What does not fit into the thread's buffer, because the network is slower, is left out and counted.
*/
#ifndef FLOWVT_REPEAT_H
#define FLOWVT_REPEAT_H

#include "decode.h"

enum { REPEAT_MAX = 8 };

struct repeater;

/* Is text a target, "HOST" or "HOST/PORT" (9995 unless given)? If not, one sentence in message. */
bool repeat_check(const char *text, char *message, size_t size);

/* The ports that this program itself listens on, at all addresses: none of them, here, is a target. */
struct repeat_ports {
    const uint16_t *port;
    size_t n;
};

/* Open the sockets. keep_source: send with the address and port that a datagram came from, which takes
** CAP_NET_RAW now, not later. Targets are resolved once. NULL with one sentence in message: a target that there is
** not, no permission, no memory. */
struct repeater *repeater_open(const char *const *targets, size_t n, bool keep_source,
                               struct repeat_ports own, char *message, size_t size);
/* Start the thread: 0, or an errno. After the last fork, and after capabilities were given up. */
int repeater_start(struct repeater *r);
/* Other targets from now on, the counters of which begin at 0. 0, or -1 with one sentence in message,
** and nothing has changed. */
int repeater_targets(struct repeater *r, const char *const *targets, size_t n, char *message,
                     size_t size);
/* Send what is waiting, for a second at most, and free r; NULL is none. */
void repeater_close(struct repeater *r);

/* Copy a datagram, to be sent; what came in a stream is not. r NULL: do nothing. */
void repeater_take(struct repeater *r, const struct datagram *d);

/* Since the start, or since there are these targets. */
struct repeater_counts {
    size_t n;
    uint64_t left_out; /* for all of them: the buffer was full */
    struct repeater_count {
        char name[64];
        uint64_t sent, failed;
        int error; /* errno of the last failure */
    } target[REPEAT_MAX];
};
void repeater_counts(struct repeater *r, struct repeater_counts *out);

#endif
