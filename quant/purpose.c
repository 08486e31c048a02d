/* Finds out what a checkpoint's model is for, from what the user asked, sentence-transformers' files and the class that
   config.json names. */
#include "quant/purpose.h"

#include "models/config_private.h"
#include "models/json.h"
#include "quant/convert.h"
#include "quant/families.h"
#include "runtime/base/file.h"

#include <stdio.h>
#include <string.h>

enum { MAX_PATH = 4096, MAX_FILE = 1 << 20 /* bytes of a JSON file */ };

/* What the classes of transformers are for, by what follows the family's name: a head of Tern's, or none, for
   embeddings; or what a message says of answers that Tern cannot give. */
static const struct {
    const char *suffix;
    enum tern_head head;
    const char *refused;
} classes[] = {
    {"Model", TERN_HEAD_NONE, NULL},
    {"ForPreTraining", TERN_HEAD_NONE, NULL},
#define HEAD_KIND(id, name, class, gives, pooled, run, command, summary) {class, TERN_HEAD_##id, NULL},
#include "models/heads.def"
#undef HEAD_KIND
    {"ForMultipleChoice", TERN_HEAD_NONE, "chooses between texts"},
    {"ForNextSentencePrediction", TERN_HEAD_NONE, "tells whether a sentence follows another"},
    {"LMHeadModel", TERN_HEAD_NONE, "writes texts"},
};
enum { N_CLASSES = sizeof classes / sizeof classes[0] };

struct tern_words tern_task_words(const char *conjunction)
{
    const char *names[TERN_N_HEADS];
    for (int i = 0; i < TERN_N_HEADS; i++)
        names[i] = tern_head_kinds[(i + 1) % TERN_N_HEADS].run; /* "embed", that of no head, last */
    return tern_words(names, TERN_N_HEADS, conjunction);
}

/* ---- The output function ---------------------------------------------------------------------------------------- */

static const struct word {
    const char *name;
    int output;
} problems[] = {{"single_label_classification", -1},
                {"multi_label_classification", TERN_OUTPUT_SIGMOID},
                {"regression", TERN_OUTPUT_RAW}},
  functions[] = {{"softmax", TERN_OUTPUT_SOFTMAX}, {"sigmoid", TERN_OUTPUT_SIGMOID}, {"none", TERN_OUTPUT_RAW}},
  modules[] = {{"torch.nn.modules.linear.Identity", TERN_OUTPUT_RAW},
               {"torch.nn.modules.activation.Sigmoid", TERN_OUTPUT_SIGMOID},
               {"torch.nn.modules.activation.Softmax", TERN_OUTPUT_SOFTMAX}};

/* A string member that must be one of three words; absent ones leave *out alone. */
static tern_status read_word(int *out, const json_t *object, const char *key, const struct word *words,
                             const char *path, tern_error *err)
{
    const char *name = NULL;
    tern_status status = tern_json_get_string(object, key, 0, &name, path, err);
    for (int i = 0; i < 3 && name && !status; i++)
        if (!strcmp(name, words[i].name)) {
            *out = words[i].output;
            return TERN_OK;
        }
    if (name && !status)
        status = tern_fail(err, TERN_FORMAT, "%s: %s %.80s is not supported; %s, %s and %s are", path, key, name,
                           words[0].name, words[1].name, words[2].name);
    return status;
}

/* Where several keys say it, the last one here counts: what the library that runs a cross-encoder wrote is the most
   particular. `sentence` is config_sentence_transformers.json of a cross-encoder, else NULL. */
static tern_status read_output(struct tern_purpose *p, const json_t *config, const json_t *sentence, const char *path,
                               tern_error *err)
{
    const json_t *nested = json_object_get(config, "sentence_transformers");
    tern_status status = read_word(&p->output, config, "function_to_apply", functions, path, err);
    if (!status)
        status = read_word(&p->output, config, "problem_type", problems, path, err);
    if (!status)
        status = read_word(&p->output, config, "sbert_ce_default_activation_function", modules, path, err);
    if (!status && nested && !json_is_object(nested) && !json_is_null(nested))
        status = tern_fail(err, TERN_FORMAT, "%s: sentence_transformers is no object", path);
    if (!status)
        status = read_word(&p->output, nested, "activation_fn", modules, path, err);
    if (!status && sentence)
        status = read_word(&p->output, sentence, "activation_fn", modules, "config_sentence_transformers.json", err);
    return status;
}

