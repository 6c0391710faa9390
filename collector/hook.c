/* SPDX-License-Identifier: MIT */
/*
** A queue of files and the thread that runs a command for each.
*/
#include "hook.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "child.h"
#include "log.h"

enum {
    MAX_WORDS = 64,
    MAX_WAITING = 256, /* files; a command that takes longer than an interval falls behind */
    PATIENCE_S = 30,   /* at the end */
};

/* ---- the command ------------------------------------------------------------------------ */

struct words {
    char *word[MAX_WORDS + 1]; /* NULL behind the last */
    size_t n;
};

static void words_free(struct words *w) {
    for (size_t i = 0; i < w->n; i++)
        free(w->word[i]);
    w->n = 0;
}

/* Cut the next word off text into out, which has room for all of it. False: a quote is not closed. */
static bool next_word(const char **text, char *out) {
    char quote = '\0';
    const char *p = *text;
    for (; *p && (quote || (*p != ' ' && *p != '\t')); p++)
        if (quote ? *p == quote : (*p == '\'' || *p == '"'))
            quote = quote ? '\0' : *p;
        else
            *out++ = *p;
    *out = '\0';
    *text = p;
    return !quote;
}

static bool known_letters(const char *word) {
    for (const char *p = word; (p = strchr(p, '%')); p += 2)
        if (!p[1] || !strchr("dftu%", p[1]))
            return false;
    return true;
}

static bool split(const char *text, struct words *w, char *message, size_t size) {
    const char *wrong = NULL;
    *w = (struct words){0};
    while (!wrong && *(text += strspn(text, " \t"))) {
        char *word = w->n < MAX_WORDS ? malloc(strlen(text) + 1) : NULL;
        if (!word) {
            wrong = "the command is too long";
            break;
        }
        w->word[w->n++] = word;
        if (!next_word(&text, word))
            wrong = "a quote is not closed";
        else if (!known_letters(word))
            wrong = "write %d, %f, %t, %u, or %% for a percent sign";
    }
    if (!wrong && w->n == 0)
        wrong = "there is no command";
    if (wrong) {
        words_free(w);
        snprintf(message, size, "%s", wrong);
    }
    return !wrong;
}

bool hook_check(const char *text, char *message, size_t size) {
    struct words w;
    bool good = split(text, &w, message, size);
    words_free(&w);
    return good;
}

/* ---- one file --------------------------------------------------------------------------- */

struct file {
    const char *store, *below;
    char digits[16], seconds[24]; /* of the begin of the interval */
};

static struct file describe(const char *store, const char *path) {
    struct file f = {.store = store, .below = path};
    size_t n = strlen(store);
    struct tm t = {0};
    if (strncmp(path, store, n) == 0)
        for (f.below = path + n; *f.below == '/'; f.below++)
            ;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (sscanf(name, "flows.%14[0-9]", f.digits) == 1 &&
        sscanf(f.digits, "%4d%2d%2d%2d%2d%2d", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour,
               &t.tm_min, &t.tm_sec) >= 3) {
        t.tm_year -= 1900;
        t.tm_mon -= 1;
        snprintf(f.seconds, sizeof f.seconds, "%lld", (long long)timegm(&t));
    }
    return f;
}

static const char *value_of(const struct file *f, char letter) {
    switch (letter) {
    case 'd':
        return f->store;
    case 'f':
        return f->below;
    case 't':
        return f->digits;
    case 'u':
        return f->seconds;
    default:
        return "%";
    }
}

