/* The words of the command line's help: see tools/help.c. */
#ifndef TERN_HELP_H
#define TERN_HELP_H

#include <stdio.h>

/* What several commands' help has in common. */
#define HELP_RUN                                                                                                       \
    "  --truncate error|head|tail  a text over the model's limit: refuse it (exit 4, the default), keep its\n"         \
    "                      beginning, or keep its end\n"                                                               \
    "  -b, --batch N       at most N texts in a run (32); results do not depend on it\n"                               \
    "  -t, --threads N     threads at most (as many as this process may use); results do not depend on it\n"           \
    "  --isa NAME          restrict the kernels; results do not depend on it (tern info --isas)\n"
#define HELP_PAIR                                                                                                      \
    "  --pair              each text is TEXT<TAB>PAIR; with --form jsonl, csv or tsv the fields text and pair\n"
#define HELP_TEXT_FORMS                                                                                                \
    "  --form NAME         how texts lie there: lines (the default), null, jsonl, csv or tsv. A FILE that ends with\n" \
    "                      .jsonl, .ndjson, .csv, .tsv or .tab is read as that\n"                                      \
    "  --field A[,B]       a JSON object in each line; the text is its member A (text), its pair is B\n"               \
    "  --column A[,B]      a table, CSV or TSV by its name or its first line; the text is in the column that the\n"    \
    "                      header calls A (text). Numbers count columns from 1, and there is no header\n"              \
    "  -0, --null          a NUL character ends each text, which may have line breaks in it\n"
#define HELP_TEXT_OPTIONS                                                                                              \
    "  --input FILE        texts are those of FILE, not of standard input\n" HELP_TEXT_FORMS                           \
    "  -o, --output FILE   write there, as results come (--out is the same)\n"                                         \
    "  --resume            go on behind the last whole result in FILE; what a killed run left of the next is cut\n"    \
    "                      off. The last result is made again first: unless it is the same, byte for byte, the\n"      \
    "                      model, an option or the texts are others, and FILE is left as it is\n"                      \
    "  --summary           say at the end how many texts and tokens there were, and how fast\n" HELP_KEEP_GOING
#define HELP_KEEP_GOING                                                                                                \
    "  --keep-going        go on behind a text that is refused. Its result is {\"error\":REASON,\"line\":N} or, as "   \
    "text,\n"                                                                                                          \
    "                      !error<TAB>N<TAB>REASON; the exit code is 4 all the same\n"
#define HELP_TEXTS                                                                                                     \
    "Without TEXT, or with -, texts are the lines of standard input; --input and what follows it read files, JSON,\n"  \
    "tables, and texts with line breaks. Results keep the order of the texts.\n"

extern const char cli_usage[], cli_usage_end[];
/* Commands that are planned and not there, NULL-terminated. */
extern const char *const cli_later[];
/* Prints a command's help, with lists of names where it has {formats}, {rungs}, {embeddings}, {blocks}, {shapes} or
   {tasks}. */
void help_print(FILE *out, const char *text);
/* "gcc 12.2.0, x86_64" */
const char *cli_build(void);

#endif
