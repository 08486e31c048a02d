/* The text of `tern --help` and of every subcommand's. */
#include "tools/help.h"
#include "tools/commands.h"
#include "tools/eval_tasks.h"
#include "tools/seeded.h"

#include "models/blocks.h"
#include "models/config.h"

#include <string.h>

const char cli_usage[] = "Examples:\n"
                         "  tern convert ./checkpoint -o model.tern\n"
                         "  tern classify model.tern \"A warm, funny, engaging film.\"\n"
                         "  tern embed model.tern --json < lines.txt > vectors.jsonl\n"
                         "  tern bench --shape distilbert -s 128 -t 1\n"
                         "\n"
                         "BERT-family encoders on CPUs, in integer arithmetic, the same bits on every CPU.\n"
                         "\n"
                         "Usage: tern COMMAND [OPTIONS] [ARGUMENTS]\n";
const char cli_usage_end[] =
    "\n"
    "tern COMMAND --help says more; tern --version; man tern.\n"
    "TERN_ISA=NAME restricts the kernels as --isa does; tern info --isas lists the names.\n"
    "Exit codes: 0 ok, 1 failed at run time, 2 usage, 3 slower or different than the baseline, 4 input refused,\n"
    "            5 model file absent, bad or not supported.\n";

const char *const cli_later[] = {NULL};

