/* Config files that checkpoints were published with, before transformers had a class for them, say the same as those
   that transformers writes. Nomic's were refused: "there is no hidden_size". */
#include "quant/checkpoint_config.h"
#include "tests/make_checkpoint.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char dir[256];
static tern_error err;

#define USUAL                                                                                                          \
    "{\"model_type\": \"nomic_bert\", \"hidden_act\": \"silu\", \"hidden_size\": 24, \"intermediate_size\": 40, "      \
    "\"layer_norm_eps\": 1e-11, \"num_attention_heads\": 2, \"num_hidden_layers\": 3, \"type_vocab_size\": 2, "        \
    "\"vocab_size\": 96, \"rope_parameters\": {\"rope_theta\": 5000.0, \"rope_type\": \"default\"}, "                  \
    "\"max_position_embeddings\": %d}"
/* nomic-embed-text-v1.5's keys, as far as they say something. */
#define PUBLISHED                                                                                                      \
    "\"model_type\": \"nomic_bert\", \"activation_function\": \"swiglu\", \"n_embd\": 24, \"n_inner\": 40, "           \
    "\"layer_norm_epsilon\": 1e-11, \"n_head\": 2, \"n_layer\": 3, \"n_positions\": 64, \"max_trained_positions\": "   \
    "48, "                                                                                                             \
    "\"type_vocab_size\": 2, \"vocab_size\": 96, \"rotary_emb_base\": 5000, \"causal\": false, \"prenorm\": false, "   \
    "\"auto_map\": {\"AutoModel\": \"modeling_hf_nomic_bert.NomicBertModel\"}, \"qkv_proj_bias\": false, "             \
    "\"fused_bias_fc\": true, \"parallel_block\": false, \"use_flash_attn\": true, \"resid_pdrop\": 0.0, "             \
    "\"scale_attn_weights\": true, \"rotary_emb_scale_base\": null, \"use_rms_norm\": false"

/* The config of such a file as a .tern file has it; NULL where it is refused. */
static char *read_config(const char *text)
{
    struct tern_config config;
    test_write_file(dir, "config.json", text, strlen(text));
    if (tern_config_read_checkpoint(&config, &(struct tern_purpose){0}, dir, &err))
        return NULL;
    char *const json = tern_config_to_json(&config);
    assert_non_null(json);
    tern_config_free(&config);
    return json;
}

static void same(const char *published, int positions)
{
    char text[1000];
    snprintf(text, sizeof text, USUAL, positions);
    char *const usual = read_config(text), *const other = read_config(published);
    if (!usual || !other)
        fail_msg("%s", err.message);
    assert_string_equal(usual, other);
    free(usual);
    free(other);
}

static void test_nomic(void **state)
{
    (void)state;
    same("{" PUBLISHED ", \"rotary_emb_fraction\": 1.0, \"rotary_scaling_factor\": null}", 64);
    /* Other angles beyond what it was trained on: the model ends there. */
    same("{" PUBLISHED ", \"rotary_emb_fraction\": 1.0, \"rotary_scaling_factor\": 2}", 48);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"{" PUBLISHED ", \"rotary_emb_fraction\": 0.5}", "rotary_emb_fraction is not 1"},
        {"{" PUBLISHED ", \"rotary_emb_interleaved\": true}", "rotary_emb_interleaved is true"},
        /* Beside transformers' keys they were let pass unread. */
        {"{\"model_type\": \"nomic_bert\", \"hidden_size\": 24, \"rotary_emb_fraction\": 0.5}", "fraction is not 1"},
        {"{" PUBLISHED ", \"num_experts\": 8}", "mixtures of experts"},
        {"{\"model_type\": \"nomic_bert\", \"n_embd\": 24, \"activation_function\": \"gelu\"}", "swiglu is"},
        {"{\"model_type\": \"nomic_bert\", \"n_embd\": 24, \"scale_attn_weights\": false}",
         "scale_attn_weights is false"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_null(read_config(cases[i].text));
        if (!strstr(err.message, cases[i].says))
            fail_msg("\"%s\" does not say \"%s\"", err.message, cases[i].says);
    }
}

/* Without the keys, a config means what transformers' class takes then: gelu and 1e-12 were taken of all families. */
static void test_defaults(void **state)
{
    static const char *const families[] = {"bigbird", "fnet",  "nystromformer", "mobilebert",
                                           "albert",  "nomic", "ernie"};
    (void)state;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        char from[100];
        snprintf(from, sizeof from, "tests/golden/zoo/%s/config.json", families[i]);
        json_t *const root = json_load_file(from, 0, NULL);
        assert_non_null(root);
        char *const whole = json_dumps(root, 0), *const usual = read_config(whole);
        if (!usual)
            fail_msg("%s", err.message);
        json_object_del(root, "hidden_act");
        json_object_del(root, "layer_norm_eps");
        char *const less = json_dumps(root, 0), *const other = read_config(less);
        if (!other)
            fail_msg("%s", err.message);
        if (strcmp(usual, other) != 0)
            fail_msg("%s: %s is not %s", families[i], other, usual);
        free(whole);
        free(usual);
        free(less);
        free(other);
        json_decref(root);
    }
}

static int setup(void **state)
{
    (void)state;
    test_temp_dir(dir, sizeof dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_remove_dir(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nomic), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_defaults)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
