/* SPDX-License-Identifier: MIT */
/*
** A hash table of texts, which are in blocks one behind the other.
*/
#include "texts.h"

#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

SQLITE_EXTENSION_INIT3

enum { ROOM = 16384, FIRST_SLOTS = 64 };

struct texts_block {
    struct texts_block *next;
    size_t used, room;
    char text[];
};

static const char *copy(struct texts *t, const char *text, size_t n) {
    struct texts_block *b = t->block;
    if (!b || b->room - b->used <= n) {
        size_t room = n + 1 > ROOM ? n + 1 : ROOM;
        b = malloc(sizeof *b + room);
        if (!b)
            return NULL;
        b->next = t->block;
        b->used = 0;
        b->room = room;
        t->block = b;
    }
    char *to = b->text + b->used;
    memcpy(to, text, n);
    to[n] = '\0';
    b->used += n + 1;
    return to;
}

/* Where the text is, or belongs. */
static uint32_t find(const struct texts *t, const char *text, size_t n) {
    uint32_t at = (uint32_t)XXH3_64bits(text, n) & (t->room - 1);
    while (t->slot[at] && (strncmp(t->slot[at], text, n) != 0 || t->slot[at][n]))
        at = (at + 1) & (t->room - 1);
    return at;
}

static bool grow(struct texts *t) {
    struct texts more = *t;
    more.room = t->room ? t->room * 2 : FIRST_SLOTS;
    more.slot = calloc(more.room, sizeof *more.slot);
    if (!more.slot)
        return false;
    for (uint32_t i = 0; i < t->room; i++)
        if (t->slot[i])
            more.slot[find(&more, t->slot[i], strlen(t->slot[i]))] = t->slot[i];
    free(t->slot);
    *t = more;
    return true;
}

/* The one copy of these n octets, with a NUL behind; NULL when memory is out. */
static const char *texts_add(struct texts *t, const char *text, size_t n) {
    if (t->n >= t->room / 2 && !grow(t))
        return NULL;
    uint32_t at = find(t, text, n);
    if (!t->slot[at]) {
        t->slot[at] = copy(t, text, n);
        t->n += t->slot[at] != NULL;
    }
    return t->slot[at];
}

bool texts_column(struct texts *t, sqlite3_stmt *stmt, int column, const char **out) {
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    *out = NULL;
    if (!text || !*text)
        return text || sqlite3_column_type(stmt, column) == SQLITE_NULL;
    *out = texts_add(t, text, strlen(text));
    return *out != NULL;
}

void texts_free(struct texts *t) {
    while (t->block) {
        struct texts_block *next = t->block->next;
        free(t->block);
        t->block = next;
    }
    free(t->slot);
    *t = (struct texts){NULL, NULL, 0, 0};
}