static const char help_convert[] =
    "Examples:\n"
    "  tern convert ./checkpoint -o model.tern\n"
    "  tern convert ./checkpoint -o small.tern --weights int4 --calibrate texts.txt --embeddings int4\n"
    "  tern convert ./checkpoint -o model-f32.tern --weights f32\n"
    "\n"
    "Usage: tern convert DIR -o FILE.tern [--weights NAME] [OPTIONS]\n"
    "Turns a Hugging Face checkpoint (config.json, model.safetensors, vocab.txt or tokenizer.json, ...) of BERT or\n"
    "DistilBERT into one file, says how near it is to the f32 path on sample texts, and puts it into place.\n"
    "Weights are read from the first of model.safetensors, model.safetensors.index.json (several files),\n"
    "pytorch_model.bin and pytorch_model.bin.index.json; no code in a .bin file is run. The vocabulary is that of\n"
    "tokenizer.json, else vocab.txt with added_tokens.json, a SentencePiece model, or vocab.json with merges.txt.\n"
    "Of a sentence-transformers folder the modules, limits and prompts are kept: tern info shows them.\n"
    "\n"
    "  -o, --output FILE   the file to write; - is standard output, which gets it when it is whole and checked\n"
    "  --task NAME         what the model is for: classify (label texts), tag (label tokens), answer (questions), "
    "fill\n"
    "                      (missing words) or embed (vectors; heads are left out). Without it the checkpoint says so,\n"
    "                      in config.json's architectures, unless modules.json makes it an embedder\n"
    "  --adapter NAME      of a checkpoint with adapters for several languages or tasks the one that the model is to\n"
    "                      have\n"
    "  --for BOARD         the machine that the file is for: pi2, pi3, pizero2, pi4, pi5, arm-i8mm, pc-sse4, pc-avx2,\n"
    "                      pc-avxvnni, pc-avx512 or pc-vnni. What is best there of --weights and --sparse is chosen,\n"
    "                      and the report says why. The file runs everywhere; options that are given stay as they\n"
    "                      are\n"
    "  --weights NAME      the type of the encoder's matrices:\n"
    "{formats}"
    "                      auto:BITS chooses {rungs} for each matrix, BITS bits on average\n"
    "                      (needs --calibrate); f32 is a reference. The pooler and the classifier stay int8.\n"
    "                      Matrices that were trained ternary or binary keep their weights with that type. Without\n"
    "                      this option a checkpoint of tools/train (it has a tern_grid.json) gets the type, groups,\n"
    "                      embeddings and repeated columns that it was trained for, and keeps all its weights\n"
    "  --trained NAME      the encoder's matrices were trained in low bits, but the checkpoint has the floats from\n"
    "                      before they were quantised. NAME is the quantiser, which is applied: twn (TernaryBERT,\n"
    "                      Teacher Intervention) or b1.58 (BitNet b1.58) with --weights ternary, bitnet (BitNet)\n"
    "                      with --weights binary\n"
    "  --group N           inputs that share a multiplier, of types with groups: 32, 64 (the default) or 128\n"
    "  --embeddings NAME   the type of the word table: {embeddings} (int8)\n"
    "  --calibrate FILE    a text in each line; a thousand texts of the task will do, or the word builtin for those "
    "that\n"
    "                      come with Tern: best for 4 bits and less. They show which columns stand out; weights are\n"
    "                      rounded, and blocks pruned (--sparse with a FRACTION), so that the layers' outputs on "
    "these\n"
    "                      texts change least (second order; needs LAPACK, Debian: liblapack3). Without --calibrate\n"
    "                      every weight becomes its nearest value, and the smallest blocks are pruned\n"
    "  --least-cosine X    write nothing if the vector of any sample text has a smaller cosine with that of the f32\n"
    "                      path. Without it the report says how near they are, and what is not broken is written\n"
    "  --ffn-width N       keep the first N neurons of every feed-forward layer, of models trained for that\n"
    "                      (MatFormer)\n"
    "  --explain           say where accuracy goes: which columns are repeated, what the int8 rows and the weights of\n"
    "                      each matrix cost alone, which options to try, and how near each sample text's vector is.\n"
    "                      Takes a minute for 12 layers of 384, and more for larger models\n"
    "  --strict            fail, before anything is written, if a tensor would have another type than was asked for.\n"
    "                      --weights asks for the pooler and the classifier too, --embeddings for the positions\n"
    "  --rest int8         with --strict, tensors that cannot have that type may be int8\n"
    "  --sparse SHAPE[:FRACTION]\n"
    "                      store only the blocks of SHAPE (outputs x inputs: {shapes}) that are not\n"
    "                      all zero. Weights may be {blocks}, with 4x1 no 4 bits. With a FRACTION\n"
    "                      (0.5, say) that part of each matrix's blocks is set to zero first: the smallest blocks,\n"
    "                      or with --calibrate those that the other weights can best make up for, and these are\n"
    "                      changed to do so. tern eval tells what that costs in accuracy\n"
    "  --outliers N|off    columns that stand out in what the matrices read are stored several times: N more columns\n"
    "                      for each input, a multiple of 4 (as many as pay, within 4 % of the time, or of\n"
    "                      a small model within 2 us a token)\n"
    "  --allocate          with --sparse SHAPE:FRACTION and --calibrate: FRACTION counts over all matrices together;\n"
    "                      matrices that matter less for the texts' vectors lose more blocks\n"
    "  --sparse auto[:TOKENS]\n"
    "                      prune nothing, but use the zeros that are there: a matrix is stored in the shape of\n"
    "                      blocks that runs fastest, unless dense is faster for some number of tokens (or for\n"
    "                      about TOKENS). The report says what was found and why\n"
    "  --sparse-isa NAME   the instruction set whose speed decides (this machine's). The file runs on every CPU\n"
    "  -q, --quiet         no report of what each tensor became\n";

