namespace CloudPv.Benchmarks;

/// <summary>A row that a program in the guest measures.</summary>
/// <param name="Command">What /rows runs for it, in its words; prints the value.</param>
/// <param name="Scope">Numbers of CPUs that it makes sense with.</param>
internal sealed record GuestRow(string Group, string Name, string Unit, string Command, Scope Scope = Scope.OneCpu)
{
    /// <summary>The only group that needs a disk.</summary>
    public const string Disk = "blk";

    public Row With(int cpus) => new(Group, Name, cpus, Unit, Better.Higher);
}

internal enum Scope
{
    /// <summary>Takes one CPU, however many there are.</summary>
    OneCpu,

    /// <summary>Differs with their number.</summary>
    AnyCpus,

    /// <summary>Needs two.</summary>
    SeveralCpus,
}
