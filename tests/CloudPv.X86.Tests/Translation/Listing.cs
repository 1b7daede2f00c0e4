using System.Globalization;
using System.Text;
using Iced.Intel;

namespace CloudPv.X86.Tests.Translation;

/// <summary>Guest code beside the host code that it becomes, with names instead of addresses, so that a change of the translator shows in review.</summary>
internal static unsafe class Listing
{
    private static readonly (int Offset, string Name)[] Context =
    [
        (ContextLayout.Rip, "Rip"), (ContextLayout.FsBase, "FsBase"), (ContextLayout.GsBase, "GsBase"),
        (ContextLayout.ScratchRcx, "ScratchRcx"), (ContextLayout.Scratch, "Scratch"), (ContextLayout.X87Ensure, "X87Ensure"), (ContextLayout.PageMask, "PageMask"),
        (ContextLayout.TlbMask, "TlbMask"), (ContextLayout.BitMask32, "BitMask32"), (ContextLayout.BitMask64, "BitMask64"),
        (ContextLayout.Direction, "Direction"), (ContextLayout.Interrupt, "Interrupt"), (ContextLayout.ReadTags(CpuMode.Kernel), "ReadTags"),
        (ContextLayout.StackPage(CpuMode.Kernel), "StackTag"), (ContextLayout.StackPage(CpuMode.Kernel) + StackPage.PageOffset, "StackPage"),
        (ContextLayout.StackPage(CpuMode.Kernel) + StackPage.LimitOffset, "StackLimit"), (ContextLayout.StackPage(CpuMode.Kernel) + StackPage.GroupLimitOffset, "StackGroupLimit"),
        (ContextLayout.WriteTags(CpuMode.Kernel), "WriteTags"), (ContextLayout.ReadPages(CpuMode.Kernel), "ReadPages"), (ContextLayout.WritePages(CpuMode.Kernel), "WritePages"),
    ];

    public static string Of(Action<Assembler> guestCode, TranslatorOptions options)
    {
        using var guest = new TestGuest(options);
        var bytes = guest.Load(guestCode);
        using var region = new CodeRegion();
        var stubs = new Stubs(region.Assembler);
        region.EndStubs();
        var fetcher = new CodeFetcher(guest.Bus) { Root = guest.Root };
        var mode = new ModeTranslation(CpuMode.Kernel, new FlagLiveness(options, fetcher));
        using var block = new GuestBlock(options);
        block.TryDecode(TestGuest.CodeAddress, bytes, GuestBlock.LongestBlock).ShouldBeTrue();
        var translation = new BlockTranslator(options, region, stubs, block, [mode], hints: null).Translate(new TranslationRequest(CpuMode.Kernel, BlockKind.Normal, Frame: 0, Block.NoFrame));

        var text = new StringBuilder();
        var formatter = Formatter();
        for (var index = 0; index < block.Count; index++)
            text.Append("; ").AppendLine(Format(formatter, block[index]));
        var names = Names(stubs, translation);
        AppendCode(text, "entry through the jump cache", translation.IndirectEntry, translation.Entry, names, region);
        AppendCode(text, "hot", translation.Entry, translation.HotEnd, names, region);
        AppendCode(text, "cold", translation.Cold, translation.ColdEnd, names, region);
        return text.ToString();
    }

    private static Dictionary<ulong, string> Names(Stubs stubs, X86.Translation translation)
    {
        var names = new Dictionary<ulong, string>
        {
            [(ulong)stubs.Resolve] = "Resolve",
            [(ulong)stubs.FindStackPage(CpuMode.Kernel, write: false)] = "FindStackPageToRead",
            [(ulong)stubs.FindStackPage(CpuMode.Kernel, write: true)] = "FindStackPageToWrite",
            [(ulong)stubs.SearchJump(CpuMode.Kernel)] = "SearchJump",
            [(ulong)stubs.Calls.SystemCall] = "SystemCall",
            [(ulong)stubs.Calls.Hypercall] = "Hypercall",
            [(ulong)stubs.Calls.InterruptReturn(CpuMode.Kernel)] = "InterruptReturn",
            [(ulong)stubs.Commit] = "Commit",
            [(ulong)stubs.ReadFlags] = "ReadFlags",
            [(ulong)translation.Entry] = "entry",
        };
        foreach (var reason in Enum.GetValues<LeaveReason>())
            names[(ulong)stubs.Leave(reason)] = $"Leave{reason}";
        foreach (var size in (int[])[1, 2, 4, 8])
        {
            names[(ulong)stubs.Text.For(CpuMode.Kernel, copies: true, size)] = $"RepeatMove{size}";
            names[(ulong)stubs.Text.For(CpuMode.Kernel, copies: false, size)] = $"RepeatStore{size}";
        }

        return names;
    }

