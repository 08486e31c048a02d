/* Sparse models whose queries are looked up in a table of weights: against sentence-transformers (what
   tests/golden/make_vectors.py wrote), in the layouts that such checkpoints have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "models/json.h"
#include "tests/converting.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WORDS = 78 };
static const char golden[] = "tests/golden/vectors/router";

static json_t *expectations(void)
{
    json_t *root = NULL;
    assert_ok(tern_json_read_file(&root, "tests/golden/vectors/router/expected.json", 1 << 20, 0, &err));
    return root;
}

/* The vectors of all texts against expected[key]; a query's weights are exact. */
static void check(tern_model *model, const char *key, int query, double most)
{
    json_t *const expected = expectations();
    const json_t *const texts = json_object_get(expected, "texts"), *const vectors = json_object_get(expected, key);
    tern_session *s;
    assert_ok(tern_session_open(&s, model, NULL, &err));
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const json_t *const text = json_array_get(texts, i), *const weights = json_array_get(vectors, i);
        const tern_text t = {.text = json_string_value(text), .text_bytes = json_string_length(text)};
        tern_weight words[WORDS];
        tern_sparse_vector v = {.struct_bytes = sizeof v, .capacity = WORDS, .words = words};
        double ab = 0, aa = 0, bb = 0;
        assert_ok(tern_embed_sparse(s, &t, query, TERN_TRUNCATE_ERROR, &v, &err));
        if (query || most < 1e-3)
            assert_int_equal(v.count, json_object_size(weights));
        for (size_t k = 0; k < v.count; k++) {
            char id[16];
            snprintf(id, sizeof id, "%d", words[k].id);
            const double weight = (double)words[k].weight, other = json_number_value(json_object_get(weights, id));
            if (!(fabs(weight - other) <= most))
                fail_msg("%s of text %zu: word %s weighs %f, not %f", key, i, id, weight, other);
            ab += weight * other;
            aa += weight * weight;
            bb += other * other;
        }
        assert_true(ab / sqrt(aa * bb) > 0.99);
    }
    tern_session_close(s);
    json_decref(expected);
}

static void test_router(void **state)
{
    static const char *const weights[] = {"f32", "int8"};
    (void)state;
    for (int n = 0; n < 2; n++) {
        assert_ok(convert(golden, weights[n], NULL));
        reported("task: fill (modules.json)");
        tern_model *const model = opened();
        assert_non_null(strstr(tern_model_get_info(model)->embedding, "a query's, the weights of its tokens"));
        check(model, "query", 1, 0);
        check(model, "sparse", 0, n ? 0.2 : 1e-4);
        tern_model_close(model);
    }
}

/* ---- Folders ------------------------------------------------------------------------------------------------------
 */

/* dir/to stands for a file or folder of the golden one. */
static void put(const char *from, const char *to)
{
    char here[200], target[500], link[600];
    assert_non_null(getcwd(here, sizeof here));
    snprintf(target, sizeof target, "%s/%s/%s", here, golden, from);
    snprintf(link, sizeof link, "%s/%s", dir, to);
    remove(link);
    assert_int_equal(symlink(target, link), 0);
}