static const char help_embed[] =
    "Examples:\n"
    "  tern embed model.tern --cosine \"The acting is wonderful.\" \"The actors are superb.\"\n"
    "  tern embed model.tern --json < lines.txt > vectors.jsonl\n"
    "  tern embed model.tern -o vectors.npy < lines.txt\n"
    "  tern embed splade.tern --sparse --top 20 \"how do I reset it\"\n"
    "\n"
    "Usage: tern embed MODEL.tern [TEXT...]\n"
    "Prints one vector a line, made as the model says (tern info shows the steps).\n" HELP_TEXTS "\n"
    "  --cosine            print the cosine of exactly two texts\n"
    "  --json              one object a line: text embedding n_tokens truncated\n"
    "  -o, --output FILE   without --json: write the vectors to FILE (- is standard output) in --format's form;\n"
    "                      with --keep-going the row of a text that is refused is NaN, or 0 where numbers are\n"
    "                      rounded. FILE is there when it is whole, with --resume as it grows\n"
    "  --format NAME       of such a FILE. f32 (the default): bare numbers, those of --precision; npy: NumPy's "
    "format;\n"
    "                      jsonl: as --json; arrow: an Arrow IPC file (Feather 2) of the columns text and embedding,\n"
    "                      null for a text that is refused; sqlite-vec: SQL that fills the table embeddings(id, text,\n"
    "                      embedding) with blobs as sqlite-vec takes them: sqlite3 my.db < FILE. A FILE that ends "
    "with\n"
    "                      .npy, .jsonl, .arrow or .sql is that without --format\n"
    "  --precision NAME    f32 (the default), f16, or as sentence-transformers rounds: int8 and uint8, each number's\n"
    "                      place in the range of its dimension; binary and ubinary, a bit for each number, 1 above 0,\n"
    "                      in bytes from -128 or from 0 on\n"
    "  --ranges FILE       of int8 and uint8: ranges that --write-ranges made, of queries and documents the same.\n"
    "                      Without it they are those of this call's texts, which then all wait for the last\n"
    "  --write-ranges FILE write nothing but the ranges of the texts' vectors, hundreds at least, for --ranges: "
    "NumPy's\n"
    "                      format, two rows\n"
    "  --sparse            the weight of each word of the vocabulary that the text is about (SPLADE), of a model that\n"
    "                      finds missing words: WORD:WEIGHT, the largest first; with --json: text sparse n_words\n"
    "                      n_tokens truncated, sparse being an object\n"
    "  --ids               with --sparse: ids in place of words; with --json lists ids and weights\n"
    "  --top K             with --sparse: the K largest weights (all)\n"
    "  --tokens            a vector for each token (ColBERT): a line each, and an empty one behind the text; with\n"
    "                      --json: text tokens embeddings n_tokens truncated. Punctuation is left out if the model "
    "says\n"
    "                      so\n"
    "  --query             with --tokens and --sparse: texts are queries, not documents; so does --prompt-name query.\n"
    "                      ColBERT fills queries up; a sparse model that has weights for them looks these up, and\n"
    "                      does not run\n"
    "  --prompt-name NAME  put that prompt of the model's before each text, as for a \"query\" and its \"passage\"s;\n"
    "                      tern info lists them, and which of them is the default\n"
    "  --prompt TEXT       put TEXT before each text, as it is; \"\": nothing, not even the model's default prompt\n"
    "  --dimensions N      print the first N numbers only, of models trained for that (\"Matryoshka\"). The rest is\n"
    "                      cut off last, so that a vector of length 1 becomes shorter; add --normalize to compare by\n"
    "                      products. It may be more than a model that cuts its vectors off itself keeps\n"
    "  --normalize         bring the vectors to length 1, after --dimensions\n" HELP_PAIR HELP_TEXT_OPTIONS HELP_RUN;

static const char help_tokenize[] =
    "Examples:\n"
    "  tern tokenize model.tern \"Unbelievable!\"\n"
    "  tern tokenize vocab.txt --ids < lines.txt\n"
    "\n"
    "Usage: tern tokenize MODEL.tern|DIR|tokenizer.json|vocab.txt [TEXT...]\n"
    "Prints the pieces, a tab, and the ids of each text, special tokens included.\n" HELP_TEXTS "\n"
    "  --ids               the ids alone\n"
    "  --json              one object a line: text tokens ids types n_tokens\n"
    "  --offsets           the bytes of each text that each token was made of, too: START-END after another tab, a\n"
    "                      special token's is -; with --json [START,END] and null\n" HELP_PAIR HELP_TEXT_OPTIONS;