/* The word with its letters replaced, to be freed; NULL: no memory. */
static char *expand(const char *word, const struct file *f) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    for (const char *p = word; *p; p++)
        if (*p == '%')
            fputs(value_of(f, *++p), out);
        else
            fputc(*p, out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

/* ---- the thread ------------------------------------------------------------------------- */

struct waiting {
    struct waiting *next;
    char path[];
};

struct hook {
    pthread_t thread;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t wake, idle;
    struct waiting *first, **last;
    size_t n;
    uint64_t left_out;
    bool stop, ended;
    const char *store;
    struct words words;
};

/* The command for the file, its letters replaced. The lock is held. False: no memory. */
static bool command_for(const struct hook *h, const char *path, struct words *out) {
    const struct file f = describe(h->store, path);
    *out = (struct words){0};
    while (out->n < h->words.n && (out->word[out->n] = expand(h->words.word[out->n], &f)))
        out->n++;
    return out->n == h->words.n;
}

static void run(const struct words *w, const char *path) {
    int status = 0;
    pid_t pid = child_start(w->word);
    if (pid < 0) {
        log_line("%s: %s was not run: %s", path, w->word[0], strerror(-(int)pid));
        return;
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFSIGNALED(status))
        log_line("%s: %s ended by signal %d", path, w->word[0], WTERMSIG(status));
    else if (WEXITSTATUS(status))
        log_line("%s: %s ended with %d", path, w->word[0], WEXITSTATUS(status));
}

static void *work(void *arg) {
    struct hook *h = arg;
    pthread_mutex_lock(&h->lock);
    for (;;) {
        while (!h->first && !h->stop)
            pthread_cond_wait(&h->wake, &h->lock);
        struct waiting *file = h->first;
        if (!file)
            break;
        h->first = file->next;
        if (!h->first)
            h->last = &h->first;
        h->n--;
        struct words words;
        bool made = command_for(h, file->path, &words);
        pthread_mutex_unlock(&h->lock);
        if (!made)
            log_line("%s: the command was not run: out of memory", file->path);
        else if (words.n)
            run(&words, file->path);
        words_free(&words);
        free(file);
        pthread_mutex_lock(&h->lock);
    }
    h->ended = true;
    pthread_cond_signal(&h->idle);
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

static void hook_free(struct hook *h) {
    for (struct waiting *file = h->first, *after; file; file = after) {
        after = file->next;
        free(file);
    }
    words_free(&h->words);
    pthread_mutex_destroy(&h->lock);
    pthread_cond_destroy(&h->wake);
    pthread_cond_destroy(&h->idle);
    free(h);
}

struct hook *hook_new(const char *text, const char *store) {
    char message[128];
    struct hook *h = calloc(1, sizeof *h);
    if (!h || (text && !split(text, &h->words, message, sizeof message))) {
        log_line("%s: %s", text ? text : "--exec", h ? message : "out of memory");
        free(h);
        return NULL;
    }
    h->store = store;
    h->last = &h->first;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->wake, &attr);
    pthread_cond_init(&h->idle, &attr);
    pthread_condattr_destroy(&attr);
    int failed = pthread_create(&h->thread, NULL, work, h);
    if (!failed)
        return h;
    log_line("%s: no thread: %s", text ? text : "--exec", strerror(failed));
    hook_free(h);
    return NULL;
}

bool hook_change(struct hook *h, const char *text) {
    struct words words = {0};
    char message[128];
    if (text && !split(text, &words, message, sizeof message)) {
        log_line("%s: %s", text, message);
        return false;
    }
    pthread_mutex_lock(&h->lock);
    struct words old = h->words;
    h->words = words;
    pthread_mutex_unlock(&h->lock);
    words_free(&old);
    return true;
}

void hook_file(void *hook, const char *path) {
    struct hook *h = hook;
    struct waiting *file = malloc(sizeof *file + strlen(path) + 1);
    pthread_mutex_lock(&h->lock);
    bool wanted = h->words.n > 0, room = wanted && file && h->n < MAX_WAITING;
    if (room) {
        file->next = NULL;
        strcpy(file->path, path);
        *h->last = file;
        h->last = &file->next;
        h->n++;
        pthread_cond_signal(&h->wake);
    } else {
        h->left_out += wanted;
        free(file);
    }
    uint64_t left_out = h->left_out;
    pthread_mutex_unlock(&h->lock);
    if (wanted && !room)
        log_line("%s: the command is not run, %d files wait for it; %llu were left out so far",
                 path, MAX_WAITING, (unsigned long long)left_out);
}

size_t hook_waiting(struct hook *h) {
    if (!h)
        return 0;
    pthread_mutex_lock(&h->lock);
    size_t n = h->n;
    pthread_mutex_unlock(&h->lock);
    return n;
}

void hook_finish(struct hook *h) {
    struct timespec until;
    if (!h)
        return;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&h->lock);
    h->stop = true;
    pthread_cond_signal(&h->wake);
    while (!h->ended && pthread_cond_timedwait(&h->idle, &h->lock, &until) == 0)
        ;
    bool ended = h->ended;
    size_t n = h->n;
    pthread_mutex_unlock(&h->lock);
    if (ended) {
        pthread_join(h->thread, NULL);
        hook_free(h);
    } else {
        /* It goes with the process, and what is being run ends by itself. */
        pthread_detach(h->thread);
        log_line("the command for files still runs; %zu more files are left out", n);
    }
}
