/* Entities and ranked labels against transformers' pipelines (tests/golden/make_tags.py): the same spans in the same
   order, scores within 1e-4; and what those pipelines do not know: labels that end an entity, entities that are longer
   than what windows share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "models/json.h"
#include "tests/converting.h"

#include <math.h>
#include <sys/stat.h>

enum { MOST = 512 };

static tern_model *golden(const char *name, json_t **expected)
{
    char folder[300];
    snprintf(folder, sizeof folder, "tests/golden/tags/%s", name);
    assert_ok(convert(folder, "f32", NULL));
    reported("task: ");
    snprintf(folder, sizeof folder, "tests/golden/tags/%s/expected.json", name);
    assert_ok(tern_json_read_file(expected, folder, 1 << 20, 0, &err));
    return opened();
}

static const char *string_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int32_t number_of(const json_t *object, const char *key)
{
    return (int32_t)json_integer_value(json_object_get(object, key));
}

static json_int_t characters(const char *text, size_t bytes)
{
    json_int_t n = 0;
    for (size_t i = 0; i < bytes; i++)
        n += ((uint8_t)text[i] & 0xC0) != 0x80;
    return n;
}

/* ---- Taggers ---- */

static void same_entities(const json_t *e, const tern_entity *got, size_t n)
{
    const json_t *const wanted = json_object_get(e, "entities");
    const char *const text = string_of(e, "text");
    for (size_t i = 0; i < n && i < json_array_size(wanted); i++) {
        const json_t *const w = json_array_get(wanted, i);
        const char *const label = json_string_value(json_array_get(w, 0));
        const double score = json_number_value(json_array_get(w, 1));
        const json_int_t start = json_integer_value(json_array_get(w, 2)),
                         last = json_integer_value(json_array_get(w, 3));
        if (strcmp(got[i].label, label) || !(fabs(got[i].score - score) <= 1e-4) ||
            characters(text, got[i].start) != start || characters(text, got[i].end) != last)
            fail_msg("%s, window %d, '%s': entity %zu is %s %f at %lld-%lld, not %s %f at %lld-%lld",
                     string_of(e, "aggregation"), number_of(e, "window"), text, i, got[i].label, got[i].score,
                     (long long)characters(text, got[i].start), (long long)characters(text, got[i].end), label, score,
                     (long long)start, (long long)last);
    }
    if (n != json_array_size(wanted))
        fail_msg("%s, window %d, '%s': %zu entities, not %zu", string_of(e, "aggregation"), number_of(e, "window"),
                 text, n, json_array_size(wanted));
}

static tern_tag_options options_of(const json_t *e)
{
    static const char *const names[] = {"none", "simple", "first", "average", "max"};
    tern_tag_options o = {.struct_bytes = sizeof o, .window = number_of(e, "window"), .stride = number_of(e, "stride")};
    for (int i = 0; i < 5; i++)
        if (!strcmp(names[i], string_of(e, "aggregation")))
            o.aggregation = (tern_aggregation)i;
    return o;
}

struct stream {
    const json_t *e;
    const tern_model *model;
    tern_text text;
    int given;
};

static tern_next one_text(void *context, tern_text *text)
{
    struct stream *const s = context;
    *text = s->text;
    return s->given++ ? TERN_NEXT_END : TERN_NEXT_TEXT;
}

static tern_status answered(void *context, const tern_answer *answer)
{
    struct stream *const s = context;
    const tern_tag_options o = options_of(s->e);
    tern_entity got[MOST];
    size_t n;
    assert_ok(tern_answer_entities(s->model, &s->text, answer, &o, got, MOST, &n, &err));
    same_entities(s->e, got, n);
    return TERN_OK;
}

static void check_tagger(const char *name)
{
    json_t *expected;
    tern_model *const model = golden(name, &expected);
    for (int batch = 1; batch < 6; batch += 4) { /* windows alone, and together */
        const tern_session_options one = {.struct_bytes = sizeof one, .max_texts = batch, .threads = 1};
        tern_session *session;
        assert_ok(tern_session_open(&session, model, &one, &err));
        for (size_t i = 0; i < json_array_size(expected); i++) {
            const json_t *const e = json_array_get(expected, i);
            struct stream s = {e, model, {.text = string_of(e, "text"), .text_bytes = strlen(string_of(e, "text"))}, 0};
            const tern_stream stream = {
                .struct_bytes = sizeof stream, .context = &s, .next = one_text, .answer = answered};
            const tern_tag_options o = options_of(e);
            tern_entity got[MOST];
            size_t n, again;
            assert_ok(tern_tag(session, &s.text, &o, got, MOST, &n, &err));
            same_entities(e, got, n);
            assert_ok(tern_tag(session, &s.text, &o, NULL, 0, &again, &err));
            assert_int_equal(again, n);
            if (!o.window)
                assert_ok(tern_answer_stream(session, TERN_TAG, TERN_TRUNCATE_ERROR, &stream, &err));
        }
        tern_session_close(session);
    }
    json_decref(expected);
    tern_model_close(model);
}

