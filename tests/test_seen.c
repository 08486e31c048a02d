/* Which keys queries see, against a list that is made key by key; and what is refused of config.json, and in files, of
   the families for long texts. Answers are those of tests/test_zoo.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models/seen.h"
#include "quant/checkpoint.h"
#include "quant/checkpoint_config.h"
#include "quant/convert.h"
#include "tests/lies.h"

/* How often query q counts key k, as transformers' classes say: a window, global first tokens, or blocks. */
static int times_seen(const struct tern_layer_spec *l, int tokens, int globals, int q, int k)
{
    if (l->block && tokens > (5 + 2 * l->repeats) * l->block) {
        const int mine = q / l->block, its = k / l->block, last = (tokens - 1) / l->block;
        if (mine == 0 || mine == last || its == last)
            return 1;
        return its == 0 ? 1 + l->repeats : abs(mine - its) <= 1;
    }
    return k < globals || (q - k <= l->before && k - q <= l->after);
}

/* Every query of a text is in one group, which sees all that any of its queries sees; a query sees its part of the
   window and all the rest. */
static void check_text(const struct tern_layer_spec *l, int tokens, int globals, int most)
{
    for (int first = globals, rows; first < tokens; first += rows) {
        rows = tern_seen_rows(l, tokens, first, most);
        assert_in_range(rows, 1, most);
        const struct tern_seen seen = tern_seen_by(l, tokens, globals, first, rows);
        const int n = tern_seen_keys(&seen), front = tern_seen_front(&seen);
        assert_in_range(n, 1, tokens);
        for (int q = first; q < first + rows; q++) {
            const struct tern_stretch part = tern_seen_window(l, tokens, globals, q);
            int counts[256] = {0};
            for (int i = 0; i < n; i++) {
                const int k = tern_seen_token(&seen, i);
                const int in_window = i >= front && i < front + seen.window.last - seen.window.first;
                assert_in_range(k, 0, tokens - 1);
                counts[k] += !in_window || (k >= part.first && k < part.last);
            }
            for (int k = 0; k < tokens; k++)
                if (counts[k] != times_seen(l, tokens, globals, q, k))
                    fail_msg("query %d of %d counts key %d %d times, not %d", q, tokens, k, counts[k],
                             times_seen(l, tokens, globals, q, k));
        }
        for (int i = 0; tern_seen_together(&seen) && i < n; i++)
            assert_int_equal(tern_seen_token(&seen, i), tern_seen_start(&seen) + i);
    }
}

