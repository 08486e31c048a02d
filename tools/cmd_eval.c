#include "tools/commands.h"
int cmd_eval(int argc, char **argv)
{
    (void)argc; (void)argv;
    return cli_fail(CLI_FAILED, "eval: not there yet");
}
