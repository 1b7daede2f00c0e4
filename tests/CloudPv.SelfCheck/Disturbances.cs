using CloudPv.SelfCheck.Process;

namespace CloudPv.SelfCheck;

/// <summary>
/// What happens to a running CPU in the middle of anything, without the program's seeing it: kicks, and at each of them perhaps a flush, translations dropped, a page taken
/// away, moved or write-protected, some single steps, CR0.TS set. When the kicks come isn't repeatable, what they bring is.
/// </summary>
internal sealed class Disturbances(int seed)
{
    private const ulong TrapFlag = 1 << 8;
    private const int MostSteps = 200;

    private readonly Random _random = new(seed);
    private int _steps;

    /// <summary>At a kick.</summary>
    public void Disturb(LinuxProcess process)
    {
        var memory = process.Memory;
        if (memory.Pages.Count == 0)
            return;
        var page = memory.Pages.ElementAt(_random.Next(memory.Pages.Count));
        switch (_random.Next(10))
        {
            case 0:
                process.Cpu.FlushTlb();
                break;
            case 1:
                process.Cpu.FlushTlb(page);
                break;
            case 2:
                memory.DropCode(page);
                break;
            case 3:
                memory.Hide(page);
                break;
            case 4:
                memory.WriteProtect(page);
                break;
            case 5:
                memory.Move(page);
                break;
            case 6:
                process.Cpu.TaskSwitched = true;
                break;
            case 7:
                process.Cpu.OpenWindows();
                break;
            case 8:
                _steps = 1 + _random.Next(MostSteps);
                process.Cpu.State.Rflags |= TrapFlag;
                break;
        }
    }

    /// <summary>At a single-step trap: whether it is one of these, and no more.</summary>
    public bool IsStepping(LinuxProcess process)
    {
        if (_steps == 0)
            return false;
        if (--_steps == 0)
            process.Cpu.State.Rflags &= ~TrapFlag;
        return true;
    }

    /// <summary>The program stops for something of its own.</summary>
    public void EndSteps(LinuxProcess process)
    {
        if (_steps == 0)
            return;
        _steps = 0;
        process.Cpu.State.Rflags &= ~TrapFlag;
    }
}
