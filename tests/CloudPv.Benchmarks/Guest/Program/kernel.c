/* What the guest's kernel does for its programs: calls, signals, switches, processes, pages, sockets. */
#include "bench.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void call(uint64_t rounds)
{
    while (rounds--)
        syscall(SYS_getppid);
}

static void read_clock(uint64_t rounds)
{
    while (rounds--)
        sink = (uint64_t)now();
}

static void look_up(uint64_t rounds)
{
    struct stat status;
    while (rounds--)
        if (stat("/proc/self", &status))
            fail("/proc/self");
}

/* ---- read4k FILE: pages of a cached file ---- */

static int cached;

static void open_cached(void)
{
    if ((cached = open(arguments[0], O_RDONLY)) < 0)
        fail(arguments[0]);
}

static void read_page(uint64_t rounds)
{
    static char page[PAGE];
    while (rounds--)
        if (pread(cached, page, PAGE, (off_t)(rounds % 64 * PAGE)) != (ssize_t)PAGE)
            fail(arguments[0]);
}

/* ---- signal: to itself ---- */

static void handle(int number) { sink = (uint64_t)number; }

static void take_signals(void) { signal(SIGUSR1, handle); }

static void send_signal(uint64_t rounds)
{
    while (rounds--)
        raise(SIGUSR1);
}

/* ---- ctx, wake: a byte to another process and back ---- */

static int from_echo, to_echo;

static void start_echo(int own_cpu, int its_cpu)
{
    int there[2], back[2];
    if (pipe(there) || pipe(back))
        fail("pipe");
    if (!fork()) {
        char byte;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        bind_to_cpu(its_cpu);
        close(there[1]);
        while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
            ;
        _exit(0);
    }
    bind_to_cpu(own_cpu);
    to_echo = there[1];
    from_echo = back[0];
}

static void start_echo_here(void)
{
    int cpu = sched_getcpu();
    start_echo(cpu, cpu);
}

static void start_echo_there(void) { start_echo(0, 1); }

static void round_trip(uint64_t rounds)
{
    char byte = 0;
    while (rounds--)
        if (write(to_echo, &byte, 1) != 1 || read(from_echo, &byte, 1) != 1)
            fail("pipe");
}

/* ---- timer: the shortest sleep ---- */

static void make_timers_exact(void) { prctl(PR_SET_TIMERSLACK, 1); }

static void sleep_shortly(uint64_t rounds)
{
    const struct timespec nanosecond = { 0, 1 };
    while (rounds--)
        nanosleep(&nanosecond, NULL);
}

/* ---- fork; exec PROGRAM ---- */

static void fork_and_wait(uint64_t rounds)
{
    while (rounds--) {
        pid_t child = fork();
        if (!child)
            _exit(0);
        waitpid(child, NULL, 0);
    }
}

static void execute(uint64_t rounds)
{
    while (rounds--)
        if (run_program(arguments))
            fail(arguments[0]);
}

/* ---- fault: first touches of 256 pages; mprotect: of one touched page, there and back ---- */

static void touch_pages(uint64_t rounds)
{
    while (rounds--) {
        char *memory = allocate(MIB);
        madvise(memory, MIB, MADV_NOHUGEPAGE);
        for (size_t offset = 0; offset < MIB; offset += PAGE)
            memory[offset] = 1;
        munmap(memory, MIB);
    }
}

static char *protected;

static void prepare_protected(void) { protected = (char *)allocate(16 * PAGE) + 4 * PAGE; }

static void protect(uint64_t rounds)
{
    while (rounds--) {
        mprotect(protected, PAGE, PROT_READ);
        mprotect(protected, PAGE, PROT_READ | PROT_WRITE);
        *protected = (char)rounds;
    }
}

/* ---- tcp: over the loopback device, in pieces of 64 KiB ---- */

static int connection;
static char piece[64 * KIB];

static void connect_to_drain(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1) || getsockname(listener, (struct sockaddr *)&address, &length))
        fail("listen");
    if (!fork()) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int drain = accept(listener, NULL, NULL);
        while (read(drain, piece, sizeof piece) > 0)
            ;
        _exit(0);
    }
    connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection, (struct sockaddr *)&address, length))
        fail("connect");
}

static void send_piece(uint64_t rounds)
{
    while (rounds--)
        for (size_t sent = 0; sent < sizeof piece;) {
            ssize_t more = write(connection, piece + sent, sizeof piece - sent);
            if (more < 0)
                fail("write");
            sent += (size_t)more;
        }
}

const struct benchmark kernel_benchmarks[] = {
    { .name = "syscall", .run = call, .work = 1e-3 },
    { .name = "clock", .run = read_clock, .work = 1e-3 },
    { .name = "stat", .run = look_up, .work = 1e-3 },
    { .name = "read4k", .run = read_page, .work = 1e-3, .prepare = open_cached },
    { .name = "signal", .run = send_signal, .work = 1e-3, .prepare = take_signals },
    { .name = "ctx", .run = round_trip, .work = 1e-3, .prepare = start_echo_here },
    { .name = "wake", .run = round_trip, .work = 1e-3, .prepare = start_echo_there },
    { .name = "timer", .run = sleep_shortly, .work = 1e-3, .prepare = make_timers_exact },
    { .name = "fork", .run = fork_and_wait, .work = 1 },
    { .name = "exec", .run = execute, .work = 1 },
    { .name = "fault", .run = touch_pages, .work = 0.256 },
    { .name = "mprotect", .run = protect, .work = 2e-3, .prepare = prepare_protected },
    { .name = "tcp", .run = send_piece, .work = 1.0 / 16, .prepare = connect_to_drain },
    { 0 },
};
