/* Standard descriptors that are closed, and a standard output that does not block. */
#include "tools/streams.h"
#include "tools/cli.h"

#include "runtime/base/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

/* Carries what is written to descriptor 1 to the pipe that it was. */
static struct {
    int running, from;
    pthread_t thread;
    struct tern_writer to;
    tern_status status;
    tern_error err;
} pump;

/* After a failure it goes on reading, so that nobody waits for it; the failure is told at the end. */
static void *carry(void *unused)
{
    static char buffer[1 << 16];
    (void)unused;
    for (;;) {
        const ssize_t n = read(pump.from, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return NULL;
        if (pump.status)
            continue;
        fwrite(buffer, 1, (size_t)n, pump.to.stream);
        pump.status = tern_writer_flush(&pump.to, &pump.err);
    }
}

/* The C library gives up, and loses bytes, when a pipe does not take all at once. The flag belongs to the pipe, which
   others write to as well, so that it cannot be cleared here: a thread waits in our place. */
static void start_pump(void)
{
    int ends[2];
    char name[32];
    snprintf(name, sizeof name, "/dev/fd/%d", STDOUT_FILENO);
    if (pipe2(ends, O_CLOEXEC))
        return;
    if (!tern_writer_open(&pump.to, name, NULL, NULL) && dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO) {
        sigset_t others, before;
        /* A signal that main holds back (tools/signals.c) must not come in here. SIGPIPE is this thread's own. */
        sigfillset(&others);
        sigdelset(&others, SIGPIPE);
        pthread_sigmask(SIG_SETMASK, &others, &before);
        pump.from = ends[0];
        pump.running = !pthread_create(&pump.thread, NULL, carry, NULL);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (!pump.running)
            dup2(pump.to.fd, STDOUT_FILENO);
    }
    if (!pump.running) {
        close(ends[0]);
        tern_writer_discard(&pump.to);
    }
    close(ends[1]);
}

void streams_start(void)
{
    /* The mode is the wrong one on purpose: what uses a descriptor that was closed gets the error it would have had. */
    static const int modes[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    struct stat st;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", modes[fd]); /* gets the lowest number that is free: this one */
    const int flags = fcntl(STDOUT_FILENO, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) && (flags & O_ACCMODE) != O_RDONLY && fstat(STDOUT_FILENO, &st) == 0 &&
        !S_ISREG(st.st_mode))
        start_pump();
}

int streams_end(int code)
{
    if (!pump.running)
        return code;
    pthread_join(pump.thread, NULL);
    close(pump.from);
    tern_writer_discard(&pump.to);
    if (!pump.status)
        return code;
    cli_fail(CLI_FAILED, "standard output: %s", pump.err.message);
    return code ? code : CLI_FAILED;
}
