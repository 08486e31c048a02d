/* Runs a fuzz target on the files, and on all files of the folders, that it is given: for compilers without libFuzzer,
   and to count the lines that inputs reach. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (!f || fstat(fileno(f), &st)) {
        perror(path);
        return -1;
    }
    /* Exactly as many bytes as there are, so that a sanitizer sees a read behind them. */
    const size_t size = (size_t)st.st_size;
    uint8_t *data = malloc(size + !size);
    if (!data || fread(data, 1, size, f) != size) {
        perror(path);
        free(data);
        fclose(f);
        return -1;
    }
    fclose(f);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

static int replay(const char *path, int *n)
{
    struct dirent *entry;
    DIR *dir = opendir(path);
    int code = 0;
    if (!dir) {
        printf("%s\n", path); /* the last line of a run that dies */
        fflush(stdout);
        ++*n;
        return replay_file(path);
    }
    while (!code && (entry = readdir(dir))) {
        char inner[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        code = replay(inner, n);
    }
    closedir(dir);
    return code;
}

int main(int argc, char **argv)
{
    int n = 0;
    for (int i = 1; i < argc; i++)
        if (replay(argv[i], &n))
            return 1;
    printf("%s: %d inputs\n", argv[0], n);
    return n == 0; /* a folder without inputs tests nothing */
}
