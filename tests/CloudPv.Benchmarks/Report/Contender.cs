namespace CloudPv.Benchmarks;

/// <summary>What runs the work: this project's engine, its peer, and the host itself as the limit. Their names stand in reports.</summary>
internal static class Contender
{
    public const string CloudPv = "CloudPv";
    public const string Tcg = "QEMU TCG";
    public const string Native = "native";
}
