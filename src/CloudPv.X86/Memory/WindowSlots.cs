namespace CloudPv.X86;

/// <summary>
/// The few windows that an address space uses, in the context: translated code expects each of its accesses in one of them, and finds the way to the host's address
/// without waiting for the guest's.
/// </summary>
internal readonly unsafe struct WindowSlots
{
    public const int Count = 4;

    /// <summary>Of the window that the stack is in.</summary>
    public const int Stack = 0;

    /// <summary>Of a window below the last eighth of user addresses: Linux has programs and their heaps there.</summary>
    public const int Data = 1;

    /// <summary>Of a window in the last eighth: Linux has libraries and what else is mapped there.</summary>
    public const int Mapped = 2;

    /// <summary>Of any further window.</summary>
    public const int Other = 3;

    /// <summary>Where there is none.</summary>
    public const int NoNumber = -1;

    private const int Size = 16;
    private const int DeltaOffset = 8;

    private readonly ulong* _slots;

    // SAFETY: the context has room for Count slots of two words here.
    public WindowSlots(CpuContext* context)
    {
        _slots = (ulong*)((byte*)context + ContextLayout.WindowSlots);
        for (var slot = 0; slot < Count; slot++)
            Set(slot, NoNumber, 0);
    }

    /// <summary>Where in the context the number of a slot's window stands: the address's bits from 39 on.</summary>
    public static int NumberAt(int slot) => ContextLayout.WindowSlots + (slot * Size);

    /// <summary>Where what is to be added to an address stands.</summary>
    public static int DeltaAt(int slot) => NumberAt(slot) + DeltaOffset;

    public int Number(int slot) => (int)_slots[2 * slot];

    /// <param name="number">May be <see cref="NoNumber"/>, which no address has.</param>
    public void Set(int slot, int number, ulong delta)
    {
        _slots[2 * slot] = (ulong)number;
        _slots[(2 * slot) + 1] = delta;
    }

    /// <summary>A window has come to be reached another way.</summary>
    public void Change(int number, ulong delta)
    {
        for (var slot = 0; slot < Count; slot++)
        {
            if (_slots[2 * slot] == (ulong)number)
                _slots[(2 * slot) + 1] = delta;
        }
    }
}
