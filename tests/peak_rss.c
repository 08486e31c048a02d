/* usage: peak_rss PROGRAM [ARGUMENTS...]: runs it, then prints the peak of its resident memory in KiB on stderr as the
   last line; ends as it ends. Of its own, because a child's peak begins with the size of the program that forks it:
   this one is small, a Python is not. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct rusage usage;
    int status;
    if (argc < 2) {
        fprintf(stderr, "usage: peak_rss PROGRAM [ARGUMENTS...]\n");
        return 2;
    }
    const pid_t child = fork();
    if (child == 0) {
        execv(argv[1], argv + 1);
        perror(argv[1]);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child) {
        perror("peak_rss");
        return 1;
    }
    fprintf(stderr, "%ld\n", usage.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
