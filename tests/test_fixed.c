/* The scalars of simd/fixed.h and simd/ops.h against real arithmetic, over their whole range where that is possible. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "simd/ops.h"
#include "tests/rng.h"

#include <math.h>

static void rounding(void **state)
{
    (void)state;
    assert_int_equal(tern_sat16(32768), 32767);
    assert_int_equal(tern_sat16(-32769), -32768);
    assert_int_equal(tern_sat16(INT32_MIN), -32768);
    assert_int_equal(tern_adds(32767, 1), 32767);
    assert_int_equal(tern_adds(-32768, -32768), -32768);
    /* Halves go towards plus infinity, on both sides of zero. */
    assert_int_equal(tern_rshift(1, 1), 1);
    assert_int_equal(tern_rshift(-1, 1), 0);
    assert_int_equal(tern_rshift(-3, 1), -1);
    assert_int_equal(tern_rshift(7, 0), 7);
    assert_int_equal(tern_rshift(INT32_MIN, 31), -1);
    /* The added half wraps, as in SIMD: not 1. */
    assert_int_equal(tern_rshift(INT32_MAX, 31), -1);
    assert_int_equal(tern_rshift(INT32_MAX, 1), INT32_MIN / 2);
    assert_true(tern_rshift64(-3, 1) == -1 && tern_rshift64(INT64_MIN, 63) == -1 && tern_rshift64(5, 0) == 5);
    assert_int_equal(tern_mulr(1, 16384), 1);
    assert_int_equal(tern_mulr(-1, 16384), 0);
    assert_int_equal(tern_mulr(32767, 32767), 32766);
    assert_int_equal(tern_mulr(-32768, 32767), -32767);
    assert_int_equal(tern_mulr(-32767, -32767), 32766);
    assert_int_equal(tern_add32(INT32_MAX, 1), INT32_MIN);
    assert_int_equal(tern_bits(0), 0);
    assert_int_equal(tern_bits(1), 1);
    assert_int_equal(tern_bits(1ull << 63), 64);
    assert_true(tern_floor_div(-1, 3) == -1 && tern_floor_div(-3, 3) == -1 && tern_floor_div(-4, 3) == -2 &&
                tern_floor_div(4, 3) == 1);
}

/* q grows with x, so that the ends show the range; between them, q is within a half and 1/128 of 127 x / amax. */
static void to_s8(void **state)
{
    (void)state;
    struct tern_s8_scale zero = tern_s8_scale_of(0);
    assert_int_equal(tern_to_s8(0, zero), 0);
    double worst = 0;
    for (int amax = 1; amax <= 32767; amax++) {
        struct tern_s8_scale s = tern_s8_scale_of(amax);
        assert_in_range(s.shift, 0, 14);
        assert_in_range(s.mul, 16256, 32512);
        assert_in_range(amax << s.shift, 1 << 14, (1 << 15) - 1);
        assert_int_equal(tern_to_s8((int16_t)amax, s), 127);
        assert_int_equal(tern_to_s8((int16_t)-amax, s), -127);
        int last = -127, step = amax < 700 ? 1 : amax / 300;
        for (int x = -amax; x <= amax; x += step) {
            int q = tern_to_s8((int16_t)x, s);
            assert_true(q >= last && q <= 127);
            last = q;
            worst = fmax(worst, fabs(q - 127.0 * x / amax));
        }
    }
    assert_true(worst <= 0.5 + 1.0 / 128);
}

static void rsqrt(void **state)
{
    (void)state;
    double worst = 0;
    uint32_t last = 0x7FFFFFFF;
    for (uint64_t x = 1u << 30; x < 1ull << 32; x += x < (1u << 30) + 100000 || x > 0xFFFE0000u ? 1 : 997) {
        uint32_t y = tern_rsqrt((uint32_t)x);
        assert_in_range(y, 1u << 30, 0x7FFFFFFF);
        worst = fmax(worst, fabs(y * 0x1p-30 * sqrt((double)x * 0x1p-32) - 1));
        /* Floors within the steps may let it rise by a few units. */
        assert_true(y <= last + 4);
        last = y;
    }
    assert_true(worst < 2e-9);
}

/* The documented 7e-5 of the cubic, and what its three roundings and the final cut add: under 3 units of 1 / 32,512. */
static void exp2_(void **state)
{
    (void)state;
    assert_int_equal(tern_exp2(0), 127 * 256);
    int last = 127 * 256;
    for (int t = 0; t <= 32767; t++) {
        int y = tern_exp2((int16_t)t);
        assert_true(y >= 0 && y <= last);
        last = y;
        double error = y - 127 * 256 * exp2(-t / 1024.0), scale = exp2(-(t >> 10));
        assert_true(error <= (7e-5 * 32512 + 1.5) * scale && error >= -(7e-5 * 32512 + 1.5) * scale - 1);
    }
    assert_int_equal(last, 0);
}

static void softmax_cut(void **state)
{
    (void)state;
    for (int shift = -8; shift < 0; shift++) {
        uint32_t cut = tern_softmax_cut(shift);
        assert_in_range(cut << -shift, 32767 - (1 << -shift) + 1, 32767);
    }
    assert_true(tern_softmax_cut(0) == 0xFFFFFFFFu && tern_softmax_cut(31) == 0xFFFFFFFFu);
}

