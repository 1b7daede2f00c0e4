/* command PROGRAM [ARGUMENT...]: runs of a whole program, whose output is dropped. */
#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Only the program's: the rate still goes where it was to go. */
static void drop_output(void)
{
    int output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10), null = open("/dev/null", O_WRONLY);
    if (output < 0 || null < 0 || dup2(null, STDOUT_FILENO) < 0 || !(stdout = fdopen(output, "w")))
        fail("/dev/null");
    close(null);
}

static void run_command(uint64_t rounds)
{
    while (rounds--)
        if (run_program(arguments))
            fail(arguments[0]);
}

const struct benchmark command_benchmarks[] = {
    { .name = "command", .run = run_command, .work = 1, .prepare = drop_output },
    { 0 },
};
