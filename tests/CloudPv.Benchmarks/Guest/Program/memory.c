/* Memory: copying, latency, address translation. All of it in 64 MiB. */
#include "bench.h"

#include <string.h>
#include <sys/mman.h>

enum { ACCESSES = 1024 }; /* in a round */

static const size_t size = 64 * MIB;
static char *target, *source;
static void **position;

static void prepare_copy(void)
{
    target = memset(allocate(size), 1, size);
    source = memset(allocate(size), 2, size);
}

static void copy(uint64_t rounds)
{
    while (rounds--) {
        memcpy(target, source, size);
        sink = (uint64_t)target[rounds & 1023];
    }
}

/* Where a slot is: a stride of more than a cache line starts at another line each time, since the first lines of all pages share few cache sets. */
static void **slot(char *memory, size_t stride, uint32_t index)
{
    size_t line = stride > CACHE_LINE ? index % (stride / CACHE_LINE) * CACHE_LINE : 0;
    return (void **)(memory + index * stride + line);
}

/* One random cycle (Sattolo's) through all slots: each holds the address of the next. */
static void link_slots(size_t stride)
{
    uint32_t count = (uint32_t)(size / stride), random = 99;
    char *memory = allocate(size);
    uint32_t *order = allocate(count * sizeof *order);
    madvise(memory, size, MADV_NOHUGEPAGE);
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    for (uint32_t i = count - 1; i; i--) {
        uint32_t j = next_random(&random) % i, other = order[i];
        order[i] = order[j];
        order[j] = other;
    }
    for (uint32_t i = 0; i < count; i++)
        *slot(memory, stride, i) = slot(memory, stride, order[i]);
    munmap(order, count * sizeof *order);
    position = slot(memory, stride, 0);
}

static void link_lines(void) { link_slots(CACHE_LINE); }

static void link_pages(void) { link_slots(PAGE); }

static void follow(uint64_t rounds)
{
    void **at = position;
    for (uint64_t left = rounds * ACCESSES; left--;)
        at = *at;
    position = at;
    sink = (uint64_t)at;
}

const struct benchmark memory_benchmarks[] = {
    { .name = "memcpy", .run = copy, .work = 64, .prepare = prepare_copy },
    { .name = "chase", .run = follow, .work = ACCESSES * 1e-6, .prepare = link_lines },
    { .name = "tlb", .run = follow, .work = ACCESSES * 1e-6, .prepare = link_pages },
    { 0 },
};
