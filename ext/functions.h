/* SPDX-License-Identifier: MIT */
/*
** The scalar and aggregate SQL functions and the collation that come with the extension. All are
** deterministic but refuse(), flowvt_version() and flowvt_debug(), all are innocuous.
**
**   ip_in(ip, net)       1 when the address ip lies in net ('10.0.0.0/8', '10/8', '2001:db8::/32'
**                        or one address), else 0; 0 too when ip is no address. NULL when either
**                        is NULL. An error when net is no network.
**   ip_net(ip, len4 [, len6])
**                        the network of that length in which ip lies, as text:
**                        ip_net('192.0.2.7', 24) is '192.0.2.0/24'. len6, for IPv6, is 64 when
**                        left out. NULL when ip is NULL or no address; an error for a length
**                        that cannot be.
**   ip_version(ip)       4, 6, or NULL when ip is no address
**   ip_canonical(net)    an address or network in the one spelling that comparing needs: '10.0.0.0/8' for
**                        '10/8', '2001:db8::1' for '2001:DB8:0::1/128'. NULL when it is none, or has
**                        bits of a host behind its length
**   ip_fault(net)        why ip_canonical(net) is NULL, as a sentence; NULL when nothing is wrong
**   mac_canonical(mac)   'aa:bb:cc:dd:ee:ff' for 'AA-BB-CC-DD-EE-FF'; NULL when it is none
**   refuse(text)         an error with this text, unless it is NULL: for triggers, whose RAISE() takes
**                        no values
**   proto_name(n)        'tcp' for 6; the number as text for a protocol without a name
**   proto_num(name)      6 for 'tcp', in any case; numbers as they are; NULL for unknown names
**   mpls_label(mpls, n)  the n-th label from the top of a stack in the column mpls: mpls_label('16-3-0,20-0-1', 2) is
**                        20; NULL where there is none
**   mpls_exp(mpls, n)    its traffic class
**   tcp_flags(n)         '...AP.SF': the eight places CEUAPRSF, a dot where one is not set
**   human(n)             '1.2 M': decimal k, M, G, T, as nfdump prints numbers
**   flags_or(n)          aggregate: the bitwise OR of all n that are not NULL, else NULL
**   flowvt_version()     '0.1.0'
**   flowvt_debug()       versions of what is involved, one 'name: value' a line
**   COLLATE ip           addresses in numeric order, IPv4 before IPv6, other text behind them
*/
#ifndef FLOWVT_FUNCTIONS_H
#define FLOWVT_FUNCTIONS_H

#include <sqlite3ext.h>

#include "../schema/version.h"

/* Returns SQLITE_OK or an SQLite error code. sqlite3_api must have been set. */
int functions_register(sqlite3 *db);

/* ip_in() itself, for xFindFunction. */
void functions_ip_in(sqlite3_context *ctx, int argc, sqlite3_value **argv);
/* address MATCH 'net net, net': match(list, address), where it is no constraint. Only the tables' columns
** have it. NULL when either is NULL; an error when what is listed is no network, or the value no address. */
void functions_match(sqlite3_context *ctx, int argc, sqlite3_value **argv);

#endif
