/* What a checkpoint's model is for, and what its logits become. The folders of tests/golden/cases hold what went wrong
   for people elsewhere; tests/golden/make_cases.py printed what PyTorch answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/converting.h"

#include <math.h>

static tern_model *converted_case(const char *name, const char *weights)
{
    char checkpoint[300];
    snprintf(checkpoint, sizeof checkpoint, "tests/golden/cases/%s", name);
    assert_ok(convert(checkpoint, weights, NULL));
    return opened();
}

/* ---- The folders ------------------------------------------------------------------------------------------------ */

enum { TOKENS = 64, VALUES = 1024 };

struct answer {
    size_t n_tokens;
    int32_t count;
    float values[VALUES];
    tern_span spans[TOKENS];
};

static tern_status keep(void *context, const tern_answer *a)
{
    struct answer *kept = context;
    const size_t rows = a->spans ? a->n_tokens : 1;
    kept->n_tokens = a->n_tokens;
    kept->count = a->count;
    assert_true(rows * (size_t)a->count <= VALUES && a->n_tokens <= TOKENS);
    memcpy(kept->values, a->values, rows * (size_t)a->count * sizeof *kept->values);
    if (a->spans)
        memcpy(kept->spans, a->spans, a->n_tokens * sizeof *kept->spans);
    return TERN_OK;
}

static tern_next one_text(void *context, tern_text *text)
{
    static int given;
    (void)context;
    given = !given;
    *text = (tern_text){.text = "the movie was great", .text_bytes = 19};
    return given ? TERN_NEXT_TEXT : TERN_NEXT_END;
}

static struct answer answer_of(const tern_model *model, tern_task task)
{
    struct answer kept = {0};
    const tern_stream stream = {.struct_bytes = sizeof stream, .context = &kept, .next = one_text, .answer = keep};
    tern_session *s;
    assert_ok(tern_session_open(&s, model, NULL, &err));
    assert_ok(tern_answer_stream(s, task, TERN_TRUNCATE_ERROR, &stream, &err));
    tern_session_close(s);
    return kept;
}

static void close_to(const double *values, const double *expected, int n, double bound)
{
    for (int i = 0; i < n; i++)
        if (!(fabs(values[i] - expected[i]) <= bound))
            fail_msg("value %d is %f, not %f", i, values[i], expected[i]);
}

/* The wrong answer was softmax, and one label: docs with 0.363. */
static void test_multilabel(void **state)
{
    static const double expected[] = {0.409786, 0.719458, 0.500351, 0.692716};
    (void)state;
    for (int i = 0; i < 2; i++) {
        tern_model *model = converted_case("01-multilabel", i ? "int8" : "f32");
        double p[4];
        assert_string_equal(tern_model_get_info(model)->output, "sigmoid");
        const struct answer a = answer_of(model, TERN_CLASSIFY);
        assert_int_equal(tern_probabilities(model, a.values, p), 1);
        close_to(p, expected, 4, i ? 0.05 : 1e-5);
        assert_true(p[0] < 0.5 && p[1] > 0.5 && (i || p[2] > 0.5) && p[3] > 0.5);
        tern_model_close(model);
    }
}

/* The wrong answer was the logistic function of it: 0.909 (int8). */
static void test_regression(void **state)
{
    static const double expected = 2.421481;
    (void)state;
    for (int i = 0; i < 2; i++) {
        tern_model *model = converted_case("02-regression", i ? "int8" : "f32");
        double p;
        assert_string_equal(tern_model_get_info(model)->output, "raw");
        const struct answer a = answer_of(model, TERN_CLASSIFY);
        assert_int_equal(tern_probabilities(model, a.values, &p), 0);
        close_to(&p, &expected, 1, i ? 0.15 : 1e-5);
        tern_model_close(model);
    }
}

