/* Folders of sentence-transformers, against the vectors that the library makes with them (tests/golden/sentence.json),
   and the reports of people whose folders were read wrongly elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "models/json.h"
#include "quant/tern_convert.h"
#include "runtime/model.h"
#include "tests/e2e.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASES "tests/golden/cases/"
static const char base[] = CASES "05-default-prompt/";
static char dir[256], file[300];
static tern_error err;

/* ---- Folders ------------------------------------------------------------------------------------------------------
 */

static void copy_file(const char *from_folder, const char *name, const char *to)
{
    char path[512];
    size_t size;
    snprintf(path, sizeof path, "%s%s", from_folder, name);
    char *bytes = test_read_file(path, &size);
    assert_int_equal(test_write_file(dir, to, bytes, size), 0);
    free(bytes);
}

static void put(const char *name, const char *text)
{
    assert_int_equal(test_write_file(dir, name, text, text ? strlen(text) : 0), 0);
}

/* The base's transformer in dir/home. */
static void put_transformer(const char *home)
{
    static const char *const names[] = {"config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json"};
    char to[128];
    for (int i = 0; i < 4; i++) {
        snprintf(to, sizeof to, "%s%s%s", home, *home ? "/" : "", names[i]);
        copy_file(base, names[i], to);
    }
}

/* A Dense module's weights, {"weight": [[..]], "bias": [..]}, as a safetensors file. */
static void put_dense(const char *path, const json_t *weights)
{
    const json_t *w = json_object_get(weights, "weight"), *b = json_object_get(weights, "bias");
    const size_t n = json_array_size(w), k = json_array_size(json_array_get(w, 0)), biases = json_array_size(b);
    char header[256] = "", name[160];
    const int used = snprintf(header + 8, sizeof header - 8,
                              "{\"linear.weight\":{\"dtype\":\"F32\",\"shape\":[%zu,%zu],"
                              "\"data_offsets\":[0,%zu]}",
                              n, k, 4 * n * k);
    const int more = biases
                         ? snprintf(header + 8 + used, sizeof header - 8 - (size_t)used,
                                    ",\"linear.bias\":{\"dtype\":\"F32\",\"shape\":[%zu],\"data_offsets\":[%zu,%zu]}}",
                                    biases, 4 * n * k, 4 * (n * k + biases))
                         : snprintf(header + 8 + used, sizeof header - 8 - (size_t)used, "}");
    const size_t length = (size_t)(used + more);
    header[0] = (char)(length & 0xff);
    header[1] = (char)(length >> 8);
    char *bytes = malloc(8 + length + 4 * (n * k + biases));
    assert_non_null(bytes);
    memcpy(bytes, header, 8 + length);
    for (size_t i = 0; i < n * k + biases; i++) {
        const json_t *value =
            i < n * k ? json_array_get(json_array_get(w, i / k), i % k) : json_array_get(b, i - n * k);
        const float x = (float)json_number_value(value);
        memcpy(bytes + 8 + length + 4 * i, &x, 4);
    }
    snprintf(name, sizeof name, "%s/model.safetensors", path);
    assert_int_equal(test_write_file(dir, name, bytes, 8 + length + 4 * (n * k + biases)), 0);
    free(bytes);
}

static void put_case(const json_t *item)
{
    const char *home = json_string_value(json_object_get(item, "transformer")), *path;
    json_t *value;
    test_temp_dir(dir, sizeof dir);
    put_transformer(home ? home : "");
    json_object_foreach(json_object_get(item, "files"), path, value)
    {
        char *text = json_dumps(value, 0);
        put(path, text);
        free(text);
    }
    json_object_foreach(json_object_get(item, "dense"), path, value) put_dense(path, value);
}

/* Without the search for outlier columns, which takes most of a small model's conversion. */
static tern_model *convert(const char *folder, const char *weights)
{
    const tern_convert_options options = {.struct_bytes = sizeof options, .weights = weights, .outliers = "off"};
    tern_model *model = NULL;
    assert_ok(tern_convert(folder, file, &options, &err));
    assert_ok(tern_model_open(&model, file, &err));
    return model;
}

/* ---- The library's vectors ----------------------------------------------------------------------------------------
 */

enum { MOST = 256, TEXTS = 2 };