static const char help_info[] =
    "Examples:\n"
    "  tern info\n"
    "  tern info model.tern --json\n"
    "\n"
    "Usage: tern info [MODEL.tern]\n"
    "Without a file: the version, this CPU's features, the kernel chosen for each\n"
    "operation, and where low-bit and block-sparse weights are multiplied as they are.\n"
    "With one: what the model is, how sparse, and every tensor in it.\n"
    "\n"
    "  --isas              the names that --isa and TERN_ISA take on this CPU, one a line, slowest first\n"
    "  --families          the families of checkpoints that convert takes, known ones of each, and what is refused\n"
    "  --formats           the names that --weights takes, one a line; --shapes: those of --sparse\n"
    "  --isa NAME          show the kernels that are chosen under this restriction\n"
    "  --json              one object\n";

static const char help_eval[] =
    "Examples:\n"
    "  tern eval model.tern --task stsb sts-dev.csv\n"
    "  tern eval int4.tern --task stsb sts-dev.csv --against f32.tern --json\n"
    "  tern eval model.tern --against vectors.npy texts.txt\n"
    "  tern eval model.tern --task mnli dev_matched.tsv\n"
    "  tern eval --task squad --predictions answers.json dev-v2.0.json\n"
    "\n"
    "Usage: tern eval MODEL.tern [--task NAME] [--against FILE] FILE\n"
    "       tern eval [MODEL.tern] --task NAME --predictions FILE FILE\n"
    "Scores a model on a task's FILE, or compares it with another on any FILE with a text in each line.\n"
    "\n"
    "  --task NAME         {tasks}\n"
    "                      sst2, mnli, qnli, rte, mrpc, cola: labels of sentences and pairs, as GLUE's. The model's\n"
    "                      labels are found by their names. Prints the accuracy, F1 (mrpc), Matthews' correlation "
    "(cola)\n"
    "                      stsb: how similar two sentences are, 0 to 5. Prints Pearson's and Spearman's correlation "
    "of\n"
    "                      the cosine, or of a one-label model's value of the pair, with the score; undefined where\n"
    "                      all cosines, or all scores, are equal\n"
    "                      squad: answers to the questions of SQuAD 1.1 or 2.0, exact match and F1\n"
    "                      conll: entities of words, as seqeval counts them\n"
    "                      retrieval: FILE is a folder in BEIR's layout. nDCG@10, recall, reciprocal rank\n"
    "                      rerank: lists with query, positive and negative (or documents). MAP, MRR@10, nDCG@10\n"
    "  --predictions FILE  scores these instead of a model, which is left out: a label or number in each line, or\n"
    "                      GLUE's index and prediction; SQuAD's object of answers; labels of words, with an empty "
    "line\n"
    "                      between sentences; a run of trec_eval, or an object of scores; arrays of scores.\n"
    "                      With a model FILE is written, of tasks with rows, as answers come, and then scored\n"
    "  --resume            go on in such a FILE, where a killed run stopped\n"
    "  --no-answers FILE, --no-answer-threshold X\n"
    "                      of squad's predictions: how likely each question has no answer, an object of numbers; "
    "answers\n"
    "                      over X (1) are taken away. Also prints the best thresholds\n"
    "  --identical-ids     of retrieval: keep documents that are called as their query, which BEIR leaves out\n"
    "  --document-prompt-name NAME\n"
    "                      of retrieval: the prompt of documents (document, if the model has it); that of queries is\n"
    "                      --prompt-name (query)\n"
    "  --against FILE      another model, or its vectors: a .npy file of little-endian floats (16, 32 or 64 bits) with "
    "a\n"
    "                      row for each text, as of tern embed -o. Of stsb every distinct sentence counts once, and\n"
    "                      the rows are those of all sentences, or of all distinct ones, in the file's order.\n"
    "                      Prints the cosine of both vectors of a text: mean, 1st percentile (linear between two\n"
    "                      texts, as NumPy's) and least, with its text; and neighbours: of the 10 distinct texts "
    "whose\n"
    "                      vectors are nearest to a text's, by cosine, the mean part that is the same on both sides.\n"
    "                      All are compared with all; for 12 to 20,000 distinct texts, else undefined.\n"
    "                      Of models that label texts also agreement, the part of the texts with the same label, and\n"
    "                      difference, the largest between probabilities (without --task, and with sst2)\n"
    "  --json              one object, in which parts and correlations are of 1, not of 100; what is undefined is "
    "null\n"
    "  --prompt-name NAME, --prompt TEXT\n"
    "                      as of tern embed\n"
    "  --shuffle SEED      run the texts in another order; neither figures nor digest depend on it\n"
    "Of a file that is no task's:\n" HELP_TEXT_FORMS HELP_RUN "\n"
    "A task's FILE is a table with a header, separated by tabs (quotes are characters like others) or by commas "
    "(quotes\n"
    "may stand around a field, which may then have line breaks in it), or has a JSON object in each line. Its fields: "
    "sentence (or text) and label, a number\n"
    "from 0; sentence1, sentence2 (or text1, text2) and score (or label, similarity_score). Without a header there "
    "are\n"
    "tabs: sentence, label; score and two sentences, or two sentences and score; or the STS benchmark's own columns.\n"
    "Labels are numbers, in the order of GLUE's data sets, or names. Other tasks' files are SQuAD's JSON, or an object "
    "in\n"
    "each line with id, question, context and answers; words with their label in the last column, or objects with "
    "tokens\n"
    "and ner_tags; corpus.jsonl, queries.jsonl and qrels/test.tsv (with predictions this alone will do).\n"
    "The digest is XXH3-64 over the integer results in the file's order.\n";

