/* Tokenizers of every kind of pipeline against Hugging Face's: ids, types and spans of texts with everything that is
   awkward in them, tests/golden/pipelines by make_pipelines.py; long words, memory that runs out, files that lie. */
/* LDFLAGS: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=free -Wl,--wrap=aligned_alloc -Wl,--wrap=posix_memalign */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "models/tokenizer.h"
#include "runtime/base/file.h"
#include "tests/emulated.h"
#include "tests/malloc_count.h"
#include "tests/rng.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FOLDER "tests/golden/pipelines/"

static const char *const names[] = {"roberta", "modernbert", "eurobert", "xlmr",   "albert",
                                    "deberta", "nmt",        "gemma",    "pieces", "splits"};
enum { N_NAMES = sizeof names / sizeof names[0], ROOM = 40000 };

static tern_error err;
static int32_t ids[ROOM], types[ROOM];
static tern_span spans[ROOM];

static tern_tokenizer *open_golden(const char *name)
{
    tern_tokenizer *tokenizer = NULL;
    char path[200];

    snprintf(path, sizeof path, FOLDER "%s.json", name);
    if (tern_tokenizer_open(&tokenizer, path, &err) != TERN_OK)
        fail_msg("%s", err.message);
    return tokenizer;
}

static tern_tokens room_for(size_t capacity)
{
    return (tern_tokens){
        .struct_bytes = sizeof(tern_tokens), .capacity = capacity, .ids = ids, .types = types, .spans = spans};
}

/* In place; returns the new length. */
static size_t unescape(char *text)
{
    static const char from[] = "\\nrt0", to[] = "\\\n\r\t";
    size_t n = 0;

    for (size_t i = 0; text[i]; i++) {
        const char *escape = text[i] == '\\' && text[i + 1] ? strchr(from, text[i + 1]) : NULL;
        text[n++] = escape ? to[escape - from] : text[i];
        i += escape != NULL;
    }
    return n;
}

static uint64_t fnv(const char *text)
{
    uint64_t value = 0xCBF29CE484222325u;
    for (; *text; text++)
        value = (value ^ (uint8_t)*text) * 0x100000001B3u;
    return value;
}

/* The three columns as the list has them. */
static void print_tokens(const tern_tokens *out, char *columns[3], size_t room)
{
    size_t at[3] = {0, 0, 0};

    for (size_t i = 0; i < out->count; i++) {
        const char *space = i ? " " : "";
        at[0] += (size_t)snprintf(columns[0] + at[0], room - at[0], "%s%d", space, (int)out->ids[i]);
        at[1] += (size_t)snprintf(columns[1] + at[1], room - at[1], "%s%d", space, (int)out->types[i]);
        at[2] += (size_t)snprintf(columns[2] + at[2], room - at[2], "%s%zu,%zu,%d", space, out->spans[i].start,
                                  out->spans[i].end, (int)out->spans[i].source);
    }
    for (int c = 0; c < 3; c++)
        columns[c][at[c]] = '\0';
}

static void expect(const char *where, const tern_tokens *out, char *const wanted[], int hashed)
{
    enum { WIDE = 1 << 20 };
    static char buffers[3][WIDE];
    char *columns[3] = {buffers[0], buffers[1], buffers[2]};
    static const char *const what[] = {"ids", "types", "spans"};

    print_tokens(out, columns, WIDE);
    for (int c = 0; c < 3; c++) {
        char hash[20];
        snprintf(hash, sizeof hash, "%016" PRIx64, fnv(columns[c]));
        if (strcmp(hashed ? hash : columns[c], wanted[c]) != 0)
            fail_msg("%s: %s %.600s, not %.600s", where, what[c], hashed ? hash : columns[c], wanted[c]);
    }
}