/* Runs the texts as a run of the golden file says; out[TEXTS][returned width]. */
static int32_t run(const tern_model *model, const json_t *how, const json_t *texts, const char *isa, float *out,
                   int32_t *integers)
{
    tern_session *session = NULL;
    const tern_session_options options = {.struct_bytes = sizeof options,
                                          .isa = isa,
                                          .dimensions = (int32_t)json_integer_value(json_object_get(how, "dimensions")),
                                          .normalize = json_is_true(json_object_get(how, "normalize"))};
    tern_text text[TEXTS];
    for (size_t i = 0; i < TEXTS; i++) {
        const char *t = json_string_value(json_array_get(texts, i));
        text[i] = (tern_text){.text = t, .text_bytes = strlen(t)};
    }
    assert_ok(tern_session_open(&session, model, &options, &err));
    assert_ok(tern_session_set_prompt(session, json_string_value(json_object_get(how, "prompt_name")),
                                      json_string_value(json_object_get(how, "prompt")), &err));
    const int32_t width = tern_session_dimensions(session);
    assert_in_range(width, 1, MOST);
    tern_answers answers = {.struct_bytes = sizeof answers, .values = out, .integers = integers};
    assert_ok(tern_embed_texts(session, text, TEXTS, TERN_TRUNCATE_HEAD, &answers, &err));
    tern_session_close(session);
    return width;
}

static void compare(const char *name, const tern_model *model, const json_t *how, const json_t *texts)
{
    const int exact = !strcmp(tern_model_get_info(model)->weights, "f32");
    static float got[TEXTS * MOST], wanted[MOST];
    const int32_t width = run(model, how, texts, NULL, got, NULL);
    for (int i = 0; i < TEXTS; i++) {
        const json_t *vector = json_array_get(json_object_get(how, "vectors"), (size_t)i);
        double wrong = 0, all = 0, most = 0;
        if ((int32_t)json_array_size(vector) != width)
            fail_msg("%s: %d dimensions, not %zu", name, width, json_array_size(vector));
        for (int j = 0; j < width; j++) {
            wanted[j] = (float)json_number_value(json_array_get(vector, (size_t)j));
            const double d = (double)got[i * width + j] - (double)wanted[j];
            wrong += d * d;
            all += (double)wanted[j] * (double)wanted[j];
            most = fmax(most, fabs(d) / fmax(1, fabs((double)wanted[j])));
        }
        const double cosine = e2e_cosine(got + i * width, wanted, width);
        if (exact && most > 1e-5)
            fail_msg("%s, text %d: wrong by %.2e", name, i, most);
        if (!exact && (cosine < 0.995 || wrong > 0.015 * all))
            fail_msg("%s, text %d: cosine %.5f, relative squared error %.2e", name, i, cosine, wrong / all);
    }
}

/* The same bits by every row of instructions. */
static void compare_isas(const char *name, const tern_model *model, const json_t *how, const json_t *texts)
{
    static float values[TEXTS * MOST];
    static int32_t first[TEXTS * MOST], other[TEXTS * MOST];
    const char *isas[16];
    const int n = e2e_isas(isas);
    for (int i = 0; i < n; i++) {
        const int32_t width = run(model, how, texts, isas[i], values, i ? other : first);
        if (i && memcmp(other, first, (size_t)(TEXTS * width) * sizeof *first))
            fail_msg("%s: %s gives other bits than %s", name, isas[i], isas[0]);
    }
}

static void test_library(void **state)
{
    json_t *root = NULL, *item, *how;
    size_t i, k;
    (void)state;
    assert_ok(tern_json_read_file(&root, "tests/golden/sentence.json", 1 << 20, 0, &err));
    const json_t *texts = json_object_get(root, "texts");
    json_array_foreach(json_object_get(root, "cases"), i, item)
    {
        const char *name = json_string_value(json_object_get(item, "name"));
        const char *folder = json_string_value(json_object_get(item, "folder"));
        char path[300];
        if (folder)
            snprintf(path, sizeof path, CASES "%s", folder);
        else
            put_case(item);
        for (int exact = 0; exact < 2; exact++) {
            tern_model *model = convert(folder ? path : dir, exact ? "f32" : "int8");
            json_array_foreach(json_object_get(item, "runs"), k, how)
            {
                compare(name, model, how, texts);
                if (!exact)
                    compare_isas(name, model, how, texts);
            }
            tern_model_close(model);
        }
        if (!folder)
            test_remove_dir(dir);
    }
    assert_true(i > 20);
    json_decref(root);
}

/* ---- Reports ------------------------------------------------------------------------------------------------------
 */

