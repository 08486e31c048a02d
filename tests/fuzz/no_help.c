/* Stands in for tools/tern.c, which is not linked with the targets: it has a main. */
#include "tools/cli.h"

void cli_help(FILE *out, const char *command)
{
    fprintf(out, "%s\n", command);
}
