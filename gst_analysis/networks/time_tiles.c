/* What stands between the convolutions of a fused network (time_tiles.py says why, and holds the sums in torch).
 *
 * Frames lie in memory as (clips * frames, pixels, channels). Compiled once by native.py, once with
 * numbers of 32 bits and once, with -DHALF, of 16 (bfloat16); sums are of 32 bits in both.
 */

#include <stdint.h>
#include <string.h>

#ifdef HALF
typedef uint16_t number;
static inline float get(number bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, 4);
    return value;
}
static inline number put(float value) {
    uint32_t wide;
    memcpy(&wide, &value, 4);
    return (number)((wide + 0x7fffu + ((wide >> 16) & 1u)) >> 16); /* to the nearest, ties to even */
}
#else
typedef float number;
static inline float get(number value) { return value; }
static inline number put(float value) { return value; }
#endif

/* One row of channels of every tile's frames becomes one row of each of its terms. */
static inline void enter2(const number *const *in, number *const *out, long channels) {
    const number *restrict a = in[0], *restrict b = in[1], *restrict c = in[2], *restrict d = in[3];
    number *restrict p = out[0], *restrict q = out[1], *restrict r = out[2], *restrict s = out[3];
#pragma omp simd
    for (long i = 0; i < channels; i++) {
        float first = get(a[i]), second = get(b[i]), third = get(c[i]), fourth = get(d[i]);
        p[i] = put(first - third);
        q[i] = put(second + third);
        r[i] = put(third - second);
        s[i] = put(second - fourth);
    }
}

static inline void enter4(const number *const *in, number *const *out, long channels) {
    const number *restrict a = in[0], *restrict b = in[1], *restrict c = in[2];
    const number *restrict d = in[3], *restrict e = in[4], *restrict f = in[5];
    number *restrict p = out[0], *restrict q = out[1], *restrict r = out[2];
    number *restrict s = out[3], *restrict t = out[4], *restrict u = out[5];
#pragma omp simd
    for (long i = 0; i < channels; i++) {
        float x0 = get(a[i]), x1 = get(b[i]), x2 = get(c[i]), x3 = get(d[i]), x4 = get(e[i]), x5 = get(f[i]);
        float even = x4 - 4 * x2, odd = x3 - 4 * x1, far = x4 - x2, twice = 2 * (x3 - x1);
        p[i] = put(4 * x0 - 5 * x2 + x4);
        q[i] = put(even + odd);
        r[i] = put(even - odd);
        s[i] = put(far + twice);
        t[i] = put(far - twice);
        u[i] = put(4 * x1 - 5 * x3 + x5);
    }
}

/* x: (clips * frames, pixels, row), of which `channels` from `start` are read.
 * out: (span + 2, clips * tiles, pixels, channels), a tile being `span` frames that leave it. */
void enter_tiles(const number *x, number *out, long clips, long frames, long pixels, long row, long start,
                 long channels, long span, const number *zeros, long threads) {
    long tiles = (frames + span - 1) / span, terms = span + 2, size = clips * tiles * pixels * channels;
#pragma omp parallel for collapse(2) num_threads(threads)
    for (long tile = 0; tile < clips * tiles; tile++) {
        for (long pixel = 0; pixel < pixels; pixel++) {
            long clip = tile / tiles, before = tile % tiles * span - 1;
            const number *in[6];
            number *to[6];
            for (long k = 0; k < terms; k++) {
                long frame = before + k, inside = frame >= 0 && frame < frames;
                in[k] = inside ? x + ((clip * frames + frame) * pixels + pixel) * row + start : zeros;
                to[k] = out + k * size + (tile * pixels + pixel) * channels;
            }
            if (span == 2)
                enter2(in, to, channels);
            else
                enter4(in, to, channels);
        }
    }
}

static inline float within(float value, float low, float high) {
    value = value < low ? low : value;
    return value > high ? high : value;
}

static inline void leave2(const number *const *in, number *const *out, const float *restrict bias, float low,
                          float high, long channels) {
    const number *restrict a = in[0], *restrict b = in[1], *restrict c = in[2], *restrict d = in[3];
    number *restrict p = out[0], *restrict q = out[1];
#pragma omp simd
    for (long i = 0; i < channels; i++) {
        float first = get(a[i]), second = get(b[i]), third = get(c[i]), fourth = get(d[i]);
        q[i] = put(within(second - third - fourth + bias[i], low, high));
        p[i] = put(within(first + second + third + bias[i], low, high));
    }
}

static inline void leave4(const number *const *in, number *const *out, const float *restrict bias, float low,
                          float high, long channels) {
    const number *restrict a = in[0], *restrict b = in[1], *restrict c = in[2];
    const number *restrict d = in[3], *restrict e = in[4], *restrict f = in[5];
    number *restrict p = out[0], *restrict q = out[1], *restrict r = out[2], *restrict s = out[3];
#pragma omp simd
    for (long i = 0; i < channels; i++) {
        float one = get(b[i]), two = get(c[i]), three = get(d[i]), four = get(e[i]);
        float sum = one + two, gap = one - two, outer = three + four, apart = three - four;
        s[i] = put(within(gap + 8 * apart + get(f[i]) + bias[i], low, high));
        r[i] = put(within(sum + 4 * outer + bias[i], low, high));
        q[i] = put(within(gap + 2 * apart + bias[i], low, high));
        p[i] = put(within(get(a[i]) + sum + outer + bias[i], low, high));
    }
}

/* parts: span + 2 tensors (clips * tiles, pixels, channels); y: (clips * frames, pixels, row), written from
 * `start` on. Frames past the clip's end are written to `spare`. */
void leave_tiles(const number *const *parts, number *y, const float *bias, long clips, long frames,
                 long pixels, long row, long start, long channels, long span, float low, float high,
                 long threads) {
    long tiles = (frames + span - 1) / span;
#pragma omp parallel for collapse(2) num_threads(threads)
    for (long tile = 0; tile < clips * tiles; tile++) {
        for (long pixel = 0; pixel < pixels; pixel++) {
            long clip = tile / tiles, first = tile % tiles * span;
            const number *in[6];
            number *to[4], spare[channels];
            for (long k = 0; k < span + 2; k++)
                in[k] = parts[k] + (tile * pixels + pixel) * channels;
            for (long k = 0; k < span; k++) {
                long frame = first + k;
                number *place = y + ((clip * frames + frame) * pixels + pixel) * row + start;
                to[k] = frame < frames ? place : spare;
            }
            if (span == 2)
                leave2(in, to, bias, low, high, channels);
            else
                leave4(in, to, bias, low, high, channels);
        }
    }
}

/* Some channels of every row, to a place in rows of another width. */
void copy_channels(const number *from, long from_row, number *to, long to_row, long rows, long channels,
                   long threads) {
#pragma omp parallel for num_threads(threads)
    for (long i = 0; i < rows; i++)
        memcpy(to + i * to_row, from + i * from_row, channels * sizeof(number));
}