/* The vector of a text as the model gives it by default. */
static void embed(float out[MOST], const tern_model *model, const char *text)
{
    const tern_text t = {.text = text, .text_bytes = strlen(text)};
    tern_answers answers = {.struct_bytes = sizeof answers, .values = out};
    tern_session *session = NULL;
    assert_ok(tern_session_open(&session, model, NULL, &err));
    assert_ok(tern_embed_texts(session, &t, 1, TERN_TRUNCATE_ERROR, &answers, &err));
    tern_session_close(session);
}

/* Row 04: do_lower_case of sentence_bert_config.json was ignored, and "Paris" was not "paris". */
static void test_lower_case(void **state)
{
    float upper[MOST], lower[MOST];
    (void)state;
    tern_model *model = convert(CASES "04-st-lowercase", "int8");
    embed(upper, model, "Paris");
    embed(lower, model, "paris");
    assert_memory_equal(upper, lower, 32 * sizeof *upper);
    tern_model_close(model);
}

/* Row 05: the default prompt was left out. */
static void test_default_prompt(void **state)
{
    float prompted[MOST], written[MOST];
    const char *text;
    tern_session *session = NULL;
    (void)state;
    tern_model *model = convert(CASES "05-default-prompt", "int8");
    const tern_model_info *info = tern_model_get_info(model);
    assert_int_equal(info->n_prompts, 2);
    assert_string_equal(info->default_prompt, "query");
    assert_string_equal(tern_model_prompt(model, 1, &text), "passage");
    assert_string_equal(text, "passage: ");
    assert_null(tern_model_prompt(model, 2, &text));
    assert_ok(tern_session_open(&session, model, NULL, &err));
    const char *const texts[2] = {"the movie was great", "query: the movie was great"};
    for (int i = 0; i < 2; i++) {
        const tern_text t = {.text = texts[i], .text_bytes = strlen(texts[i])};
        tern_answers answers = {.struct_bytes = sizeof answers, .values = i ? written : prompted};
        assert_ok(tern_session_set_prompt(session, NULL, i ? "" : NULL, &err));
        assert_ok(tern_embed_texts(session, &t, 1, TERN_TRUNCATE_ERROR, &answers, &err));
    }
    assert_memory_equal(prompted, written, 32 * sizeof *prompted);
    /* A name that is unknown is answered with those that are, and changes nothing. */
    assert_int_equal(tern_session_set_prompt(session, "question", NULL, &err), TERN_USAGE);
    assert_non_null(strstr(err.message, "question"));
    assert_non_null(strstr(err.message, "query, passage"));
    assert_int_equal(tern_session_set_prompt(session, "query", "q", &err), TERN_USAGE);
    assert_int_equal(tern_session_set_prompt(session, NULL, "\xff", &err), TERN_INPUT);
    const tern_text written_out = {.text = texts[1], .text_bytes = strlen(texts[1])};
    tern_answers answers = {.struct_bytes = sizeof answers, .values = prompted};
    assert_ok(tern_embed_texts(session, &written_out, 1, TERN_TRUNCATE_ERROR, &answers, &err));
    assert_memory_equal(prompted, written, 32 * sizeof *prompted);
    tern_session_close(session);
    tern_model_close(model);
}

/* Row 07: "pooling_mode": "mean", as 5.4 writes it, was no pooling mode, and "cls" was mean. */
static void test_compact(void **state)
{
    (void)state;
    tern_model *model = convert(CASES "07-st54-compact", "int8");
    assert_int_equal(tern_model_get_info(model)->pooling, TERN_POOL_MEAN);
    assert_int_equal(tern_model_get_info(model)->normalize, 1);
    tern_model_close(model);
    test_temp_dir(dir, sizeof dir);
    put_transformer("");
    put("modules.json", "[{\"path\":\"\",\"type\":\"sentence_transformers.base.modules.transformer.Transformer\"},"
                        "{\"path\":\"1_Pooling\",\"type\":"
                        "\"sentence_transformers.sentence_transformer.modules.pooling.Pooling\"}]");
    put("1_Pooling/config.json", "{\"embedding_dimension\": 32, \"pooling_mode\": \"cls\"}");
    model = convert(dir, "int8");
    assert_int_equal(tern_model_get_info(model)->pooling, TERN_POOL_CLS);
    tern_model_close(model);
    test_remove_dir(dir);
}