/* The wrong answer was one label for the text, I-LOC with 0.748, since there is a pooler. */
static void test_tagger(void **state)
{
    static const char *const labels[] = {"O", "B-LOC", "B-LOC", "I-PER", "O", "O"};
    static const double first[] = {0.527628, -1.762361, -1.549645, -0.206074, -1.030187};
    static const size_t starts[] = {0, 0, 4, 10, 14, 0};
    (void)state;
    for (int i = 0; i < 2; i++) {
        tern_model *model = converted_case("03-ner-with-pooler", i ? "int8" : "f32");
        const tern_model_info *info = tern_model_get_info(model);
        reported("task: tag (BertForTokenClassification)");
        reported("dropped: *pooler.dense.*");
        assert_string_equal(info->head, "tagger");
        assert_int_equal(info->of_tokens, 1);
        const struct answer a = answer_of(model, TERN_TAG);
        double row[5];
        assert_int_equal(a.n_tokens, 6);
        assert_int_equal(a.count, 5);
        for (int t = 0; t < 6; t++) {
            const int32_t best = tern_probabilities(model, a.values + 5 * t, NULL);
            assert_string_equal(tern_model_label(model, best), labels[t]);
            assert_int_equal(a.spans[t].start, starts[t]);
            assert_int_equal(a.spans[t].source, t == 0 || t == 5 ? -1 : 0);
        }
        for (int k = 0; k < 5; k++)
            row[k] = (double)a.values[k];
        close_to(row, first, 5, i ? 0.1 : 1e-5);
        tern_model_close(model);
    }
}

/* The classifier of each token whatever its neighbours are: together in one run, and alone. */
static void test_tags_in_batches(void **state)
{
    (void)state;
    tern_model *model = converted_case("03-ner-with-pooler", "int8");
    struct e2e_texts t = e2e_random_texts(model, 7, 30, 5);
    const tern_batch all = {t.ids, t.types, t.offsets, 7};
    float together[7 * 30 * 5], alone[30 * 5];
    tern_session *s;
    assert_ok(tern_session_open(&s, model, NULL, &err));
    assert_ok(tern_classify(s, &all, together, &err));
    for (int i = 0; i < 7; i++) {
        const int32_t n = t.offsets[i + 1] - t.offsets[i], offsets[2] = {0, n};
        const tern_batch one = {t.ids + t.offsets[i], t.types + t.offsets[i], offsets, 1};
        assert_ok(tern_classify(s, &one, alone, &err));
        assert_memory_equal(alone, together + 5 * t.offsets[i], (size_t)n * 5 * sizeof *alone);
    }
    tern_session_close(s);
    e2e_free_texts(&t);
    tern_model_close(model);
}

/* The wrong answer was that embeddings.word_embeddings.weight is missing. */
static void test_wrapped(void **state)
{
    static const double expected[] = {-1.914620, -0.109065, -1.401560, -0.884505};
    (void)state;
    tern_model *model = converted_case("38-orig-mod", "f32");
    double v[4];
    reported("names: _orig_mod. taken out of 39");
    const struct answer a = answer_of(model, TERN_EMBED);
    for (int k = 0; k < 4; k++)
        v[k] = (double)a.values[k];
    close_to(v, expected, 4, 1e-5);
    tern_model_close(model);
}

/* The wrong answer was a refusal of all but gelu and gelu_new. What is alike to 1e-3 here differs by 1e-4. */
static void test_activation_names(void **state)
{
    static const struct {
        const char *name, *becomes;
        double expected[4];
    } names[] = {
        {"gelu_python", "gelu", {1.588849, -1.649504, -0.162124, -0.594712}},
        {"gelu_fast", "gelu_new", {1.588816, -1.649456, -0.161930, -0.594361}},
        {"gelu_accurate", "gelu_new", {1.588816, -1.649456, -0.161930, -0.594361}},
        {"silu", "silu", {1.562433, -1.603222, -0.088989, -0.428940}},
        {"swish", "silu", {1.562433, -1.603222, -0.088989, -0.428940}},
        {"quick_gelu", "quick_gelu", {1.587741, -1.654525, -0.165298, -0.595112}},
    };
    static const char *const files[] = {"config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"};
    (void)state;
    for (size_t n = 0; n < 2 * sizeof names / sizeof names[0]; n++) {
        const size_t i = n / 2;
        test_remove_dir(dir);
        for (int f = 0; f < 4; f++) {
            char from[300], text[1000];
            size_t size;
            snprintf(from, sizeof from, "tests/golden/cases/45-act-gelu_python/%s", files[f]);
            char *bytes = test_read_file(from, &size);
            assert_non_null(bytes);
            char *const act = f ? NULL : memmem(bytes, size, "gelu_python", 11);
            if (act)
                size = (size_t)snprintf(text, sizeof text, "%.*s%s%.*s", (int)(act - bytes), bytes, names[i].name,
                                        (int)(size - (size_t)(act + 11 - bytes)), act + 11);
            assert_int_equal(test_write_file(dir, files[f], act ? text : bytes, size), 0);
            free(bytes);
        }
        assert_ok(convert(dir, n % 2 ? "int8" : "f32", NULL));
        tern_model *model = opened();
        double v[4];
        assert_string_equal(tern_model_get_info(model)->activation, names[i].becomes);
        const struct answer a = answer_of(model, TERN_EMBED);
        for (int k = 0; k < 4; k++)
            v[k] = (double)a.values[k];
        close_to(v, names[i].expected, 4, n % 2 ? 0.06 : 5e-6);
        tern_model_close(model);
    }
}

