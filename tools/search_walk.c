/* Walks folders and lists the files in them. */
#include "tools/search_walk.h"
#include "tools/cli.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEEPEST = 200, LONGEST = 4096, MOST_PATTERN = 256 };

struct walk {
    struct found_files *files;
    const char *include, *exclude;
    size_t root_bytes; /* of the given path, with the slash behind it */
    char path[LONGEST];
};

/* 1: one of the comma-separated patterns matches. */
static int matches(const char *patterns, const char *path, const char *name)
{
    char one[MOST_PATTERN];
    for (size_t n; *patterns; patterns += n + (patterns[n] == ',')) {
        n = strcspn(patterns, ",");
        if (!n || n >= sizeof one)
            continue;
        memcpy(one, patterns, n);
        one[n] = 0;
        const int slash = strchr(one, '/') != NULL;
        if (!fnmatch(one, slash ? path : name, slash ? FNM_PATHNAME : 0))
            return 1;
    }
    return 0;
}

/* matches() has room for shorter ones. */
static int check_patterns(const char *patterns)
{
    for (size_t n; *patterns; patterns += n + (patterns[n] == ',')) {
        n = strcspn(patterns, ",");
        if (n >= MOST_PATTERN)
            return cli_fail(CLI_USAGE, "search: a pattern of %zu bytes; the limit is %d", n, MOST_PATTERN - 1);
    }
    return CLI_OK;
}

static int add(struct found_files *files, const char *path, const struct stat *st)
{
    if (files->n == files->capacity) {
        const size_t capacity = files->capacity * 2 + 64;
        struct found_file *at = realloc(files->at, capacity * sizeof *at);
        if (!at)
            return cli_nomem(capacity * sizeof *at);
        files->at = at;
        files->capacity = capacity;
    }
    char *copy = strdup(path);
    if (!copy)
        return cli_nomem(strlen(path) + 1);
    files->at[files->n++] =
        (struct found_file){.path = copy,
                            .modified = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
                            .bytes = (uint64_t)st->st_size};
    return CLI_OK;
}

static int walk_folder(struct walk *w, size_t bytes, int depth);

/* One entry of a folder whose path has `bytes` bytes. */
static int walk_entry(struct walk *w, size_t bytes, const char *name, int depth)
{
    struct stat st;
    const size_t n = strlen(name);
    if (name[0] == '.')
        return CLI_OK;
    if (bytes + n + 2 > sizeof w->path) {
        cli_warn("%.60s...: the path is too long; left out", w->path);
        return CLI_OK;
    }
    w->path[bytes] = '/';
    memcpy(w->path + bytes + 1, name, n + 1);
    if (lstat(w->path, &st) || (w->exclude && matches(w->exclude, w->path + w->root_bytes, name)))
        return CLI_OK; /* what has gone meanwhile is not there */
    if (S_ISDIR(st.st_mode))
        return walk_folder(w, bytes + 1 + n, depth + 1);
    if (!S_ISREG(st.st_mode) || (w->include && !matches(w->include, w->path + w->root_bytes, name)))
        return CLI_OK;
    return add(w->files, w->path, &st);
}

static int walk_folder(struct walk *w, size_t bytes, int depth)
{
    DIR *folder = depth < DEEPEST ? opendir(w->path) : NULL;
    int code = CLI_OK;
    if (!folder) {
        cli_warn("%s: %s; left out", w->path, depth < DEEPEST ? strerror(errno) : "too many folders in each other");
        return CLI_OK;
    }
    for (struct dirent *entry; !code && (entry = readdir(folder));)
        code = walk_entry(w, bytes, entry->d_name, depth);
    closedir(folder);
    w->path[bytes] = 0;
    return code;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct found_file *)a)->path, ((const struct found_file *)b)->path);
}

int search_walk(struct found_files *out, char *const *paths, int n, const char *include, const char *exclude)
{
    static struct walk w; /* 4 KB that recursion shares */
    struct stat st;
    int code = include ? check_patterns(include) : CLI_OK;
    if (!code && exclude)
        code = check_patterns(exclude);
    w.files = out;
    w.include = include;
    w.exclude = exclude;
    for (int i = 0; i < n && !code; i++) {
        const size_t bytes = strlen(paths[i]);
        if (bytes + 1 > sizeof w.path || stat(paths[i], &st))
            return cli_fail(CLI_FAILED, "%s: %s", paths[i], strerror(errno ? errno : ENAMETOOLONG));
        memcpy(w.path, paths[i], bytes + 1);
        w.root_bytes = bytes > 1 ? bytes + 1 : 1; /* behind "/" */
        if (S_ISDIR(st.st_mode))
            code = walk_folder(&w, bytes > 1 ? bytes : 0, 0);
        else if (S_ISREG(st.st_mode))
            code = add(out, paths[i], &st);
        else
            code = cli_fail(CLI_USAGE, "%s: is no file or folder", paths[i]);
    }
    if (out->n)
        qsort(out->at, out->n, sizeof *out->at, by_path);
    size_t kept = 0;
    for (size_t i = 0; i < out->n; i++) {
        if (kept && !strcmp(out->at[kept - 1].path, out->at[i].path))
            free(out->at[i].path);
        else
            out->at[kept++] = out->at[i];
    }
    out->n = kept;
    return code;
}

void search_walk_free(struct found_files *files)
{
    for (size_t i = 0; i < files->n; i++)
        free(files->at[i].path);
    free(files->at);
    memset(files, 0, sizeof *files);
}
