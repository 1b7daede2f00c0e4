using System.Buffers.Binary;
using System.Text;

namespace CloudPv.DomainHost;

/// <summary>The guest of a <see cref="Rehearsal"/>: computes a little, prints a greeting and powers off at the first key. Its file is the smallest that Xen takes for a
/// 64-bit PV kernel: an ELF with one segment at virtual address 0 and Xen's notes (xen/include/public/elfnote.h).</summary>
internal static class RehearsalKernel
{
    public const string Greeting = "ready\n";

    private const int HypercallPage = 0, CodeAt = 0x1000, SegmentSize = 0x8000; // data from 0x4000 on
    private const int SegmentAt = 0x1000, NotesAt = 0x200;
    private const int FileHeaderSize = 64, ProgramHeaderSize = 56;
    private const uint Load = 1, Note = 4;

    /// <summary>Entered with rsi = start_info; rbx becomes the console's page. The greeting stands behind it.</summary>
    private static ReadOnlySpan<byte> Code =>
    [
        0x48, 0x8b, 0x46, 0x48, // mov rax, [rsi+0x48]
        0x48, 0xbb, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0xff, 0xff, // movabs rbx, 0xffff800000000000
        0x48, 0x8b, 0x1c, 0xc3, // mov rbx, [rbx+rax*8]
        0x48, 0xc1, 0xe3, 0x0c, // shl rbx, 0xc
        0x8b, 0x6e, 0x50, // mov ebp, [rsi+0x50]
        0x41, 0xbf, 0xe8, 0x03, 0x00, 0x00, // mov r15d, 0x3e8
        // work:
        0xbf, 0x00, 0x41, 0x00, 0x00, // mov edi, 0x4100
        0xb9, 0x10, 0x00, 0x00, 0x00, // mov ecx, 0x10
        0x44, 0x89, 0xf8, // mov eax, r15d
        0xf3, 0x48, 0xab, // rep stos es:[rdi], rax
        0xbe, 0x00, 0x41, 0x00, 0x00, // mov esi, 0x4100
        0xb9, 0x40, 0x00, 0x00, 0x00, // mov ecx, 0x40
        0xf3, 0xa4, // rep movs es:[rdi], ds:[rsi]
        0x0f, 0x10, 0x04, 0x25, 0x00, 0x41, 0x00, 0x00, // movups xmm0, ds:0x4100
        0x66, 0x0f, 0xfe, 0xc0, // paddd xmm0, xmm0
        0x0f, 0x11, 0x04, 0x25, 0x10, 0x41, 0x00, 0x00, // movups ds:0x4110, xmm0
        0x48, 0x6b, 0xc0, 0x07, // imul rax, rax, 0x7
        0x31, 0xd2, // xor edx, edx
        0xb9, 0x03, 0x00, 0x00, 0x00, // mov ecx, 0x3
        0x48, 0xf7, 0xf1, // div rcx
        0x48, 0xc1, 0xe2, 0x05, // shl rdx, 0x5
        0x48, 0x01, 0x14, 0x25, 0x00, 0x42, 0x00, 0x00, // add ds:0x4200, rdx
        0xf0, 0x48, 0x0f, 0xc1, 0x04, 0x25, 0x08, 0x42, 0x00, 0x00, // lock xadd ds:0x4208, rax
        0x48, 0x39, 0xc8, // cmp rax, rcx
        0x0f, 0x92, 0x04, 0x25, 0x10, 0x42, 0x00, 0x00, // setb ds:0x4210
        0x48, 0x0f, 0x42, 0xc1, // cmovb rax, rcx
        0x50, // push rax
        0x4c, 0x8d, 0x05, 0xba, 0x00, 0x00, 0x00, // lea r8, [rip+0xba] (leaf)
        0x41, 0xff, 0xd0, // call r8
        0x41, 0x59, // pop r9
        0x41, 0xff, 0xcf, // dec r15d
        0x75, 0x8b, // jne work
        0x31, 0xc0, // xor eax, eax
        0x53, // push rbx
        0x0f, 0xa2, // cpuid
        0x5b, // pop rbx
        0x0f, 0x31, // rdtsc
        0xbf, 0x00, 0x00, 0x00, 0x00, // mov edi, 0x0
        0xb8, 0x20, 0x02, 0x00, 0x00, // mov eax, 0x220
        0xff, 0xd0, // call rax
        0x4c, 0x8d, 0x35, 0x9e, 0x00, 0x00, 0x00, // lea r14, [rip+0x9e] (greeting)
        // print:
        0x41, 0x0f, 0xb6, 0x16, // movzx edx, [r14]
        0x85, 0xd2, // test edx, edx
        0x74, 0x21, // je key
        0x49, 0xff, 0xc6, // inc r14
        0x8b, 0x8b, 0x0c, 0x0c, 0x00, 0x00, // mov ecx, [rbx+0xc0c]
        0x89, 0xc8, // mov eax, ecx
        0x25, 0xff, 0x07, 0x00, 0x00, // and eax, 0x7ff
        0x88, 0x94, 0x03, 0x00, 0x04, 0x00, 0x00, // mov [rbx+rax*1+0x400], dl
        0xff, 0xc1, // inc ecx
        0x89, 0x8b, 0x0c, 0x0c, 0x00, 0x00, // mov [rbx+0xc0c], ecx
        0xeb, 0xd7, // jmp print
        // key:
        0x89, 0x2c, 0x25, 0x00, 0x40, 0x00, 0x00, // mov ds:0x4000, ebp
        0xbf, 0x04, 0x00, 0x00, 0x00, // mov edi, 0x4
        0xbe, 0x00, 0x40, 0x00, 0x00, // mov esi, 0x4000
        0xb8, 0x00, 0x04, 0x00, 0x00, // mov eax, 0x400
        0xff, 0xd0, // call rax
        0x48, 0xc7, 0x04, 0x25, 0x20, 0x40, 0x00, 0x00, 0x00, 0x40, 0x00, 0x00, // mov ds:0x4020, 0x4000
        0xc7, 0x04, 0x25, 0x28, 0x40, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, // mov ds:0x4028, 0x1
        // wait:
        0x8b, 0x8b, 0x00, 0x0c, 0x00, 0x00, // mov ecx, [rbx+0xc00]
        0x3b, 0x8b, 0x04, 0x0c, 0x00, 0x00, // cmp ecx, [rbx+0xc04]
        0x75, 0x13, // jne off
        0xbf, 0x03, 0x00, 0x00, 0x00, // mov edi, 0x3
        0xbe, 0x20, 0x40, 0x00, 0x00, // mov esi, 0x4020
        0xb8, 0xa0, 0x03, 0x00, 0x00, // mov eax, 0x3a0
        0xff, 0xd0, // call rax
        0xeb, 0xdf, // jmp wait
        // off:
        0xc7, 0x04, 0x25, 0x00, 0x40, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // mov ds:0x4000, 0x0
        0xbf, 0x02, 0x00, 0x00, 0x00, // mov edi, 0x2
        0xbe, 0x00, 0x40, 0x00, 0x00, // mov esi, 0x4000
        0xb8, 0xa0, 0x03, 0x00, 0x00, // mov eax, 0x3a0
        0xff, 0xd0, // call rax
        // leaf:
        0x4c, 0x03, 0x04, 0x25, 0x08, 0x41, 0x00, 0x00, // add r8, ds:0x4108
        0xc3, // ret
    ];

