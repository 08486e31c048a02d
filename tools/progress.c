/* The rate of a command's texts and the time that is left, on a terminal. */
#include "tools/progress.h"
#include "tools/cli.h"

#include <stdio.h>
#include <unistd.h>

enum { BETWEEN_MS = 200, FIRST_MS = 500, LINE = 128 };

void progress_begin(struct progress *p, double from)
{
    *p = (struct progress){.start = cli_now_ms(), .from = from};
    p->drawn = p->start + FIRST_MS - BETWEEN_MS; /* what is over at once shows nothing */
    p->draws = cli_progress_wanted() && !isatty(STDOUT_FILENO);
}

/* 75 seconds: 1:15; from an hour on 1:02:03. */
static void write_time(char *out, size_t room, double seconds)
{
    const long s = seconds < 1e8 ? (long)(seconds + 0.5) : 100000000L;
    if (s < 3600)
        snprintf(out, room, "%ld:%02ld", s / 60, s % 60);
    else
        snprintf(out, room, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

void progress_step(struct progress *p, size_t tokens, double part)
{
    char line[LINE], left[32];
    p->texts++;
    p->tokens += tokens;
    if (!p->draws)
        return;
    const double now = cli_now_ms(), seconds = (now - p->start) / 1e3;
    if (now - p->drawn < BETWEEN_MS)
        return;
    p->drawn = now;
    if (part > p->from && part <= 1) {
        write_time(left, sizeof left, seconds * (1 - part) / (part - p->from));
        snprintf(line, sizeof line, "%zu texts, %.1f/s, %d %%, %s left", p->texts, (double)p->texts / seconds,
                 (int)(100 * part), left);
    } else {
        snprintf(line, sizeof line, "%zu texts, %.1f/s", p->texts, (double)p->texts / seconds);
    }
    cli_progress_line(line);
}

void progress_end(struct progress *p, int said)
{
    const int drew = p->draws;
    const double start = p->start;
    if (p->start <= 0)
        return;
    p->start = 0;
    if (drew)
        cli_progress_line(NULL);
    const double seconds = (cli_now_ms() - start) / 1e3, per = seconds > 0 ? 1 / seconds : 0;
    if (!said && (!drew || p->texts < 2))
        return;
    if (!p->tokens)
        cli_report("%zu text%s in %.2f s: %.1f texts/s", p->texts, p->texts == 1 ? "" : "s", seconds,
                   (double)p->texts * per);
    else
        cli_report("%zu text%s, %zu tokens in %.2f s: %.1f texts/s, %.0f tokens/s", p->texts, p->texts == 1 ? "" : "s",
                   p->tokens, seconds, (double)p->texts * per, (double)p->tokens * per);
}
