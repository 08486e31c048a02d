/* Prints what `tern search` found: paths as the user wrote them, and a line of each passage. */
#include "tools/search_print.h"
#include "tools/cli.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN = 200 /* bytes of a passage in a line */ };

/* The path below the root that it lies under, behind that root as the user wrote it. */
static void print_path(const struct search_print *p, const char *path, void (*print)(FILE *, const char *, size_t))
{
    const char *given = "", *rest = path;
    size_t longest = 0;
    for (int i = 0; i < p->n_roots; i++) {
        const size_t n = strlen(p->roots[i]);
        const int inside = !strncmp(path, p->roots[i], n) && (path[n] == '/' || !path[n] || n == 1);
        if (inside && n >= longest) {
            given = p->given[i];
            rest = path + n;
            longest = n;
        }
    }
    char *whole = malloc(strlen(given) + strlen(rest) + 2);
    if (!whole) {
        print(stdout, path, strlen(path));
        return;
    }
    size_t n = strlen(given);
    memcpy(whole, given, n);
    while (n > 1 && given[n - 1] == '/' && *rest == '/')
        n--;
    if (n && whole[n - 1] != '/' && *rest && *rest != '/')
        whole[n++] = '/';
    strcpy(whole + n, n && whole[n - 1] == '/' && *rest == '/' ? rest + 1 : rest);
    print(stdout, !strncmp(whole, "./", 2) && whole[2] ? whole + 2 : whole,
          strlen(!strncmp(whole, "./", 2) && whole[2] ? whole + 2 : whole));
    free(whole);
}

/* The begin of a text in one line, with one space where it has any. */
static void print_begin(const char *text, size_t bytes)
{
    char line[SHOWN + 1];
    size_t n = 0, i = 0;
    for (; i < bytes && n < SHOWN; i++) {
        const char c = text[i];
        const int space = c == ' ' || (c >= '\t' && c <= '\r');
        if (!space)
            line[n++] = c;
        else if (n && line[n - 1] != ' ')
            line[n++] = ' ';
    }
    if (i < bytes) /* no character is cut in two */
        while (n && ((unsigned char)text[i] & 0xC0) == 0x80 && ((unsigned char)line[n - 1] & 0xC0) == 0x80)
            n--;
    if (i < bytes && n && ((unsigned char)text[i] & 0xC0) == 0x80)
        n--;
    cli_text(stdout, line, n);
    if (i < bytes)
        fputs(" ...", stdout);
}

static void print_line(const struct search_print *p, const struct search_result *r)
{
    const int colour = p->colour;
    fputs(colour ? "\x1b[35m" : "", stdout);
    print_path(p, r->path, cli_text);
    printf(colour ? "\x1b[0m:\x1b[32m%u\x1b[0m\t\x1b[36m%.4f\x1b[0m\t" : ":%u\t%.4f\t", r->passage.line, r->score);
    if (r->text)
        print_begin(r->text, r->passage.bytes);
    else
        fputs("(the file has changed since it was indexed)", stdout);
    putchar('\n');
}

static void print_object(const struct search_print *p, const char *query, size_t query_bytes,
                         const struct search_result *r)
{
    fputs("{\"query\":", stdout);
    cli_json_string(stdout, query, query_bytes);
    fputs(",\"file\":", stdout);
    print_path(p, r->path, cli_json_string);
    printf(",\"line\":%u,\"start\":%llu,\"bytes\":%u,\"score\":", r->passage.line, (unsigned long long)r->passage.start,
           r->passage.bytes);
    cli_json_number(stdout, r->score, 9);
    fputs(",\"text\":", stdout);
    if (r->text)
        cli_json_string(stdout, r->text, r->passage.bytes);
    else
        fputs("null", stdout);
    puts("}");
}

int search_print(const struct search_print *p, const char *query, size_t query_bytes,
                 const struct search_result *results, size_t n)
{
    if (p->many && !p->json) {
        fputs("? ", stdout);
        cli_text(stdout, query, query_bytes);
        putchar('\n');
    }
    for (size_t i = 0; i < n; i++) {
        if (p->json)
            print_object(p, query, query_bytes, &results[i]);
        else
            print_line(p, &results[i]);
    }
    if (p->many && !p->json)
        putchar('\n');
    return cli_written();
}
