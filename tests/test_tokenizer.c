/* The tokenizer: Hugging Face's stored answers, the contract of tern_tokenize, and that it allocates nothing. */
/* LDFLAGS: -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=free */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "models/normalize.h"
#include "models/tokenizer.h"
#include "runtime/base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { CAPACITY = 4096, CANARY = 0x5ca1ab1e, MAX_GOLDEN = 1 << 20 };

static char *vocabulary;
static size_t vocabulary_bytes;
static int32_t ids[CAPACITY + 1], types[CAPACITY + 1];
static tern_span spans[CAPACITY + 1];
static size_t n_ids, n_needed;
static tern_error err;

static long n_allocations; /* by anything that is linked statically */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

void *__wrap_malloc(size_t size)
{
    n_allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    n_allocations++;
    return __real_calloc(n, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    n_allocations++;
    return __real_realloc(block, size);
}

void __wrap_free(void *block)
{
    __real_free(block);
}

static tern_tokenizer *make(int lower, int strip)
{
    char settings[512];
    tern_tokenizer *tokenizer = NULL;
    int lines = 0;

    for (size_t i = 0; i < vocabulary_bytes; i++)
        lines += vocabulary[i] == '\n';
    snprintf(
        settings, sizeof settings,
        "{\"clean_text\":true,\"chinese_chars\":true,\"strip_accents\":%s,\"lower_case\":%s,\"max_word_chars\":100,"
        "\"model_pieces\":%d,\"unk\":{\"content\":\"[UNK]\"},\"cls\":{\"content\":\"[CLS]\",\"id\":2},"
        "\"sep\":{\"content\":\"[SEP]\"},\"added\":[{\"content\":\"[PAD]\"},{\"content\":\"[UNK]\"},"
        "{\"content\":\"[CLS]\"},{\"content\":\"[SEP]\",\"id\":3,\"special\":true},{\"content\":\"[MASK]\"}]}",
        strip ? "true" : "false", lower ? "true" : "false", lines);
    if (tern_tokenizer_from_parts(&tokenizer, vocabulary, vocabulary_bytes, settings, "test", &err) != TERN_OK)
        fail_msg("%s", err.message);
    return tokenizer;
}

static int setup(void **state)
{
    (void)state;
    return tern_read_text(&vocabulary, &vocabulary_bytes, "tests/golden/tokenizer_vocab.txt", MAX_GOLDEN, 0, &err) !=
           TERN_OK;
}

static int teardown(void **state)
{
    (void)state;
    free(vocabulary);
    return 0;
}

/* Tokenises without a heap and checks that nothing was written beyond capacity. */
static tern_status run(const tern_tokenizer *tokenizer, const char *text, size_t n, const char *pair, size_t n_pair,
                       tern_truncate truncate, size_t capacity)
{
    for (size_t i = 0; i <= CAPACITY; i++)
        ids[i] = types[i] = spans[i].source = CANARY;
    const tern_text both = {text, n, pair, n_pair};
    tern_tokens out = {
        .struct_bytes = sizeof out, .capacity = capacity, .ids = ids, .types = types, .spans = spans, .count = 99};
    long before = n_allocations;
    tern_status status = tern_tokenize(tokenizer, &both, truncate, &out, &err);
    assert_int_equal(n_allocations, before);
    n_ids = out.count;
    n_needed = out.needed;
    assert_true(status == TERN_OK ? n_ids <= n_needed && n_ids <= capacity : n_ids == 0);
    for (size_t i = capacity; i <= CAPACITY; i++)
        if (ids[i] != CANARY || types[i] != CANARY || spans[i].source != CANARY)
            fail_msg("written beyond the end, at %zu of %zu", i, capacity);
    return status;
}

/* ---- Stored answers ---- */

static size_t unescape(char *text, size_t n)
{
    static const char from[] = "\\nrt0", to[] = "\\\n\r\t";
    size_t out = 0;

    for (size_t i = 0; i < n; i++) {
        const char *escape = text[i] == '\\' && i + 1 < n && text[i + 1] ? strchr(from, text[i + 1]) : NULL;
        text[out++] = escape ? to[escape - from] : text[i];
        i += escape != NULL;
    }
    return out;
}

static void check_line(const tern_tokenizer *tokenizer, size_t capacity, tern_truncate truncate, char *line,
                       const char *answer, size_t number)
{
    char *tab = strchr(line, '\t'), *pair = tab ? tab + 1 : NULL;
    size_t pair_bytes = pair ? unescape(pair, strlen(pair)) : 0;
    size_t bytes = unescape(line, tab ? (size_t)(tab - line) : strlen(line));
    char *end;

    if (run(tokenizer, line, bytes, pair, pair_bytes, truncate, capacity) != TERN_OK)
        fail_msg("record at line %zu: %s", number, err.message);
    for (size_t i = 0; i < n_ids; i++, answer = end)
        if (strtol(answer, &end, 10) != ids[i] || end == answer)
            fail_msg("record at line %zu: token %zu is %d, not \"%.12s\"", number, i, (int)ids[i], answer);
    if (pair)
        assert_int_equal(strncmp(answer, " |", 2), 0);
    answer += pair ? 2 : 0;
    for (size_t i = 0; pair && i < n_ids; i++, answer = end)
        if (strtol(answer, &end, 10) != types[i] || end == answer)
            fail_msg("record at line %zu: type %zu is %d", number, i, (int)types[i]);
    for (size_t i = 0; !pair && i < n_ids; i++)
        assert_int_equal(types[i], 0);
    if (*answer)
        fail_msg("record at line %zu: only %zu tokens, \"%.12s\" was to come", number, n_ids, answer);
}

static void test_stored_answers(void **state)
{
    tern_tokenizer *uncased = make(1, 1), *cased = make(0, 0), *lower = make(1, 0), *added = NULL;
    char *text, *next, *save, name[16], side[16];
    size_t size, capacity, number = 1, records = 0;
    (void)state;

    assert_int_equal(tern_tokenizer_open(&added, "tests/golden/tokenizer_added.json", &err), TERN_OK);
    assert_int_equal(tern_read_text(&text, &size, "tests/golden/tokenizer_cases.txt", MAX_GOLDEN, 0, &err), TERN_OK);
    for (char *head = text; *head; head = save, number += 3, records++) {
        char *line = strchr(head, '\n') + 1, *answer = strchr(line, '\n') + 1;
        next = strchr(answer, '\n');
        line[-1] = answer[-1] = *next = '\0';
        save = next + 1;
        assert_int_equal(sscanf(head, "# %15s %zu %15s", name, &capacity, side), 3);
        const tern_tokenizer *tokenizer = !strcmp(name, "uncased") ? uncased
                                          : !strcmp(name, "cased") ? cased
                                          : !strcmp(name, "lower") ? lower
                                                                   : added;
        tern_truncate truncate = !capacity               ? TERN_TRUNCATE_ERROR
                                 : !strcmp(side, "head") ? TERN_TRUNCATE_HEAD
                                                         : TERN_TRUNCATE_TAIL;
        check_line(tokenizer, capacity ? capacity : CAPACITY, truncate, line, answer, number);
    }
    assert_true(records > 2000);
    free(text);
    tern_tokenizer_close(uncased);
    tern_tokenizer_close(cased);
    tern_tokenizer_close(lower);
    tern_tokenizer_close(added);
}

/* START,END,SOURCE of every token, from tests/golden/make_offsets.py. */
static void check_spans(const tern_tokenizer *tokenizer, char *line, const char *answer, size_t number)
{
    char *tab = strchr(line, '\t'), *pair = tab ? tab + 1 : NULL;
    size_t pair_bytes = pair ? unescape(pair, strlen(pair)) : 0;
    size_t bytes = unescape(line, tab ? (size_t)(tab - line) : strlen(line));
    size_t start, end;
    int source, used;

    if (run(tokenizer, line, bytes, pair, pair_bytes, TERN_TRUNCATE_ERROR, CAPACITY) != TERN_OK)
        fail_msg("record at line %zu: %s", number, err.message);
    for (size_t i = 0; i < n_ids; i++, answer += used) {
        if (sscanf(answer, "%zu,%zu,%d%n", &start, &end, &source, &used) != 3)
            fail_msg("record at line %zu: no token %zu", number, i);
        if (spans[i].start != start || spans[i].end != end || spans[i].source != source)
            fail_msg("record at line %zu: token %zu is [%zu, %zu) of %d, not [%zu, %zu) of %d", number, i,
                     spans[i].start, spans[i].end, (int)spans[i].source, start, end, source);
    }
    if (*answer)
        fail_msg("record at line %zu: only %zu tokens", number, n_ids);
}

static void test_stored_offsets(void **state)
{
    tern_tokenizer *uncased = make(1, 1), *cased = make(0, 0), *lower = make(1, 0), *added = NULL;
    char *text, *next;
    size_t size, number = 1;
    (void)state;

    assert_int_equal(tern_tokenizer_open(&added, "tests/golden/tokenizer_added.json", &err), TERN_OK);
    assert_int_equal(tern_read_text(&text, &size, "tests/golden/offsets.txt", MAX_GOLDEN, 0, &err), TERN_OK);
    for (char *head = text; *head; head = next + 1, number += 3) {
        char *line = strchr(head, '\n') + 1, *answer = strchr(line, '\n') + 1;
        next = strchr(answer, '\n');
        line[-1] = answer[-1] = *next = '\0';
        check_spans(!strcmp(head, "# uncased") ? uncased
                    : !strcmp(head, "# cased") ? cased
                    : !strcmp(head, "# lower") ? lower
                                               : added,
                    line, answer, number);
    }
    assert_true(number > 800);
    free(text);
    tern_tokenizer_close(uncased);
    tern_tokenizer_close(cased);
    tern_tokenizer_close(lower);
    tern_tokenizer_close(added);
}

/* NFD sorts these marks, which the vocabulary has, into U+1D165 U+1D16D: once the span of such a word ended before it
   began. All of its pieces have the whole word's. */
static void test_reordered_spans(void **state)
{
    static const char text[] = "x a\xf0\x9d\x85\xad\xf0\x9d\x85\xa5";
    tern_tokenizer *tokenizer = make(1, 1);
    (void)state;

    assert_int_equal(run(tokenizer, text, sizeof text - 1, NULL, 0, TERN_TRUNCATE_ERROR, 8), TERN_OK);
    assert_true(n_ids >= 4);
    for (size_t i = 2; i < n_ids - 1; i++) {
        assert_int_equal(spans[i].start, 2);
        assert_int_equal(spans[i].end, sizeof text - 1);
    }
    tern_tokenizer_close(tokenizer);
}

/* Every capacity keeps what two readings would: compared with the whole text's tokens, ids and spans. */
static void test_truncated_in_one_reading(void **state)
{
    static const char *const texts[] = {"", "a", "a b", "the quick brown fox", "the quick brown fox jumps over it all"};
    enum { TEXTS = sizeof texts / sizeof *texts };
    tern_tokenizer *tokenizer = make(1, 1);
    (void)state;

    for (int i = 0; i < TEXTS * TEXTS * 2; i++) {
        const char *text = texts[i % TEXTS], *pair = texts[i / TEXTS % TEXTS];
        const int tail = i / TEXTS / TEXTS;
        int32_t whole[64];
        tern_span at[64];
        assert_int_equal(run(tokenizer, text, strlen(text), pair, strlen(pair), TERN_TRUNCATE_ERROR, 64), TERN_OK);
        const size_t all = n_ids;
        memcpy(whole, ids, sizeof whole);
        memcpy(at, spans, sizeof at);
        size_t c[2] = {0, 0};
        for (size_t k = 0; k < all; k++)
            c[types[k]]++;
        for (size_t capacity = 3; capacity < all + 4; capacity++) {
            assert_int_equal(run(tokenizer, text, strlen(text), pair, strlen(pair),
                                 tail ? TERN_TRUNCATE_TAIL : TERN_TRUNCATE_HEAD, capacity),
                             TERN_OK);
            assert_int_equal(n_needed, all);
            assert_int_equal(n_ids, capacity < all ? capacity : all);
            size_t first = 2; /* tokens of the first text, [CLS] and [SEP] */
            while (types[first] == 0)
                first++;
            for (size_t k = 1; k + 1 < n_ids; k++) {
                if (k == first - 1)
                    continue;
                /* The k-th token kept, counted in the whole: from the left of its side, or from the right. */
                const size_t left = k < first ? k : c[0] + k - first;
                const size_t from = !tail ? left : k < first ? k + c[0] - first : k + all - n_ids;
                assert_int_equal(ids[k], whole[from]);
                assert_int_equal(spans[k].start, at[from].start);
                assert_int_equal(spans[k].end, at[from].end);
                assert_int_equal(spans[k].source, at[from].source);
            }
        }
    }
    tern_tokenizer_close(tokenizer);
}

static size_t put_chars(uint8_t *out, const uint32_t *chars, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += tern_utf8_put(chars[i], out + bytes);
    return bytes;
}

/* One digest of tools/peers/tokenizer/compare.mjs, which says what goes into it. */
static uint64_t digest_group(const char *name, uint32_t group)
{
    static uint8_t stream[4096 * 40]; /* plenty: asserted below */
    uint8_t bytes[64];
    size_t at = 0;
    const struct tern_rules rules = {name[0] == '1', name[1] == '1', name[2] == '1', name[3] == '1'};

    for (uint32_t c = group * 4096; c < group * 4096 + 4096; c++) {
        if (c >= 0xd800 && c < 0xe000)
            continue;
        if (name[0] == 'w') {
            stream[at++] = tern_is_space(c) ? '2' : tern_is_punctuation(c) ? '3' : '1';
            continue;
        }
        struct tern_chars chars;
        uint32_t in[] = {'A', c, 0x301, c, 0x323, 0x1d165, c, 'Z'}, out;
        tern_chars_begin(&chars, bytes, put_chars(bytes, in, 8), rules);
        while (tern_chars_next(&chars, &out)) {
            assert_true(at + TERN_UTF8_MAX < sizeof stream);
            at += tern_utf8_put(out, stream + at);
        }
        stream[at++] = '\n';
    }
    return XXH64(stream, at, 0);
}

static void test_every_code_point(void **state)
{
    char *text, name[8];
    size_t size;
    unsigned group;
    unsigned long long digest;
    int lines = 0, used;
    (void)state;

    assert_int_equal(tern_read_text(&text, &size, "tests/golden/tokenizer_unicode.txt", MAX_GOLDEN, 0, &err), TERN_OK);
    for (const char *at = text; sscanf(at, "%7s %u %llx%n", name, &group, &digest, &used) == 3; at += used, lines++)
        if (digest_group(name, group) != digest)
            fail_msg("%s: a code point of U+%04X .. U+%04X differs", name, group * 4096, group * 4096 + 4095);
    assert_int_equal(lines, 5 * 272);
    free(text);
}

/* ---- The contract ---- */

static void test_invalid_utf8(void **state)
{
    static const struct {
        const char *text;
        size_t n, bad;
    } cases[] = {{"\x80", 1, 0},
                 {"ab\xff z", 5, 2},
                 {"\xc0\xaf", 2, 0},
                 {"\xe0\x9f\xbf", 3, 0},
                 {"a\xed\xa0\x80", 4, 1},
                 {"\xf0\x8f\xbf\xbf", 4, 0},
                 {"\xf4\x90\x80\x80", 4, 0},
                 {"\xf5\x80\x80\x80", 4, 0},
                 {"x\xe2\x82", 3, 1},
                 {"\xc3", 1, 0},
                 {"\xc3\xa9\xc3(", 4, 2},
                 {"\xf0\x9f\x98", 3, 0},
                 {"\xe2\x82\xac\xe2(\xa1", 6, 3},
                 {"\xf0\x9f(\x80", 4, 0}};
    tern_tokenizer *tokenizer = make(1, 1);
    char expected[64];
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(expected, sizeof expected, "byte offset %zu", cases[i].bad);
        /* A copy of the exact size, so that a sanitiser sees a read beyond it. */
        char *copy = memcpy(malloc(cases[i].n), cases[i].text, cases[i].n);
        assert_int_equal(run(tokenizer, copy, cases[i].n, NULL, 0, TERN_TRUNCATE_HEAD, 8), TERN_INPUT);
        assert_non_null(strstr(err.message, expected));
        assert_int_equal(run(tokenizer, "a", 1, copy, cases[i].n, TERN_TRUNCATE_HEAD, 8), TERN_INPUT);
        assert_non_null(strstr(err.message, expected));
        assert_non_null(strstr(err.message, "pair"));
        assert_int_equal(n_needed, 0);
        free(copy);
    }
    tern_tokenizer_close(tokenizer);
}

