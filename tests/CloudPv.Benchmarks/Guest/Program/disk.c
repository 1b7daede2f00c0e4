/* A disk or file, named by the first argument: sequential, past the guest's page cache, one request at a time. */
#include "bench.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int disk;
static off_t size, next;
static char *buffer;

static void open_disk(int mode)
{
    if ((disk = open(arguments[0], mode | O_DIRECT)) < 0 || (size = lseek(disk, 0, SEEK_END)) < (off_t)MIB)
        fail(arguments[0]);
    buffer = memset(allocate(MIB), 0x5a, MIB);
}

static void open_for_reading(void) { open_disk(O_RDONLY); }

static void open_for_writing(void) { open_disk(O_WRONLY); }

/* Where the next request goes: behind the last one, from the start again at the end. */
static off_t advance(size_t length)
{
    off_t here = next + (off_t)length <= size ? next : 0;
    next = here + (off_t)length;
    return here;
}

static void read_disk(uint64_t rounds, size_t length)
{
    while (rounds--)
        if (pread(disk, buffer, length, advance(length)) != (ssize_t)length)
            fail(arguments[0]);
}

static void write_disk(uint64_t rounds, size_t length)
{
    while (rounds--)
        if (pwrite(disk, buffer, length, advance(length)) != (ssize_t)length)
            fail(arguments[0]);
}

static void read_mebibyte(uint64_t rounds) { read_disk(rounds, MIB); }

static void write_mebibyte(uint64_t rounds) { write_disk(rounds, MIB); }

static void read_page(uint64_t rounds) { read_disk(rounds, PAGE); }

static void write_page(uint64_t rounds) { write_disk(rounds, PAGE); }

const struct benchmark disk_benchmarks[] = {
    { .name = "rd1m", .run = read_mebibyte, .work = 1, .prepare = open_for_reading },
    { .name = "wr1m", .run = write_mebibyte, .work = 1, .prepare = open_for_writing },
    { .name = "rd4k", .run = read_page, .work = 1, .prepare = open_for_reading },
    { .name = "wr4k", .run = write_page, .work = 1, .prepare = open_for_writing },
    { 0 },
};