/* Row 10: the root's config.json, which is no model's, was read instead of the transformer's in its folder. */
static void test_old_layout(void **state)
{
    tern_tokenizer *tokenizer = NULL;
    (void)state;
    tern_model *model = convert(CASES "10-old-layout", "int8");
    assert_int_equal(tern_model_get_info(model)->hidden, 32);
    assert_int_equal(tern_model_get_info(model)->max_tokens, 64);
    assert_int_equal(tern_model_get_info(model)->pooling, TERN_POOL_MEAN);
    tern_model_close(model);
    assert_ok(tern_tokenizer_open(&tokenizer, CASES "10-old-layout", &err));
    assert_int_equal(tern_vocab_size(tokenizer), 132);
    tern_tokenizer_close(tokenizer);
}

/* Row 12: the tokenizer's model_max_length, 16, cut off what max_seq_length, 48, allows. */
static void test_limit(void **state)
{
    (void)state;
    tern_model *model = convert(CASES "12-maxseq-over-modelmax", "int8");
    assert_int_equal(tern_model_get_info(model)->max_tokens, 48);
    tern_model_close(model);
}

/* ---- What is refused, by name -------------------------------------------------------------------------------------
 */

static void refuse(const char *name, const char *text, const char *says)
{
    const tern_convert_options options = {.struct_bytes = sizeof options};
    put(name, text);
    if (tern_convert(dir, file, &options, &err) != TERN_FORMAT || !strstr(err.message, says) ||
        !strstr(err.message, name))
        fail_msg("%s: %s\n-> %s", name, text, err.message);
}

#define CHAIN(rest) "[{\"path\":\"\",\"type\":\"sentence_transformers.models.Transformer\"}," rest "]"
#define MODULE(name, path) "{\"path\":\"" path "\",\"type\":\"sentence_transformers.models." name "\"}"

static void test_refused(void **state)
{
    const char *p = "1_Pooling/config.json", *d = "2_Dense/config.json", *s = "sentence_bert_config.json",
               *c = "config_sentence_transformers.json", *m = "modules.json";
    const char *pooling = "{\"pooling_mode\": \"mean\"}", *modules = CHAIN(MODULE("Pooling", "1_Pooling"));
    (void)state;
    test_temp_dir(dir, sizeof dir);
    put_transformer("");
    put(m, modules);
    refuse(p, "{\"pooling_mode\": \"median\"}", "median");
    refuse(p, "{\"pooling_mode\": []}", "empty");
    refuse(p, "{\"pooling_mode\": \"mean\", \"token_weights\": true}", "token_weights");
    refuse(p, "{\"pooling_mode_attention\": true}", "pooling_mode_attention");
    put(p, pooling);
    refuse(s, "{\"query_expansion\": {\"length\": 32}}", "query_expansion");
    refuse(s, "{\"transformer_task\": \"fill-mask\"}", "feature-extraction");
    refuse(s, "{\"modality_config\": {\"image\": {}}}", "no text");
    refuse(s, "{\"modality_config\": {\"text\": {\"method\": \"forward\", \"method_output_name\": \"pooler_output\"}}}",
           "last_hidden_state");
    refuse(s, "{\"tokenizer_args\": {\"add_prefix_space\": true}}", "add_prefix_space");
    refuse(s, "{\"tokenizer_args\": {\"truncation_side\": \"left\"}}", "truncation_side");
    refuse(s, "{\"max_length\": 12}", "max_length");
    /* What only says where files come from, or drops a pooler that no embedding reads, was refused too. */
    put(s, "{\"model_args\": {\"add_pooling_layer\": false, \"low_cpu_mem_usage\": true},"
           " \"tokenizer_args\": {\"clean_up_tokenization_spaces\": true, \"truncation_side\": \"right\"},"
           " \"config_args\": {\"revision\": \"main\", \"local_files_only\": true}}");
    tern_model_close(convert(dir, "int8"));
    put(s, NULL);
    refuse(c, "{\"prompts\": {\"query\": 1}}", "prompt query");
    refuse(c, "{\"prompts\": {\"a\": \"x\"}, \"default_prompt_name\": \"b\"}", "default_prompt_name b");
    refuse(c, "{\"model_type\": \"SparseEncoder\"}", "model_type");
    refuse(c, "{\"truncate_dim\": 0}", "truncate_dim");
    refuse(c, "{\"query_prefix\": \"[Q] \"}", "query_prefix");
    put(c, "{\"similarity_fn_name\": \"dot\", \"default_prompt_name\": \"query\", \"truncate_dim\": 900}");
    tern_model_close(convert(dir, "int8"));
    put(m, CHAIN(MODULE("Pooling", "1_Pooling") "," MODULE("Dense", "2_Dense")));
    refuse(d, "{\"in_features\": 31, \"out_features\": 4}", "in_features is 31");
    refuse(d, "{\"in_features\": 32, \"out_features\": 40000}", "out_features");
    refuse(d,
           "{\"in_features\": 32, \"out_features\": 4, \"activation_function\": \"torch.nn.modules.activation.GELU\"}",
           "GELU");
    refuse(d, "{\"in_features\": 32, \"out_features\": 4, \"use_residual\": true}", "use_residual");
    refuse(d, "{\"in_features\": 32, \"out_features\": 4, \"module_input_name\": \"token_embeddings\"}",
           "module_input_name");
    static const char *const others[] = {"LayerNorm", "CNN", "LSTM", "WeightedLayerPooling", "Asym", "BoW"};
    for (int i = 0; i < 6; i++) {
        char text[256];
        snprintf(text, sizeof text, CHAIN("{\"path\":\"1_X\",\"type\":\"sentence_transformers.models.%s\"}"),
                 others[i]);
        refuse(m, text, others[i]);
    }
    test_remove_dir(dir);
}

