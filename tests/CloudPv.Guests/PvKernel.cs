using System.Buffers.Binary;
using System.Text;
using Iced.Intel;

namespace CloudPv.Guests;

/// <summary>Wraps machine code into the smallest file that Xen takes for a 64-bit PV kernel: an ELF with one segment at virtual address 0 and Xen's notes.
/// A page's virtual address is its pseudo-physical one.</summary>
public static class PvKernel
{
    /// <summary>Where the hypercall page is; hypercall n is called at n * 32 behind it.</summary>
    public const ulong HypercallPage = 0x0000;

    /// <summary>Where the code is, entered with rsi = start_info and rsp = the boot stack.</summary>
    public const ulong Code = 0x1000;

    /// <summary>Room for data: <see cref="DataSize"/> bytes of zeros.</summary>
    public const ulong Data = 0x4000;
    public const ulong DataSize = 0x4000;

    private const int FileHeaders = 0x1000;

    /// <summary>Assembles a kernel.</summary>
    public static byte[] Assemble(Action<Assembler> code)
    {
        var assembler = new Assembler(64);
        code(assembler);
        using var machineCode = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(machineCode), Code);
        if (machineCode.Length > (long)(Data - Code))
            throw new ArgumentException("the code reaches into the data", nameof(code));

        byte[] notes = [
            .. Note(1, Number(Code)), .. Note(2, Number(HypercallPage)), .. Note(3, Number(0)), .. Note(4, Number(0)), .. Note(5, Text("xen-3.0")),
            .. Note(6, Text("CloudPv test")), .. Note(8, Text("generic")), .. Note(10, Text("!writable_page_tables|pae_pgdir_above_4gb"))];
        byte[] image = new byte[FileHeaders + (int)(Data + DataSize)];
        WriteElf(image, notes);
        machineCode.ToArray().CopyTo(image, FileHeaders + (int)Code);
        return image;
    }

    /// <summary>Calls a hypercall whose arguments are in rdi, rsi, …; the answer is in rax. rcx and r11 are lost.</summary>
    public static void Hypercall(this Assembler assembler, int number)
    {
        assembler.mov(AssemblerRegisters.eax, (uint)HypercallPage + ((uint)number * 32));
        assembler.call(AssemblerRegisters.rax);
    }

    private static void WriteElf(Span<byte> file, ReadOnlySpan<byte> notes)
    {
        const int programHeaders = 64, headerSize = 56, notesAt = 512;
        ((ReadOnlySpan<byte>)[0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1]).CopyTo(file);
        BinaryPrimitives.WriteUInt16LittleEndian(file[16..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(file[18..], 62);
        BinaryPrimitives.WriteUInt32LittleEndian(file[20..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(file[24..], Code);
        BinaryPrimitives.WriteUInt64LittleEndian(file[32..], programHeaders);
        BinaryPrimitives.WriteUInt16LittleEndian(file[52..], 64);
        BinaryPrimitives.WriteUInt16LittleEndian(file[54..], headerSize);
        BinaryPrimitives.WriteUInt16LittleEndian(file[56..], 2);
        WriteProgramHeader(file[programHeaders..], type: 1, flags: 7, FileHeaders, Data + DataSize);
        WriteProgramHeader(file[(programHeaders + headerSize)..], type: 4, flags: 4, notesAt, (ulong)notes.Length);
        notes.CopyTo(file[notesAt..]);
    }

    private static void WriteProgramHeader(Span<byte> header, uint type, uint flags, ulong offset, ulong size)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(header, type);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], flags);
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], offset);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], size);
        BinaryPrimitives.WriteUInt64LittleEndian(header[40..], size);
        BinaryPrimitives.WriteUInt64LittleEndian(header[48..], 4096);
    }

    private static byte[] Note(uint type, byte[] value)
    {
        byte[] note = new byte[16 + ((value.Length + 3) & ~3)];
        BinaryPrimitives.WriteUInt32LittleEndian(note, 4);
        BinaryPrimitives.WriteUInt32LittleEndian(note.AsSpan(4), (uint)value.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(note.AsSpan(8), type);
        "Xen\0"u8.CopyTo(note.AsSpan(12));
        value.CopyTo(note, 16);
        return note;
    }

    private static byte[] Number(ulong value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return bytes;
    }

    private static byte[] Text(string value) => Encoding.ASCII.GetBytes(value + "\0");
}
