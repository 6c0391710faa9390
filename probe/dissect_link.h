/* SPDX-License-Identifier: MIT */
/*
** Between the files of the dissector that know link layers. Each function is called with the cursor at the header that it
** is named after.
*/
#ifndef FLOWVT_DISSECT_LINK_H
#define FLOWVT_DISSECT_LINK_H

#include "walk.h"

/* dissect.c */
enum packet_kind walk_linktype(struct walk *w, unsigned linktype);
enum packet_kind walk_llc(struct walk *w);
enum packet_kind walk_cisco_hdlc(struct walk *w);
enum packet_kind walk_frame_relay(struct walk *w);

/* dissect_tunnel.c */
enum packet_kind walk_nsh(struct walk *w);

/* dissect_wlan.c */
enum packet_kind walk_wlan(struct walk *w);
enum packet_kind walk_radiotap(struct walk *w);
enum packet_kind walk_prism(struct walk *w);
enum packet_kind walk_avs(struct walk *w);

/* dissect_prefix.c */
enum packet_kind walk_ppi(struct walk *w);
enum packet_kind walk_pktap(struct walk *w);
enum packet_kind walk_erf(struct walk *w);
enum packet_kind walk_netanalyzer(struct walk *w);
enum packet_kind walk_netanalyzer_transparent(struct walk *w);
enum packet_kind walk_preamble(struct walk *w);
enum packet_kind walk_switch_tag(struct walk *w); /* of four octets behind the MAC addresses */
enum packet_kind walk_dsa(struct walk *w);
enum packet_kind walk_dsa_tag(struct walk *w); /* and what follows */
enum packet_kind walk_juniper_ethernet(struct walk *w);
enum packet_kind walk_juniper_ppp(struct walk *w);
enum packet_kind walk_juniper_frame_relay(struct walk *w);
enum packet_kind walk_juniper_chdlc(struct walk *w);
enum packet_kind walk_docsis(struct walk *w);
enum packet_kind walk_token_ring(struct walk *w);
enum packet_kind walk_fddi(struct walk *w);
enum packet_kind walk_fibre_channel(struct walk *w);
enum packet_kind walk_arcnet(struct walk *w);
enum packet_kind walk_arcnet_linux(struct walk *w);
enum packet_kind walk_atm_clip(struct walk *w);
enum packet_kind walk_sunatm(struct walk *w);
enum packet_kind walk_1394(struct walk *w);
enum packet_kind walk_ipnet(struct walk *w);
enum packet_kind walk_ipoib(struct walk *w);

#endif
