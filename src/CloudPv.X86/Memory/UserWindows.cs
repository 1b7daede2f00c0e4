using System.Runtime.InteropServices;

namespace CloudPv.X86;

/// <summary>
/// Decides which user address spaces one CPU has windows for: those that have run for a while, as a window's pages cost a system call each to bring in, and few misses
/// make up for that. An address space that goes on missing too much loses them for some time.
/// </summary>
internal sealed unsafe class UserWindows : IDisposable
{
    private const int MostSets = 4;
    private const int MostKnown = 256;
    private const int MostHotCode = 4096;

    /// <summary>So often must user code be seen running; once a tick of the host's clock counts.</summary>
    private const int Worth = 6;
    private const int Penalty = -250;

    // A miss costs some 5 us; a page that the guest has yet to provide costs two, and is likely to be followed by more.
    private const int FirstMisses = 3000;
    private const int MissesEachTime = 30;
    private const int FaultMisses = 3;

    /// <summary>Between two times that user code is seen running. More leave no time in which windows could make up for showing them.</summary>
    private const int MostSwitches = 32;

    private readonly CpuBus _bus;
    private readonly WindowTable _table;

    /// <summary>The last is the one that was shown last.</summary>
    private readonly List<WindowSet> _sets = [];

    /// <summary>How often threads were seen running. Their own data tells programs apart that come to have the same root.</summary>
    private readonly Dictionary<(ulong Root, ulong Thread), int> _seen = [];

    /// <summary>Frames of code that was seen running in address spaces that have windows: a program that runs it once more is worth them sooner.</summary>
    private readonly HashSet<ulong> _hotCode = [];
    private long _lastSeen;
    private int _missesLeft;
    private int _switches;

    // SAFETY: the context is ContextLayout.Size bytes.
    public UserWindows(CpuContext* context, CpuBus bus)
    {
        _bus = bus;
        _table = new WindowTable(context);
    }

    /// <summary>What translations of user code expect.</summary>
    public WindowHints Hints { get; } = new();

    /// <summary>The windows of the user address space that the CPU is in; null: it has none.</summary>
    public WindowSet? Shown { get; private set; }

    /// <summary>The address space that the CPU is in had better lose its windows: by <see cref="NoteRunning"/>.</summary>
    public bool HasToGo => _missesLeft < 0 || Shown is { IsAbandoned: true };

    /// <summary>The CPU's user mode has this level-4 table from now on.</summary>
    public void Enter(ulong root)
    {
        _switches++;
        Shown?.Hide();
        Shown = null;
        foreach (var set in _sets)
        {
            if (set.Root == root)
                Shown = set;
        }

        if (Shown == null)
            return;
        Shown.Flush();
        if (Shown.IsAbandoned)
            Drop();
        else
            Shown.Show();
    }

    /// <summary>User mode was seen running, with this level-4 table.</summary>
    /// <param name="code">The frame at RIP.</param>
    public void NoteRunning(ulong root, ulong code, ulong stack, ulong thread)
    {
        var now = Environment.TickCount64;
        var switchesMuch = _switches > MostSwitches;
        if (now != _lastSeen)
            _switches = 0;
        if (HasToGo || (switchesMuch && Shown != null))
        {
            if (_missesLeft < 0 || switchesMuch)
                Seen(root, thread) = Penalty;
            Drop();
        }

        if (now == _lastSeen || switchesMuch)
            return;
        _lastSeen = now;
        _missesLeft = Math.Min(_missesLeft + MissesEachTime, FirstMisses);
        if (Shown != null)
        {
            if (_hotCode.Count == MostHotCode)
                _hotCode.Clear();
            _hotCode.Add(code);
            return;
        }

        ref var seen = ref Seen(root, thread);
        seen += thread != 0 && _hotCode.Contains(code) ? Worth / 2 : 1;
        if (seen >= Worth)
            Create(root, stack, thread);
    }

    public void NoteMiss() => _missesLeft--;

    /// <summary>Whether translated code that is led by a slot must find what is at an address.</summary>
    public bool Holds(int slot, ulong address, bool write) => _table.IsOf(slot, WindowRange.NumberOf(address)) && Shown?.Holds(address, write) == true;

    /// <summary>The page tables refuse what was missed.</summary>
    public void NoteFault() => _missesLeft -= FaultMisses;

    /// <summary>Gives an address space windows.</summary>
    /// <param name="stack">An address in its stack.</param>
    /// <param name="thread">FS base: the thread's own data; 0 if it has none yet.</param>
    public void Create(ulong root, ulong stack, ulong thread)
    {
        if (_sets.Count == MostSets)
        {
            _sets[0].Dispose();
            _sets.RemoveAt(0);
        }

        Shown = new WindowSet(root, WindowRange.NumberOf(stack), thread == 0 ? WindowSlots.NoNumber : WindowRange.NumberOf(thread), _bus, _table);
        Shown.Show();
        _sets.Add(Shown);
        _missesLeft = FirstMisses;
    }

    /// <summary>An instruction accesses memory in another window than was expected.</summary>
    public void NoteOther(ulong rip, int number) =>
        Hints.Add(rip, Shown != null && number < ContextLayout.WindowEntries / 2 ? Shown.SlotOf(number) : -1);

    public void WithdrawWrites(ulong frame)
    {
        foreach (var set in _sets)
            set.WithdrawWrites(frame);
    }

    public void Dispose()
    {
        foreach (var set in _sets)
            set.Dispose();
        _sets.Clear();
    }

    /// <summary>How often a thread was seen running, or some negative number. Valid until the next.</summary>
    private ref int Seen(ulong root, ulong thread)
    {
        if (_seen.Count >= MostKnown)
            _seen.Clear();
        return ref CollectionsMarshal.GetValueRefOrAddDefault(_seen, (root, thread), out _);
    }

    private void Drop()
    {
        _missesLeft = 0;
        if (Shown == null)
            return;
        _sets.Remove(Shown);
        Shown.Dispose();
        Shown = null;
    }
}
