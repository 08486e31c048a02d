/* The subcommands, one file each; every one returns the exit code. */
#ifndef TERN_COMMANDS_H
#define TERN_COMMANDS_H

#include "tools/cli.h"

int cmd_convert(int argc, char **argv);
/* A command for each kind of head, in a file with its help. */
#define HEAD_KIND(id, name, class, gives, pooled, run, command, summary)                                               \
    int cmd_##command(int argc, char **argv);                                                                          \
    extern const char help_##command[];
#include "models/heads.def"
#undef HEAD_KIND
int cmd_rerank(int argc, char **argv);
extern const char help_rerank[];
int cmd_embed(int argc, char **argv);
int cmd_search(int argc, char **argv);
extern const char help_search[];
int cmd_tokenize(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_bench(int argc, char **argv);

#endif