/* A line of the list; `copy` is the same tokenizer out of what a .tern file holds. */
static void check_line(const tern_tokenizer *tokenizer, const tern_tokenizer *copy, char *fields[])
{
    const char *where = fields[1];
    char *text = fields[1], *made = NULL;
    const int repeated = *text == '*';
    long count = repeated ? strtol(text + 1, &text, 10) : 1;
    size_t n = unescape(text);
    tern_text input = {.text = text, .text_bytes = n};

    if (repeated) {
        made = malloc(n * (size_t)count);
        for (long i = 0; i < count; i++)
            memcpy(made + (size_t)i * n, text, n);
        input.text = made;
        input.text_bytes = n * (size_t)count;
        assert_true(made != NULL);
    }
    if (strcmp(fields[2], "-") != 0) {
        input.pair = fields[2];
        input.pair_bytes = unescape(fields[2]);
    }
    for (int k = 0; k < 2; k++) {
        tern_tokens out = room_for(ROOM);
        if (tern_tokenize(k ? copy : tokenizer, &input, TERN_TRUNCATE_ERROR, &out, &err))
            fail_msg("%s: %s", where, err.message);
        if (repeated)
            assert_int_equal(out.count, strtol(fields[3], NULL, 10));
        expect(where, &out, fields + 3 + repeated, repeated);
    }
    free(made);
}

static void test_golden(void **state)
{
    tern_tokenizer *tokenizer = NULL, *copy = NULL;
    const char *open = "";
    char *list = NULL, *settings = NULL;
    int lines = 0;
    (void)state;

    assert_int_equal(tern_read_text(&list, NULL, FOLDER "texts.txt", 1 << 22, 0, &err), TERN_OK);
    for (char *line = list; *line; lines++) {
        char *fields[8] = {line}, *end = strchr(line, '\n');
        int n = 1;
        *end = '\0';
        for (char *tab = line; n < 8 && (tab = strchr(tab, '\t')) != NULL; n++) {
            *tab++ = '\0';
            fields[n] = tab;
        }
        if (strcmp(open, fields[0]) != 0) {
            size_t bytes;
            tern_tokenizer_close(copy);
            tern_tokenizer_close(tokenizer);
            free(settings);
            open = fields[0];
            tokenizer = open_golden(open);
            settings = tern_tokenizer_settings(tokenizer);
            const char *vocabulary = tern_tokenizer_vocabulary(tokenizer, &bytes);
            if (tern_tokenizer_from_parts(&copy, vocabulary, bytes, settings, "copy", &err))
                fail_msg("%s", err.message);
        }
        check_line(tokenizer, copy, fields);
        line = end + 1;
    }
    tern_tokenizer_close(copy);
    tern_tokenizer_close(tokenizer);
    free(settings);
    free(list);
    assert_true(lines > 700);
}

/* Folders without a tokenizer.json, folders.txt by make_sentencepiece.py. */
static void test_folders(void **state)
{
    tern_tokenizer *tokenizer = NULL;
    const char *open = "";
    char *list = NULL, path[300];
    int lines = 0;
    (void)state;

    assert_int_equal(tern_read_text(&list, NULL, FOLDER "folders.txt", 1 << 22, 0, &err), TERN_OK);
    for (char *line = list; *line; lines++) {
        char *text = strchr(line, '\t'), *wanted = strchr(text + 1, '\t'), *end = strchr(wanted, '\n'), found[4096];
        size_t at = 0;
        *text++ = *wanted++ = *end = '\0';
        if (strcmp(open, line) != 0) {
            tern_tokenizer_close(tokenizer);
            open = line;
            snprintf(path, sizeof path, FOLDER "%s", open);
            if (tern_tokenizer_open(&tokenizer, path, &err) != TERN_OK)
                fail_msg("%s", err.message);
        }
        const tern_text input = {.text = text, .text_bytes = unescape(text)};
        tern_tokens out = room_for(ROOM);
        assert_int_equal(tern_tokenize(tokenizer, &input, TERN_TRUNCATE_ERROR, &out, &err), TERN_OK);
        found[0] = '\0';
        for (size_t i = 0; i < out.count; i++)
            at += (size_t)snprintf(found + at, sizeof found - at, i ? " %d" : "%d", (int)out.ids[i]);
        if (strcmp(found, wanted) != 0)
            fail_msg("%s: %s gives %s, not %s", open, text, found, wanted);
        line = end + 1;
    }
    tern_tokenizer_close(tokenizer);
    free(list);
    assert_true(lines > 400);
}