    public static byte[] Make()
    {
        byte[] file = new byte[SegmentAt + SegmentSize];
        byte[] notes =
        [
            .. NoteOf(1, Number(CodeAt)), .. NoteOf(2, Number(HypercallPage)), .. NoteOf(3, Number(0)), .. NoteOf(4, Number(0)), .. NoteOf(5, "xen-3.0\0"u8),
            .. NoteOf(6, "CloudPv rehearsal\0"u8), .. NoteOf(8, "generic\0"u8), .. NoteOf(10, "!writable_page_tables|pae_pgdir_above_4gb\0"u8),
        ];
        WriteFileHeader(file);
        WriteProgramHeader(file.AsSpan(FileHeaderSize), Load, SegmentAt, SegmentSize);
        WriteProgramHeader(file.AsSpan(FileHeaderSize + ProgramHeaderSize), Note, NotesAt, notes.Length);
        notes.CopyTo(file, NotesAt);
        Code.CopyTo(file.AsSpan(SegmentAt + CodeAt));
        Encoding.ASCII.GetBytes(Greeting, file.AsSpan(SegmentAt + CodeAt + Code.Length));
        return file;
    }

    private static void WriteFileHeader(Span<byte> header)
    {
        const ushort executable = 2, x86_64 = 62, programHeaders = 2;
        ((ReadOnlySpan<byte>)[0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1]).CopyTo(header);
        BinaryPrimitives.WriteUInt16LittleEndian(header[16..], executable);
        BinaryPrimitives.WriteUInt16LittleEndian(header[18..], x86_64);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], CodeAt);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], FileHeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(header[52..], FileHeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(header[54..], ProgramHeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(header[56..], programHeaders);
    }

    private static void WriteProgramHeader(Span<byte> header, uint type, int offset, int size)
    {
        const uint readWriteExecute = 7;
        BinaryPrimitives.WriteUInt32LittleEndian(header, type);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], readWriteExecute);
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], (ulong)offset);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], (ulong)size);
        BinaryPrimitives.WriteUInt64LittleEndian(header[40..], (ulong)size);
        BinaryPrimitives.WriteUInt64LittleEndian(header[48..], 4096);
    }

    private static byte[] NoteOf(uint type, ReadOnlySpan<byte> value)
    {
        const int header = 16; // three words and the name
        byte[] note = new byte[header + ((value.Length + 3) & ~3)];
        BinaryPrimitives.WriteUInt32LittleEndian(note, 4);
        BinaryPrimitives.WriteUInt32LittleEndian(note.AsSpan(4), (uint)value.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(note.AsSpan(8), type);
        "Xen\0"u8.CopyTo(note.AsSpan(12));
        value.CopyTo(note.AsSpan(header));
        return note;
    }

    private static byte[] Number(ulong value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return bytes;
    }
}
