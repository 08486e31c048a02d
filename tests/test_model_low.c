/* Opening .tern files of low-bit weights that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lies.h"

// clang-format off
/* k is 24 or 40: one group. query [2 panels][3, 3, 2 or 1 lines][64]. */
static const struct lie low_lies[][16] = {
    [INT4] = {
        {"layer.0.query.param", POKE, .index = 4, .value = TERN_N_FORMATS, .says = "layer.0.query.param"},
        {"layer.0.query.param", POKE, .index = 4, .value = -1, .says = "layer.0.query.param"},
        {"layer.1.ffn_down.param", POKE, .index = 4, .value = BIG, .says = "layer.1.ffn_down.param"},
        {"layer.1.ffn_down.param", POKE, .index = 4, .value = -BIG - 1, .says = "layer.1.ffn_down.param"},
        {"layer.0.ffn_up.param", POKE, .index = 4, .value = 0, .says = "layer.0.ffn_up.weight"}, /* says int8 */
        {"layer.0.ffn_up.param", POKE, .index = 4, .value = 5, .says = "layer.0.ffn_up.code"},   /* says int2 */
        {"layer.0.key.param", POKE, .index = 5, .value = 48, .says = "layer.0.key.group"},
        {"layer.0.key.param", POKE, .index = 5, .value = 0, .says = "layer.0.key.group"},
        {"layer.0.key.param", POKE, .index = 5, .value = -64, .says = "layer.0.key.group"},
        {"layer.1.value.group", POKE, .index = 0, .value = 0, .says = "layer.1.value.group"},
        {"layer.1.value.group", POKE, .index = 31, .value = 0, .says = "layer.1.value.group"}, /* pads N */
        {"layer.1.value.group", POKE, .index = 7, .value = 16, .says = "layer.1.value.group"},
        {"layer.1.value.group", POKE, .index = 7, .value = 255, .says = "layer.1.value.group"},
        {"layer.1.attn_out.group", DROP, .says = "layer.1.attn_out.group"},
        {"layer.0.attn_out.code", CODES, "layer.0.attn_out.code", 2, 4, .says = "layer.0.attn_out.code"},
        {"layer.0.attn_out.code", CODES, "layer.0.attn_out.code", 1, 3, .says = "layer.0.attn_out.code"},
    },
    [INT3] = {
        {"layer.1.value.group", POKE, .index = 3, .value = 19, .says = "layer.1.value.group"},
        {"layer.1.value.group", POKE, .index = 3, .value = 0, .says = "layer.1.value.group"},
        {"layer.0.query.param", POKE, .index = 4, .value = 5, .says = "layer.0.query.code"}, /* two planes of three */
        {"layer.0.attn_out.group", DROP, .says = "layer.0.attn_out.group"},
        {"layer.0.attn_out.code", DROP, .says = "layer.0.attn_out.code"},
        /* and these run */
        {"layer.1.value.group", POKE, .index = 3, .value = 18, .says = NULL},
        {"layer.1.value.code", POKE, .index = 3, .value = 255, .says = NULL},
        {"layer.0.ffn_up.param", POKE, .index = 0, .value = 0, .says = NULL},
        {"layer.0.ffn_up.param", POKE, .index = 0, .value = BIG, .says = NULL},
    },
    [TERNARY] = {
        {"layer.0.query.param", POKE, .index = 4, .value = 7, .says = "layer.0.query.code"},
        {"layer.0.query.param", POKE, .index = 4, .value = 5, .says = "layer.0.query.group"}, /* int2 wants groups */
        {"layer.0.query.param", POKE, .index = 5, .value = 48, .says = NULL},                 /* means nothing */
    },
    [BINARY] = {
        {"layer.0.query.param", POKE, .index = 4, .value = 6, .says = "layer.0.query.code"},
        {"layer.1.ffn_down.code", POKE, .index = 60, .value = -1, .says = NULL},
        {"layer.1.ffn_down.param", POKE, .index = 2, .value = -128, .says = NULL},
    },
    [INT7] = {
        {"layer.0.query.weight", POKE, .index = 5, .value = 64, .says = "the range is -63 to 63"},
        {"layer.1.ffn_down.weight", POKE, .index = 70, .value = -64, .says = "layer.1.ffn_down.weight"},
        {"layer.0.query.weight", POKE, .index = 5, .value = 63, .says = NULL},
        {"layer.0.query.weight", POKE, .index = 5, .value = -63, .says = NULL},
        {"layer.0.query.param", POKE, .index = 4, .value = 9, .says = "layer.0.query.weight"}, /* says int6 */
        {"layer.0.query.param", POKE, .index = 4, .value = 0, .says = NULL},                   /* int8 it is, too */
        {"layer.0.query.param", POKE, .index = 4, .value = 1, .says = "layer.0.query.code"},
    },
};
// clang-format on

