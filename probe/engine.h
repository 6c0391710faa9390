/* SPDX-License-Identifier: MIT */
/*
** What recognises applications: the library nDPI, where the program is built with it (`make WITH_NDPI=1`). No other
** file knows the library.
**
** An application is a number: nDPI's number of the protocol, and in the upper half, where it is known that it comes
** over another one, the number of that: TLS is 91, YouTube 124, YouTube over TLS 91 * 65536 + 124. 0 is unknown.
**
** Caveats. The library reads payloads that anybody may have sent, by the process that calls it. It is given octets
** that were captured alone, in a copy whose length fields say no more than that, and nothing behind them that
** belongs to others.
*/
#ifndef FLOWVT_ENGINE_H
#define FLOWVT_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ENGINE_ID = 22,     /* classification engine in IANA's registry of RFC 6759: ntop nDPI */
    ENGINE_UNKNOWN = 0, /* application */
    ENGINE_NAME = 40,   /* octets of a name, of a description and of a category, with the NUL */
    ENGINE_MEANING = 64,
    ENGINE_CATEGORY = 24,
};

/* How it became known. */
enum engine_how { ENGINE_NOT, ENGINE_GUESSED, ENGINE_SEEN, ENGINE_NHOWS };

struct engine;
struct ndpi_flow_struct; /* the library's: a connection that is being looked at */

/* Of nDPI, "4.2.0", or NULL: the program was built without it, and there is no engine to be had. */
const char *engine_version(void);

/* NULL: no memory. */
struct engine *engine_new(void);

/* A connection, to be ended by engine_end(). NULL: no memory. */
struct ndpi_flow_struct *engine_begin(struct engine *e);

/* One of its packets, in either direction: n octets that were captured from its IP header on. ms since 1970. What it is as far as
** is known goes to *application. Returns whether more packets cannot make that better. */
bool engine_packet(struct engine *e, struct ndpi_flow_struct *flow, const uint8_t *ip, size_t n,
                   int64_t ms, uint32_t *application);

/* There are no more packets. decided: engine_packet() returned true. What is not known may be guessed, by ports and
** addresses. */
enum engine_how engine_end(struct engine *e, struct ndpi_flow_struct *flow, bool decided,
                           uint32_t *application);

/* In words: "TLS.YouTube", "YouTube over TLS", "Media". */
void engine_name(struct engine *e, uint32_t application, char name[ENGINE_NAME],
                 char meaning[ENGINE_MEANING], char category[ENGINE_CATEGORY]);

/* Octets of a connection that is looked at, besides what the library allocates for some protocols. */
size_t engine_octets(void);

void engine_free(struct engine *e);

#endif
