/* Cleans up on signals, with calls that are safe in a handler, and when the process ends otherwise. */
#include "tools/signals.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int ending[] = {SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGPIPE, SIGXCPU};
enum { N_ENDING = sizeof ending / sizeof *ending };

static char leftover[sizeof((struct tern_writer *)0)->temporary];
static volatile sig_atomic_t has_leftover, deferring, noted;

static void by_default(int number)
{
    const struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(number, &action, NULL);
    raise(number); /* in a handler it takes effect when that returns */
}

static void handle(int number)
{
    if (deferring && !noted && number != SIGPIPE) {
        noted = number;
        return;
    }
    if (has_leftover)
        unlink(leftover);
    by_default(number);
}

static void set_of_ending(sigset_t *set)
{
    sigemptyset(set);
    for (int i = 0; i < N_ENDING; i++)
        sigaddset(set, ending[i]);
}

/* A library that LAPACK needs ends the process by exit where it gets no memory. */
static void at_exit(void)
{
    if (has_leftover)
        unlink(leftover);
}

void signals_start(void)
{
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART}, before;
    set_of_ending(&action.sa_mask);
    for (int i = 0; i < N_ENDING; i++)
        if (ending[i] == SIGPIPE || (sigaction(ending[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN))
            sigaction(ending[i], &action, NULL);
    signal(SIGXFSZ, SIG_IGN);
    atexit(at_exit);
}

tern_status signals_open(struct tern_writer *writer, const char *path, const char *spool, tern_error *err)
{
    sigset_t set, before;
    struct stat st;
    /* A FIFO waits for its reader, with signals let in; it leaves nothing behind. */
    const int waits = stat(path, &st) == 0 && !S_ISREG(st.st_mode);
    set_of_ending(&set);
    if (!waits)
        sigprocmask(SIG_BLOCK, &set, &before);
    const tern_status status = tern_writer_open(writer, path, spool, err);
    if (!status && writer->temporary[0]) {
        memcpy(leftover, writer->temporary, sizeof leftover);
        has_leftover = 1;
    }
    if (!waits)
        sigprocmask(SIG_SETMASK, &before, NULL);
    return status;
}

void signals_forget(void)
{
    has_leftover = 0;
}

void signals_defer(void)
{
    deferring = 1;
}

int signals_noted(void)
{
    return noted;
}

void signals_end(void)
{
    if (noted)
        by_default(noted);
}
