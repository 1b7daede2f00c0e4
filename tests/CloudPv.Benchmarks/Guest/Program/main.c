/*
 * bench [-t SECONDS] [-p PROCESSES] BENCHMARK [ARGUMENT...]
 *
 * Repeats a fixed piece of work until SECONDS of wall time have passed, after one round that isn't counted, and prints the units of work
 * per second. With -p that many processes do it at once, each bound to a CPU of its own, and the sum of their rates is printed. Compiled
 * for plain x86-64, so that the same instructions run whatever CPU the guest is shown.
 */
#include "bench.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

char **arguments;
volatile uint64_t sink;

static double seconds = 1;

void fail(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void bind_to_cpu(int index)
{
    static int count;
    cpu_set_t set;
    if (!count) {
        sched_getaffinity(0, sizeof set, &set);
        count = CPU_COUNT(&set);
    }
    CPU_ZERO(&set);
    CPU_SET(index % count, &set);
    sched_setaffinity(0, sizeof set, &set);
}

void *allocate(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        fail("mmap");
    return memory;
}

int run_program(char **argv)
{
    int status;
    pid_t child = vfork();
    if (!child) {
        execv(argv[0], argv);
        _exit(127);
    }
    waitpid(child, &status, 0);
    return status;
}

static void warm_up(const struct benchmark *benchmark)
{
    if (benchmark->prepare)
        benchmark->prepare();
    benchmark->run(1);
}

/* Units of work per second. The rounds between two looks at the clock double until the looks cost nothing. */
static double measure(const struct benchmark *benchmark)
{
    double start = now(), before = start, after;
    uint64_t rounds = 1, total = 0;
    do {
        benchmark->run(rounds);
        total += rounds;
        after = now();
        if (after - before < seconds / 50)
            rounds *= 2;
        before = after;
    } while (after - start < seconds);
    return (double)total / (after - start) * benchmark->work;
}

static void open_pipe(int ends[2])
{
    if (pipe(ends))
        fail("pipe");
}

/* All processes warm up, start together when the gate opens, and report their rates. */
static double measure_together(const struct benchmark *benchmark, int processes)
{
    int ready[2], gate[2], rates[2];
    double rate, sum = 0;
    char byte = 0;
    open_pipe(ready);
    open_pipe(gate);
    open_pipe(rates);
    for (int i = 0; i < processes; i++) {
        if (fork())
            continue;
        close(gate[1]);
        bind_to_cpu(i);
        warm_up(benchmark);
        if (write(ready[1], &byte, 1) != 1 || read(gate[0], &byte, 1) != 0)
            _exit(1);
        rate = measure(benchmark);
        _exit(write(rates[1], &rate, sizeof rate) != sizeof rate);
    }
    close(ready[1]); /* so that reading ends when a child has died */
    close(rates[1]);
    for (int i = 0; i < processes; i++)
        if (read(ready[0], &byte, 1) != 1)
            fail("a process died while it warmed up");
    close(gate[1]);
    for (int i = 0; i < processes; i++) {
        if (read(rates[0], &rate, sizeof rate) != sizeof rate)
            fail("a process died while it was measured");
        sum += rate;
    }
    while (wait(NULL) > 0)
        ;
    return sum;
}

static const struct benchmark *find(const char *name)
{
    const struct benchmark *const lists[] = {
        processor_benchmarks, memory_benchmarks, kernel_benchmarks, disk_benchmarks, command_benchmarks,
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const struct benchmark *benchmark = lists[i]; benchmark->name; benchmark++)
            if (!strcmp(benchmark->name, name))
                return benchmark;
    fprintf(stderr, "bench: there is no benchmark %s\n", name);
    exit(2);
}

int main(int argc, char **argv)
{
    int processes = 0, option;
    while ((option = getopt(argc, argv, "+t:p:")) > 0)
        switch (option) {
        case 't': seconds = atof(optarg); break;
        case 'p': processes = atoi(optarg); break;
        default: return 2;
        }
    if (!argv[optind]) {
        fputs("usage: bench [-t SECONDS] [-p PROCESSES] BENCHMARK [ARGUMENT...]\n", stderr);
        return 2;
    }

    const struct benchmark *benchmark = find(argv[optind]);
    arguments = argv + optind + 1;
    double rate;
    if (processes) {
        rate = measure_together(benchmark, processes);
    } else {
        warm_up(benchmark);
        rate = measure(benchmark);
    }
    printf("%.6g\n", rate);
    return 0;
}
