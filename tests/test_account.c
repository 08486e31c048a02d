/* Nothing of a checkpoint is lost in silence: every tensor and every key of config.json is used, known to be harmless,
   dropped aloud or refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quant/leftovers.h"
#include "tests/converting.h"
#include "tests/emulated.h"

/* ---- Tensors ---------------------------------------------------------------------------------------------------- */

/* Each of these vanished, and the file was the same as without it. */
static void test_tensors_that_change_the_answer(void **state)
{
    static const char *const names[] = {
        "encoder.layer.0.attention.self.gate.weight",
        "encoder.layer.0.attention.self.inner_attn_ln.weight",
        "encoder.layer.1.output.ffn_layernorm.bias",
        "encoder.layer.1.attention.self.query.clip_val",
        "encoder.layer.1.attention.self.query_global.weight", /* Longformer's, in a BERT */
        "encoder.layer.0.attention.self.query.lora_A.default.weight",
        "encoder.layer.0.output.adapters.a.adapter_down.weight",
        "encoder.layer.0.attention.self.distance_embedding.weight",
        "encoder.layer.2.attention.self.query.weight",
        "encoder.layer.0.attention.self.query.parametrizations.weight.original0",
        "encoder.layer.0.attention.self.query.weight_g",
        "encoder.layer.0.attention.self.query.weight_mask",
        "encoder.layer.0.attention.self.query.weight_scale",
        "encoder.layer.0.intermediate.dense.activation_post_process.fake_quant_enabled",
        "embeddings.projection.weight",
        "embeddings.token_type_ids", /* random numbers, not 0 */
        "qa_outputs.weight",
        "gate.weight",
        "encoder.final_norm.weight",
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *const extra[] = {names[i], NULL};
        const struct test_checkpoint_spec spec = {.extra = extra, .hidden = 24};
        char says[200];
        snprintf(says, sizeof says, "tensor %s", names[i]);
        refused(convert_spec(&spec, NULL), TERN_FORMAT, says);
    }
}

static void test_tensors_that_do_not(void **state)
{
    static const char *const names[] = {
        "loss_fct.weight",
        "encoder.layer.0.attention.self.query.weight_fake_quant.scale",
        "encoder.layer.0.intermediate.dense.activation_post_process.min_val",
    };
    const struct test_checkpoint_spec plain = {.hidden = 24};
    size_t size[2];
    (void)state;
    assert_ok(convert_spec(&plain, NULL));
    char *expected = test_read_file(path, &size[0]);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *const extra[] = {names[i], NULL};
        const struct test_checkpoint_spec spec = {.extra = extra, .hidden = 24};
        assert_ok(convert_spec(&spec, NULL));
        char *bytes = test_read_file(path, &size[1]);
        assert_int_equal(size[0], size[1]);
        assert_memory_equal(bytes, expected, size[0]);
        free(bytes);
    }
    free(expected);
}

/* Numbers 0, 1, 2 ... in a type, of which one may be another. */
struct counted {
    enum tern_dtype dtype;
    int wrong;
};

static void count_up(void *context, struct test_tensor *t)
{
    const struct counted *c = context;
    if (t->canonical || !strstr(t->name, "_ids"))
        return;
    for (size_t i = 0; i < t->count; i++)
        t->values[i] = strstr(t->name, "position") ? (float)i : 0;
    t->values[t->count - 1] += (float)c->wrong;
    t->dtype = c->dtype;
}

/* Only I64, I32, I8, U8, BOOL and F32 were read; whoever cast a checkpoint as a whole had to take position_ids out.
   More of them than bfloat16 can count are rounded, as torch does: 257 is 256. */
static void test_positions_of_all_types(void **state)
{
    static const struct {
        enum tern_dtype dtype;
        int most; /* that it can count, or round */
    } types[] = {{TERN_F32, 300}, {TERN_F16, 300}, {TERN_BF16, 300}, {TERN_I64, 300}, {TERN_I32, 300},
                 {TERN_I16, 300}, {TERN_I8, 128},  {TERN_U8, 256},   {TERN_BOOL, 0},  {TERN_F64, 300}};
    static const char *const names[] = {"embeddings.position_ids", "embeddings.token_type_ids", NULL};
    (void)state;
    for (size_t i = 0; i < 4 * sizeof types / sizeof types[0]; i += (size_t)stride_emulated(3)) {
        struct counted c = {types[i / 4].dtype, i & 1 ? 2 : 0};
        const int hidden = i & 2 ? 300 : 24;
        struct test_checkpoint_spec spec = {.extra = types[i / 4].most < hidden ? names + 1 : names,
                                            .hidden = hidden,
                                            .layers = 1,
                                            .intermediate = 8,
                                            .vocab = 30,
                                            .edit = count_up,
                                            .context = &c};
        const tern_status status = convert_spec(&spec, NULL);
        if (c.wrong)
            refused(status, TERN_FORMAT, "_ids: ");
        else
            assert_ok(status);
    }
}

