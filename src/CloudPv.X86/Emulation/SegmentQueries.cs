using Iced.Intel;

namespace CloudPv.X86;

/// <summary>LAR, LSL, VERR and VERW: ZF says whether CPL 3 may see the segment; they never fault on a selector.</summary>
internal static class SegmentQueries
{
    private const int LocalDescriptorTable = 2;
    private const int AvailableTask = 9;
    private const int BusyTask = 11;
    private const int CallGate = 12;

    public static bool Execute(ref Operation operation)
    {
        ref var state = ref operation.State;
        var mnemonic = operation.Instruction.Mnemonic;
        if (!operation.Read(mnemonic is Mnemonic.Lar or Mnemonic.Lsl ? 1 : 0, out var value))
            return false;
        state.Rflags &= ~Rflags.Zero;
        if (!Find(ref operation, new Selector((ushort)value), out var descriptor) || !Answers(mnemonic, descriptor))
            return true;
        state.Rflags |= Rflags.Zero;
        if (mnemonic == Mnemonic.Lar)
            operation.WriteRegister(operation.Instruction.Op0Register, (descriptor.Value >> 32) & 0xff_ff00);
        else if (mnemonic == Mnemonic.Lsl)
            operation.WriteRegister(operation.Instruction.Op0Register, descriptor.Limit);
        return true;
    }

    private static bool Find(ref Operation operation, Selector selector, out SegmentDescriptor descriptor)
    {
        descriptor = default;
        if (selector.IsNull || !operation.Descriptors.TryRead(selector.Value, out var raw))
            return false;
        descriptor = new SegmentDescriptor(raw);
        return descriptor.IsVisible;
    }

    private static bool Answers(Mnemonic mnemonic, SegmentDescriptor descriptor) => mnemonic switch
    {
        Mnemonic.Lar => descriptor.IsCodeOrData || descriptor.Type is LocalDescriptorTable or AvailableTask or BusyTask or CallGate,
        Mnemonic.Lsl => descriptor.IsCodeOrData || descriptor.Type is LocalDescriptorTable or AvailableTask or BusyTask,
        Mnemonic.Verr => descriptor.IsReadable,
        _ => descriptor.IsWritable,
    };
}
