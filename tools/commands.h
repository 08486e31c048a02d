/* The subcommands, one file each; every one returns the exit code. */
#ifndef TERN_COMMANDS_H
#define TERN_COMMANDS_H

#include "tools/cli.h"

int cmd_convert(int argc, char **argv);
int cmd_classify(int argc, char **argv);
int cmd_embed(int argc, char **argv);
int cmd_tokenize(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_bench(int argc, char **argv);

#endif