static void test_limits(void **state)
{
    tern_tokenizer *tokenizer = make(1, 1);
    (void)state;

    assert_int_equal(run(tokenizer, "a b c", 5, NULL, 0, TERN_TRUNCATE_ERROR, 4), TERN_INPUT);
    assert_int_equal(n_needed, 5);
    assert_non_null(strstr(err.message, "5 tokens, the limit is 4"));
    assert_int_equal(run(tokenizer, "a b c", 5, "a b", 3, TERN_TRUNCATE_ERROR, 3), TERN_INPUT);
    assert_int_equal(n_needed, 8);
    assert_int_equal(run(tokenizer, "a b c", 5, NULL, 0, TERN_TRUNCATE_ERROR, 5), TERN_OK);
    assert_int_equal(run(tokenizer, "a", 1, NULL, 0, TERN_TRUNCATE_HEAD, 2), TERN_USAGE);
    assert_int_equal(run(tokenizer, "a", 1, NULL, 0, (tern_truncate)3, 8), TERN_USAGE);
    assert_int_equal(run(tokenizer, NULL, 1, NULL, 0, TERN_TRUNCATE_HEAD, 8), TERN_USAGE);
    assert_int_equal(run(tokenizer, NULL, 0, NULL, 0, TERN_TRUNCATE_ERROR, 3), TERN_OK);
    assert_int_equal(n_ids, 2);
    assert_int_equal(run(tokenizer, "", 0, "", 0, TERN_TRUNCATE_ERROR, 3), TERN_OK);
    assert_int_equal(n_ids, 3);
    assert_int_equal(types[2], 1);
    /* The types, the spans and the message are optional. */
    const tern_text a = {.text = "a", .text_bytes = 1};
    tern_tokens out = {.struct_bytes = sizeof out, .capacity = 3, .ids = ids};
    assert_int_equal(tern_tokenize(tokenizer, &a, TERN_TRUNCATE_HEAD, &out, NULL), TERN_OK);
    assert_int_equal(out.count, 3);
    out.struct_bytes = 8;
    assert_int_equal(tern_tokenize(tokenizer, &a, TERN_TRUNCATE_HEAD, &out, &err), TERN_USAGE);
    assert_non_null(strstr(err.message, "struct_bytes"));
    tern_tokenizer_close(tokenizer);
}