/* A pooler is the family's own, or nobody knows what it is: each of these was dropped as one. */
static void test_poolers_of_others(void **state)
{
    static const char *const bert[] = {"pre_classifier.weight", NULL}, *const distilbert[] = {"pooler.dense.bias",
                                                                                              NULL};
    struct test_checkpoint_spec spec = {.hidden = 24, .extra = bert, .pooler = 1, .n_labels = 2};
    (void)state;
    refused(convert_spec(&spec, NULL), TERN_FORMAT, "tensor pre_classifier.weight is no part of the model");
    assert_ok(convert_spec(&spec, "embed"));
    reported("dropped: pre_classifier.* (outside of the encoder)");
    spec.architecture = TERN_DISTILBERT;
    spec.extra = distilbert;
    refused(convert_spec(&spec, NULL), TERN_FORMAT, "tensor pooler.dense.bias is no part of the model");
}

/* Names in wrappers: the context is a pattern of what becomes of a name, with one %s for its stem and one for its end.
 */
static void wrap(void *context, struct test_tensor *t)
{
    char name[160], *dot = strrchr(t->name, '.');
    if (tern_is_harmless(t->name))
        return;
    const char *const *parts = context; /* in front, before the last part */
    snprintf(name, sizeof name, "%s%.*s%s%s", parts[0], (int)(dot - t->name), t->name, parts[1], dot);
    memcpy(t->name, name, sizeof name);
}

static void test_wrappers(void **state)
{
    static const char *const wrappers[][3] = {
        {"_orig_mod.", "", "names: _orig_mod. taken out"},
        {"module.", "", "names: module. taken out"},
        {"module._orig_mod.", "", "taken out"},
        {"model._orig_mod.", "", "names: model. taken off the front"},
        {"model.module.", "", "names: model. taken off the front"},
        {"", ".module", "names: module. taken out"},
        {"0.auto_model.", "", "names: 0. taken off the front"},
        {"_fsdp_wrapped_module.", "._checkpoint_wrapped_module", "taken out"},
        /* With the loss beside it, nothing was taken off. */
        {"model.", "", "names: model. taken off the front of 41"},
        {"net.model.", "", "names: net. taken off the front of 41"},
    };
    static const char *const loss[] = {"loss_fn.weight", NULL};
    struct test_checkpoint_spec spec = {.hidden = 24, .pooler = 1, .n_labels = 2, .prefix = "bert.", .extra = loss};
    size_t size[2];
    (void)state;
    assert_ok(convert_spec(&spec, NULL));
    char *expected = test_read_file(path, &size[0]);
    spec.edit = wrap;
    for (size_t i = 0; i < sizeof wrappers / sizeof wrappers[0]; i++) {
        spec.context = (void *)(uintptr_t)wrappers[i];
        assert_ok(convert_spec(&spec, NULL));
        reported(wrappers[i][2]);
        char *bytes = test_read_file(path, &size[1]);
        assert_int_equal(size[0], size[1]);
        assert_memory_equal(bytes, expected, size[0]);
        free(bytes);
    }
    free(expected);
    /* Two names that become one. */
    const char *const extra[] = {"module.bert.embeddings.LayerNorm.weight", NULL};
    spec = (struct test_checkpoint_spec){.hidden = 24, .prefix = "bert.", .extra = extra};
    refused(convert_spec(&spec, NULL), TERN_FORMAT, "two tensors are bert.embeddings.LayerNorm.weight");
}

/* ---- Keys of config.json ---------------------------------------------------------------------------------------- */