/* ---- The task --------------------------------------------------------------------------------------------------- */

static void test_tasks(void **state)
{
    static const char *const language[] = {"cls.predictions.bias", "cls.seq_relationship.weight", NULL},
                             *const answers[] = {"qa_outputs.bias", NULL}, *const scale[] = {"logit_scale", NULL},
                             *const roberta[] = {"classifier.dense.weight", "classifier.out_proj.weight", NULL};
    static const struct {
        const char *class, *asked;
        int n_labels, pooler, modules;
        const char *const *extra;
        const char *head; /* NULL: refused */
        const char *says; /* in the message, or in the report */
    } cases[] = {
        {"BertModel", NULL, 0, 1, 0, NULL, "none", "task: embed (BertModel)"},
        {"BertForSequenceClassification", NULL, 3, 1, 0, NULL, "classifier", "task: classify"},
        {"BertForTokenClassification", NULL, 3, 0, 0, NULL, "tagger", "task: tag"},
        {"BertForMaskedLM", NULL, 0, 0, 0, language, "none", "dropped: cls.predictions.*"},
        {"BertForPreTraining", NULL, 0, 1, 0, language, "none", "dropped: cls.seq_relationship.*"},
        {"BertForSequenceClassification", NULL, 3, 1, 0, language, "classifier", "dropped: cls.predictions.*"},
        {"BertForMaskedLM", NULL, 0, 0, 1, language, "none", "task: embed (modules.json)"},
        {"BertForMaskedLM", "embed", 0, 0, 0, language, "none", "task: embed (asked for)"},
        /* A temperature of training, outside of the encoder, was "of weights that are quantised already". */
        {"BertModel", "embed", 0, 1, 0, scale, "none", "dropped: logit_scale"},
        {"BertModel", NULL, 0, 1, 0, scale, NULL, "logit_scale is no part of the model"},
        /* By the tensors, and said so. */
        {"", NULL, 3, 1, 0, NULL, "classifier", "task: classify (by the tensors"},
        {"", NULL, 3, 0, 0, NULL, "tagger", "task: tag (by the tensors"},
        {"", NULL, 0, 1, 0, NULL, "none", "task: embed (by the tensors"},
        /* What has no command. */
        {"BertForQuestionAnswering", NULL, 0, 0, 0, answers, NULL, "--task embed"},
        {"BertForMultipleChoice", NULL, 0, 1, 0, NULL, NULL, "BertForMultipleChoice chooses between texts"},
        {"BertForNextSentencePrediction", NULL, 0, 1, 0, language, NULL, "BertForNextSentencePrediction"},
        {"BertLMHeadModel", NULL, 0, 0, 0, language, NULL, "BertLMHeadModel writes texts"},
        {"BertForQuestionAnswering", "embed", 0, 0, 0, answers, "none", "dropped: qa_outputs.*"},
        {"BertForQuestionAnswering", "classify", 0, 0, 0, answers, NULL, "classifier.weight is missing"},
        {"", NULL, 0, 0, 0, answers, NULL, "tensor qa_outputs.bias"},
        {"BertModel", NULL, 0, 1, 0, answers, NULL, "tensor qa_outputs.bias"},
        {"BertForSomethingElse", NULL, 0, 1, 0, NULL, NULL, "BertForSomethingElse is not known"},
        {"MyBertModel", NULL, 0, 1, 0, NULL, NULL, "MyBertModel is not known"},
        {"BertForSomethingElse", "embed", 0, 1, 0, NULL, "none", "task: embed (asked for)"},
        {"BertModel", NULL, 3, 1, 0, NULL, NULL, "tensor classifier.bias is a classifier's"},
        {"BertModel", "classify", 3, 1, 0, NULL, "classifier", "task: classify (asked for)"},
        {"BertModel", "tag", 3, 1, 0, NULL, "tagger", "dropped: *pooler.dense.*"},
        {"BertForSequenceClassification", "embed", 3, 1, 0, NULL, "none", "dropped: classifier.*"},
        {"BertForSequenceClassification", NULL, 3, 0, 0, NULL, NULL, "pooler.dense.weight is missing"},
        {"BertForSequenceClassification", NULL, 0, 1, 0, NULL, NULL, "classifier.weight is missing"},
        /* It was said that classifier.weight is missing, and nothing else. */
        {"BertForSequenceClassification", NULL, 0, 1, 0, roberta, NULL,
         "classifier.weight is missing; classifier.out_proj.weight is of another head"},
        {"BertForSequenceClassification", "embed", 0, 1, 0, roberta, "none", "dropped: classifier.*"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct test_checkpoint_spec spec = {.class = cases[i].class,
                                                  .n_labels = cases[i].n_labels,
                                                  .pooler = cases[i].pooler,
                                                  .pooling = cases[i].modules ? "mean" : NULL,
                                                  .extra = cases[i].extra,
                                                  .hidden = 24};
        const tern_status status = convert_spec(&spec, cases[i].asked);
        if (!cases[i].head) {
            refused(status, TERN_FORMAT, cases[i].says);
            continue;
        }
        assert_ok(status);
        reported(cases[i].says);
        tern_model *model = opened();
        assert_string_equal(tern_model_get_info(model)->head, cases[i].head);
        assert_int_equal(tern_model_get_info(model)->n_labels, strcmp(cases[i].head, "none") ? cases[i].n_labels : 0);
        tern_model_close(model);
    }
    refused(convert_spec(&(struct test_checkpoint_spec){.hidden = 24}, "rank"), TERN_USAGE,
            "classify, tag, answer, fill and embed");
}

/* What is no list was as if it were not there, and the task went by the tensors. */
static void test_no_lists(void **state)
{
    static const char *const cases[][2] = {
        {"\"architectures\":\"BertModel\"", "architectures is no list of classes"},
        {"\"architectures\":{}", "architectures is no list of classes"},
        {"\"architectures\":[7]", "architectures is no list of classes"},
        {"\"architectures\":[],\"sentence_transformers\":[]", "sentence_transformers is no object"},
        {"\"architectures\":null", NULL},
    };
    struct test_checkpoint_spec spec = {.class = "", .n_labels = 3, .pooler = 1, .hidden = 24};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        spec.config = cases[i][0];
        const tern_status status = convert_spec(&spec, NULL);
        if (cases[i][1])
            refused(status, TERN_FORMAT, cases[i][1]);
        else
            assert_ok(status);
    }
}

