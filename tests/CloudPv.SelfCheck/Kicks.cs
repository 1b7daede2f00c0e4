using CloudPv.X86;

namespace CloudPv.SelfCheck;

/// <summary>Interrupts CPUs again and again, on a thread of its own: the pool's may all be busy with what is to be interrupted.</summary>
internal sealed class Kicks : IDisposable
{
    private readonly ManualResetEventSlim _end = new();
    private readonly Thread _thread;

    public Kicks(TimeSpan period, params Cpu[] cpus)
    {
        _thread = new Thread(() => Kick(period, cpus)) { IsBackground = true, Name = "kicks" };
        _thread.Start();
    }

    public void Dispose()
    {
        _end.Set();
        _thread.Join();
        _end.Dispose();
    }

    private void Kick(TimeSpan period, Cpu[] cpus)
    {
        while (!_end.Wait(period))
        {
            foreach (var cpu in cpus)
                cpu.Kick();
        }
    }
}
