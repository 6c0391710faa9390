/* SPDX-License-Identifier: MIT */
/* The IP half of the dissector: called by the link layers with the cursor at an IP header. */
#ifndef FLOWVT_DISSECT_IP_H
#define FLOWVT_DISSECT_IP_H

#include "walk.h"

enum packet_kind walk_ip4(struct walk *w);
enum packet_kind walk_ip6(struct walk *w);

#endif