static const char help_bench[] =
    "Examples:\n"
    "  tern bench --shape distilbert -s 128 -t 1\n"
    "  tern bench model.tern -s 16,128 -b 1,8 -t 1-4 --format json --out before.json\n"
    "  tern bench model.tern -s 16,128 -b 1,8 -t 1-4 --baseline before.json\n"
    "\n"
    "Usage: tern bench MODEL.tern|--shape NAME [OPTIONS]\n"
    "Times the encoder on seeded token ids, one record per combination of the lists. A list is 1,2,8; a range 1-4,\n"
    "16-64+16 or 8-64*2.\n"
    "\n"
    "  --shape NAME        seeded weights instead of a file: one of\n{models}"
    "  --weights NAME      of the seeded weights (int8): as tern convert's, but for auto\n"
    "  --embeddings NAME   of the seeded word table (int8): {embeddings}\n"
    "  --sparse SHAPE:FRACTION\n"
    "                      of the seeded weights (dense): as tern convert's\n"
    "  -s, --seq LIST      tokens of a text (16,32,128,384, as far as the model goes)\n"
    "  -b, --batch LIST    texts of a run (1)\n"
    "  --ragged N          the texts of a run have lengths spread evenly from N to --seq, in seeded order\n"
    "  -t, --threads LIST  threads at most (as many as this process may use)\n"
    "  -r, --runs N        timed runs (without it: at least 30, for at least a second)\n"
    "  --isa NAME          restrict the kernels\n"
    "  --format NAME       md (the main figures), csv, json or jsonl (every field)\n"
    "  --out FILE          write there instead of to standard output (-)\n"
    "  --baseline FILE     records of an earlier --format json, jsonl or csv; adds the ratio of the medians, and ends\n"
    "                      with exit code 3 when one is slower than --max-regress allows or a digest differs\n"
    "  --max-regress N     per cent (10)\n"
    "  --profile           where the time goes, stage by stage, beside what this machine can do at most; and what the\n"
    "                      first answer took: time, page faults, bytes read from storage\n"
    "  --report            a block of text for docs/boards.md: board, system, CPUs, clocks, heat, and a table of "
    "three\n"
    "                      shapes (MODEL.tern in place of the smallest) with 16 and 128 tokens on one thread and on\n"
    "                      all; it has no serial number or host name, and takes two minutes where everything is slow\n"
    "  --roofline          only that: int8 products per second of each ISA, bytes per second of each cache\n"
    "  --calibrate-sparse  only measure, on one thread and in about a minute, where block-sparse and dense products\n"
    "                      cross on this machine. The table goes to $XDG_CACHE_HOME/tern or ~/.cache/tern, where all\n"
    "                      commands look for it, and to standard output as rows for simd/sparse.def\n";