static void put_text(const char *to, const char *text)
{
    char name[600];
    snprintf(name, sizeof name, "%s/%s", dir, to);
    remove(name); /* a link to what is golden */
    FILE *const file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void make_folder(const char *name)
{
    char folder[600];
    snprintf(folder, sizeof folder, "%s/%s", dir, name);
    assert_int_equal(mkdir(folder, 0700), 0);
}

static void empty_folder(void)
{
    test_remove_dir(dir);
    assert_int_equal(mkdir(dir, 0700), 0);
}

/* The checkpoint itself, below `in`. */
static void put_checkpoint(const char *in)
{
    static const char *const names[] = {"config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json"};
    char to[100];
    for (int i = 0; i < 4; i++) {
        snprintf(to, sizeof to, "%s%s", in, names[i]);
        put(names[i], to);
    }
}

/* All of it, with a folder of links in the place of the query's. */
static void put_router(void)
{
    empty_folder();
    put_checkpoint("");
    put("modules.json", "modules.json");
    put("router_config.json", "router_config.json");
    put("config_sentence_transformers.json", "config_sentence_transformers.json");
    put("document_1_SpladePooling", "document_1_SpladePooling");
    make_folder("query_0_SparseStaticEmbedding");
    put("query_0_SparseStaticEmbedding/config.json", "query_0_SparseStaticEmbedding/config.json");
    put("query_0_SparseStaticEmbedding/model.safetensors", "query_0_SparseStaticEmbedding/model.safetensors");
    put("vocab.txt", "query_0_SparseStaticEmbedding/vocab.txt");
}

/* As the library itself saves it: the transformer has a folder of its own. The file is the same, byte for byte. */
static void test_saved(void **state)
{
    (void)state;
    assert_ok(convert(golden, NULL, NULL));
    tern_model *model = opened();
    const uint64_t checksum = tern_model_get_info(model)->checksum;
    tern_model_close(model);
    empty_folder();
    make_folder("document_0_Transformer");
    put_checkpoint("document_0_Transformer/");
    put("sentence_bert_config.json", "document_0_Transformer/sentence_bert_config.json");
    put("modules.json", "modules.json");
    put("saved_router_config.json", "router_config.json");
    put("config_sentence_transformers.json", "config_sentence_transformers.json");
    put("document_1_SpladePooling", "document_1_SpladePooling");
    put("query_0_SparseStaticEmbedding", "query_0_SparseStaticEmbedding");
    assert_ok(convert(dir, NULL, NULL));
    model = opened();
    assert_int_equal(tern_model_get_info(model)->checksum, checksum);
    tern_model_close(model);
}

/* A checkpoint of transformers with idf.json beside it; and the module's config.json may name such a file. */
static void test_idf(void **state)
{
    (void)state;
    empty_folder();
    put_checkpoint("");
    put("idf.json", "idf.json");
    assert_ok(convert(dir, "f32", NULL));
    tern_model *model = opened();
    check(model, "plain_query", 1, 1e-6);
    check(model, "plain", 0, 1e-4);
    tern_model_close(model);
    /* Of other tasks it says nothing. */
    assert_ok(convert(dir, "f32", "embed"));
    put_text("idf.json", "{\"the\": \"much\"}");
    refused(convert(dir, "f32", NULL), TERN_FORMAT, "the weight of the is no number");
    put_text("idf.json", "{\"elsewhere\": 1}");
    refused(convert(dir, "f32", NULL), TERN_FORMAT, "no weight of any piece");

    put_router();
    put_text("query_0_SparseStaticEmbedding/config.json", "{\"frozen\": true, \"path\": \"some/where/idf.json\"}");
    refused(convert(dir, "f32", NULL), TERN_IO, "idf.json: is missing");
    put("idf.json", "query_0_SparseStaticEmbedding/idf.json");
    assert_ok(convert(dir, "f32", NULL));
    model = opened();
    check(model, "plain_query", 1, 1e-6);
    check(model, "sparse", 0, 1e-4);
    tern_model_close(model);
}

static void test_refusals(void **state)
{
    static const char types[] = "{\"types\": {\"\": \"sentence_transformers.models.Transformer\","
                                "\"d\": \"sentence_transformers.models.SpladePooling\"},";
    char text[500];
    (void)state;
    put_router();
    assert_ok(convert(dir, NULL, NULL));
    put("model.safetensors", "query_0_SparseStaticEmbedding/model.safetensors");
    refused(convert(dir, NULL, NULL), TERN_FORMAT, "no tensor `weight`");
    put("query_0_SparseStaticEmbedding/model.safetensors", "query_0_SparseStaticEmbedding/model.safetensors");
    put_text("query_0_SparseStaticEmbedding/vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n");
    refused(convert(dir, NULL, NULL), TERN_FORMAT, "must share one");
    snprintf(text, sizeof text, "%s \"structure\": {\"query\": [\"\"], \"document\": [\"\", \"d\"]}}", types);
    put_text("router_config.json", text);
    refused(convert(dir, NULL, NULL), TERN_FORMAT, "one SparseStaticEmbedding is supported");
    snprintf(text, sizeof text, "%s \"structure\": {\"query\": [\"q\"], \"document\": [\"\", \"d\"]}}", types);
    put_text("router_config.json", text);
    refused(convert(dir, NULL, NULL), TERN_FORMAT, "has no name or no type");
    snprintf(text, sizeof text, "%s \"structure\": {\"image\": [], \"query\": [], \"document\": []}}", types);
    put_text("router_config.json", text);
    refused(convert(dir, NULL, NULL), TERN_FORMAT, "image");
    put_text("router_config.json", "{\"structure\": {}, \"parameters\": {\"route_mappings\": {\"a\": \"b\"}}}");
    refused(convert(dir, NULL, NULL), TERN_FORMAT, "route_mappings");
}

static void test_query_refusals(void **state)
{
    (void)state;
    tern_session *s;
    tern_weight words[4];
    tern_sparse_vector v = {.struct_bytes = sizeof v, .capacity = 4, .words = words};
    const tern_text pair = {.text = "a", .text_bytes = 1, .pair = "b", .pair_bytes = 1}, empty = {.text = ""};
    assert_ok(convert(golden, NULL, NULL));
    tern_model *const model = opened();
    assert_ok(tern_session_open(&s, model, NULL, &err));
    refused(tern_embed_sparse(s, &pair, 1, TERN_TRUNCATE_ERROR, &v, &err), TERN_INPUT, "has no pair");
    assert_ok(tern_embed_sparse(s, &empty, 1, TERN_TRUNCATE_ERROR, &v, &err));
    assert_int_equal(v.count, 0);
    assert_int_equal(v.n_tokens, 0);
    /* A prompt that is text stands before a query, too, and its words count. */
    assert_ok(tern_session_set_prompt(s, NULL, "router ", &err));
    const tern_text reset = {.text = "reset", .text_bytes = 5};
    assert_ok(tern_embed_sparse(s, &reset, 1, TERN_TRUNCATE_ERROR, &v, &err));
    assert_int_equal(v.count, 2);
    assert_int_equal(v.n_tokens, 2);
    tern_session_close(s);
    tern_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_router),   cmocka_unit_test(test_saved),          cmocka_unit_test(test_idf),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_query_refusals),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
