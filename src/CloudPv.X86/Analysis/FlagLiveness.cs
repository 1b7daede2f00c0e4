using Iced.Intel;

namespace CloudPv.X86;

/// <summary>
/// Which arithmetic flags may still be read at each instruction of a block, found backwards from its exits. Where none may, a memory check needn't keep them.
/// What a fault shows of dead flags is therefore arbitrary; no code that follows the rules can tell.
/// </summary>
internal sealed unsafe class FlagLiveness(TranslatorOptions options, CodeFetcher fetcher)
{
    private const uint All = InstructionForm.ArithmeticFlags;
    private const int LookAheadLength = 12;
    private const int LookAheadBranches = 2;

    private readonly PointerReader _reader = new();
    private readonly uint[] _live = new uint[GuestBlock.LongestBlock + 1];
    private Decoder? _decoder;

    /// <summary>What was looked at since it was last begun anew.</summary>
    public LookAhead LookAhead { get; } = new();

    /// <summary>Set when code was met that returns flags from a call, against the ABI: from then on calls and returns keep them.</summary>
    public bool FlagsCrossCalls { get; private set; }

    /// <summary>Whether flags are taken to be dead at calls, returns and indirect jumps.</summary>
    public bool AreDeadAtCalls => options.FlagLiveness && options.AbiFlags && !FlagsCrossCalls;

    /// <summary>Flags that may be read by this instruction or later ones, before something overwrites them.</summary>
    public uint this[int index] => _live[index];

    /// <summary>The same behind the last instruction.</summary>
    public uint AtEnd { get; private set; }

    public void Analyze(GuestBlock block, bool singleStep)
    {
        var live = options.FlagLiveness && !singleStep ? LiveBehind(block) : All;
        AtEnd = live;
        for (var index = block.Count - 1; index >= 0; index--)
        {
            if (!options.FlagLiveness)
            {
                _live[index] = All;
                continue;
            }

            ref readonly var instruction = ref block[index];
            var form = block.Form(index);
            if (form.Treatment is Treatment.JumpConditional or Treatment.JumpOnCount)
                live |= singleStep ? All : LiveAt(instruction.NearBranchTarget, LookAheadBranches);
            live = (live & ~form.Kills(in instruction)) | form.FlagsRead;
            _live[index] = live;
        }
    }

    /// <summary>
    /// Looks at what stands behind a call, or where an indirect jump led. True: it reads flags that came from there, so that everything translated so far is unsafe.
    /// </summary>
    public bool FindsFlagsBroughtTo(ulong address)
    {
        if (!AreDeadAtCalls || !ReadsFlags(address))
            return false;
        FlagsCrossCalls = true;
        return true;
    }

    private uint LiveBehind(GuestBlock block)
    {
        var last = block.Count - 1;
        if (!block.IsClosed)
            return LiveAt(block.End, LookAheadBranches);
        ref readonly var instruction = ref block[last];
        return block.Form(last).Treatment switch
        {
            Treatment.Jump => LiveAt(instruction.NearBranchTarget, LookAheadBranches),
            Treatment.Call => AreDeadAtCalls ? 0 : LiveAt(instruction.NearBranchTarget, LookAheadBranches),
            Treatment.CallIndirect or Treatment.JumpIndirect or Treatment.Return => AreDeadAtCalls ? 0 : All,
            _ => All,
        };
    }

    /// <summary>Whether code at an address may read flags that it is entered with.</summary>
    public bool MayBeReadAt(ulong address) => !options.FlagLiveness || LiveAt(address, LookAheadBranches) != 0;

    private uint LiveAt(ulong address, int branches)
    {
        var needed = Scan(address, branches, out var open);
        return needed | open;
    }

    /// <summary>The flags that code surely reads before it overwrites them; <paramref name="open"/> are those of which that isn't known.</summary>
    private uint Scan(ulong address, int branches, out uint open)
    {
        open = All;
        var bytes = fetcher.Peek(address);
        if (bytes.IsEmpty)
            return 0;
        bytes = LookAhead.Copy(bytes, LookAheadLength * GuestBlock.LongestInstruction);
        uint needed = 0;
        fixed (byte* start = bytes)
        {
            _decoder ??= Decoder.Create(64, _reader);
            _reader.Set(start, bytes.Length);
            _decoder.IP = address;
            for (var count = 0; count < LookAheadLength; count++)
            {
                _decoder.Decode(out var instruction);
                LookAhead.Add(in instruction, bytes, address);
                if (instruction.IsInvalid)
                    return needed;
                var form = InstructionForm.Of(in instruction);
                needed |= form.FlagsRead & open;
                open &= ~form.Kills(in instruction);
                if (open == 0)
                    return needed;
                switch (form.Treatment)
                {
                    case Treatment.Jump when branches > 0:
                        needed |= open & Scan(instruction.NearBranchTarget, branches - 1, out var behind);
                        open &= behind;
                        return needed;
                    case Treatment.JumpConditional when branches > 0:
                        var fallThrough = Scan(instruction.NextIP, branches - 1, out var openThere);
                        var taken = Scan(instruction.NearBranchTarget, branches - 1, out var openTaken);
                        needed |= open & (fallThrough | taken);
                        open &= openThere | openTaken;
                        return needed;
                    case Treatment.Call or Treatment.CallIndirect or Treatment.JumpIndirect or Treatment.Return:
                        if (AreDeadAtCalls)
                            open = 0;
                        return needed;
                    case Treatment.Jump or Treatment.JumpConditional or Treatment.JumpOnCount or Treatment.Syscall
                        or Treatment.SoftwareInterrupt or Treatment.InterruptReturn or Treatment.InvalidOpcode or Treatment.Emulate:
                        return needed;
                }
            }
        }

        return needed;
    }

    /// <summary>
    /// Whether straight-line code reads arithmetic flags before it writes them. What saves all of RFLAGS doesn't count, whatever the arithmetic ones are: PUSHF, which compilers
    /// save IF with, and system calls and hypercalls, with which many a function begins.
    /// </summary>
    private bool ReadsFlags(ulong address)
    {
        var bytes = fetcher.Peek(address);
        if (bytes.IsEmpty)
        {
            LookAhead.IsIncomplete = true;
            return false;
        }

        bytes = LookAhead.Copy(bytes, LookAheadLength * GuestBlock.LongestInstruction);
        var open = All;
        fixed (byte* start = bytes)
        {
            _decoder ??= Decoder.Create(64, _reader);
            _reader.Set(start, bytes.Length);
            _decoder.IP = address;
            for (var count = 0; count < LookAheadLength && open != 0; count++)
            {
                _decoder.Decode(out var instruction);
                LookAhead.Add(in instruction, bytes, address);
                if (instruction.IsInvalid)
                    return false;
                var form = InstructionForm.Of(in instruction);
                var saves = instruction.Mnemonic is Mnemonic.Pushf or Mnemonic.Pushfq || form.Treatment is Treatment.Syscall or Treatment.SoftwareInterrupt;
                if (!saves && (form.FlagsRead & open) != 0)
                    return true;
                open &= ~form.Kills(in instruction);
                if (form.Treatment is not (Treatment.Rewrite or Treatment.Nothing or Treatment.Lea or Treatment.Push or Treatment.Pop or Treatment.Leave or Treatment.BitString))
                    return false;
            }
        }

        return false;
    }
}
