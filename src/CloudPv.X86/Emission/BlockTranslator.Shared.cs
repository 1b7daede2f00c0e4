namespace CloudPv.X86;

/// <summary>
/// Groups of accesses, and checks shared by accesses through one base with others between them: the host address that the first check gave is put aside in the context. It is
/// good for the rest of the block, as an entry of the TLB is until the next check for interrupts.
/// </summary>
internal sealed unsafe partial class BlockTranslator
{
    private const int GeneralRegisters = 16;

    /// <summary>By base register: what its check covers. Where <see cref="AccessGroup.Size"/> is 0 there is none.</summary>
    private readonly AccessGroup[] _shared = new AccessGroup[GeneralRegisters];

    /// <summary>Begins a group of accesses at an instruction, if there is one that is worth it.</summary>
    private bool TryBeginGroup(int index, out int last)
    {
        last = index;
        var isGroup = AccessGroup.TryFind(block, index, out var group);
        if (isGroup && group.Base == HostRegister.Rsp)
        {
            last = group.Last;
            EmitGroupCheck(index, group);
            return true;
        }

        if (!isGroup && !AccessGroup.TryFindSingle(block, index, out group))
            return false;
        last = group.Last;
        if (options.SharedChecks && _shared[group.Base].Covers(in group))
        {
            _code.Load(HostRegister.T0, ContextLayout.SharedAddress(group.Base));
            BeginGroup(_shared[group.Base] with { Last = last });
            return true;
        }

        if (options.SharedChecks && group.TryWiden(block, index, out var wide))
        {
            EmitGroupCheck(index, wide);
            _code.Store(HostRegister.T0, ContextLayout.SharedAddress(group.Base));
            _shared[group.Base] = wide;
            return true;
        }

        if (isGroup)
            EmitGroupCheck(index, group);
        return isGroup;
    }

    /// <summary>Forgets what was put aside for registers that an instruction writes, or for all where it says only in its definition which these are.</summary>
    private void ForgetShared(int index)
    {
        ref readonly var instruction = ref block[index];
        var form = block.Form(index);
        if (form.Treatment is not (Treatment.Rewrite or Treatment.Lea or Treatment.Nothing or Treatment.Push or Treatment.Pop or Treatment.JumpConditional))
        {
            ForgetShared();
            return;
        }

        for (var register = 0; register < GeneralRegisters; register++)
        {
            if (_shared[register].Size != 0 && form.MayWrite(in instruction, register))
                _shared[register] = default;
        }
    }

    private void ForgetShared() => Array.Clear(_shared);
}
