using CloudPv.Cli;
using CloudPv.X86;
using CloudPv.X86.Tests;

namespace CloudPv.Benchmarks;

/// <summary>A CPU by itself, which runs code up to a syscall instruction.</summary>
internal sealed class CpuGuest(TestGuest guest) : IEngineGuest
{
    private readonly Cpu _cpu = guest.NewCpu();

    public void Run()
    {
        var exit = _cpu.Run();
        if (exit.Kind != CpuExitKind.Syscall)
            throw new CommandFailedException($"the code ended by {exit}");
    }

    public void Dispose() => guest.Dispose();
}