/* 100000 marks that stay, in falling order of class: sorted without a buffer they give the same word as in order. */
static void test_long_run_of_marks(void **state)
{
    enum { N = 50000 };
    const struct tern_rules rules = {1, 1, 1, 1};
    uint8_t *text = malloc(8 * N + 1);
    struct tern_chars chars;
    uint32_t c;
    size_t at = 0, n = 0;
    (void)state;

    text[at++] = 'e';
    for (int i = 0; i < N; i++) {
        at += tern_utf8_put(0x1d16d, text + at);                 /* class 226 */
        at += tern_utf8_put(i % 2 ? 0x1d165 : 0x301, text + at); /* 216; dropped */
    }
    tern_chars_begin(&chars, text, at, rules);
    for (; tern_chars_next(&chars, &c); n++)
        assert_int_equal(c, n == 0 ? 'e' : n <= N / 2 ? 0x1d165 : 0x1d16d);
    assert_int_equal(n, 1 + N / 2 + N);
    free(text);
}

static void test_lookups(void **state)
{
    tern_tokenizer *tokenizer = make(1, 1);
    size_t bytes;
    (void)state;

    assert_int_equal(tern_token_text(tokenizer, 2, &bytes) ? (int)bytes : -1, 5);
    assert_memory_equal(tern_token_text(tokenizer, 2, NULL), "[CLS]", 5);
    assert_null(tern_token_text(tokenizer, -1, &bytes));
    assert_null(tern_token_text(tokenizer, tern_vocab_size(tokenizer), &bytes));
    assert_int_equal(bytes, 0);
    assert_ptr_equal(tern_tokenizer_vocabulary(tokenizer, &bytes), vocabulary);
    assert_int_equal(bytes, vocabulary_bytes);
    tern_tokenizer_close(tokenizer);
    tern_tokenizer_close(NULL);
}

