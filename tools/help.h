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
#define HELP_KEEP_GOING                                                                                                \
    "  --keep-going        go on behind a text that is refused. Its result is {\"error\":REASON,\"line\":N} or, as "   \
    "text,\n"                                                                                                          \
    "                      !error<TAB>N<TAB>REASON; the exit code is 4 all the same\n"
#define HELP_TEXTS                                                                                                     \
    "Without TEXT, or with -, texts are the lines of standard input. Results keep the order of the texts.\n"

extern const char cli_usage[], cli_usage_end[];
/* Commands that are planned and not there, NULL-terminated. */
extern const char *const cli_later[];
/* Prints a command's help, with lists of names where it has {formats}, {rungs}, {embeddings}, {blocks}, {shapes} or
   {tasks}. */
void help_print(FILE *out, const char *text);
/* "gcc 12.2.0, x86_64" */
const char *cli_build(void);

#endif
