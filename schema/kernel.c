/* SPDX-License-Identifier: MIT */
/*
** Two sets of loops, for any processor and for x86-64 with AVX2, and the choice between them.
*/
#include "kernel.h"
#include "format.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define HAVE_AVX2 1
#include <immintrin.h>
#else
#define HAVE_AVX2 0
#endif

static void unpack_any(int64_t *out, const uint8_t *data, uint64_t first, uint32_t n,
                       unsigned width, uint64_t base) {
    uint64_t bit = first * width;
    uint64_t mask = width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
    if (width <= 56) {
        for (uint32_t i = 0; i < n; i++, bit += width)
            out[i] = (int64_t)(base + ((fvt_load64(data + bit / 8) >> (bit & 7)) & mask));
        return;
    }
    for (uint32_t i = 0; i < n; i++, bit += width) {
        unsigned shift = bit & 7;
        uint64_t x = fvt_load64(data + bit / 8) >> shift;
        if (shift)
            x |= (uint64_t)data[bit / 8 + 8] << (64 - shift);
        out[i] = (int64_t)(base + (x & mask));
    }
}

#define KERNEL(name) name##_any
#define KERNEL_NAME "any"
#define KERNEL_TARGET
#include "kernel_loops.h"
#undef KERNEL
#undef KERNEL_NAME
#undef KERNEL_TARGET

#if HAVE_AVX2

#define AVX2 __attribute__((target("avx2")))

/* Eight numbers of width bits begin and end at an octet, so that every eight lie alike: a shuffle
** brings the octets of each into a lane of its own, shifts of their own bring them down. Which
** octets, and how far, is the same for all of a stream. */

/* Numbers of up to 25 bits, which any four octets can hold whatever bit they begin at. n is a
** multiple of 8. */
AVX2 static void unpack_eights(int64_t *out, const uint8_t *data, uint32_t n, unsigned width,
                               uint64_t base) {
    _Alignas(32) uint8_t octet[32];
    _Alignas(32) uint32_t down[8];
    size_t half = width / 2; /* octet in which the fifth number begins */
    for (unsigned k = 0; k < 8; k++) {
        unsigned bit = k < 4 ? k * width : k * width - (unsigned)half * 8;
        for (unsigned b = 0; b < 4; b++)
            octet[4 * k + b] = (uint8_t)(bit / 8 + b);
        down[k] = bit % 8;
    }
    const __m256i order = _mm256_load_si256((const __m256i *)octet);
    const __m256i shift = _mm256_load_si256((const __m256i *)down);
    const __m256i mask = _mm256_set1_epi32((int)((UINT32_C(1) << width) - 1));
    const __m256i add = _mm256_set1_epi64x((long long)base);
    for (uint32_t i = 0; i < n; i += 8, data += width) {
        __m128i low = _mm_loadu_si128((const __m128i *)data);
        __m128i high = _mm_loadu_si128((const __m128i *)(data + half));
        __m256i v = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), order);
        v = _mm256_and_si256(_mm256_srlv_epi32(v, shift), mask);
        __m256i a = _mm256_cvtepu32_epi64(_mm256_castsi256_si128(v));
        __m256i b = _mm256_cvtepu32_epi64(_mm256_extracti128_si256(v, 1));
        _mm256_storeu_si256((__m256i *)(out + i), _mm256_add_epi64(a, add));
        _mm256_storeu_si256((__m256i *)(out + i + 4), _mm256_add_epi64(b, add));
    }
}

/* Numbers of 26 to 57 bits, likewise with eight octets, two numbers a lane. */
AVX2 static void unpack_pairs(int64_t *out, const uint8_t *data, uint32_t n, unsigned width,
                              uint64_t base) {
    _Alignas(32) uint8_t octet[64];
    _Alignas(32) uint64_t down[8];
    size_t begin[4]; /* octet in which each pair begins */
    for (unsigned k = 0; k < 8; k++) {
        begin[k / 2] = (size_t)(k & ~1u) * width / 8;
        unsigned bit = k * width - (unsigned)begin[k / 2] * 8;
        for (unsigned b = 0; b < 8; b++)
            octet[8 * k + b] = (uint8_t)(bit / 8 + b);
        down[k] = bit % 8;
    }
    const __m256i mask = _mm256_set1_epi64x((long long)((UINT64_C(1) << width) - 1));
    const __m256i add = _mm256_set1_epi64x((long long)base);
    for (uint32_t i = 0; i < n; i += 8, data += width) {
        for (unsigned half = 0; half < 2; half++) {
            const __m256i order = _mm256_load_si256((const __m256i *)(octet + 32 * half));
            const __m256i shift = _mm256_load_si256((const __m256i *)(down + 4 * half));
            __m128i low = _mm_loadu_si128((const __m128i *)(data + begin[2 * half]));
            __m128i high = _mm_loadu_si128((const __m128i *)(data + begin[2 * half + 1]));
            __m256i v = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), order);
            v = _mm256_and_si256(_mm256_srlv_epi64(v, shift), mask);
            _mm256_storeu_si256((__m256i *)(out + i + 4 * half), _mm256_add_epi64(v, add));
        }
    }
}

AVX2 static void unpack_avx2(int64_t *out, const uint8_t *data, uint64_t first, uint32_t n,
                             unsigned width, uint64_t base) {
    if (width == 0 || width > 57) {
        unpack_any(out, data, first, n, width, base);
        return;
    }
    uint32_t head = (uint32_t)(-first & 7);
    head = head < n ? head : n;
    unpack_any(out, data, first, head, width, base);
    uint32_t eights = (n - head) & ~UINT32_C(7);
    const uint8_t *from = data + (first + head) / 8 * width;
    if (eights && width <= 25)
        unpack_eights(out + head, from, eights, width, base);
    else if (eights)
        unpack_pairs(out + head, from, eights, width, base);
    uint32_t done = head + eights;
    unpack_any(out + done, data, first + done, n - done, width, base);
}

#define KERNEL(name) name##_avx2
#define KERNEL_NAME "avx2"
#define KERNEL_TARGET AVX2
#include "kernel_loops.h"
#undef KERNEL
#undef KERNEL_NAME
#undef KERNEL_TARGET

#endif

const struct kernels *kernels_variant(unsigned i) {
    if (i == 0)
        return &kernels_any;
#if HAVE_AVX2
    __builtin_cpu_init();
    if (i == 1 && __builtin_cpu_supports("avx2"))
        return &kernels_avx2;
#endif
    return NULL;
}

static const struct kernels *best = &kernels_any;

static void choose(void) {
    const char *simd = getenv("FLOWVT_SIMD");
    for (unsigned i = 0; kernels_variant(i) && !(simd && strcmp(simd, "0") == 0); i++)
        best = kernels_variant(i);
}

const struct kernels *kernels(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, choose);
    return best;
}
