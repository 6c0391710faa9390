/* SPDX-License-Identifier: MIT */
/*
** The loops of kernel.h in plain C, in a form that compilers vectorise. Included by kernel.c once
** for each kind of processor: KERNEL(name) makes the name of this kind's function, KERNEL_TARGET
** tells the compiler what it may use. Not to be included elsewhere, and so without a guard.
*/

KERNEL_TARGET
static void KERNEL(join)(int64_t *restrict out, const uint8_t *restrict p, size_t stride,
                         uint32_t n, unsigned octets, uint64_t base) {
    const uint8_t *q = p + stride, *r = q + stride;
    switch (octets) {
    case 0:
        for (uint32_t i = 0; i < n; i++)
            out[i] = (int64_t)base;
        return;
    case 1:
        for (uint32_t i = 0; i < n; i++)
            out[i] = (int64_t)(base + p[i]);
        return;
    case 2:
        for (uint32_t i = 0; i < n; i++)
            out[i] = (int64_t)(base + ((uint32_t)p[i] | (uint32_t)q[i] << 8));
        return;
    default:
        for (uint32_t i = 0; i < n; i++)
            out[i] =
                (int64_t)(base + ((uint32_t)p[i] | (uint32_t)q[i] << 8 | (uint32_t)r[i] << 16));
        break;
    }
    for (unsigned k = 3; k < octets; k++) {
        const uint8_t *plane = p + k * stride;
        for (uint32_t i = 0; i < n; i++)
            out[i] = (int64_t)((uint64_t)out[i] + ((uint64_t)plane[i] << 8 * k));
    }
}

KERNEL_TARGET
static void KERNEL(look_up)(int64_t *v, uint32_t n, const int64_t *from, uint32_t last) {
    for (uint32_t i = 0; i < n; i++)
        v[i] = from[(uint64_t)v[i] < last ? (uint64_t)v[i] : last];
}

KERNEL_TARGET
static void KERNEL(limit)(int64_t *v, uint32_t n, uint32_t last) {
    for (uint32_t i = 0; i < n; i++)
        v[i] = (uint64_t)v[i] > last ? (int64_t)last : v[i];
}

KERNEL_TARGET
static void KERNEL(not_below_0)(int64_t *v, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        v[i] = v[i] < 0 ? 0 : v[i];
}

KERNEL_TARGET
static void KERNEL(add)(int64_t *restrict v, const int64_t *restrict more, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        v[i] = (int64_t)((uint64_t)v[i] + (uint64_t)more[i]);
}

KERNEL_TARGET
static bool KERNEL(are_spans)(const int64_t *restrict start, const int64_t *restrict end,
                              uint32_t n, int64_t min, int64_t max, int64_t longest) {
    int64_t bad = 0;
    for (uint32_t i = 0; i < n; i++) {
        int64_t length = (int64_t)((uint64_t)end[i] - (uint64_t)start[i]);
        bad |= -(int64_t)(start[i] < min) | -(int64_t)(end[i] > max) |
               -(int64_t)(end[i] < start[i]) | -(int64_t)(length > longest);
    }
    return bad == 0;
}

KERNEL_TARGET
static void KERNEL(overlap)(uint8_t *restrict pass, const int64_t *restrict start,
                            const int64_t *restrict end, uint32_t n, int64_t since, int64_t until) {
    for (uint32_t i = 0; i < n; i++)
        pass[i] = (start[i] < until) & (end[i] >= since);
}

KERNEL_TARGET
static void KERNEL(inside)(uint8_t *restrict pass, const int64_t *restrict start,
                           const int64_t *restrict end, uint32_t n, int64_t since, int64_t until) {
    for (uint32_t i = 0; i < n; i++)
        pass[i] = (start[i] >= since) & (end[i] < until);
}

KERNEL_TARGET
static uint64_t KERNEL(sum_where)(const int64_t *restrict v, const uint8_t *restrict pass,
                                  uint32_t n, uint64_t *bits) {
    uint64_t sum = 0, any = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t x = (uint64_t)v[i] & -(uint64_t)pass[i];
        sum += x;
        any |= x;
    }
    *bits |= any;
    return sum;
}