static void test_bio(void **state)
{
    (void)state;
    check_tagger("bio");
}

static void test_io(void **state)
{
    (void)state;
    check_tagger("io-lower");
}

/* No token says that it is inside a word: a space decides. */
static void test_bytes(void **state)
{
    (void)state;
    check_tagger("bio-bytes");
}

/* ---- What the pipeline does not know ---- */

/* The tokens of "ada ada ada ..." whose labels are given, as an answer of a stream. */
static size_t grouped(const tern_model *model, const char *labels, tern_aggregation aggregation, tern_entity *out)
{
    const int32_t n_labels = tern_model_get_info(model)->n_labels;
    float values[32 * 16] = {0};
    int32_t ids[32] = {0};
    tern_span spans[32];
    char text[100] = "";
    const tern_answer answer = {
        .n_tokens = strlen(labels), .values = values, .ids = ids, .spans = spans, .count = n_labels};
    const tern_text t = {.text = text, .text_bytes = 4 * answer.n_tokens};
    const tern_tag_options o = {.struct_bytes = sizeof o, .aggregation = aggregation};
    size_t n;
    for (size_t i = 0; i < answer.n_tokens; i++) {
        strcat(text, "ada ");
        spans[i] = (tern_span){4 * i, 4 * i + 3, 0, (int32_t)i};
        values[(int32_t)i * n_labels + labels[i] - '0'] = 5;
    }
    assert_ok(tern_answer_entities(model, &t, &answer, &o, out, 32, &n, &err));
    return n;
}