/* ---- Truncation ---- */

/* What stays of a text that is cut is its beginning or end, and of a pair both sides lose as "longest_first" says. */
static void test_truncation(void **state)
{
    static const char text[] = "the people of this world are many", pair[] = "and they work at night and in the day";
    int32_t whole[200];
    (void)state;

    for (int k = 0; k < N_NAMES; k++) {
        tern_tokenizer *tokenizer = open_golden(names[k]);
        const tern_text input = {text, sizeof text - 1, pair, sizeof pair - 1};
        tern_tokens all = room_for(ROOM);
        assert_int_equal(tern_tokenize(tokenizer, &input, TERN_TRUNCATE_ERROR, &all, &err), TERN_OK);
        assert_true(all.count < 200);
        memcpy(whole, ids, all.count * sizeof *ids);
        size_t first = 0, second = 0;
        for (size_t i = 0; i < all.count; i++) {
            first += spans[i].source == 0;
            second += spans[i].source == 1;
        }
        const size_t specials = all.count - first - second;
        for (size_t capacity = specials + 1; capacity <= all.count; capacity++)
            for (int tail = 0; tail < 2; tail++) {
                tern_tokens out = room_for(capacity);
                size_t n[2] = {0, 0}, at[2] = {0, 0};
                assert_int_equal(
                    tern_tokenize(tokenizer, &input, tail ? TERN_TRUNCATE_TAIL : TERN_TRUNCATE_HEAD, &out, &err),
                    TERN_OK);
                assert_int_equal(out.count, capacity);
                assert_int_equal(out.needed, all.count);
                for (size_t i = 0; i < out.count; i++)
                    if (spans[i].source >= 0)
                        n[spans[i].source]++;
                assert_true(n[0] + n[1] == capacity - specials && n[0] <= first && n[1] <= second);
                assert_true(n[0] == first || n[1] == second || n[0] + 1 >= n[1]);
                at[0] = tail ? first - n[0] : 0;
                at[1] = tail ? second - n[1] : 0;
                for (size_t i = 0; i < out.count; i++)
                    if (spans[i].source >= 0) {
                        const int s = spans[i].source;
                        const size_t before = s ? (size_t)(all.count - 1 - second) : 1;
                        assert_int_equal(out.ids[i], whole[before + at[s]++]);
                    }
            }
        tern_tokenizer_close(tokenizer);
    }
}

/* ---- Long words ---- */

/* A word of a megabyte takes neither quadratic time nor stack, and its tokens are all of it. */
static void test_long_word(void **state)
{
    const size_t n = emulated() ? 20000 : 1000000;
    char *word = malloc(n);
    struct rng rng = {5};
    (void)state;

    for (size_t i = 0; i < n; i++)
        word[i] = (char)('a' + rng_between(&rng, 0, 19));
    for (int k = 0; k < N_NAMES; k++) {
        tern_tokenizer *tokenizer = open_golden(names[k]);
        const tern_text input = {.text = word, .text_bytes = n};
        tern_tokens out = room_for(ROOM);
        size_t at = 0;
        assert_int_equal(tern_tokenize(tokenizer, &input, TERN_TRUNCATE_HEAD, &out, &err), TERN_OK);
        assert_true(out.needed == 3 || out.needed > n / 20);
        for (size_t i = 0; i < out.count; i++)
            if (spans[i].source == 0) {
                assert_true(spans[i].start <= at && spans[i].end >= at);
                at = spans[i].end;
            }
        tern_tokenizer_close(tokenizer);
    }
    free(word);
}

/* ---- Memory ---- */

