/* SPDX-License-Identifier: MIT */
/*
** Splits a filter into tokens. Knows signs, operators and the words that stand for them; what
** other words mean is the parser's business.
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

enum { NSIGNS = sizeof signs / sizeof *signs, NOPERATORS = sizeof operators / sizeof *operators };

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

static void skip_blanks(struct filter_lexer *lexer) {
    bool comment = false;
    for (; lexer->at < lexer->n; lexer->at++) {
        char c = lexer->text[lexer->at];
        if (c == '\n')
            comment = false;
        else if (c == '#')
            comment = true;
        else if (!comment && !is_blank(c))
            return;
    }
}

struct filter_token filter_lex(struct filter_lexer *lexer) {
    skip_blanks(lexer);
    const char *p = lexer->text + lexer->at;
    size_t left = lexer->n - lexer->at;
    struct filter_token token = {TOKEN_END, p, 0, lexer->at + 1};
    if (left == 0)
        return token;

    token.kind = TOKEN_FOREIGN;
    token.n = 1;
    while (token.n <= left && is_word(p[token.n - 1])) {
        token.kind = TOKEN_WORD;
        token.n++;
    }
    if (token.kind == TOKEN_WORD) {
        token.n--;
        for (int i = 0; i < NOPERATORS; i++)
            if (filter_token_is(&token, operators[i].word)) {
                token.kind = operators[i].kind;
                break;
            }
    }
    for (int i = 0; token.kind == TOKEN_FOREIGN && i < NSIGNS; i++) {
        size_t n = strlen(signs[i].spelling);
        if (n <= left && memcmp(p, signs[i].spelling, n) == 0) {
            token.kind = signs[i].kind;
            token.n = n;
        }
    }
    lexer->at += token.n;
    return token;
}
