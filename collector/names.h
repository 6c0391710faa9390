/* SPDX-License-Identifier: MIT */
/*
** Names that exporters announce in options data for what their flows have as a number: of applications, by their
** id (RFC 6759 section 4). By address of the exporter, whatever the observation domain that announced them.
*/
#ifndef FLOWVT_NAMES_H
#define FLOWVT_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hashed.h"
#include "schema/value.h"
#include "shares.h"

enum { NAMES_KEY = 40, NAMES_TEXT = 64 }; /* octets; what is longer is not kept, texts are cut */

struct name {
    struct flow_ip exporter;
    uint8_t nkey, ntext;
    char key[NAMES_KEY];
    char text[NAMES_TEXT];
};

/* All zero is an empty table. */
struct name_table {
    struct name *entry;
    struct hashed index;
    struct shares shares;
};

/* Learn: text replaces what was known. Above max entries the oldest ones of those exporters that have most
** are replaced. Returns whether it is news. */
bool names_learn(struct name_table *t, uint32_t max, const struct flow_ip *exporter,
                 const char *key, size_t nkey, const char *text, size_t ntext);
/* NULL when there is none; valid until the next names_learn(). */
const struct name *names_find(const struct name_table *t, const struct flow_ip *exporter,
                              const char *key, size_t nkey);
void names_free(struct name_table *t);

#endif
