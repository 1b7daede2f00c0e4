using CloudPv.SelfCheck.Process;

namespace CloudPv.SelfCheck;

/// <summary>Programs of every kind that Debian machines have, each some seconds or less of work for a translator: interpreters, compressors, digests, a compiler.</summary>
internal static class KnownPrograms
{
    private const string Text = "/usr/share/common-licenses/GPL-3";

    private static readonly ProgramToRun[] All =
    [
        new("/usr/bin/sha256sum", Text),
        new("/usr/bin/mawk", "{ for (i = 1; i <= NF; i++) count[$i]++ } END { for (word in count) sum += count[word] * length(word); print sum }", Text),
        new("/usr/bin/perl", "-e", "my %n; open F, '<', $ARGV[0]; while (<F>) { $n{lc $_}++ for /\\w+/g } print join(',', map { \"$_$n{$_}\" } sort keys %n), sqrt(2)", Text),
        new("/usr/bin/gzip", "-9c", Text),
        new("/usr/bin/bzip2", "-c", Text),
        new("/usr/bin/xz", "-T1", "-0c", Text),
        new("/usr/bin/zstd", "--single-thread", "--no-asyncio", "-q", "-5", "-c", Text),
        new("/usr/bin/sort", "--parallel=1", "-k2", Text),
        new("/usr/bin/openssl", "dgst", "-sha512", Text),
        new("/usr/bin/python3", "-S", "-c", "import re,hashlib\nt=open('" + Text + "').read()\nprint(hashlib.md5(t.encode()).hexdigest(),len(re.findall(r'\\b\\w+ing\\b',t)),sum(i**0.5 for i in range(3000)))"),
    ];

    /// <summary>Those that this machine has.</summary>
    public static IEnumerable<ProgramToRun> Present => [.. All.Where(program => File.Exists(program.Path)), .. Compilers()];

    /// <summary>What the compilers make of <see cref="Mixture"/>.</summary>
    private static IEnumerable<ProgramToRun> Compilers() =>
        from compiler in Directory.Exists("/usr/lib/gcc") ? Directory.EnumerateFiles("/usr/lib/gcc", "cc1", SearchOption.AllDirectories) : []
        select new ProgramToRun(compiler, "-quiet", "-imultiarch", "x86_64-linux-gnu", "-O0", "-o", "-", Mixture);

    /// <summary>A program of our own, in C: a little of everything, with an output that is the same on every x86-64.</summary>
    public static string Mixture { get; } = Path.Combine(AppContext.BaseDirectory, "Programs", "mixture.c");
}