static void test_lies_in_low_bit_files(void **state)
{
    (void)state;
    for (int f = 0; f < LOW_BITS; f++) {
        must_run(&good_low[f], low_names[f]);
        for (size_t i = 0; i < 16 && low_lies[f][i].tensor; i++)
            check_lie(&good_low[f], &low_lies[f][i]);
        check_every_tensor(&good_low[f]);
    }
}

/* A fourth code anywhere, also where only padding is: lines of two planes. */
static void test_ternary_codes(void **state)
{
    (void)state;
    for (int line = 0; line < 4; line += 2) /* [panels 2][planes 2][64] */
        for (int at = 0; at < 64; at += 9) {
            struct bytes one =
                tell(&good_low[TERNARY], &(struct lie){"layer.1.key.code", POKE, .value = 16, .index = line * 64 + at});
            struct bytes both =
                tell(&one, &(struct lie){"layer.1.key.code", POKE, .value = 16, .index = (line + 1) * 64 + at});
            refused(&both, "layer.1.key.code", "a fourth ternary code");
            free(both.data);
            free(one.data);
        }
}

/* What the config calls the weights is a label: matrices of any format run under any of them (a session of a model that
   was called int8 once had no room to unpack others). */
static void test_label_of_weights(void **state)
{
    (void)state;
    static const char *const labels[] = {"\"int8\"", "\"mixed\"", "\"binary\"", "\"nf4\""};
    for (int f = 0; f < LOW_BITS; f++)
        for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
            check_lie(&good_low[f], &(struct lie){NULL, CONFIG, "weights", .text = labels[i], .says = NULL});
    check_lie(&good_low[INT4], &(struct lie){NULL, CONFIG, "weights", .text = "\"f32\"", .says = "embed.word.weight"});
}

/* The heads of a file that Tern writes are int8. A low-bit pooler runs; a low-bit classifier has no kernel. */
static void test_low_bit_heads(void **state)
{
    (void)state;
    static const struct {
        const char *param, *weight, *code, *says;
        int panels;
    } heads[] = {{"pooler.param", "pooler.weight", "pooler.code", NULL, 2},
                 {"classifier.param", "classifier.weight", "classifier.code", "classifier", 1}};
    const struct bytes *const files[] = {&good, &good_low[INT4]};
    for (int i = 0; i < 4; i++) {
        const int h = i / 2;
        struct bytes says = tell(files[i % 2], &(struct lie){heads[h].param, POKE, .index = 4, .value = 7});
        refused(&says, heads[h].code, "codes of a head");
        struct bytes b = tell(&says, &(struct lie){heads[h].weight, CODES, heads[h].code, heads[h].panels, .value = 1});
        if (heads[h].says)
            refused(&b, heads[h].says, heads[h].param);
        else
            must_run(&b, heads[h].param);
        free(b.data);
        free(says.data);
    }
}

/* A unit of zero once passed the loader, and pooling then shifted by -24. */
static void test_zero_norm_unit(void **state)
{
    (void)state;
    struct bytes one = tell(&good, &(struct lie){"layer.1.ffn_norm.param", POKE, .index = 3, .value = 24});
    struct tern_safetensors st;
    assert_ok(tern_safetensors_open(&st, one.data, one.size, "one", &err));
    memset((uint8_t *)(uintptr_t)tern_safetensors_find(&st, "layer.1.ffn_norm.param")->data + 8, 0, 8);
    tern_safetensors_close(&st);
    struct bytes both = tell(&one, NULL);
    refused(&both, "layer.1.ffn_norm.param", "norm unit 0");
    free(both.data);
    free(one.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lies_in_low_bit_files), cmocka_unit_test(test_ternary_codes),
        cmocka_unit_test(test_label_of_weights),      cmocka_unit_test(test_low_bit_heads),
        cmocka_unit_test(test_zero_norm_unit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