/* Settings and vocabulary carry everything: through them once, and the same settings come out. */
static void test_parts_round_trip(void **state)
{
    tern_tokenizer *first = NULL, *second = NULL;
    static const char text[] = "the END\nnewtok CAFÉ foobar foo[MASK]";
    int32_t kept[64];
    size_t bytes, n;
    (void)state;

    assert_int_equal(tern_tokenizer_open(&first, "tests/golden/tokenizer_added.json", &err), TERN_OK);
    char *settings = tern_tokenizer_settings(first);
    const char *pieces = tern_tokenizer_vocabulary(first, &bytes);
    assert_int_equal(tern_tokenizer_from_parts(&second, pieces, bytes, settings, "again", &err), TERN_OK);
    char *again = tern_tokenizer_settings(second);
    assert_string_equal(settings, again);
    assert_int_equal(tern_vocab_size(first), tern_vocab_size(second));
    assert_int_equal(run(first, text, sizeof text - 1, NULL, 0, TERN_TRUNCATE_ERROR, 64), TERN_OK);
    n = n_ids;
    memcpy(kept, ids, n * sizeof *ids);
    assert_int_equal(run(second, text, sizeof text - 1, NULL, 0, TERN_TRUNCATE_ERROR, 64), TERN_OK);
    assert_int_equal(n, n_ids);
    assert_memory_equal(kept, ids, n * sizeof *ids);
    free(settings);
    free(again);
    tern_tokenizer_close(first);
    tern_tokenizer_close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stored_answers),    cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_invalid_utf8),      cmocka_unit_test(test_limits),
        cmocka_unit_test(test_long_run_of_marks), cmocka_unit_test(test_lookups),
        cmocka_unit_test(test_parts_round_trip),  cmocka_unit_test(test_stored_offsets),
        cmocka_unit_test(test_reordered_spans),   cmocka_unit_test(test_truncated_in_one_reading),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
