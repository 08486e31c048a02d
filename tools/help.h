/* The words of the command line's help: see tools/help.c. */
#ifndef TERN_HELP_H
#define TERN_HELP_H

#include <stdio.h>

extern const char cli_usage[], cli_usage_end[];
/* Commands that are planned and not there, NULL-terminated. */
extern const char *const cli_later[];
/* Prints a command's help, with lists of names where it has {formats}, {rungs}, {embeddings}, {blocks}, {shapes}. */
void help_print(FILE *out, const char *text);
/* "gcc 12.2.0, x86_64, cpuinfo" */
const char *cli_build(void);

#endif
