/* main: finds the subcommand, and answers --help and --version. */
#include "tools/cli.h"
#include "tools/help.h"
#include "tools/signals.h"
#include "tools/streams.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct cli_command *find(const char *name)
{
    for (const struct cli_command *c = cli_commands; c->name; c++)
        if (!strcmp(c->name, name))
            return c;
    return NULL;
}

static void usage(FILE *out)
{
    fputs(cli_usage, out);
    for (const struct cli_command *c = cli_commands; c->name; c++)
        fprintf(out, "  %-10s %s\n", c->name, c->summary);
    fputs(cli_usage_end, out);
}

void cli_help(FILE *out, const char *command)
{
    help_print(out, find(command)->help);
}

static int version(void)
{
    printf("tern %s\n%s\n", tern_version(), cli_build());
    return CLI_OK;
}

/* Lines leave at once when somebody or something reads along. */
static void choose_buffering(void)
{
    struct stat st;
    if (fstat(STDOUT_FILENO, &st) || !S_ISREG(st.st_mode))
        setvbuf(stdout, NULL, _IOLBF, 1 << 16);
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return CLI_USAGE;
    }
    const char *word = argv[1];
    const struct cli_command *command = find(word);
    if (command)
        return command->run(argc - 1, argv + 1);
    if (!strcmp(word, "--version") || !strcmp(word, "-V"))
        return version();
    if (!strcmp(word, "help") && argc > 2) {
        if (!find(argv[2]))
            return cli_fail(CLI_USAGE, "unknown command '%.64s'; see tern --help", argv[2]);
        cli_help(stdout, argv[2]);
        return CLI_OK;
    }
    if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help")) {
        usage(stdout);
        return CLI_OK;
    }
    for (const char *const *later = cli_later; *later; later++)
        if (!strcmp(word, *later))
            return cli_fail(CLI_USAGE, "%s is for a later version; see tern --help", word);
    return cli_fail(CLI_USAGE, "unknown %s '%.64s'; see tern --help", word[0] == '-' ? "option" : "command", word);
}

int main(int argc, char **argv)
{
    streams_start();
    signals_start();
    choose_buffering();
    const int code = streams_end(cli_finish(dispatch(argc, argv)));
    signals_end();
    return code;
}
