/* SPDX-License-Identifier: MIT */
/*
** Blocks that texts are put into one behind the other.
*/
#include "texts.h"

#include <stdlib.h>
#include <string.h>

SQLITE_EXTENSION_INIT3

enum { ROOM = 16384 };

struct texts_block {
    struct texts_block *next;
    size_t used, room;
    char text[];
};

const char *texts_add(struct texts *t, const char *text, size_t n) {
    struct texts_block *b = t->block;
    if (!b || b->room - b->used <= n) {
        size_t room = n + 1 > ROOM ? n + 1 : ROOM;
        b = malloc(sizeof *b + room);
        if (!b)
            return NULL;
        *b = (struct texts_block){t->block, 0, room};
        t->block = b;
    }
    char *copy = b->text + b->used;
    memcpy(copy, text, n);
    copy[n] = '\0';
    b->used += n + 1;
    return copy;
}

bool texts_column(struct texts *t, sqlite3_stmt *stmt, int column, const char *last,
                  const char **out) {
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    *out = NULL;
    if (!text || !*text)
        return text || sqlite3_column_type(stmt, column) == SQLITE_NULL;
    bool same = last && strcmp(last, text) == 0;
    *out = same ? last : texts_add(t, text, (size_t)sqlite3_column_bytes(stmt, column));
    return *out != NULL;
}

void texts_free(struct texts *t) {
    while (t->block) {
        struct texts_block *next = t->block->next;
        free(t->block);
        t->block = next;
    }
}