/* ---- The task --------------------------------------------------------------------------------------------------- */

static tern_status settle(struct tern_purpose *p, enum tern_head head, int alone, const char *source)
{
    p->settled = 1;
    p->head = head;
    p->alone = alone;
    snprintf(p->source, sizeof p->source, "%s", source);
    tern_say(p->options, "task: %s (%s)", tern_head_kinds[head].run, source);
    return TERN_OK;
}

static tern_status settle_asked(struct tern_purpose *p, const char *task, tern_error *err)
{
    for (int i = 0; i < TERN_N_HEADS; i++)
        if (!strcmp(task, tern_head_kinds[i].run))
            return settle(p, (enum tern_head)i, 1, "asked for");
    return tern_fail(err, TERN_USAGE, "task '%.32s' is unknown; %s are", task, tern_task_words("and").text);
}

/* The class is the family's name and one of the suffixes. */
static tern_status settle_class(struct tern_purpose *p, const char *class, enum tern_architecture family,
                                const char *path, tern_error *err)
{
    const char *start = tern_checkpoint_families[family].class;
    const size_t n = strlen(start);
    if (tern_checkpoint_families[family].alias && !strcmp(class, tern_checkpoint_families[family].alias))
        return settle(p, TERN_HEAD_NONE, 0, class);
    for (int i = 0; i < N_CLASSES; i++) {
        if (strncmp(class, start, n) || strcmp(class + n, classes[i].suffix))
            continue;
        if (!classes[i].refused)
            return settle(p, classes[i].head, 0, class);
        return tern_fail(err, TERN_FORMAT,
                         "%s: %.60s %s, which is not supported; to convert its encoder alone, ask for the task 'embed' "
                         "(--task embed)",
                         path, class, classes[i].refused);
    }
    return tern_fail(err, TERN_FORMAT,
                     "%s: the class %.60s is not known; if it computes what transformers' %s does, say what it is for "
                     "(--task %s)",
                     path, class, start, tern_task_words("or").text);
}

/* directory/name as JSON; *out stays NULL where there is no such file. */
static tern_status read_beside(json_t **out, const char *directory, const char *name, tern_error *err)
{
    char path[MAX_PATH];
    const tern_status status = tern_join_path(path, sizeof path, directory, name, err);
    return status ? status : tern_json_read_file(out, path, MAX_FILE, 1, err);
}

tern_status tern_class_read(const char **out, const json_t *config, const char *path, tern_error *err)
{
    const json_t *const list = json_object_get(config, "architectures"), *const first = json_array_get(list, 0);
    *out = json_string_value(first);
    if ((list && !json_is_array(list) && !json_is_null(list)) || (first && !*out))
        return tern_fail(err, TERN_FORMAT, "%s: architectures is no list of classes, as [\"BertModel\"] is", path);
    return TERN_OK;
}

tern_status tern_purpose_settle(struct tern_purpose *p, const json_t *config, enum tern_architecture family,
                                const struct tern_sentence_folder *folder, const char *directory, const char *path,
                                tern_error *err)
{
    const char *class = NULL;
    json_t *sentence = NULL;
    tern_status status = tern_class_read(&class, config, path, err);
    if (!status)
        status = read_beside(&sentence, directory, "config_sentence_transformers.json", err);
    const char *kind = json_string_value(json_object_get(sentence, "model_type"));
    const int crosses = kind && !strcmp(kind, "CrossEncoder");
    p->output = -1;
    if (!status && p->options && p->options->task)
        status = settle_asked(p, p->options->task, err);
    else if (!status && crosses)
        status = settle(p, TERN_HEAD_CLASSIFIER, 0, "a cross-encoder, as config_sentence_transformers.json says");
    else if (!status && folder->has_modules_json)
        status = settle(p, folder->is_sparse ? TERN_HEAD_FILLER : TERN_HEAD_NONE, 1, "modules.json");
    else if (!status && class && !strcmp(class, "HF_ColBERT"))
        status = settle(p, TERN_HEAD_NONE, 1, class);
    else if (!status && class)
        status = settle_class(p, class, family, path, err);
    /* Of other heads the keys mean nothing; they may be what is left of an earlier use. */
    if (!status && (!p->settled || p->head == TERN_HEAD_CLASSIFIER))
        status = read_output(p, config, crosses ? sentence : NULL, path, err);
    json_decref(sentence);
    return status;
}