/* DistilBERT's pooler belongs to the head. */
static void test_distilbert(void **state)
{
    struct test_checkpoint_spec spec = {.architecture = TERN_DISTILBERT, .hidden = 24, .pooler = 1, .n_labels = 2};
    (void)state;
    assert_ok(convert_spec(&spec, "embed"));
    reported("dropped: pre_classifier.*");
    reported("dropped: classifier.*");
    spec.class = "DistilBertForTokenClassification";
    spec.pooler = 0;
    assert_ok(convert_spec(&spec, NULL));
    reported("task: tag (DistilBertForTokenClassification)");
    spec.class = "DistilBertForQuestionAnswering";
    refused(convert_spec(&spec, NULL), TERN_FORMAT, "tensor qa_outputs.weight is missing; the task is answer");
    spec.class = "DistilBertForMultipleChoice";
    refused(convert_spec(&spec, NULL), TERN_FORMAT, "DistilBertForMultipleChoice chooses between texts");
}

/* ---- The output function ---------------------------------------------------------------------------------------- */

static void test_outputs(void **state)
{
    static const char identity[] = "\"sentence_transformers\":{\"version\":\"4.0\",\"activation_fn\":"
                                   "\"torch.nn.modules.linear.Identity\"}",
                      old_identity[] = "\"sbert_ce_default_activation_function\":\"torch.nn.modules.linear.Identity\"",
                      sigmoid[] = "\"sentence_transformers\":{\"activation_fn\":"
                                  "\"torch.nn.modules.activation.Sigmoid\"}";
    static const struct {
        const char *config;
        int n_labels;
        const char *output; /* NULL: refused */
    } cases[] = {
        {NULL, 3, "softmax"},
        {NULL, 1, "sigmoid"},
        {"\"problem_type\":null", 2, "softmax"},
        {"\"problem_type\":\"single_label_classification\"", 3, "softmax"},
        {"\"problem_type\":\"single_label_classification\"", 1, "sigmoid"},
        {"\"problem_type\":\"multi_label_classification\"", 3, "sigmoid"},
        {"\"problem_type\":\"multi_label_classification\"", 1, "sigmoid"},
        {"\"problem_type\":\"regression\"", 1, "raw"},
        {"\"problem_type\":\"regression\"", 3, "raw"},
        {"\"problem_type\":\"ranking\"", 3, NULL},
        {"\"function_to_apply\":\"none\"", 3, "raw"},
        {"\"function_to_apply\":\"sigmoid\"", 3, "sigmoid"},
        {"\"function_to_apply\":\"tanh\"", 3, NULL},
        {identity, 1, "raw"},
        {identity, 3, "raw"},
        {old_identity, 1, "raw"},
        {sigmoid, 3, "sigmoid"},
        {"\"sbert_ce_default_activation_function\":\"my.Own\"", 1, NULL},
        {"\"sentence_transformers\":{\"activation_fn\":\"my.Own\"}", 1, NULL},
        {"\"sentence_transformers\":null", 3, "softmax"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct test_checkpoint_spec spec = {
            .config = cases[i].config, .n_labels = cases[i].n_labels, .pooler = 1, .hidden = 24};
        const tern_status status = convert_spec(&spec, NULL);
        if (!cases[i].output) {
            refused(status, TERN_FORMAT, "is not supported");
            continue;
        }
        assert_ok(status);
        tern_model *model = opened();
        const float logits[3] = {2, -1, 0.5f};
        double p[3];
        assert_string_equal(tern_model_get_info(model)->output, cases[i].output);
        assert_int_equal(tern_probabilities(model, logits, p), 0);
        const double sum = exp(2) + exp(-1) + exp(0.5),
                     first = !strcmp(cases[i].output, "raw") ? 2
                             : !strcmp(cases[i].output, "sigmoid")
                                 ? 1 / (1 + exp(-2))
                                 : exp(2) / (cases[i].n_labels == 3 ? sum : exp(2) + exp(-1));
        close_to(p, &first, 1, 1e-12);
        tern_model_close(model);
    }
}

/* The keys are a classifier's. Models of other tasks were refused for what a classifier left in config.json. */
static void test_outputs_of_others(void **state)
{
    static const char config[] = "\"problem_type\":\"ranking\",\"sbert_ce_default_activation_function\":\"my.Own\"";
    struct test_checkpoint_spec spec = {.config = config, .n_labels = 1, .pooler = 1, .hidden = 24};
    (void)state;
    refused(convert_spec(&spec, "classify"), TERN_FORMAT, "problem_type ranking is not supported");
    assert_ok(convert_spec(&spec, "embed"));
    assert_ok(convert_spec(&spec, "tag"));
    /* Of tokens, transformers' pipeline takes the softmax even of one label; the wrong answer was a sigmoid. */
    tern_model *model = opened();
    const float logit = -3;
    double p;
    assert_string_equal(tern_model_get_info(model)->output, "softmax");
    assert_int_equal(tern_probabilities(model, &logit, &p), 0);
    assert_true(p == 1);
    tern_model_close(model);
}

/* A cross-encoder of sentence-transformers has modules.json, too, and is no embedder. */
static void test_cross_encoder(void **state)
{
    static const char text[] =
        "{\"model_type\":\"CrossEncoder\",\"activation_fn\":\"torch.nn.modules.linear.Identity\"}",
                      modules[] = "[{\"idx\":0,\"name\":\"0\",\"path\":\"\","
                                  "\"type\":\"sentence_transformers.base.modules.transformer.Transformer\"}]";
    const struct test_checkpoint_spec spec = {.n_labels = 1, .pooler = 1, .hidden = 24};
    (void)state;
    test_remove_dir(dir);
    assert_int_equal(test_write_checkpoint(dir, &spec), 0);
    assert_int_equal(test_write_file(dir, "config_sentence_transformers.json", text, sizeof text - 1), 0);
    assert_int_equal(test_write_file(dir, "modules.json", modules, sizeof modules - 1), 0);
    assert_ok(convert(dir, NULL, NULL));
    tern_model *model = opened();
    assert_string_equal(tern_model_get_info(model)->head, "classifier");
    assert_string_equal(tern_model_get_info(model)->output, "raw");
    tern_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multilabel),    cmocka_unit_test(test_regression),
        cmocka_unit_test(test_tagger),        cmocka_unit_test(test_tags_in_batches),
        cmocka_unit_test(test_wrapped),       cmocka_unit_test(test_activation_names),
        cmocka_unit_test(test_tasks),         cmocka_unit_test(test_no_lists),
        cmocka_unit_test(test_distilbert),    cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_cross_encoder), cmocka_unit_test(test_outputs_of_others),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
