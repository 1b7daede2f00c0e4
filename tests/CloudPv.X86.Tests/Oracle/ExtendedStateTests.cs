using System.Buffers.Binary;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>XSAVE and XRSTOR against the host CPU, by the translator and by the emulator, of images anywhere and with anything in their header.</summary>
public sealed class ExtendedStateTests : IDisposable
{
    private const int Cases = 400;
    private const int ImageSize = 832;
    private const int Mxcsr = 24;
    private const int Header = 512;
    private const int HeaderSize = 64;
    private const int Reserved = Header + 16;
    private const byte AllStates = 7;

    private readonly TranslatorJudge[] _judges = [new(CpuMode.Kernel), new(CpuMode.User)];
    private readonly EmulatorRig _emulator = new();
    private readonly TestCase _test = new();
    private readonly SeededRandom _random = new(SeededRandom.RunSeed);

    public void Dispose()
    {
        foreach (var judge in _judges)
            judge.Dispose();
        _emulator.Dispose();
    }

    [Fact]
    public void RestoringDoesWhatTheHostDoes()
    {
        for (var i = 0; i < Cases; i++)
        {
            PlaceImage();
            var wide = _random.OneIn(2);
            Check(c =>
            {
                if (wide)
                    c.xrstor64(__[rbx]);
                else
                    c.xrstor(__[rbx]);
            });
        }
    }

    [Fact]
    public void SavingDoesWhatTheHostDoes()
    {
        for (var i = 0; i < Cases; i++)
        {
            PlaceImage();

            // Of states that are as after reset a CPU may or may not say so.
            _test.Start.YmmInUse = 1;
            var wide = _random.OneIn(2);
            Check(c =>
            {
                if (wide)
                    c.xsave64(__[rbx]);
                else
                    c.xsave(__[rbx]);
            });
        }
    }

    /// <summary>An image with a mostly valid header at RBX, and EDX:EAX that choose some of its states.</summary>
    private void PlaceImage()
    {
        _test.Clear(_random);
        var offset = _random.OneIn(3) ? _random.Pick<int>(Arena.Edges) - _random.Next(ImageSize) : Arena.Data + _random.Next(Arena.DataSize - ImageSize);
        offset &= _random.OneIn(8) ? -1 : -64;
        _test.Start.Rbx = Arena.High + (uint)offset;

        // The host has more states than the guest.
        _test.Start.Rax = (_random.Next() << 32) | (uint)_random.Next(AllStates + 1);
        _test.Start.Rdx = _random.Next() << 32;
        var image = _test.Memory.AsSpan(offset, Math.Min(ImageSize, Arena.Size - offset));
        if (image.Length < ImageSize)
            return;
        image.Slice(Header, HeaderSize).Clear();
        image[Header] = (byte)_random.Next(AllStates + 1);
        BinaryPrimitives.WriteUInt32LittleEndian(image[Mxcsr..], 0x1f80 | ((uint)_random.Next() & 0xe07f) | (_random.OneIn(8) ? 1u << 17 : 0));
        if (_random.OneIn(8))
            image[Reserved + _random.Next(8)] = 1;
    }

    private void Check(Action<Assembler> emit)
    {
        var code = new Assembler(64);
        emit(code);
        var stream = new MemoryStream();
        code.Assemble(new StreamCodeWriter(stream), Arena.Low);
        _test.Place(stream.ToArray(), Arena.Low);
        foreach (var judge in _judges)
            judge.Check(_test).ShouldBeEmpty(SeededRandom.HowToRepeat);
        _emulator.Check(_test).ShouldNotBeNull().ShouldBeEmpty(SeededRandom.HowToRepeat);
    }
}