    private static void AppendCode(StringBuilder text, string title, byte* start, byte* end, Dictionary<ulong, string> names, CodeRegion region)
    {
        if (start == end)
            return;
        text.Append(title).AppendLine(":");
        var instructions = Disassemble(start, end);
        var formatter = Formatter();
        foreach (var instruction in instructions)
        {
            var line = Format(formatter, instruction);
            if (instruction.FlowControl is FlowControl.ConditionalBranch or FlowControl.UnconditionalBranch or FlowControl.Call)
                line = line[..(line.IndexOf(' ', StringComparison.Ordinal) + 1)] + NameOf(instruction.NearBranchTarget, names, start, end, region);
            else if (instruction.MemoryBase == Register.None && instruction.SegmentPrefix == Register.GS)
                line = NameContext(line, in instruction);
            var offset = ((ulong)instruction.IP - (ulong)start).ToString("x3", CultureInfo.InvariantCulture);
            text.Append("  ").Append(offset).Append("  ").AppendLine(line);
        }
    }

    private static string NameOf(ulong target, Dictionary<ulong, string> names, byte* start, byte* end, CodeRegion region)
    {
        if (names.TryGetValue(target, out var name))
            return name;
        if (target >= (ulong)start && target <= (ulong)end)
            return (target - (ulong)start).ToString("x3", CultureInfo.InvariantCulture);
        return target > (ulong)end ? $"cold {target - (ulong)region.At(CodeRegion.ColdStart):x3}" : $"hot {target - names.First(pair => pair.Value == "entry").Key:x3}";
    }

    private static string NameContext(string line, in Instruction instruction)
    {
        var displacement = (int)instruction.MemoryDisplacement64;
        var exact = Context.FirstOrDefault(entry => entry.Offset == displacement).Name
            ?? (displacement < ContextLayout.Rip ? $"guest {(Register)((int)Register.RAX + (displacement / 8))}"
                : displacement >= ContextLayout.JumpCache(CpuMode.Kernel) ? $"Jumps+{displacement - ContextLayout.JumpCache(CpuMode.Kernel):x}"
                : displacement.ToString("x", CultureInfo.InvariantCulture));
        var open = line.IndexOf('[', StringComparison.Ordinal);
        var index = instruction.MemoryIndex == Register.None ? "" : $"+{instruction.MemoryIndex.ToString().ToLowerInvariant()}*8";
        return $"{line[..(open + 1)]}gs:{exact}{index}{line[line.IndexOf(']', StringComparison.Ordinal)..]}";
    }

    private static List<Instruction> Disassemble(byte* start, byte* end)
    {
        var reader = new PointerReader();
        reader.Set(start, (int)(end - start));
        var decoder = Iced.Intel.Decoder.Create(64, reader);
        decoder.IP = (ulong)start;
        var instructions = new List<Instruction>();
        while (reader.Next < end)
            instructions.Add(decoder.Decode());
        return instructions;
    }

    private static NasmFormatter Formatter() => new(new FormatterOptions { SpaceAfterOperandSeparator = true, HexPrefix = "0x", HexSuffix = "", UppercaseHex = false, RipRelativeAddresses = true });

    private static string Format(NasmFormatter formatter, in Instruction instruction)
    {
        var output = new StringOutput();
        formatter.Format(in instruction, output);
        return output.ToStringAndReset();
    }
}
