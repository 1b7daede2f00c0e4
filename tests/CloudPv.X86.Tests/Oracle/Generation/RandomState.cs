using System.Buffers.Binary;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>Register contents: everything random, with a preference for the values at which arithmetic turns over.</summary>
internal static class RandomState
{
    private const int ControlWord = 0;
    private const int StatusWord = 2;
    private const int TagByte = 4;
    private const int Mxcsr = 24;
    private const int StackRegisters = 32;
    private const int XmmRegisters = 160;
    private const ulong StatusFlags = 0x8d5;
    private const ulong FlagsAlwaysOn = 0x202;
    private const ulong DirectionFlag = 0x400;

    // What Linux runs 64-bit processes with.
    private const ushort UserCode = 0x33;
    private const ushort UserData = 0x2b;

    private static readonly ulong[] Edges =
        [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, ulong.MaxValue];

    private static readonly double[] Doubles =
        [0, -0.0, 1, -1, 0.5, 3, 1e10, -2147483648, 2147483647.5, 9.3e18, double.MaxValue, double.Epsilon, 2.3e-308, double.PositiveInfinity, double.NegativeInfinity, double.NaN];

    private static readonly float[] Singles =
        [0, -0f, 1, -1, 0.25f, 7, 1e10f, -2147483648f, 3e9f, float.MaxValue, float.Epsilon, 1.2e-38f, float.PositiveInfinity, float.NegativeInfinity, float.NaN];

    public static ulong Value(SeededRandom random) => random.Next(4) switch
    {
        0 => random.Pick<ulong>(Edges),
        1 => (ulong)random.Next(64),
        _ => random.Next(),
    };

    public static void Fill(ref CpuState state, SeededRandom random)
    {
        for (var i = 0; i < 16; i++)
            state.Registers[i] = Value(random);
        state.Rflags = (random.Next() & StatusFlags) | FlagsAlwaysOn | (random.OneIn(4) ? DirectionFlag : 0);
        (state.Cs, state.Ss, state.Ds, state.Es, state.Fs, state.Gs) = (UserCode, UserData, 0, 0, 0, 0);
        (state.FsBase, state.GsBase) = (0, 0);
        FillFloatingPoint(state.Fx, random);
        state.Xcr0 = CpuFeatures.ExtendedStates;
        state.YmmInUse = random.OneIn(2) ? 1u : 0;
        for (var i = 0; i < 16; i++)
            FillVector(((Span<byte>)state.Ymm).Slice(16 * i, 16), random);
    }

    /// <summary>Floating-point numbers of 4 or 8 bytes, or bytes that are none.</summary>
    public static void FillVector(Span<byte> bytes, SeededRandom random)
    {
        var kind = random.Next(3);
        for (var i = 0; i + 8 <= bytes.Length; i += 8)
        {
            var element = bytes.Slice(i, 8);
            if (kind == 0)
            {
                BinaryPrimitives.WriteSingleLittleEndian(element, random.Pick<float>(Singles));
                BinaryPrimitives.WriteSingleLittleEndian(element[4..], random.Pick<float>(Singles) * (float)random.Next(9));
            }
            else if (kind == 1)
            {
                BinaryPrimitives.WriteDoubleLittleEndian(element, random.Pick<double>(Doubles) * random.Next(9));
            }
            else
            {
                BinaryPrimitives.WriteUInt64LittleEndian(element, random.Next());
            }
        }
    }

    private static void FillFloatingPoint(Span<byte> fx, SeededRandom random)
    {
        const uint allMasked = 0x3f;
        fx.Clear();

        // Any rounding and precision, any flags, mostly all exceptions masked.
        var masks = random.OneIn(8) ? (uint)random.Next() & allMasked : allMasked;
        var control = ((uint)random.Next() & 0xf00) | 0x40 | masks;
        var flags = random.OneIn(4) ? (uint)random.Next() & 0x7f : 0;
        var pending = (flags & ~masks & allMasked) != 0 ? 0x8080u : 0;
        BinaryPrimitives.WriteUInt16LittleEndian(fx[ControlWord..], (ushort)control);
        BinaryPrimitives.WriteUInt16LittleEndian(fx[StatusWord..], (ushort)(((uint)random.Next() & 0x7f00) | flags | pending));
        fx[TagByte] = random.OneIn(2) ? (byte)0xff : (byte)random.Next();

        // Rounding, flush to zero, denormals are zero, flags; mostly masked.
        var sseMasks = random.OneIn(8) ? (uint)random.Next() & 0x1f80 : 0x1f80;
        BinaryPrimitives.WriteUInt32LittleEndian(fx[Mxcsr..], sseMasks | ((uint)random.Next() & 0xe07f));
        for (var i = 0; i < 8; i++)
            FillExtended(fx.Slice(StackRegisters + (16 * i), 10), random);
        for (var i = 0; i < 16; i++)
            FillVector(fx.Slice(XmmRegisters + (16 * i), 16), random);
    }

    /// <summary>An 80-bit number: mostly normal, of moderate size; sometimes zero, infinite, or any bits.</summary>
    private static void FillExtended(Span<byte> bytes, SeededRandom random)
    {
        var kind = random.Next(8);
        var significand = random.Next() | (1ul << 63);
        var exponent = (ushort)(0x3fff - 40 + random.Next(80));
        var sign = (ushort)(random.Next(2) << 15);
        (significand, exponent) = kind switch
        {
            0 => (0ul, (ushort)0),
            1 => (1ul << 63, (ushort)0x7fff),
            2 => (random.Next(), (ushort)(random.Next() & 0x7fff)),
            3 => (1ul << 63, (ushort)(0x3fff + random.Next(4))),
            _ => (significand, exponent),
        };
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, significand);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[8..], (ushort)(exponent | sign));
    }
}
