/* SPDX-License-Identifier: MIT */
/*
** A flow file in memory, for tests that change its octets and make its checksums right again, as
** whoever wants to break a reader would.
*/
#ifndef FLOWVT_TEST_IMAGE_H
#define FLOWVT_TEST_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/* All octets of a file, to be freed. */
uint8_t *image_read(const char *path, size_t *n);
void image_write(const char *path, const uint8_t *p, size_t n);

/* v into so many octets, lowest first. */
void image_set(uint8_t *p, uint64_t v, unsigned octets);

/* Replace 8 octets by others, wherever they are: the same directory is in a block and in the footer. */
void image_replace(uint8_t *p, size_t n, uint64_t old, uint64_t now);

/* Make the checksums of all directories and block headers right. */
void image_seal(uint8_t *p, size_t n);

#endif
