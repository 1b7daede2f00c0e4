using System.Buffers.Binary;
using System.Numerics;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.X86.Tests.Translation;

/// <summary>Translations on disk: read by the next guest of the same image, and never where anything about the file is wrong.</summary>
public sealed class TranslationCacheFileTests : IDisposable
{
    private const int ChecksumAt = 60;
    private const int HeaderSize = 64;

    private static readonly byte[] Image = [1, 2, 3];

    private readonly string _folder = Directory.CreateTempSubdirectory("translations").FullName;
    private readonly List<string> _log = [];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private TranslationCacheFile File(TranslatorOptions? options = null, byte[]? image = null) => new(_folder, image ?? Image, options ?? new TranslatorOptions(), _log.Add);

    private static void EmitProgram(Assembler c)
    {
        var loop = c.CreateLabel();
        c.mov(rbx, (long)TestGuest.DataAddress);
        c.mov(ecx, 10);
        c.xor(eax, eax);
        c.Label(ref loop);
        c.add(rax, __[rbx]);
        c.push(rax);
        c.pop(rdx);
        c.inc(rax);
        c.dec(ecx);
        c.jne(loop);
        c.syscall();
    }

    /// <summary>Runs the program on a guest of its own, which reads the file first, and tells what was translated for it.</summary>
    private (ulong Result, long Translated) Run(TranslationCacheFile? load = null, TranslationCacheFile? save = null)
    {
        using var guest = new TestGuest();
        load?.TryLoad(guest.Bus.Translations!);
        guest.Load(EmitProgram);
        var cpu = guest.NewCpu();
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        save?.TrySave(guest.Bus.Translations!, share: 50);
        return (cpu.State.Rax, cpu.Statistics.BlocksTranslated);
    }

    [Fact]
    public void The_second_run_translates_nothing()
    {
        Run(save: File()).Translated.ShouldBeGreaterThan(0);

        Run(load: File()).ShouldBe((10ul, 0));
        _log.ShouldBeEmpty();
    }

    [Fact]
    public void A_file_of_other_options_is_another_file()
    {
        File(new TranslatorOptions { HeldRegisters = false }).FilePath.ShouldNotBe(File().FilePath);
    }

    [Fact]
    public void A_file_of_another_image_is_another_file()
    {
        File(image: [1, 2, 4]).FilePath.ShouldNotBe(File().FilePath);
    }

    [Fact]
    public void A_file_of_another_key_is_ignored()
    {
        var other = File(image: [1, 2, 4]);
        Run(save: other);
        System.IO.File.Move(other.FilePath, File().FilePath);

        Run(load: File()).Translated.ShouldBeGreaterThan(0);
        _log.Count.ShouldBe(1);
    }

    [Fact]
    public void A_file_with_any_byte_changed_is_ignored_with_a_line_in_the_log()
    {
        Run(save: File());
        var bytes = System.IO.File.ReadAllBytes(File().FilePath);
        using var cache = new TranslationCache();
        for (var index = 0; index < bytes.Length; index++)
        {
            bytes[index] ^= 0x10;
            System.IO.File.WriteAllBytes(File().FilePath, bytes);
            bytes[index] ^= 0x10;

            _log.Clear();
            File().TryLoad(cache).ShouldBeFalse();
            _log.Count.ShouldBe(1);
        }

        cache.Count.ShouldBe(0);
    }

    [Fact]
    public void A_file_that_ends_anywhere_before_its_end_is_ignored()
    {
        Run(save: File());
        var bytes = System.IO.File.ReadAllBytes(File().FilePath);
        using var cache = new TranslationCache();
        for (var length = 0; length < bytes.Length; length++)
        {
            System.IO.File.WriteAllBytes(File().FilePath, bytes[..length]);

            File().TryLoad(cache).ShouldBeFalse();
        }

        _log.Count.ShouldBe(bytes.Length);
    }