static void test_keys(void **state)
{
    static const struct tern_layer_spec layers[] = {
        {.before = TERN_ALL_TOKENS, .after = TERN_ALL_TOKENS},
        {.before = 3, .after = 7},
        {.before = 0, .after = 0, .global = 1},
        {.before = 20, .after = 20, .global = 1},
        {.before = TERN_ALL_TOKENS, .after = TERN_ALL_TOKENS, .global = 1},
        {.before = TERN_ALL_TOKENS, .after = TERN_ALL_TOKENS, .block = 4, .repeats = 2},
        {.before = TERN_ALL_TOKENS, .after = TERN_ALL_TOKENS, .block = 1},
        {.before = TERN_ALL_TOKENS, .after = TERN_ALL_TOKENS, .block = 7, .repeats = 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
        for (int tokens = 1; tokens <= 130; tokens++)
            for (int most = 1; most <= 33; most += 16) {
                check_text(&layers[i], tokens, layers[i].global, most);
                if (layers[i].global && tokens > 11)
                    check_text(&layers[i], tokens, 11, most);
            }
}

/* `value` of that key in place of the checkpoint's own. */
static void test_config(void **state)
{
    static const struct {
        const char *family, *key, *value, *says; /* NULL: fine */
    } cases[] = {
        {"longformer", "attention_window", "8", NULL},
        {"longformer", "attention_window", "7", "attention_window of layer 0 is no even number"},
        {"longformer", "attention_window", "[4, 0, 4]", "attention_window of layer 1 is no even number"},
        {"longformer", "attention_window", "[4, 4]", "attention_window has 2 values for 3 layers"},
        {"longformer", "attention_mode", "\"longformer\"", NULL},
        {"longformer", "attention_mode", "\"bigbird\"", "only Longformer's attention is supported"},
        {"longformer", "autoregressive", "true", "only encoders are supported"},
        {"bigbird", "attention_type", "\"original_full\"", NULL},
        {"bigbird", "attention_type", "\"sparse\"", "attention_type sparse is not supported"},
        {"bigbird", "block_size", "0", "block_size"},
        {"bigbird", "num_random_blocks", "65", "num_random_blocks"},
        {"bigbird", "rescale_embeddings", "true", "rescale_embeddings is not supported"},
        {"bigbird", "use_bias", "false", "use_bias, if it is false, is not supported"},
        {"bigbird", "hidden_act", "\"silu\"", "must be gelu, gelu_new or relu"},
        {"jina2", "feed_forward_type", "\"reglu\"", NULL},
        {"jina2", "feed_forward_type", "\"original\"", "feed_forward_type original of a JinaBert"},
        {"jina2", "position_embedding_type", "\"absolute\"", "position_embedding_type absolute of a JinaBert"},
        {"jina2", "emb_pooler", "\"cls\"", "emb_pooler cls is not supported"},
        {"jina2", "auto_map", "{\"AutoModel\": \"jinaai/jina-bert-implementation--modeling_bert.JinaBertModel\"}",
         NULL},
        {"jina2", "auto_map", "{\"AutoModel\": \"jinaai/jina-bert-v2-qk-post-norm--modeling_bert.JinaBertModel\"}",
         "whose queries and keys have norms"},
        {"jina2", "architectures", "[\"BertModel\"]", "emb_pooler is \"mean\"; Tern does not know it"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char from[300], text[3000], quoted[64];
        size_t size;
        struct tern_config c;
        snprintf(from, sizeof from, "tests/golden/zoo/%s/config.json", cases[i].family);
        char *bytes = test_read_file(from, &size);
        bytes = realloc(bytes, size + 1);
        bytes[size] = 0;
        snprintf(quoted, sizeof quoted, "\"%s\":", cases[i].key);
        char *own = strstr(bytes, quoted);
        if (own) /* of equal keys config.json may have but one */
            own[1] = '_';
        const int n = snprintf(text, sizeof text, "{%s %s,%s", quoted, cases[i].value, strchr(bytes, '{') + 1);
        assert_true(n < (int)sizeof text);
        test_write_file(dir, "config.json", text, (size_t)n);
        const tern_status status = tern_config_read_checkpoint(&c, &(struct tern_purpose){0}, dir, &err);
        if (status != (cases[i].says ? TERN_FORMAT : TERN_OK) || (cases[i].says && !strstr(err.message, cases[i].says)))
            fail_msg("%s %s: %d %s", cases[i].key, cases[i].value, (int)status, err.message);
        tern_config_free(&c);
        free(bytes);
    }
}

static tern_status read_part(void *context, struct tern_key key, float *out, size_t count, tern_error *e)
{
    return tern_checkpoint_read(context, key, out, count, e);
}

/* Numbers of global tokens, of ALIBI, of token dropout and of FNet's sums that a run could not bear. */
static void test_files(void **state)
{
    static const struct {
        const char *family;
        struct lie lie;
    } cases[] = {
        {"longformer", {"layer.0.global", POKE, .index = 0, .value = 5, .says = "layer.0.global"}},
        {"longformer", {"layer.0.global", POKE, .index = 1, .value = 300, .says = "layer.0.global"}},
        {"longformer", {"layer.1.global", POKE, .index = 2, .value = 0, .says = "layer.1.global"}},
        {"longformer", {"layer.1.global", POKE, .index = 2, .value = 32768, .says = "layer.1.global"}},
        {"longformer", {"layer.2.global", POKE, .index = 2, .value = 32767, .says = NULL}},
        {"longformer", {"layer.2.global", DROP, .says = "layer.2.global is missing"}},
        {"longformer", {"layer.2.key_global.param", DROP, .says = "layer.2.key_global.param is missing"}},
        {"jina2", {"positions.0.table.q", POKE, .index = 0, .value = 0, .says = "positions.0.table.q"}},
        {"jina2", {"positions.0.table.q", POKE, .index = 2, .value = 1 << 29, .says = "positions.0.table.q"}},
        {"jina2", {"positions.0.table.q", POKE, .index = 11, .value = 29, .says = "positions.0.table.q"}},
        {"jina2", {"positions.0.table.q", POKE, .index = 11, .value = 63, .says = "positions.0.table.q"}},
        {"jina2", {"positions.0.table.q", POKE, .index = 11, .value = 62, .says = NULL}},
        {"esm-dropout", {"stream", POKE, .index = 0, .value = -9, .says = "stream holds a number out of range"}},
        {"esm-dropout", {"stream", POKE, .index = 0, .value = -10, .says = NULL}},
        {"fnet", {"fourier.ratio", POKE, .index = 1, .value = 0, .says = "fourier.ratio"}},
        {"fnet", {"fourier.ratio", POKE, .index = 1, .value = 63, .says = "fourier.ratio"}},
        {"fnet", {"fourier.ratio", POKE, .index = 1, .value = 62, .says = NULL}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tern_checkpoint checkpoint;
        tern_model *model = NULL;
        void *bytes = NULL;
        char from[300];
        snprintf(from, sizeof from, "tests/golden/zoo/%s", cases[i].family);
        assert_ok(tern_checkpoint_open(&checkpoint, from, NULL, &err));
        const struct tern_source source = {.config = &checkpoint.config, .read = read_part, .context = &checkpoint};
        assert_ok(tern_build_model(&model, &bytes, &source, NULL, &err));
        const struct bytes whole = {bytes, (size_t)tern_model_get_info(model)->file_bytes};
        struct bytes told = tell(&whole, &cases[i].lie);
        if (cases[i].lie.says) {
            refused(&told, cases[i].lie.says, cases[i].lie.tensor);
        } else {
            tern_model *changed = NULL;
            assert_ok(tern_model_open_memory(&changed, told.data, told.size, &err));
            tern_model_close(changed);
        }
        free(told.data);
        tern_model_close(model);
        free(bytes);
        tern_checkpoint_close(&checkpoint);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_keys), cmocka_unit_test(test_config),
                                       cmocka_unit_test(test_files)};
    test_temp_dir(dir, sizeof dir);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_remove_dir(dir);
    return failed;
}
