using CloudPv.Cli;

namespace CloudPv.Benchmarks;

/// <summary>The rows that run in a guest: what they are and what they run.</summary>
internal static class GuestRows
{
    public static IReadOnlyList<GuestRow> All { get; } =
    [
        new("cpu", "int", "iter/s", "bench int"),
        new("cpu", "branch", "iter/s", "bench branch"),
        new("cpu", "nbody", "kstep/s", "bench nbody"),
        new("cpu", "matmul", "Mflop/s", "bench matmul"),

        new("mem", "memcpy", "MiB/s", "bench memcpy"),
        new("mem", "chase", "Maccess/s", "bench chase"),
        new("mem", "tlb", "Maccess/s", "bench tlb"),

        new("crypto", "aes", "MiB/s", "openssl_digest aes-128-cbc"),
        new("crypto", "sha256", "MiB/s", "openssl_digest sha256"),
        new("crypto", "rsa", "sign/s", "openssl_sign rsa2048"),
        new("crypto", "plain_aes", "MiB/s", "plain openssl_digest aes-128-cbc"),
        new("crypto", "plain_sha256", "MiB/s", "plain openssl_digest sha256"),
        new("crypto", "plain_rsa", "sign/s", "plain openssl_sign rsa2048"),
        new("crypto", "sha256sum", "MiB/s", "through_data bench command /bin/sha256sum $data"),

        new("app", "zstd", "MiB/s", "through_data bench command /bin/zstd -3 --single-thread --no-asyncio -q -c $data"),
        new("app", "xz", "MiB/s", "through_data bench command /bin/xz -0 -c $data"),
        new("app", "perl", "run/s", "bench command $perl /lib/work.pl"),
        new("app", "awk", "run/s", "bench command /bin/awk -f /lib/work.awk"),

        new("kernel", "syscall", "kcall/s", "bench syscall"),
        new("kernel", "clock", "kcall/s", "bench clock"),
        new("kernel", "stat", "kcall/s", "bench stat"),
        new("kernel", "read4k", "kcall/s", "bench read4k $perl"),
        new("kernel", "signal", "k/s", "bench signal"),
        new("kernel", "ctx", "kround/s", "bench ctx"),
        new("kernel", "wake", "kround/s", "bench wake", Scope.SeveralCpus),
        new("kernel", "timer", "kwake/s", "bench timer", Scope.AnyCpus),
        new("kernel", "fork", "proc/s", "bench fork", Scope.AnyCpus),
        new("kernel", "exec", "proc/s", "bench exec /bin/true", Scope.AnyCpus),
        new("kernel", "fault", "kfault/s", "bench fault"),
        new("kernel", "mprotect", "kcall/s", "bench mprotect"),
        new("kernel", "tcp", "MiB/s", "bench tcp", Scope.AnyCpus),

        Smp("int", "iter/s", "int"),
        Smp("branch", "iter/s", "branch"),
        Smp("matmul", "Mflop/s", "matmul"),
        Smp("memcpy", "MiB/s", "memcpy"),
        Smp("syscall", "kcall/s", "syscall"),
        Smp("ctx", "kround/s", "ctx"),
        Smp("fork", "proc/s", "fork"),
        Smp("exec", "proc/s", "exec /bin/true"),
        Smp("fault", "kfault/s", "fault"),
        Smp("mprotect", "kcall/s", "mprotect"),
        Smp("tcp", "MiB/s", "tcp"),
        new("smp", "smp_zstd", "MiB/s", "through_data each_cpu command /bin/zstd -3 --single-thread --no-asyncio -q -c $data", Scope.SeveralCpus),
        Smp("perl", "run/s", "command $perl /lib/work.pl"),

        new(GuestRow.Disk, "rd1m", "MiB/s", "bench rd1m $DISK", Scope.AnyCpus),
        new(GuestRow.Disk, "wr1m", "MiB/s", "bench wr1m $DISK", Scope.AnyCpus),
        new(GuestRow.Disk, "rd4k", "IO/s", "bench rd4k $DISK", Scope.AnyCpus),
        new(GuestRow.Disk, "wr4k", "IO/s", "bench wr4k $DISK", Scope.AnyCpus),
    ];

    /// <summary>What <c>--rows</c> may name besides rows.</summary>
    public static IEnumerable<string> Groups => All.Select(row => row.Group).Distinct(StringComparer.Ordinal).Concat([BootRows.Boot, BootRows.Memory]);

    /// <summary>The file from which /rows takes its commands: name, tab, command.</summary>
    public static string Commands => string.Concat(All.Select(row => $"{row.Name}\t{row.Command}\n"));

    /// <summary>The rows of the catalogue that names of rows and groups stand for, in its order.</summary>
    /// <exception cref="CommandFailedException">A name is neither.</exception>
    public static IReadOnlyList<GuestRow> Choose(IReadOnlyCollection<string> names)
    {
        if (names.FirstOrDefault(name => !Groups.Contains(name) && !All.Any(row => row.Name == name)) is { } unknown)
            throw new CommandFailedException($"there is no row or group {unknown}; groups are {string.Join(", ", Groups)}, rows {string.Join(", ", All.Select(row => row.Name))}");
        return [.. All.Where(row => names.Contains(row.Group) || names.Contains(row.Name))];
    }

    /// <summary>Those of some rows to measure with a number of CPUs: what takes one CPU only is measured once, with the least number.</summary>
    public static IReadOnlyList<GuestRow> For(IEnumerable<GuestRow> rows, int cpus, bool least) =>
        [.. rows.Where(row => row.Scope switch { Scope.OneCpu => least, Scope.SeveralCpus => cpus > 1, _ => true })];

    private static GuestRow Smp(string name, string unit, string benchmark) => new("smp", Targets.SmpPrefix + name, unit, $"each_cpu {benchmark}", Scope.SeveralCpus);
}