const struct cli_command cli_commands[] = {
    {"convert", "a Hugging Face checkpoint into one .tern file", help_convert, cmd_convert},
#define HEAD_KIND(id, name, class, gives, pooled, run, command, summary)                                               \
    {#command, summary, help_##command, cmd_##command},
#include "models/heads.def"
#undef HEAD_KIND
    {"rerank", "sort documents by how well they fit a query", help_rerank, cmd_rerank},
    {"embed", "turn texts into vectors", help_embed, cmd_embed},
    {"search", "find passages of files by their meaning", help_search, cmd_search},
    {"tokenize", "show the pieces and ids of texts", help_tokenize, cmd_tokenize},
    {"info", "show this CPU and the kernels, or a model", help_info, cmd_info},
    {"eval", "measure a model's quality on a task", help_eval, cmd_eval},
    {"bench", "measure speed", help_bench, cmd_bench},
    {NULL, NULL, NULL, NULL},
};

static void print_formats(FILE *out)
{
    for (int f = 0; f < TERN_N_FORMATS; f++) {
        const int bits = tern_format_bits((enum tern_format)f);
        fprintf(out, "%22s%-8s %d bit%s, %s\n", "", tern_format_name((enum tern_format)f), bits, bits > 1 ? "s" : "",
                tern_format_says((enum tern_format)f));
    }
}

/* The shapes of bench, five in a line. */
static void print_models(FILE *out)
{
    for (int i = 0; seeded_name(i); i++)
        fprintf(out, "%s%s%s", i % 5 ? " " : "                      ", seeded_name(i),
                i % 5 == 4 || !seeded_name(i + 1) ? "\n" : "");
}

/* A list by its word between braces; other words in braces stay as they are. */
static void print_list(FILE *out, const char *word, size_t bytes)
{
    int printed = 0;
    const struct {
        const char *word;
        struct tern_words names;
    } lists[] = {{"rungs", tern_format_words(NULL, tern_format_is_rung, NULL, "or")},
                 {"embeddings", tern_format_words(NULL, tern_format_embeds, NULL, "or")},
                 {"blocks", tern_format_words(NULL, tern_format_in_blocks, NULL, "or")},
                 {"shapes", tern_block_shape_words("or")},
                 {"tasks", eval_task_words("or")}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (strlen(lists[i].word) == bytes && !memcmp(lists[i].word, word, bytes))
            printed = fputs(lists[i].names.text, out) != EOF;
    if (bytes == sizeof "formats" - 1 && !memcmp("formats", word, bytes))
        print_formats(out);
    else if (bytes == sizeof "models" - 1 && !memcmp("models", word, bytes))
        print_models(out);
    else if (!printed)
        fprintf(out, "{%.*s}", (int)bytes, word);
}

void help_print(FILE *out, const char *text)
{
    for (const char *brace = strchr(text, '{'); brace; brace = strchr(text, '{')) {
        const char *const end = strchr(brace, '}');
        fwrite(text, 1, (size_t)(brace - text), out);
        print_list(out, brace + 1, (size_t)(end - brace - 1));
        text = end + 1;
    }
    fputs(text, out);
}

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown compiler"
#endif
#if defined(__x86_64__)
#define TARGET "x86_64"
#elif defined(__aarch64__)
#define TARGET "aarch64"
#elif defined(__arm__)
#define TARGET "arm"
#else
#define TARGET "generic"
#endif

const char *cli_build(void)
{
    return COMPILER ", " TARGET;
}