    /// <summary>With the right checksum; the offsets and counts of a file that is taken are all within it, or else reading what they lead to would end this process.</summary>
    [Fact]
    public unsafe void A_wrong_offset_or_count_never_leads_out_of_a_file()
    {
        Run(save: File());
        var bytes = System.IO.File.ReadAllBytes(File().FilePath);
        var random = new Random(1);
        using var region = new CodeRegion();
        region.Assembler.Cursor += BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(ChecksumAt - 4));
        region.EndStubs();
        for (var round = 0; round < 5000; round++)
        {
            var changed = bytes.ToArray();
            for (var count = random.Next(1, 4); count > 0; count--)
                changed[random.Next(HeaderSize, bytes.Length)] = (byte)random.Next(256);
            BinaryPrimitives.WriteUInt32LittleEndian(changed.AsSpan(ChecksumAt), Checksum(changed));
            System.IO.File.WriteAllBytes(File().FilePath, changed);

            using var cache = new TranslationCache();
            if (File().TryLoad(cache))
                PlaceAll(cache, region);
        }
    }

    [Fact]
    public void A_useless_file_is_replaced()
    {
        System.IO.File.WriteAllText(File().FilePath, "nonsense");

        Run(load: File(), save: File());

        Run(load: File()).Translated.ShouldBe(0);
    }

    [Fact]
    public void A_file_that_others_may_write_is_ignored()
    {
        Run(save: File());
        System.IO.File.SetUnixFileMode(File().FilePath, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupWrite);

        Run(load: File()).Translated.ShouldBeGreaterThan(0);
        _log.ShouldHaveSingleItem().ShouldContain("others may write it");
    }

    [Fact]
    public void A_file_is_readable_by_its_owner_alone()
    {
        Run(save: File());

        System.IO.File.GetUnixFileMode(File().FilePath).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Fact]
    public void Guests_that_save_at_once_leave_one_whole_file()
    {
        Parallel.For(0, 16, _ => Run(save: File()));

        Directory.GetFiles(_folder).ShouldHaveSingleItem();
        Run(load: File()).Translated.ShouldBe(0);
    }

    [Fact]
    public void What_is_added_while_the_file_is_written_stays()
    {
        using var guest = new TestGuest();
        var cache = guest.Bus.Translations!;
        guest.Load(EmitProgram);
        guest.NewCpu().Run().Kind.ShouldBe(CpuExitKind.Syscall);
        var file = File();
        file.TrySave(cache, share: 50).ShouldBeTrue();
        guest.Load(c => c.syscall(), TestGuest.CodeAddress + 0x1000);
        var cpu = guest.NewCpu();
        cpu.State.Rip = TestGuest.CodeAddress + 0x1000;
        cpu.Run().Kind.ShouldBe(CpuExitKind.Syscall);
        var count = cache.Count;

        file.TryLoad(cache).ShouldBeTrue();

        cache.Count.ShouldBe(count);
        file.TrySave(cache, share: 50).ShouldBeTrue();
    }

    [Fact]
    public void Nothing_new_is_not_written()
    {
        Run(save: File());
        using var cache = new TranslationCache();
        var file = File();
        file.TryLoad(cache).ShouldBeTrue();

        file.TrySave(cache, share: 50).ShouldBeFalse();
    }

    [Fact]
    public void The_least_recently_used_files_go_when_the_folder_is_full()
    {
        var old = MakeOther("old.translations", days: 2);
        var young = MakeOther("young.translations", days: 1);

        Run(save: File());

        System.IO.File.Exists(old).ShouldBeFalse();
        System.IO.File.Exists(young).ShouldBeTrue();

        string MakeOther(string name, int days)
        {
            var path = Path.Combine(_folder, name);
            using (var file = System.IO.File.Create(path))
                file.SetLength((TranslationCacheFile.FolderCapacity / 2) + 1);
            System.IO.File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddDays(-days));
            return path;
        }
    }

    [Fact]
    public void A_folder_that_cannot_be_written_costs_a_line_in_the_log()
    {
        var file = new TranslationCacheFile(Path.Combine(File().FilePath, "below"), Image, new TranslatorOptions(), _log.Add);
        System.IO.File.WriteAllText(File().FilePath, "");

        Run(save: file);

        _log.ShouldHaveSingleItem().ShouldContain("isn't written");
    }

    private static unsafe void PlaceAll(TranslationCache cache, CodeRegion region)
    {
        region.Clear();
        var translations = cache.Current;
        for (var index = 0; index < translations.Count; index++)
        {
            fixed (byte* start = translations[index])
                new CachedTranslation(start).TryPlace(TestGuest.CodeAddress, region, jumpCache: 0, out _);
        }
    }

    private static uint Checksum(byte[] file)
    {
        var checksum = 0u;
        for (var index = 0; index < file.Length; index++)
        {
            if (index is < ChecksumAt or >= HeaderSize)
                checksum = BitOperations.Crc32C(checksum, file[index]);
        }

        return checksum;
    }
}
