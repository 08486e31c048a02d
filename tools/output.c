/* Opens, guards and closes the files that commands write. */
#include "tools/output.h"
#include "tools/cli.h"
#include "tools/signals.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 1: `path` is the regular file that is standard input. */
static int is_standard_input(const char *path)
{
    struct stat file, input;
    return stat(path, &file) == 0 && fstat(STDIN_FILENO, &input) == 0 && S_ISREG(file.st_mode) &&
           file.st_dev == input.st_dev && file.st_ino == input.st_ino;
}

static const char *temporary_folder(void)
{
    const char *const folder = getenv("TMPDIR");
    return folder && *folder ? folder : "/tmp";
}

int output_guard(const char *path, const char *const *inputs)
{
    for (; *inputs; inputs++)
        if (tern_same_file(path, *inputs))
            return cli_fail(CLI_USAGE, "%s: is the command's own input (%s); give another file to write to", path,
                            *inputs);
    if (is_standard_input(path))
        return cli_fail(CLI_USAGE, "%s: is the command's own standard input; give another file to write to", path);
    return CLI_OK;
}

int output_open(struct tern_writer *writer, const char *path, int flags, const char *const *inputs)
{
    tern_error err;
    const int standard = !strcmp(path, "-");
    path = standard ? "/dev/stdout" : path;
    const int code = output_guard(path, inputs);
    if (code)
        return code;
    if (signals_open(writer, path, flags & OUTPUT_WHOLE ? temporary_folder() : NULL, &err))
        return cli_status(&err);
    if (flags & OUTPUT_BINARY && isatty(writer->to >= 0 ? writer->to : writer->fd)) {
        output_discard(writer);
        return cli_fail(CLI_USAGE, "%s: is a terminal, and what would be written is no text; redirect it", path);
    }
    /* A reader of a FIFO that leaves is an error that is named. One of standard output ends the program, as ever. */
    if (!writer->temporary[0] && !standard)
        signal(SIGPIPE, SIG_IGN);
    return CLI_OK;
}

int output_written(struct tern_writer *writer)
{
    tern_error err;
    return writer->failed && tern_writer_flush(writer, &err) ? cli_status(&err) : CLI_OK;
}

int output_commit(struct tern_writer *writer)
{
    tern_error err;
    const tern_status status = tern_writer_commit(writer, &err);
    signals_forget();
    return status ? cli_status(&err) : CLI_OK;
}

void output_discard(struct tern_writer *writer)
{
    tern_writer_discard(writer);
    signals_forget();
}
