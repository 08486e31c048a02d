/* Finds and makes the user's cache folder. */
#include "tools/cache_folder.h"
#include "tools/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The folder of all caches: relative paths in the variable are to be ignored (XDG base directory specification). */
static int base_folder(char *out, size_t capacity)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n = -1;
    if (xdg && *xdg == '/')
        n = snprintf(out, capacity, "%s", xdg);
    else if (home && *home == '/')
        n = snprintf(out, capacity, "%s/.cache", home);
    return n < 0 || (size_t)n >= capacity ? -1 : 0;
}

int cache_path(char *out, size_t capacity, const char *name)
{
    char base[1024];
    if (base_folder(base, sizeof base))
        return -1;
    const int n = snprintf(out, capacity, "%s/tern/%s", base, name);
    return n < 0 || (size_t)n >= capacity ? -1 : 0;
}

int cache_make_folders(const char *what)
{
    char folder[1100];
    if (base_folder(folder, sizeof folder - 8))
        return cli_fail(CLI_FAILED, "no place for %s: neither XDG_CACHE_HOME nor HOME is an absolute path", what);
    for (int i = 0; i < 2; i++) {
        if (mkdir(folder, 0700) && errno != EEXIST) /* 0700: as the XDG specification asks for */
            return cli_fail(CLI_FAILED, "%s: cannot make the folder: %s", folder, strerror(errno));
        if (i == 0)
            strcat(folder, "/tern");
    }
    return CLI_OK;
}
