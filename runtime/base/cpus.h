/* How many CPUs this process may use, and how many threads compete for them. Base layer. */
#ifndef TERN_CPUS_H
#define TERN_CPUS_H

enum { TERN_MOST_THREADS = 256 };

struct tern_cpus {
    int affinity; /* CPUs in the calling thread's affinity mask */
    int quota;    /* CPUs that the tightest CPU quota of its cgroups pays for, rounded up; 0: there is no quota */
    int allowed;  /* the smaller of the two, 1 to TERN_MOST_THREADS: what a session takes by default */
    int unequal;  /* 1: of the CPUs in the mask some are slower than others, as in big.LITTLE */
    int running;  /* other threads of the whole machine that run or wait for a CPU now; 0 where nothing says */
};

/* Reads the affinity mask, the CPUs' capacities or highest clocks under /sys/devices/system/cpu, /proc/self/cgroup with
   the quota files under /sys/fs/cgroup (versions 1 and 2), and /proc/loadavg. `root` is put in front of these paths: ""
   but in tests. */
struct tern_cpus tern_cpus_look(const char *root);
/* The first of these alone: one system call. */
int tern_cpus_affinity(void);
/* tern_cpus_look("").allowed */
int tern_threads_allowed(void);

#endif
