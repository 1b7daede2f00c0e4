using System.Buffers;

namespace CloudPv.Hypervisor.Tests;

/// <summary>Every compression that Debian's and Ubuntu's kernels have had, in a bzImage and by itself.</summary>
public sealed class CompressionTests
{
    public static TheoryData<CompressionFormat> Formats =>
        [.. Enum.GetValues<CompressionFormat>().Where(format => format != CompressionFormat.None)];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Expands_to_what_was_packed(CompressionFormat format)
    {
        byte[] data = Sample(1_000_000);
        byte[] packed = Packer.Pack(format, data);
        CompressionFormats.Detect(packed).ShouldBe(format);
        using IMemoryOwner<byte> expanded = Decompressor.Expand(format, packed, limit: 4 << 20);
        expanded.Memory.Span.SequenceEqual(data).ShouldBeTrue();
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Fills_exactly_the_room_that_there_is(CompressionFormat format)
    {
        byte[] data = Sample(300_000);
        using IMemoryOwner<byte> expanded = Decompressor.Expand(format, Packer.Pack(format, data), limit: data.Length + 64);
        expanded.Memory.Span.SequenceEqual(data).ShouldBeTrue();
    }

    /// <summary>Patterns shorter than the strides that a decompressor copies by, at every distance from the end of its room.</summary>
    [Theory]
    [MemberData(nameof(Formats))]
    public void Short_patterns_repeat(CompressionFormat format)
    {
        byte[] data = [.. Enumerable.Range(1, 40).SelectMany(period => Enumerable.Range(0, 100 + period).Select(at => (byte)(at % period + period)))];
        using IMemoryOwner<byte> expanded = Decompressor.Expand(format, Packer.Pack(format, data), limit: data.Length + 64);
        expanded.Memory.Span.SequenceEqual(data).ShouldBeTrue();
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_stream_that_is_cut_short_is_refused(CompressionFormat format)
    {
        byte[] packed = Packer.Pack(format, Sample(300_000));
        for (int length = 10; length < packed.Length; length += packed.Length / 7)
            Should.Throw<InvalidDataException>(() => Decompressor.Expand(format, packed.AsMemory(0, length), limit: 4 << 20), $"{length} of {packed.Length}");
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_stream_that_expands_beyond_the_limit_is_refused(CompressionFormat format)
    {
        byte[] packed = Packer.Pack(format, new byte[2_000_000]);
        Should.Throw<InvalidDataException>(() => Decompressor.Expand(format, packed, limit: 1_000_000)).Message.ShouldContain("expands to more than");
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Damage_never_does_more_than_to_be_refused(CompressionFormat format)
    {
        byte[] packed = Packer.Pack(format, Sample(50_000));
        const int Seed = 20261121;
        var random = new Random(Seed);
        for (int round = 0; round < 50; round++)
        {
            byte[] damaged = [.. packed];
            damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
            try
            {
                Decompressor.Expand(format, damaged, limit: 1 << 20).Dispose();
            }
            catch (InvalidDataException)
            {
                // Refused, as it should be; where the damage is in what no checksum covers, the output is merely wrong.
            }
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_kernel_is_read_from_a_bzImage(CompressionFormat format)
    {
        byte[] elf = new TestKernel().Build();
        byte[] file = TestBzImage.Wrap(Packer.Pack(format, elf), elf.Length, sizeIsPartOfPayload: format == CompressionFormat.Gzip);
        using KernelImage kernel = KernelImage.Inspect(file);
        kernel.Compression.ShouldBe(format);
        kernel.Notes.Entry.ShouldBe(TestKernel.EntryPoint);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_kernel_is_read_from_a_compressed_ELF_file(CompressionFormat format)
    {
        using KernelImage kernel = KernelImage.Inspect(Packer.Pack(format, new TestKernel().Build()));
        kernel.Compression.ShouldBe(format);
    }

    /// <summary>A run that ends where its block's room does.</summary>
    [Fact]
    public void Zeros_fill_a_block_of_LZ4_to_its_last_byte()
    {
        byte[] data = new byte[(16 << 20) + 3];
        data[^1] = 1;
        using IMemoryOwner<byte> expanded = Decompressor.Expand(CompressionFormat.Lz4, Packer.Pack(CompressionFormat.Lz4, data), limit: data.Length + 64);
        expanded.Memory.Span.SequenceEqual(data).ShouldBeTrue();
    }

    /// <summary>LZ4's blocks of 8 MiB: a kernel is read block by block.</summary>
    [Fact]
    public void A_kernel_of_several_blocks_is_loaded_whole()
    {
        byte[] image = Sample(20 << 20);
        byte[] elf = new TestKernel { Image = image, FileSize = (ulong)image.Length, MemorySize = (ulong)image.Length }.Build();
        using var host = new Host(new HostOptions());
        using Domain domain = Domain.Build(host, new DomainConfig { Id = new(1), Name = "test", Kernel = Packer.Pack(CompressionFormat.Lz4, elf), MemoryMiB = 64 });
        byte[] loaded = new byte[image.Length];
        domain.Vcpus[0].TryRead(new(TestKernel.VirtualBase + TestKernel.Physical), loaded).ShouldBeTrue();
        loaded.AsSpan().SequenceEqual(image).ShouldBeTrue();
    }

    [Theory]
    [InlineData(0.3)]
    [InlineData(0.9)]
    public void A_kernel_of_several_blocks_that_is_cut_short_is_refused(double part)
    {
        byte[] image = Sample(20 << 20);
        byte[] packed = Packer.Pack(CompressionFormat.Lz4, new TestKernel { Image = image, FileSize = (ulong)image.Length, MemorySize = (ulong)image.Length }.Build());
        byte[] cut = packed[..(int)(packed.Length * part)];
        string expected = "The kernel";
        Should.Throw<DomainBuildException>(() => KernelImage.Inspect(cut)).Message.ShouldStartWith(expected);
        using var host = new Host(new HostOptions());
        Should.Throw<DomainBuildException>(() => Domain.Build(host, new DomainConfig { Id = new(1), Name = "test", Kernel = cut, MemoryMiB = 64 })).Message.ShouldStartWith(expected);
    }

    /// <summary>Text with repetitions near and far, and noise between.</summary>
    private static byte[] Sample(int length)
    {
        var random = new Random(1);
        var data = new byte[length];
        for (int at = 0; at < length;)
        {
            int count = Math.Min(length - at, random.Next(1, 400));
            if (at > 1000 && random.Next(3) > 0)
            {
                int back = random.Next(1, Math.Min(at, 60_000));
                for (int i = 0; i < count; i++)
                    data[at + i] = data[at + i - back];
            }
            else
            {
                random.NextBytes(data.AsSpan(at, count));
            }
            at += count;
        }
        return data;
    }
}