/* Another set of labels for a checkpoint with as many. */
static tern_model *relabelled(const char *const *labels, int n)
{
    static const char *const files[] = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"};
    json_t *config, *names = json_object(), *numbers = json_object();
    char to[400];
    test_remove_dir(dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    for (int i = 1; i < 4; i++) {
        char from[300];
        size_t size;
        snprintf(from, sizeof from, "tests/golden/tags/bio/%s", files[i]);
        snprintf(to, sizeof to, "%s/%s", dir, files[i]);
        char *const bytes = test_read_file(from, &size);
        FILE *const f = fopen(to, "wb");
        assert_true(bytes && f && fwrite(bytes, 1, size, f) == size && !fclose(f));
        free(bytes);
    }
    assert_ok(tern_json_read_file(&config, "tests/golden/tags/bio/config.json", 1 << 16, 0, &err));
    for (int i = 0; i < n; i++) {
        char key[12];
        snprintf(key, sizeof key, "%d", i);
        json_object_set_new(names, key, json_string(labels[i]));
        json_object_set_new(numbers, labels[i], json_integer(i));
    }
    json_object_set_new(config, "id2label", names);
    json_object_set_new(config, "label2id", numbers);
    snprintf(to, sizeof to, "%s/config.json", dir);
    assert_int_equal(json_dump_file(config, to, 0), 0);
    json_decref(config);
    assert_ok(convert(dir, "f32", NULL));
    return opened();
}

/* The wrong answers were three entities for B I E, as transformers gives them, and one for two S. */
static void test_ends(void **state)
{
    static const char *const bioes[] = {"O", "B-PER", "I-PER", "E-PER", "S-PER", "E-LOC"};
    static const char *const bilou[] = {"O", "B-PER", "I-PER", "L-PER", "U-PER", "L-LOC"};
    static const char *const others[] = {"O", "B-PER", "I-PER", "E-MAIL", "S-MAIL", "L"};
    tern_entity got[32];
    (void)state;
    for (int set = 0; set < 2; set++) {
        tern_model *const model = relabelled(set ? bilou : bioes, 6);
        assert_int_equal(grouped(model, "012344013", TERN_AGGREGATE_SIMPLE, got), 4);
        assert_int_equal(got[0].start, 4);
        assert_int_equal(got[0].end, 15);
        assert_int_equal(got[1].start, 16);
        assert_int_equal(got[2].start, 20);
        assert_int_equal(got[3].end, 35);
        assert_string_equal(got[0].label, "PER");
        assert_int_equal(grouped(model, "25", TERN_AGGREGATE_SIMPLE, got), 2); /* another thing's end */
        assert_int_equal(grouped(model, "0123", TERN_AGGREGATE_NONE, got), 3);
        assert_string_equal(got[2].label, set ? "L-PER" : "E-PER");
        tern_model_close(model);
    }
    /* No label with B- or I- goes on like these: they are other things' names. */
    tern_model *const model = relabelled(others, 6);
    assert_int_equal(grouped(model, "334455", TERN_AGGREGATE_SIMPLE, got), 3);
    assert_string_equal(got[0].label, "MAIL");
    tern_model_close(model);
}

/* The classifier reads nothing: all tokens have the label of the largest bias. */
static void blind(void)
{
    char file[400];
    size_t size;
    json_t *head;
    snprintf(file, sizeof file, "%s/model.safetensors", dir);
    char *const bytes = test_read_file(file, &size);
    const size_t n = (uint8_t)bytes[0] + 256u * (uint8_t)bytes[1];
    assert_ok(tern_json_parse(&head, bytes + 8, n, 10000, "head", &err));
    const json_t *const at = json_object_get(json_object_get(head, "classifier.weight"), "data_offsets");
    const json_int_t from = json_integer_value(json_array_get(at, 0)), to = json_integer_value(json_array_get(at, 1));
    assert_true(to > from);
    memset(bytes + 8 + n + from, 0, (size_t)(to - from));
    FILE *const f = fopen(file, "wb");
    assert_true(f && fwrite(bytes, 1, size, f) == size && !fclose(f));
    json_decref(head);
    free(bytes);
}

/* Of an entity that is longer than what two windows share the wrong answer was its longest part. */
static void test_join(void **state)
{
    static const char *const labels[] = {"A", "B", "C", "D", "E", "F"};
    tern_entity parts[MOST], joined[MOST];
    size_t n_parts, n_joined;
    tern_session *session;
    char text[2000] = "";
    (void)state;
    tern_model_close(relabelled(labels, 6));
    blind();
    assert_ok(convert(dir, "f32", NULL));
    tern_model *const model = opened();
    for (int i = 0; i < 60; i++)
        strcat(text, "London ");
    const tern_text t = {.text = text, .text_bytes = strlen(text)};
    tern_tag_options o = {.struct_bytes = sizeof o, .aggregation = TERN_AGGREGATE_SIMPLE, .window = 16, .stride = 4};
    assert_ok(tern_session_open(&session, model, NULL, &err));
    assert_ok(tern_tag(session, &t, &o, parts, MOST, &n_parts, &err));
    o.join = 1;
    assert_ok(tern_tag(session, &t, &o, joined, MOST, &n_joined, &err));
    assert_true(n_parts > 1 || parts[0].end - parts[0].start < strlen(text) - 1);
    assert_int_equal(n_joined, 1);
    assert_int_equal(joined[0].start, 0);
    assert_int_equal(joined[0].end, strlen(text) - 1);
    assert_true(fabs(joined[0].score - parts[0].score) < 1e-6);
    tern_session_close(session);
    tern_model_close(model);
}

static void test_tag_refusals(void **state)
{
    json_t *expected;
    tern_model *const model = golden("bio", &expected);
    tern_session *session;
    tern_tag_options o = {.struct_bytes = sizeof o};
    tern_text t = {.text = "a b", .text_bytes = 3};
    size_t n = 7;
    (void)state;
    assert_ok(tern_session_open(&session, model, NULL, &err));
    o.aggregation = (tern_aggregation)5;
    refused(tern_tag(session, &t, &o, NULL, 0, &n, &err), TERN_USAGE, "5 is no tern_aggregation");
    assert_int_equal(n, 0);
    o = (tern_tag_options){.struct_bytes = 4};
    refused(tern_tag(session, &t, &o, NULL, 0, &n, &err), TERN_USAGE, "struct_bytes");
    o = (tern_tag_options){.struct_bytes = sizeof o, .window = 65};
    refused(tern_tag(session, &t, &o, NULL, 0, &n, &err), TERN_USAGE, "windows of 65 tokens");
    o = (tern_tag_options){.struct_bytes = sizeof o, .window = 3, .stride = 2};
    t.text = "Ada Ada Ada Ada";
    t.text_bytes = 15;
    refused(tern_tag(session, &t, &o, NULL, 0, &n, &err), TERN_INPUT, "smaller stride");
    t = (tern_text){.text = "a", .text_bytes = 1, .pair = "b", .pair_bytes = 1};
    refused(tern_tag(session, &t, NULL, NULL, 0, &n, &err), TERN_USAGE, "without a pair");
    t = (tern_text){.text = "a\xff", .text_bytes = 2};
    refused(tern_tag(session, &t, NULL, NULL, 0, &n, &err), TERN_INPUT, "UTF-8");
    const char *const labels[] = {"a"};
    tern_label_score ranked;
    refused(tern_zero_shot(session, "x", 1, labels, 1, NULL, &ranked, &err), TERN_USAGE, "entails");
    tern_session_close(session);
    tern_model_close(model);
    json_decref(expected);
}

static void test_other_heads(void **state)
{
    const struct test_checkpoint_spec spec = {.hidden = 24, .pooler = 1, .n_labels = 2};
    const tern_text t = {.text = "a", .text_bytes = 1};
    tern_session *session;
    size_t n;
    (void)state;
    assert_ok(convert_spec(&spec, NULL));
    tern_model *const model = opened();
    assert_ok(tern_session_open(&session, model, NULL, &err));
    refused(tern_tag(session, &t, NULL, NULL, 0, &n, &err), TERN_USAGE, "ForTokenClassification");
    tern_session_close(session);
    tern_model_close(model);
}

/* ---- Zero-shot ---- */

/* Where a label of that score stands in a list. */
static size_t place_of(const json_t *names, const char *name, const json_t *scores, double score)
{
    size_t i = 0;
    while (i < json_array_size(names) && (strcmp(json_string_value(json_array_get(names, i)), name) ||
                                          fabs(json_number_value(json_array_get(scores, i)) - score) > 1e-6))
        i++;
    return i;
}

static void check_nli(const char *name, int entailment)
{
    json_t *expected;
    tern_model *const model = golden(name, &expected);
    assert_int_equal(tern_entailment(model), entailment);
    for (int batch = 1; batch < 6; batch += 2) {
        const tern_session_options one = {.struct_bytes = sizeof one, .max_texts = batch, .threads = 1};
        tern_session *session;
        assert_ok(tern_session_open(&session, model, &one, &err));
        for (size_t i = 0; i < json_array_size(expected); i++) {
            const json_t *const e = json_array_get(expected, i);
            const json_t *const given = json_object_get(e, "labels"), *const names = json_object_get(e, "ranked");
            const char *labels[8], *const text = string_of(e, "text");
            const size_t n = json_array_size(given);
            const tern_zero_shot_options o = {.struct_bytes = sizeof o,
                                              .hypothesis = string_of(e, "template"),
                                              .several = json_is_true(json_object_get(e, "multi")),
                                              .truncate = TERN_TRUNCATE_HEAD};
            tern_label_score ranked[8];
            for (size_t k = 0; k < n; k++)
                labels[k] = json_string_value(json_array_get(given, k));
            assert_ok(tern_zero_shot(session, text, strlen(text), labels, n, &o, ranked, &err));
            for (size_t k = 0; k < n; k++) { /* labels of equal scores have no order there */
                const double score = json_number_value(json_array_get(json_object_get(e, "scores"), k));
                const size_t at = place_of(names, labels[ranked[k].label], json_object_get(e, "scores"), score);
                assert_true(fabs(ranked[k].score - score) <= 1e-4 && at < n);
                assert_true(k == 0 || ranked[k].score < ranked[k - 1].score || ranked[k].label > ranked[k - 1].label);
            }
        }
        tern_session_close(session);
    }
    json_decref(expected);
    tern_model_close(model);
}

static void test_zero_shot(void **state)
{
    (void)state;
    check_nli("nli", 2);
    check_nli("nli-first", 0);
    check_nli("nli-unnamed", -1);
}

static void test_zero_shot_refusals(void **state)
{
    static const char *const labels[] = {"a", "b"};
    json_t *expected;
    tern_model *const model = golden("nli", &expected);
    tern_session *session;
    tern_label_score ranked[2];
    char text[200];
    tern_zero_shot_options o = {.struct_bytes = sizeof o, .hypothesis = "no hole"};
    (void)state;
    memset(text, '.', sizeof text);
    assert_ok(tern_session_open(&session, model, NULL, &err));
    refused(tern_zero_shot(session, "x", 1, labels, 2, &o, ranked, &err), TERN_USAGE, "no {}");
    refused(tern_zero_shot(session, "x", 1, labels, 0, NULL, ranked, &err), TERN_USAGE, "0 labels");
    refused(tern_zero_shot(session, text, sizeof text, labels, 2, NULL, ranked, &err), TERN_INPUT,
            "the model takes 64");
    o = (tern_zero_shot_options){.struct_bytes = sizeof o, .truncate = TERN_TRUNCATE_TAIL};
    assert_ok(tern_zero_shot(session, text, sizeof text, labels, 2, &o, ranked, &err));
    o.hypothesis = "{} ................................................................................";
    refused(tern_zero_shot(session, "x", 1, labels, 2, &o, ranked, &err), TERN_INPUT, "shorten the question or the");
    tern_session_close(session);
    tern_model_close(model);
    json_decref(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bio, setup, teardown),
        cmocka_unit_test_setup_teardown(test_io, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_join, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tag_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_heads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_zero_shot, setup, teardown),
        cmocka_unit_test_setup_teardown(test_zero_shot_refusals, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