/* The scale of LayerNorm against 1 / sqrt in double. d16's largest magnitude is at least 2^14, so sum2 >= 2^28. */
static void layernorm_scale(void **state)
{
    (void)state;
    struct rng r = rng_seeded(1, "layernorm_scale");
    for (int i = 0; i < 200000; i++) {
        uint64_t sum2 = (1ull << 28) + (rng_next(&r) >> rng_between(&r, 21, 63));
        struct tern_layernorm_scale s = tern_layernorm_scale_of(sum2, 0, (int)rng_between(&r, -14, 17));
        assert_in_range(s.mul, 1 << 14, 32767);
        assert_in_range(s.exp, 14, 31);
        double unit = s.mul * exp2(-s.exp), want = 32768 / sqrt((double)sum2);
        assert_true(fabs(unit / want - 1) < 1.0 / 16384);
    }
}

/* eps is in units of s squared: it counts the same whatever the scale of d16 is, and however large it is. */
static void layernorm_eps(void **state)
{
    (void)state;
    for (int shift = -14; shift <= 17; shift++) {
        for (int bits = 0; bits <= 62; bits++) {
            uint64_t eps = 1ull << bits, sum2 = 1ull << 28;
            double scaled = fmin((double)eps * exp2(-2 * shift), 0x1p62);
            struct tern_layernorm_scale s = tern_layernorm_scale_of(sum2, eps, shift);
            double unit = s.mul * exp2(-s.exp), want = 32768 / sqrt((double)sum2 + scaled);
            assert_in_range(s.exp, 14, 31);
            assert_true(fabs(unit / want - 1) < 1.0 / 16384);
        }
    }
    assert_int_equal(tern_layernorm_n16(32767, tern_layernorm_scale_of(1ull << 30, 1ull << 62, 0)), 0);
}

static void layernorm_d16(void **state)
{
    (void)state;
    struct rng r = rng_seeded(1, "layernorm_d16");
    for (int i = 0; i < 200000; i++) {
        uint32_t dmax = 1 + (uint32_t)(rng_next(&r) % (1u << rng_between(&r, 1, 31)));
        int shift = tern_layernorm_shift(dmax);
        int32_t d16 = tern_layernorm_d16((int32_t)(0 - dmax), shift);
        assert_in_range(-d16, 1 << 14, 32767);
    }
    /* The one magnitude that only an unsigned number holds. */
    assert_int_equal(tern_layernorm_d16(INT32_MIN, tern_layernorm_shift(1u << 31)), -16384);
    /* tern_rshift's addition wraps: the last 2^15 values below 2^31 change their sign. A residual stream this large has
       wrapped before; what counts is that every kernel does the same. */
    assert_int_equal(tern_layernorm_d16(INT32_MAX - 32768, 16), 32767);
    assert_int_equal(tern_layernorm_d16(INT32_MAX, 16), -32767);
    assert_int_equal(tern_layernorm_d16(-65535, tern_layernorm_shift(65535)), -32767);
}

/* round(x * mul * 2^(bits - exp)), ties upwards, against exact arithmetic in doubles where they hold it. */
static void real_apply(void **state)
{
    (void)state;
    struct tern_real half = {1 << 30, 31}, zero = {0, 0}, huge = {INT32_MAX, -200}, tiny = {INT32_MAX, 300};
    assert_int_equal(tern_real_apply(3, half, 0, 100), 2);
    assert_int_equal(tern_real_apply(5, half, 0, 2), 2);
    assert_int_equal(tern_real_apply(5, zero, 0, 100), 0);
    assert_int_equal(tern_real_apply(0, huge, 0, 100), 0);
    assert_int_equal(tern_real_apply(1, huge, 0, 100), 100);
    assert_int_equal(tern_real_apply(UINT32_MAX, tiny, 0, 100), 0);
    struct rng r = rng_seeded(1, "real_apply");
    for (int i = 0; i < 200000; i++) {
        struct tern_real real = {(int32_t)rng_between(&r, 1 << 30, INT32_MAX), (int32_t)rng_between(&r, -70, 110)};
        uint32_t x = (uint32_t)rng_next(&r) >> rng_between(&r, 11, 31);
        int64_t limit = (int64_t)(rng_next(&r) >> rng_between(&r, 12, 63));
        double want = floor((double)x * real.mul * exp2(-real.exp) + 0.5);
        want = want > (double)limit ? (double)limit : want;
        assert_true((double)tern_real_apply(x, real, 0, limit) == want);
    }
}

/* Every value of y with the polynomial that is x itself: the variable covers [-1, 1] and clamps beyond the limit. */
static void poly_variable(void **state)
{
    (void)state;
    struct tern_poly p = {.limit = 5000, .shift = 2, .c = {0, 32767}};
    p.mul = (int16_t)((32767 - (5000 << 2)) * 32768 / (5000 << 2));
    int last = -32768;
    for (int y = 0; y <= 32767; y++) {
        int x = tern_poly_eval((int16_t)y, &p);
        assert_true(x >= last && tern_poly_eval((int16_t)-y, &p) == x);
        assert_true(fabs(x - (65534.0 * fmin(y, 5000) / 5000 - 32767)) < 6);
        last = x;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounding),      cmocka_unit_test(to_s8),         cmocka_unit_test(rsqrt),
        cmocka_unit_test(exp2_),         cmocka_unit_test(softmax_cut),   cmocka_unit_test(layernorm_scale),
        cmocka_unit_test(layernorm_eps), cmocka_unit_test(layernorm_d16), cmocka_unit_test(real_apply),
        cmocka_unit_test(poly_variable),
    };
    return cmocka_run_group_tests_name("fixed", tests, NULL, NULL);
}
