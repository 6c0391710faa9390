/* SPDX-License-Identifier: MIT */
/* The kinds of announcements. */
#include "announce.h"

enum { OBSERVATION_DOMAIN = 149, EXPORTING_PROCESS = 144 };

const struct announcement announce_metering = {ANNOUNCE_FIRST, OBSERVATION_DOMAIN, 1, {{164, 8}}};

const struct announcement announce_not_sent = {
    ANNOUNCE_FIRST + 1, EXPORTING_PROCESS, 3, {{166, 8}, {167, 8}, {168, 8}}};

const struct announcement announce_exported = {
    ANNOUNCE_FIRST + 2, OBSERVATION_DOMAIN, 3, {{41, 8}, {42, 8}, {40, 8}}};