/* The weights of a Dense module are the config's, and nothing else. */
static void test_dense_weights(void **state)
{
    const tern_convert_options options = {.struct_bytes = sizeof options};
    json_t *weights = json_pack("{s:[[f,f],[f,f]], s:[f,f]}", "weight", 1., 2., 3., 4., "bias", 0., 1.);
    (void)state;
    test_temp_dir(dir, sizeof dir);
    put_transformer("");
    put("modules.json", CHAIN(MODULE("Pooling", "1_Pooling") "," MODULE("Dense", "2_Dense")));
    put("1_Pooling/config.json", "{\"pooling_mode\": \"mean\"}");
    put("2_Dense/config.json", "{\"in_features\": 32, \"out_features\": 2}");
    put_dense("2_Dense", weights);
    assert_int_equal(tern_convert(dir, file, &options, &err), TERN_FORMAT);
    assert_non_null(strstr(err.message, "[2, 2], the config needs [2, 32]"));
    put("2_Dense/config.json", "{\"in_features\": 32, \"out_features\": 2, \"bias\": false}");
    assert_int_equal(tern_convert(dir, file, &options, &err), TERN_FORMAT);
    assert_non_null(strstr(err.message, "linear.bias"));
    put("2_Dense/model.safetensors", NULL);
    assert_int_not_equal(tern_convert(dir, file, &options, &err), TERN_OK);
    assert_non_null(strstr(err.message, "2_Dense"));
    json_decref(weights);
    test_remove_dir(dir);
}

/* A Dense whose sums leave the range of int32 gave the next one its largest number with the sign turned. */
static void test_saturated(void **state)
{
    float vector[MOST];
    json_t *wide = json_object(), *rows = json_array(),
           *next = json_pack("{s:[[f,f],[f,f]]}", "weight", 1., 0., 0., 1.);
    (void)state;
    for (int i = 0; i < 2; i++) {
        json_t *row = json_array();
        for (int j = 0; j < 32; j++)
            json_array_append_new(row, json_real(j ? 0 : i ? -1e6 : 1e6));
        json_array_append_new(rows, row);
    }
    json_object_set_new(wide, "weight", rows);
    test_temp_dir(dir, sizeof dir);
    put_transformer("");
    put("modules.json",
        CHAIN(MODULE("Pooling", "1_Pooling") "," MODULE("Dense", "2_Dense") "," MODULE("Dense", "3_Dense")));
    put("1_Pooling/config.json", "{\"pooling_mode\": \"cls\"}");
    put("2_Dense/config.json", "{\"in_features\": 32, \"out_features\": 2, \"bias\": false,"
                               " \"activation_function\": \"torch.nn.modules.linear.Identity\"}");
    put("3_Dense/config.json", "{\"in_features\": 2, \"out_features\": 2, \"bias\": false}");
    put_dense("2_Dense", wide);
    put_dense("3_Dense", next);
    for (int exact = 1; exact >= 0; exact--) {
        tern_model *model = convert(dir, exact ? "f32" : "int8");
        embed(vector, model, "a");
        if (fabsf(vector[0] + 1) > 1e-6f || fabsf(vector[1] - 1) > 1e-6f)
            fail_msg("tanh of a very small and a very large number is %g and %g", (double)vector[0], (double)vector[1]);
        tern_model_close(model);
    }
    json_decref(wide);
    json_decref(next);
    test_remove_dir(dir);
}