static void test_keys(void **state)
{
    static const struct {
        const char *config, *says; /* NULL: converted */
    } cases[] = {
        /* What transformers, its older versions and people write. */
        {"\"_name_or_path\":\"bert-base-uncased\",\"transformers_version\":\"4.9\",\"torch_dtype\":\"float32\"", NULL},
        {"\"gradient_checkpointing\":false,\"use_cache\":true,\"output_past\":true,\"_num_labels\":2", NULL},
        {"\"hidden_dropout_prob\":0.1,\"classifier_dropout\":0.2,\"initializer_range\":0.02,\"dtype\":\"float16\"",
         NULL},
        {"\"finetuning_task\":\"sst2\",\"label2id\":{\"a\":0},\"num_labels\":2,\"pad_token_id\":0", NULL},
        {"\"directionality\":\"bidi\",\"pooler_fc_size\":768,\"pooler_type\":\"first_token_transform\"", NULL},
        {"\"emb_size\":24,\"cell\":{},\"structure\":[],\"pre_trained\":\"\",\"training\":\"\"", NULL},
        {"\"is_decoder\":false,\"add_cross_attention\":false,\"bos_token_id\":null,\"position_embedding_type\":null",
         NULL},
        {"\"tie_word_embeddings\":true,\"chunk_size_feed_forward\":0,\"is_encoder_decoder\":false", NULL},
        {"\"max_length\":64,\"padding\":\"max_length\",\"_num_labels\":3", NULL}, /* AutoTrain */
        {"\"temperature\":1.0,\"top_k\":50,\"do_sample\":false,\"length_penalty\":1.0", NULL},
        /* All that transformers 2 to 4 wrote when nothing but differences was not yet the rule. */
        {"\"output_hidden_states\":false,\"output_attentions\":false,\"torchscript\":false,\"use_bfloat16\":false,"
         "\"tie_encoder_decoder\":false,\"max_length\":20,\"min_length\":0,\"early_stopping\":false,\"num_beams\":1,"
         "\"num_beam_groups\":1,\"diversity_penalty\":0.0,\"top_p\":1.0,\"typical_p\":1.0,\"repetition_penalty\":1.0,"
         "\"no_repeat_ngram_size\":0,\"bad_words_ids\":null,\"num_return_sequences\":1,\"return_dict\":true,"
         "\"prefix\":null,\"eos_token_ids\":[102],\"decoder_start_token_id\":null,\"task_specific_params\":null,"
         "\"xla_device\":true,\"summary_type\":\"first\",\"tokenizer_class\":null,\"name_or_path\":\"x\","
         "\"cross_attention_hidden_size\":null,\"remove_invalid_values\":false,\"attn_implementation\":\"sdpa\"",
         NULL},
        {"\"some_feature\":false,\"other\":null,\"another\":0,\"list\":[]", NULL},
        {"\"position_embedding_type\":\"absolute\",\"layer_norm_type\":\"layer_norm\"", NULL},
        /* What would be another model. */
        {"\"is_decoder\":true", "is_decoder is true; only encoders"},
        {"\"add_cross_attention\":true", "add_cross_attention is true"},
        {"\"position_embedding_type\":\"relative_key\"", "position_embedding_type is \"relative_key\""},
        {"\"position_embedding_type\":\"alibi\"", "alibi"},
        {"\"classifier_activation\":\"tanh\"", "classifier_activation is \"tanh\""},
        /* Rows for pooler_* and output_* let these through. */
        {"\"pooler_act\":\"relu\"", "pooler_act is \"relu\"; Tern does not know it"},
        {"\"pooler_type\":\"mean\"", "pooler_type is \"mean\"; only BERT's pooler"},
        {"\"output_activation\":\"tanh\"", "output_activation is \"tanh\""},
        {"\"layer_norm_type\":\"rms\"", "layer_norm_type is \"rms\""},
        {"\"quantization_config\":{\"load_in_8bit\":true}", "quantised already"},
        {"\"auto_map\":{\"AutoModel\":\"my.Model\"}", "auto_map is {\"AutoModel\":\"my.Model\"}"},
        {"\"emb_size\":12", "emb_size is 12; the model has 24"},
        {"\"embedding_size\":12", "embedding_size is 12"},
        {"\"gated_attention\":true", "gated_attention is true; Tern does not know it"},
        {"\"rope_theta\":10000.0", "rope_theta"},
        {"\"num_experts\":4", "num_experts is 4"},
        {"\"norm_kind\":\"a string that is longer than what a message of one line has room for, by far\"", "..."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct test_checkpoint_spec spec = {.config = cases[i].config, .hidden = 24};
        const tern_status status = convert_spec(&spec, NULL);
        if (cases[i].says)
            refused(status, TERN_FORMAT, cases[i].says);
        else
            assert_ok(status);
    }
    const struct test_checkpoint_spec distil = {
        .architecture = TERN_DISTILBERT,
        .config = "\"hidden_size\":24,\"sinusoidal_pos_embds\":true,\"hidden_act\":\"relu\"",
        .hidden = 24};
    assert_ok(convert_spec(&distil, NULL));
    const struct test_checkpoint_spec other = {
        .architecture = TERN_DISTILBERT, .config = "\"hidden_size\":48", .hidden = 24};
    refused(convert_spec(&other, NULL), TERN_FORMAT, "hidden_size is 48; the model has 24");
}

/* ---- Numbers ---------------------------------------------------------------------------------------------------- */

struct extreme {
    const char *canonical; /* names that begin so */
    float value;
    int all; /* elements, or one */
};

static void plant(void *context, struct test_tensor *t)
{
    const struct extreme *e = context;
    const size_t n = strlen(e->canonical);
    for (size_t i = 0; t->canonical && !strncmp(t->canonical, e->canonical, n) && i < (e->all ? t->count : 1); i++)
        t->values[i] = e->value;
}

/* Whatever is in the tensors: a model that opens, or one line that names the checkpoint's tensor or what the check of
   the written model found. The wrong answer was that the loader refused what was written, or biases that were cut off.
 */
static void test_extremes(void **state)
{
    static const char *const names[][2] = {
        {"embed.word.weight", "embeddings.word_embeddings.weight"},
        {"embed.position.weight", "embeddings.position_embeddings.weight"},
        {"embed.norm.weight", "embeddings.LayerNorm.weight"},
        {"embed.norm.bias", "embeddings.LayerNorm.bias"},
        {"layer.0.query.weight", "encoder.layer.0.attention.self.query.weight"},
        {"layer.0.query.bias", "encoder.layer.0.attention.self.query.bias"},
        {"layer.1.value.weight", "encoder.layer.1.attention.self.value.weight"},
        {"layer.1.attn_out.weight", "encoder.layer.1.attention.output.dense.weight"},
        {"layer.1.attn_out.bias", "encoder.layer.1.attention.output.dense.bias"},
        {"layer.0.attn_norm.weight", "encoder.layer.0.attention.output.LayerNorm.weight"},
        {"layer.1.ffn_up.weight", "encoder.layer.1.intermediate.dense.weight"},
        {"layer.0.ffn_down.bias", "encoder.layer.0.output.dense.bias"},
        {"layer.1.ffn_norm.weight", "encoder.layer.1.output.LayerNorm.weight"},
        {"pooler.weight", "pooler.dense.weight"},
        {"classifier.weight", "classifier.weight"},
        {"classifier.bias", "classifier.bias"},
    };
    static const float values[] = {0, 1e-45f, 1e-38f, 1e-20f, 1e-9f, 1e5f, 4e9f, 1e10f, 1e20f, 3e38f};
    struct extreme e;
    struct test_checkpoint_spec spec = {.hidden = 24, .pooler = 1, .n_labels = 3, .edit = plant, .context = &e};
    const size_t n = 2 * sizeof names / sizeof names[0] * (sizeof values / sizeof values[0]);
    const size_t stride = (size_t)stride_emulated(11);
    int opens = 0, named = 0, checked = 0;
    (void)state;
    for (size_t i = 0; i < n; i += stride) {
        const char *const *const name = names[i / 2 % (sizeof names / sizeof names[0])];
        e = (struct extreme){name[0], values[i / 2 / (sizeof names / sizeof names[0])], i % 2};
        const tern_status status = convert_spec(&spec, NULL);
        if (status == TERN_OK) {
            tern_model_close(opened());
            opens++;
        } else if (status == TERN_DIFFERENT || strstr(err.message, "own answers are NaN")) {
            checked++;
        } else if (status != TERN_FORMAT || strstr(err.message, ".tern") || !strstr(err.message, "integers cannot")) {
            fail_msg("%s %g: %s: %s", name[0], (double)e.value, tern_status_name(status), err.message);
        } else {
            named++;
        }
        if (e.value >= 1e10f)
            refused(status, TERN_FORMAT, name[1]);
    }
    printf("%d models, %d refused by tensor, %d by the check\n", opens, named, checked);
    assert_true((size_t)opens > n / 4 / stride && (size_t)named > n / 4 / stride);
    e = (struct extreme){"classifier.bias", 9000, 0}; /* was cut off at 8192 */
    refused(convert_spec(&spec, NULL), TERN_FORMAT, "tensor classifier.bias: ");
    e = (struct extreme){"layer.1.ffn_norm.", 1e-20f, 1}; /* was refused by the loader */
    refused(convert_spec(&spec, NULL), TERN_FORMAT, "tensor encoder.layer.1.output.LayerNorm.weight: ");
    e = (struct extreme){"classifier.weight", 1e6f, 1}; /* all logits were 32768 */
    refused(convert_spec(&spec, NULL), TERN_DIFFERENT, "logits are beyond what integers hold");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensors_that_change_the_answer),
        cmocka_unit_test(test_tensors_that_do_not),
        cmocka_unit_test(test_positions_of_all_types),
        cmocka_unit_test(test_poolers_of_others),
        cmocka_unit_test(test_wrappers),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_extremes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
