/* SPDX-License-Identifier: MIT */
/*
** MPLS label stacks as the text of the column mpls: from the top, LABEL-EXP-EOS for each label with commas between them,
** as in 16-3-0,20-0-1. EXP is the traffic class (RFC 5462), EOS 1 at the bottom of the stack. As a number, and in IPFIX
** elements 70 to 79, an entry is label << 4 | EXP << 1 | EOS.
*/
#ifndef FLOWVT_MPLS_H
#define FLOWVT_MPLS_H

#include <stddef.h>
#include <stdint.h>

enum {
    MPLS_LABELS = 10,                                      /* there are elements for so many */
    MPLS_TEXT = MPLS_LABELS * (sizeof "1048575-7-1," - 1), /* octets that they take at most */
};

/* Write n entries, at most MPLS_LABELS of them, without a NUL behind. Returns the octets written. */
size_t mpls_write(char text[MPLS_TEXT], const uint32_t *entry, unsigned n);

/* Read the entries of a text of n octets, at most MPLS_LABELS of them. Returns how many there are, 0 of other texts. */
unsigned mpls_read(const char *text, size_t n, uint32_t entry[MPLS_LABELS]);

#endif