/* Without modules.json a folder called 2_Dense is a module, and was left out if its config.json was missing. */
static void test_unlisted_dense(void **state)
{
    const tern_convert_options options = {.struct_bytes = sizeof options};
    (void)state;
    test_temp_dir(dir, sizeof dir);
    put_transformer("");
    put("2_Dense/notes.txt", "its config.json was not copied");
    assert_int_equal(tern_convert(dir, file, &options, &err), TERN_IO);
    assert_non_null(strstr(err.message, "2_Dense/config.json"));
    test_remove_dir(dir);
}

/* Prompts and texts join as one text does, also within a word and where the text is cut off. */
static void test_joined_text(void **state)
{
    static const char *const prompts[] = {"", "query: ", "Pa", "the mo", " ", "[SEP]", "cat.", "a b c d e f g h"};
    static const char *const texts[] = {"ris", "vie was great", "", "[MASK] cat", "\xcc\x81 world", "s, slow (very)"};
    tern_tokenizer *tokenizer = NULL;
    char both[128];
    (void)state;
    assert_ok(tern_tokenizer_open(&tokenizer, CASES "05-default-prompt", &err));
    for (size_t i = 0; i < sizeof prompts / sizeof *prompts; i++)
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            for (size_t capacity = 4; capacity <= 32; capacity += 28) {
                int32_t ids[2][32];
                tern_tokens out[2] = {{.struct_bytes = sizeof *out, .capacity = capacity, .ids = ids[0]},
                                      {.struct_bytes = sizeof *out, .capacity = capacity, .ids = ids[1]}};
                const tern_truncate cut = k % 2 ? TERN_TRUNCATE_TAIL : TERN_TRUNCATE_HEAD;
                snprintf(both, sizeof both, "%s%s", prompts[i], texts[k]);
                const tern_text text = {.text = texts[k], .text_bytes = strlen(texts[k])},
                                whole = {.text = both, .text_bytes = strlen(both)};
                assert_ok(tern_tokenize_behind(tokenizer, prompts[i], &text, cut, &out[0], &err));
                assert_ok(tern_tokenize(tokenizer, &whole, cut, &out[1], &err));
                assert_int_equal(out[0].count, out[1].count);
                assert_int_equal(out[0].needed, out[1].needed);
                assert_memory_equal(ids[0], ids[1], out[0].count * sizeof ids[0][0]);
            }
    tern_tokenizer_close(tokenizer);
}

/* Joined poolings make vectors wider than the encoder: the search for outlier columns, which runs the model, had no
   room for them. */
static void test_outliers_of_joined(void **state)
{
    const tern_convert_options options = {.struct_bytes = sizeof options, .outliers = "64"};
    tern_model *model = NULL;
    (void)state;
    test_temp_dir(dir, sizeof dir);
    put_transformer("");
    put("1_Pooling/config.json",
        "{\"word_embedding_dimension\": 32, \"pooling_mode_cls_token\": true, \"pooling_mode_max_tokens\": true, "
        "\"pooling_mode_mean_tokens\": true}");
    put("modules.json", "[{\"path\":\"\",\"type\":\"sentence_transformers.models.Transformer\"},"
                        "{\"path\":\"1_Pooling\",\"type\":\"sentence_transformers.models.Pooling\"}]");
    assert_ok(tern_convert(dir, file, &options, &err));
    assert_ok(tern_model_open(&model, file, &err));
    assert_int_equal(tern_model_get_info(model)->dimensions, 96);
    tern_model_close(model);
    test_remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_library),        cmocka_unit_test(test_lower_case),
        cmocka_unit_test(test_default_prompt), cmocka_unit_test(test_compact),
        cmocka_unit_test(test_old_layout),     cmocka_unit_test(test_limit),
        cmocka_unit_test(test_refused),        cmocka_unit_test(test_dense_weights),
        cmocka_unit_test(test_joined_text),    cmocka_unit_test(test_outliers_of_joined),
        cmocka_unit_test(test_saturated),      cmocka_unit_test(test_unlisted_dense),
    };
    char folder[256];
    test_temp_dir(folder, sizeof folder);
    snprintf(file, sizeof file, "%s/model.tern", folder);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_remove_dir(folder);
    return failed;
}
