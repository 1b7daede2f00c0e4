namespace CloudPv.Hypervisor;

/// <summary>The page of code by which a kernel calls Xen: 32 bytes for each hypercall number. A kernel may read it, so it is what Xen 4.17 writes for 64-bit PV.</summary>
internal static class HypercallPage
{
    private const int EntrySize = 32, IretNumber = 23;
    private const byte Breakpoint = 0xcc;

    public static void Write(Span<byte> page)
    {
        page.Fill(Breakpoint);
        for (int number = 0; number < page.Length / EntrySize; number++)
        {
            Span<byte> entry = page.Slice(number * EntrySize, EntrySize);
            byte low = (byte)number, high = (byte)(number >> 8);
            ReadOnlySpan<byte> code = number == IretNumber
                // push rcx; push r11; push rax; mov eax, 23; syscall: it never comes back, so what it pushed is part of the frame.
                ? [0x51, 0x41, 0x53, 0x50, 0xb8, low, high, 0, 0, 0x0f, 0x05]
                // push rcx; push r11; mov eax, number; syscall; pop r11; pop rcx; ret
                : [0x51, 0x41, 0x53, 0xb8, low, high, 0, 0, 0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3];
            code.CopyTo(entry);
        }
    }
}