KERNEL_TARGET
static void KERNEL(in_range)(uint8_t *restrict pass, const int64_t *restrict v, uint32_t n,
                             int64_t lo, uint64_t width) {
    for (uint32_t i = 0; i < n; i++)
        pass[i] = (uint64_t)v[i] - (uint64_t)lo <= width;
}

KERNEL_TARGET
static void KERNEL(masked)(uint8_t *restrict pass, const int64_t *restrict v, uint32_t n,
                           int64_t mask, int64_t value) {
    for (uint32_t i = 0; i < n; i++)
        pass[i] = (v[i] & mask) == value;
}

KERNEL_TARGET
static void KERNEL(coded)(uint8_t *restrict pass, const int64_t *restrict v, uint32_t n,
                          const uint8_t *restrict codes) {
    for (uint32_t i = 0; i < n; i++)
        pass[i] = codes[v[i]];
}

KERNEL_TARGET
static void KERNEL(both)(uint8_t *restrict pass, const uint8_t *restrict more, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        pass[i] &= more[i];
}

KERNEL_TARGET
static void KERNEL(either)(uint8_t *restrict pass, const uint8_t *restrict more, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        pass[i] |= more[i];
}

KERNEL_TARGET
static void KERNEL(but_not)(uint8_t *restrict pass, const uint8_t *restrict more, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        pass[i] &= more[i] == 0;
}

/* Eight at a time: mostly none of them pass, or all. */
KERNEL_TARGET
static uint32_t KERNEL(places)(uint16_t *restrict rows, const uint8_t *restrict pass, uint32_t n) {
    uint32_t count = 0, i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t eight;
        memcpy(&eight, pass + i, 8);
        if (eight == 0)
            continue;
        if (eight == UINT64_C(0x0101010101010101)) {
            for (uint32_t k = 0; k < 8; k++)
                rows[count + k] = (uint16_t)(i + k);
            count += 8;
            continue;
        }
        for (uint32_t k = 0; k < 8; k++) {
            rows[count] = (uint16_t)(i + k);
            count += pass[i + k];
        }
    }
    for (; i < n; i++) {
        rows[count] = (uint16_t)i;
        count += pass[i];
    }
    return count;
}

#define NARROW(type, order)                                 \
    do {                                                    \
        for (uint32_t i = 0; i < n; i++) {                  \
            uint64_t x = (uint64_t)v[i] - base;             \
            type low = order((type)x);                      \
            any |= x;                                       \
            memcpy(out + sizeof low * i, &low, sizeof low); \
        }                                                   \
    } while (0)
#define ONE_OCTET(x) (x)

KERNEL_TARGET
static uint64_t KERNEL(narrow)(uint8_t *restrict out, const int64_t *restrict v, uint32_t n,
                               unsigned octets, uint64_t base) {
    uint64_t any = 0;
    switch (octets) {
    case 1:
        NARROW(uint8_t, ONE_OCTET);
        break;
    case 2:
        NARROW(uint16_t, htole16);
        break;
    case 4:
        NARROW(uint32_t, htole32);
        break;
    default:
        NARROW(uint64_t, htole64);
        break;
    }
    return any;
}
#undef NARROW

KERNEL_TARGET
static uint64_t KERNEL(any)(const int64_t *v, uint32_t n, uint64_t base) {
    uint64_t any = 0;
    for (uint32_t i = 0; i < n; i++)
        any |= (uint64_t)v[i] - base;
    return any;
}

#define NARROW_BOUNDS(type, order)                  \
    do {                                            \
        type least = (type) ~(type)0, most = 0;     \
        for (uint32_t i = 0; i < n; i++) {          \
            type x;                                 \
            memcpy(&x, p + sizeof x * i, sizeof x); \
            x = order(x);                           \
            least = x < least ? x : least;          \
            most = x > most ? x : most;             \
        }                                           \
        *min = least;                               \
        *max = most;                                \
    } while (0)