/* Texts of words that are not too long need no memory; where more is needed and there is none, the text is refused. */
static void test_memory(void **state)
{
    static const char words[] =
        "The people of this world, don't they work? caf\xc3\xa9 \xe4\xb8\xad\xe6\x96\x87 [MASK] 12 ";
    char text[sizeof words * 100];
    const size_t n = (sizeof words - 1) * 100;
    static char word[100000];
    (void)state;

    for (size_t i = 0; i < 100; i++)
        memcpy(text + i * (sizeof words - 1), words, sizeof words - 1);
    memset(word, 'a', sizeof word);
    for (int k = 0; k < N_NAMES; k++) {
        tern_tokenizer *tokenizer = open_golden(names[k]);
        const tern_text input = {.text = text, .text_bytes = n}, longer = {.text = word, .text_bytes = sizeof word};
        /* Those that may cut a text: no added token and no step of theirs may look across. */
        const int cuts = !strstr("modernbert nmt gemma splits", names[k]);
        for (int with_spans = 0; with_spans < 2; with_spans++) {
            tern_tokens out = room_for(ROOM);
            out.spans = with_spans ? spans : NULL;
            const long before = malloc_calls, live = malloc_live;
            assert_int_equal(tern_tokenize(tokenizer, &input, TERN_TRUNCATE_HEAD, &out, &err), TERN_OK);
            if (cuts && malloc_calls != before)
                fail_msg("%s: %ld allocations", names[k], (long)malloc_calls - before);
            assert_int_equal(malloc_live, live);
            for (long at = 0;; at++) {
                const long failed = malloc_failed;
                malloc_fail_at = at;
                const tern_status status = tern_tokenize(tokenizer, &longer, TERN_TRUNCATE_HEAD, &out, &err);
                malloc_fail_at = -1;
                assert_int_equal(malloc_live, live);
                assert_int_equal(status, malloc_failed == failed ? TERN_OK : TERN_NOMEM);
                if (malloc_failed == failed)
                    break;
            }
        }
        tern_tokenizer_close(tokenizer);
    }
}

/* ---- Files that lie ---- */

/* Any byte of the tables may be wrong: opening refuses it, or texts are tokenised without harm. */
static void test_lies(void **state)
{
    static const char text[] = "the people [MASK] of caf\xc3\xa9 \xe4\xb8\xad\xe6\x96\x87 don't 12345 \xef\xac\x81 zq";
    const tern_text input = {.text = text, .text_bytes = sizeof text - 1};
    struct rng rng = {11};
    (void)state;

    for (int k = 0; k < N_NAMES; k++) {
        tern_tokenizer *tokenizer = open_golden(names[k]), *wrong;
        size_t bytes;
        const char *vocabulary = tern_tokenizer_vocabulary(tokenizer, &bytes);
        char *settings = tern_tokenizer_settings(tokenizer), *lie = malloc(bytes);
        for (int round = 0; round < (emulated() ? 100 : 4000); round++) {
            memcpy(lie, vocabulary, bytes);
            for (int i = 0; i <= round % 40; i++)
                lie[round % 4 ? (size_t)rng_between(&rng, 0, (int64_t)bytes - 1) : (size_t)rng_between(&rng, 0, 63)] =
                    (char)rng_between(&rng, 0, 255);
            if (tern_tokenizer_from_parts(&wrong, lie, bytes, settings, "lie", &err) != TERN_OK) {
                assert_int_equal(err.code, TERN_FORMAT);
                continue;
            }
            tern_tokens out = room_for(ROOM);
            assert_int_equal(tern_tokenize(wrong, &input, TERN_TRUNCATE_HEAD, &out, &err), TERN_OK);
            for (size_t i = 0; i < out.count; i++)
                assert_true(ids[i] >= 0 && ids[i] < tern_vocab_size(wrong) && tern_token_text(wrong, ids[i], NULL));
            tern_tokenizer_close(wrong);
        }
        for (size_t n = 0; n < bytes; n += 1 + bytes / 300) { /* cut off */
            memcpy(lie, vocabulary, n);
            assert_int_equal(tern_tokenizer_from_parts(&wrong, lie, n, settings, "lie", &err), TERN_FORMAT);
        }
        free(lie);
        free(settings);
        tern_tokenizer_close(tokenizer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),    cmocka_unit_test(test_folders), cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_long_word), cmocka_unit_test(test_memory),  cmocka_unit_test(test_lies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
