/* What the files of the benchmark program share. */
#ifndef BENCH_H
#define BENCH_H

#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define CACHE_LINE ((size_t)64)
#define PAGE ((size_t)4096)

/* A piece of work that can be repeated. */
struct benchmark {
    const char *name;
    void (*run)(uint64_t rounds);
    double work;                /* units of work in a round */
    void (*prepare)(void);      /* once, in the process that runs it; may be null */
};

/* Lists of benchmarks, each ending with a nameless one. */
extern const struct benchmark processor_benchmarks[], memory_benchmarks[], kernel_benchmarks[], disk_benchmarks[], command_benchmarks[];

extern char **arguments;        /* what followed the benchmark's name; ends with null */
extern volatile uint64_t sink;  /* keeps results from being optimised away */

/* Ends the program, saying what failed and errno's reason. */
void fail(const char *what) __attribute__((noreturn));

/* Seconds of CLOCK_MONOTONIC. */
double now(void);

/* Marsaglia's xorshift32. */
static inline uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* Binds the process to one of the CPUs that it may use, counted from 0 and wrapping around. */
void bind_to_cpu(int index);

/* Fresh zeroed memory. */
void *allocate(size_t size);

/* Runs a program and waits for it; gives its wait status. */
int run_program(char **argv);

#endif