KERNEL_TARGET
static void KERNEL(extent)(const uint8_t *p, uint32_t n, unsigned octets, uint64_t *min,
                           uint64_t *max) {
    switch (octets) {
    case 1:
        NARROW_BOUNDS(uint8_t, ONE_OCTET);
        break;
    case 2:
        NARROW_BOUNDS(uint16_t, le16toh);
        break;
    case 4:
        NARROW_BOUNDS(uint32_t, le32toh);
        break;
    default:
        NARROW_BOUNDS(uint64_t, le64toh);
        break;
    }
}
#undef NARROW_BOUNDS

/* Some at a time, so that a count has as many octets as what is counted. */
#define TURNS(type)                                                          \
    do {                                                                     \
        enum { SOME = 128 };                                                 \
        for (uint32_t at = 1; at < n; at += SOME) {                          \
            const uint32_t some = n - at < SOME ? n - at : SOME;             \
            const uint8_t *q = p + sizeof(type) * at;                        \
            type differ = 0;                                                 \
            for (uint32_t i = 0; i < some; i++) {                            \
                type x, before;                                              \
                memcpy(&x, q + sizeof x * i, sizeof x);                      \
                memcpy(&before, q - sizeof x + sizeof x * i, sizeof before); \
                differ = (type)(differ + (x != before));                     \
            }                                                                \
            count += (uint32_t)differ;                                       \
        }                                                                    \
    } while (0)

KERNEL_TARGET
static uint32_t KERNEL(turns)(const uint8_t *p, uint32_t n, unsigned octets) {
    uint32_t count = 0;
    switch (octets) {
    case 1:
        TURNS(uint8_t);
        break;
    case 2:
        TURNS(uint16_t);
        break;
    case 4:
        TURNS(uint32_t);
        break;
    default:
        TURNS(uint64_t);
        break;
    }
    return count;
}
#undef TURNS

#define WIDEN(type, order, to)                      \
    do {                                            \
        for (uint32_t i = 0; i < n; i++) {          \
            type x;                                 \
            memcpy(&x, p + sizeof x * i, sizeof x); \
            out[i] = (to)(base + order(x));         \
        }                                           \
    } while (0)
#define WIDEN_TO(to)                         \
    do {                                     \
        switch (octets) {                    \
        case 0:                              \
            for (uint32_t i = 0; i < n; i++) \
                out[i] = (to)base;           \
            break;                           \
        case 1:                              \
            WIDEN(uint8_t, ONE_OCTET, to);   \
            break;                           \
        case 2:                              \
            WIDEN(uint16_t, le16toh, to);    \
            break;                           \
        case 4:                              \
            WIDEN(uint32_t, le32toh, to);    \
            break;                           \
        default:                             \
            WIDEN(uint64_t, le64toh, to);    \
            break;                           \
        }                                    \
    } while (0)

KERNEL_TARGET
static void KERNEL(widen)(int64_t *restrict out, const uint8_t *restrict p, uint32_t n,
                          unsigned octets, uint64_t base) {
    WIDEN_TO(int64_t);
}

KERNEL_TARGET
static void KERNEL(widen_32)(uint32_t *restrict out, const uint8_t *restrict p, uint32_t n,
                             unsigned octets, uint64_t base) {
    WIDEN_TO(uint32_t);
}
#undef WIDEN_TO
#undef WIDEN

#define RECODE(to_type, to_order, from_type, from_order) \
    for (uint32_t i = 0; i < n; i++) {                   \
        from_type x;                                     \
        memcpy(&x, p + sizeof x * i, sizeof x);          \
        to_type y = to_order((to_type)from_order(x));    \
        memcpy(out + sizeof y * i, &y, sizeof y);        \
    }                                                    \
    break
#define RECODE_TO(to_type, to_order)                   \
    switch (from) {                                    \
    case 1:                                            \
        RECODE(to_type, to_order, uint8_t, ONE_OCTET); \
    case 2:                                            \
        RECODE(to_type, to_order, uint16_t, le16toh);  \
    case 4:                                            \
        RECODE(to_type, to_order, uint32_t, le32toh);  \
    default:                                           \
        RECODE(to_type, to_order, uint64_t, le64toh);  \
    }                                                  \
    break

