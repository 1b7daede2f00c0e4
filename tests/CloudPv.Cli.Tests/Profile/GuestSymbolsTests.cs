using System.Text;
using CloudPv.Cli.Domu.Profile;
using CloudPv.Hypervisor;

namespace CloudPv.Cli.Tests.Profile;

public sealed class GuestSymbolsTests(BuiltStarterImage image)
{
    [Fact]
    public void Debians_kernel_names_its_own_functions()
    {
        var file = Path.Combine(image.Folder, "vmlinuz");
        using var kernel = KernelImage.Inspect(File.ReadAllBytes(file));

        var symbols = GuestSymbols.Read(file);

        symbols.Find(kernel.Notes.Entry.ShouldNotBeNull()).ShouldBe("startup_xen");
        symbols.Count.ShouldBeGreaterThan(10_000);
    }

    [Fact]
    public async Task A_kernel_with_a_symbol_table_is_read_by_it()
    {
        var folder = Directory.CreateTempSubdirectory("symbols");
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "kernel.s"), Source, Encoding.ASCII, TestContext.Current.CancellationToken);
            await Tool.RunAsync("gcc", ["-nostdlib", "-static", "-Wl,-Ttext=0x100000", "kernel.s", "-o", "kernel"], folder.FullName, cancel: TestContext.Current.CancellationToken);

            var symbols = GuestSymbols.Read(Path.Combine(folder.FullName, "kernel"));

            symbols.Find(0x100000).ShouldBe("_start");
            symbols.Find(0x100011).ShouldBe("second");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private const string Source = """
        .macro note type, text
        .balign 4
        .long 4, 9f - 8f, \type
        .asciz "Xen"
        8: .asciz "\text"
        9: .balign 4
        .endm
        .section .note.Xen, "a", @note
        note 5, "xen-3.0"
        note 6, "linux"
        note 8, "generic"
        .long 4, 8, 1
        .asciz "Xen"
        .quad _start
        .text
        .globl _start
        .type _start, @function
        _start: jmp second
        .balign 16
        .type second, @function
        second: nop
        jmp second

        """;
}
