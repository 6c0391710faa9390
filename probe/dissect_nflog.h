/* SPDX-License-Identifier: MIT */
/* NFLOG headers: called with the cursor at the frame's first octet. */
#ifndef FLOWVT_DISSECT_NFLOG_H
#define FLOWVT_DISSECT_NFLOG_H

#include "walk.h"

enum packet_kind walk_nflog(struct walk *w);

/* Where the packet begins in an NFLOG frame (its IP header, unless a bridge or a device logged), or
** captured where there is none. For filters, which cannot look behind NFLOG headers. */
size_t nflog_payload(const uint8_t *frame, size_t captured);

#endif
