/* Any bytes as the file of texts to calibrate on, or none for the built-in texts; the first two say how many texts and
   tokens are wanted. What is taken are texts of the tokenizer's ids, no more and no longer than was asked for. */
/* COVERS: quant/sample_texts.c */

#include "quant/sample_texts.h"
#include "tests/fuzz/files.h"
#include "tests/make_checkpoint.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char vocabulary[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##a\n##b\nab\n.\n";
static const char settings[] =
    "{\"clean_text\":true,\"chinese_chars\":true,\"strip_accents\":true,\"lower_case\":true,\"max_word_chars\":100,"
    "\"model_pieces\":11,\"unk\":{\"content\":\"[UNK]\"},\"cls\":{\"content\":\"[CLS]\"},\"sep\":{\"content\":\"[SEP]"
    "\"},\"added\":[{\"content\":\"[SEP]\",\"special\":true}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static tern_tokenizer *tokenizer; /* lives as long as the fuzzer */
    struct tern_sample sample;
    tern_error err = {TERN_OK, ""};
    char path[300];
    if (size < 2)
        return 0;
    if (!tokenizer)
        fuzz_check(!tern_tokenizer_from_parts(&tokenizer, vocabulary, sizeof vocabulary - 1, settings, "fuzz", NULL));
    const int texts = 1 + data[0] % 20, tokens = 3 + data[1] % 30;
    snprintf(path, sizeof path, "%s/texts.txt", fuzz_dir());
    fuzz_check(!test_write_file(fuzz_dir(), "texts.txt", data + 2, size - 2));
    const tern_status status = tern_sample_read(&sample, size > 2 ? path : "builtin", tokenizer, texts, tokens, &err);
    if (status) {
        fuzz_check(status == TERN_INPUT && !sample.ids && !sample.offsets);
        fuzz_check_error(&err, status);
        return 0;
    }
    fuzz_check(sample.n >= 1 && sample.n <= texts);
    for (int i = 0; i < sample.n; i++) {
        int32_t offsets[2];
        const tern_batch batch = tern_sample_text(&sample, i, offsets);
        fuzz_check(offsets[1] >= 2 && offsets[1] <= tokens && batch.n_texts == 1);
        for (int32_t k = 0; k < offsets[1]; k++)
            fuzz_check(batch.ids[k] >= 0 && batch.ids[k] < tern_vocab_size(tokenizer));
    }
    tern_sample_free(&sample);
    return 0;
}
