/* Writes, runs and checks code on all CPUs: code SECONDS THREADS. Each thread changes code of its own in place, through a second mapping of the page and behind
 * mprotect; and runs what its neighbour changes under it. Exit status: 0 every call gave what was written, 1 one didn't. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, PLACES = 61, ALL = PROT_READ | PROT_WRITE | PROT_EXEC };

/* What one thread writes and its neighbour runs as well. */
struct shared {
    unsigned char *code;
    _Atomic uint32_t written; /* the value that the code gives is this one or the next */
};

static struct shared *shared;
static int threads;
static atomic_bool ends;
static atomic_int wrong;

static unsigned char *map(int protection, int flags, int file)
{
    unsigned char *page = mmap(NULL, PAGE, protection, flags, file, 0);
    if (page == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    return page;
}

/* mov eax, value; ret. The value is aligned, so that its store is atomic. */
static void write_code(unsigned char *code, uint32_t value)
{
    code[3] = 0xb8;
    *(volatile uint32_t *)(code + 4) = value;
    code[8] = 0xc3;
}

static uint32_t run(unsigned char *code) { return ((uint32_t(*)(void))(code + 3))(); }

static void serialize(void)
{
    unsigned a, b, c, d;
    __cpuid(0, a, b, c, d);
}

static void expect(const char *kind, uint32_t value, uint32_t least, uint32_t most)
{
    if (value - least > most - least) {
        printf("FAIL code %s: %u, expected %u to %u\n", kind, value, least, most);
        wrong = 1;
    }
}

static void run_neighbours(struct shared *neighbour)
{
    uint32_t before = neighbour->written;
    serialize();
    uint32_t value = run(neighbour->code);
    expect("of another thread", value, before, neighbour->written + 1);
}

static void *work(void *argument)
{
    long self = (long)argument;
    struct shared *own = &shared[self], *neighbour = &shared[(self + 1) % threads];
    unsigned char *private = map(ALL, MAP_PRIVATE | MAP_ANONYMOUS, -1), *guarded = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    int file = memfd_create("code", 0);
    if (file < 0 || ftruncate(file, PAGE) != 0) {
        perror("memfd_create");
        exit(2);
    }
    unsigned char *writable = map(PROT_READ | PROT_WRITE, MAP_SHARED, file), *executable = map(PROT_READ | PROT_EXEC, MAP_SHARED, file);

    for (uint32_t value = 1; !ends; value++) {
        size_t place = value % PLACES * 64;
        write_code(private + place, value);
        expect("in place", run(private + place), value, value);
        write_code(writable + place, value);
        serialize();
        expect("by another mapping", run(executable + place), value, value);
        if (value % 16 == 0) {
            mprotect(guarded, PAGE, PROT_READ | PROT_WRITE);
            write_code(guarded + place, value);
            mprotect(guarded, PAGE, PROT_READ | PROT_EXEC);
            expect("behind mprotect", run(guarded + place), value, value);
        }
        /* By a string store too. */
        memset(private, 0xc3, PAGE);
        *(volatile uint32_t *)(own->code + 4) = value;
        own->written = value;
        for (int i = 0; i < 4; i++)
            run_neighbours(neighbour);
    }
    return NULL;
}

int main(int count, char **arguments)
{
    if (count != 3)
        return 2;
    threads = atoi(arguments[2]) > 1 ? atoi(arguments[2]) : 2;
    shared = calloc((size_t)threads, sizeof *shared);
    pthread_t *handles = calloc((size_t)threads, sizeof *handles);
    for (int i = 0; i < threads; i++) {
        shared[i].code = map(ALL, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        write_code(shared[i].code, 0);
    }
    for (long i = 0; i < threads; i++)
        pthread_create(&handles[i], NULL, work, (void *)i);
    sleep((unsigned)atoi(arguments[1]));
    ends = 1;
    for (int i = 0; i < threads; i++)
        pthread_join(handles[i], NULL);
    return wrong;
}
