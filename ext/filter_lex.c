/* SPDX-License-Identifier: MIT */
/*
** Splits a filter into tokens. Knows signs, operators and the words that stand for them, quotes and
** @include; what other words mean is the parser's business.
*/
#include "filter_lex.h"

#include <string.h>
#include <strings.h>

/* Longer spellings come before their beginnings. */
static const struct {
    char spelling[3];
    enum filter_token_kind kind;
} signs[] = {
    {"&&", TOKEN_AND},     {"||", TOKEN_OR},   {"==", TOKEN_EQ},   {"<=", TOKEN_LE},
    {">=", TOKEN_GE},      {"=", TOKEN_EQ},    {"<", TOKEN_LT},    {">", TOKEN_GT},
    {"!", TOKEN_NOT},      {"(", TOKEN_OPEN},  {")", TOKEN_CLOSE}, {"[", TOKEN_LIST},
    {"]", TOKEN_LIST_END}, {",", TOKEN_COMMA},
};

static const struct {
    char word[4];
    enum filter_token_kind kind;
} operators[] = {
    {"and", TOKEN_AND}, {"or", TOKEN_OR}, {"not", TOKEN_NOT}, {"eq", TOKEN_EQ},
    {"lt", TOKEN_LT},   {"gt", TOKEN_GT}, {"le", TOKEN_LE},   {"ge", TOKEN_GE},
};

static const char include_word[] = "@include";

enum {
    NSIGNS = sizeof signs / sizeof *signs,
    NOPERATORS = sizeof operators / sizeof *operators,
    NINCLUDE = sizeof include_word - 1
};

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr(".:/-_%+", c));
}

static bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool filter_token_is(const struct filter_token *token, const char *word) {
    return token->kind == TOKEN_WORD && strlen(word) == token->n &&
           strncasecmp(token->p, word, token->n) == 0;
}

void filter_token_place(const struct filter_token *token, size_t *line, size_t *column) {
    const char *begin = token->source->text;
    *line = 1;
    for (const char *p = begin; p < token->p; p++)
        if (*p == '\n') {
            begin = p + 1;
            ++*line;
        }
    *column = (size_t)(token->p - begin) + 1;
}

static void skip_blanks(struct filter_source *source) {
    bool comment = false;
    for (; source->at < source->n; source->at++) {
        char c = source->text[source->at];
        if (c == '\n')
            comment = false;
        else if (c == '#')
            comment = true;
        else if (!comment && !is_blank(c))
            return;
    }
}

/* Is there a quoted text at p? The token is what stands in it. */
static bool quoted(const char *p, size_t left, struct filter_token *token) {
    const char *end = *p == '\'' || *p == '"' ? memchr(p + 1, *p, left - 1) : NULL;
    if (!end)
        return false;
    token->kind = TOKEN_QUOTED;
    token->p = p + 1;
    token->n = (size_t)(end - p) - 1;
    return true;
}

static void lex_word(const char *p, size_t left, struct filter_token *token) {
    while (token->n < left && is_word(p[token->n]))
        token->n++;
    token->kind = TOKEN_WORD;
    for (int i = 0; i < NOPERATORS; i++)
        if (filter_token_is(token, operators[i].word)) {
            token->kind = operators[i].kind;
            return;
        }
}

static void lex_sign(const char *p, size_t left, struct filter_token *token) {
    token->kind = TOKEN_FOREIGN;
    token->n = 1;
    for (int i = 0; i < NSIGNS; i++) {
        size_t n = strlen(signs[i].spelling);
        if (n <= left && memcmp(p, signs[i].spelling, n) == 0) {
            token->kind = signs[i].kind;
            token->n = n;
            return;
        }
    }
}

/* The next token of the text that is being read. */
static struct filter_token lex_source(struct filter_source *source) {
    skip_blanks(source);
    const char *p = source->text + source->at;
    size_t left = source->n - source->at;
    struct filter_token token = {TOKEN_END, p, 0, source};
    if (left == 0)
        return token;
    if (quoted(p, left, &token)) {
        source->at += token.n + 2;
        return token;
    }
    if (is_word(*p))
        lex_word(p, left, &token);
    else
        lex_sign(p, left, &token);
    source->at += token.n;
    return token;
}

static bool at_include(const struct filter_source *source) {
    const char *p = source->text + source->at;
    size_t left = source->n - source->at;
    return left >= NINCLUDE && strncasecmp(p, include_word, NINCLUDE) == 0 &&
           (left == NINCLUDE || is_blank(p[NINCLUDE]));
}

/* At @include: go on in that file. Its name ends with a blank, or is in quotes. */
static bool enter(struct filter_lexer *lexer) {
    struct filter_source *source = lexer->sources.now;
    size_t at = source->at + NINCLUDE;
    while (at < source->n && (source->text[at] == ' ' || source->text[at] == '\t'))
        at++;
    const char *p = source->text + at;
    struct filter_token name = {TOKEN_END, p, 0, source};
    if (at < source->n && quoted(p, source->n - at, &name)) {
        at += name.n + 2;
    } else {
        while (at < source->n && !is_blank(source->text[at]))
            at++;
        name.n = (size_t)(source->text + at - p);
    }
    if (filter_sources_include(&lexer->sources, name.p, name.n, lexer->fault,
                               sizeof lexer->fault) != NULL)
        return false;
    source->at = at;
    return true;
}

static struct filter_token lex(struct filter_lexer *lexer) {
    for (;;) {
        struct filter_source *source = lexer->sources.now;
        skip_blanks(source);
        if (at_include(source)) {
            struct filter_token here = {TOKEN_FAULT, source->text + source->at, NINCLUDE, source};
            if (!enter(lexer))
                return here;
        } else if (source->at == source->n && source->outer) {
            lexer->sources.now = source->outer;
        } else {
            return lex_source(source);
        }
    }
}

void filter_lex_open(struct filter_lexer *lexer, const char *text, size_t n) {
    memset(lexer, 0, sizeof *lexer);
    filter_sources_open(&lexer->sources, text, n);
}

void filter_lex_close(struct filter_lexer *lexer) {
    filter_sources_close(&lexer->sources);
}

struct filter_token filter_lex_peek(struct filter_lexer *lexer, int i) {
    while (lexer->nahead <= i)
        lexer->ahead[lexer->nahead++] = lex(lexer);
    return lexer->ahead[i];
}

void filter_lex_advance(struct filter_lexer *lexer) {
    filter_lex_peek(lexer, 0);
    lexer->nahead--;
    memmove(lexer->ahead, lexer->ahead + 1, (size_t)lexer->nahead * sizeof *lexer->ahead);
}