KERNEL_TARGET
static void KERNEL(recode)(uint8_t *restrict out, unsigned to, const uint8_t *restrict p,
                           unsigned from, uint32_t n) {
    switch (to) {
    case 1:
        RECODE_TO(uint8_t, ONE_OCTET);
    case 2:
        RECODE_TO(uint16_t, htole16);
    case 4:
        RECODE_TO(uint32_t, htole32);
    default:
        RECODE_TO(uint64_t, htole64);
    }
}
#undef RECODE
#undef RECODE_TO

/* A limit that the type does not hold is above all of them. */
#define BELOW(type, order)                                               \
    do {                                                                 \
        const uint64_t largest = (type) ~(type)0;                        \
        const type last = (type)(limit > largest ? largest : limit - 1); \
        for (uint32_t i = 0; i < n; i++) {                               \
            type x;                                                      \
            memcpy(&x, p + sizeof x * i, sizeof x);                      \
            x = order(x);                                                \
            pass[i] = x <= last;                                         \
        }                                                                \
    } while (0)

KERNEL_TARGET
static void KERNEL(below)(uint8_t *restrict pass, const uint8_t *restrict p, uint32_t n,
                          unsigned octets, uint32_t limit) {
    if (limit == 0)
        memset(pass, 0, n);
    else if (octets == 1)
        BELOW(uint8_t, ONE_OCTET);
    else if (octets == 2)
        BELOW(uint16_t, le16toh);
    else
        BELOW(uint32_t, le32toh);
}
#undef BELOW
#undef ONE_OCTET

KERNEL_TARGET
static void KERNEL(split)(uint8_t *restrict out, size_t stride, const int64_t *restrict v,
                          uint32_t n, unsigned octets, uint64_t base) {
    for (unsigned k = 0; k < octets; k++) {
        uint8_t *plane = out + k * stride;
        for (uint32_t i = 0; i < n; i++)
            plane[i] = (uint8_t)(((uint64_t)v[i] - base) >> 8 * k);
    }
}

KERNEL_TARGET
static void KERNEL(minus)(int64_t *out, const int64_t *a, const int64_t *b, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        out[i] = (int64_t)((uint64_t)a[i] - (uint64_t)b[i]);
}

KERNEL_TARGET
static void KERNEL(plus)(int64_t *out, const int64_t *a, const int64_t *b, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        out[i] = (int64_t)((uint64_t)a[i] + (uint64_t)b[i]);
}

KERNEL_TARGET
static void KERNEL(bounds)(const int64_t *v, uint32_t n, int64_t *min, int64_t *max) {
    int64_t least = *min, most = *max;
    for (uint32_t i = 0; i < n; i++) {
        least = v[i] < least ? v[i] : least;
        most = v[i] > most ? v[i] : most;
    }
    *min = least;
    *max = most;
}

KERNEL_TARGET
static uint32_t KERNEL(changes)(const int64_t *v, uint32_t n) {
    uint64_t count = 0;
    for (uint32_t i = 1; i < n; i++)
        count += v[i] != v[i - 1];
    return (uint32_t)count;
}

static const struct kernels KERNEL(kernels) = {
    .name = KERNEL_NAME,
    .unpack = KERNEL(unpack),
    .join = KERNEL(join),
    .look_up = KERNEL(look_up),
    .limit = KERNEL(limit),
    .not_below_0 = KERNEL(not_below_0),
    .add = KERNEL(add),
    .are_spans = KERNEL(are_spans),
    .sum_where = KERNEL(sum_where),
    .overlap = KERNEL(overlap),
    .inside = KERNEL(inside),
    .in_range = KERNEL(in_range),
    .masked = KERNEL(masked),
    .coded = KERNEL(coded),
    .both = KERNEL(both),
    .either = KERNEL(either),
    .but_not = KERNEL(but_not),
    .places = KERNEL(places),
    .narrow = KERNEL(narrow),
    .any = KERNEL(any),
    .extent = KERNEL(extent),
    .turns = KERNEL(turns),
    .widen = KERNEL(widen),
    .widen_32 = KERNEL(widen_32),
    .recode = KERNEL(recode),
    .below = KERNEL(below),
    .split = KERNEL(split),
    .minus = KERNEL(minus),
    .plus = KERNEL(plus),
    .bounds = KERNEL(bounds),
    .changes = KERNEL(changes),
};
