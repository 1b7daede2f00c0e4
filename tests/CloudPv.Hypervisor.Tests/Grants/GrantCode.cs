using CloudPv.Guests;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace CloudPv.Hypervisor.Tests.Grants;

/// <summary>Pieces of guests that grant pages and use grants. The guest's table is mapped at <see cref="Table"/>.</summary>
internal static class GrantCode
{
    public const long Table = GuestCode.SharedInfo;
    public const uint Reference = 9;
    public const ushort PermitAccess = 1, AcceptTransfer = 2;

    /// <summary>Where <see cref="Map"/> puts what it maps.</summary>
    public const long Target = GuestCode.FreePage;

    public const int GrantTableOp = 20;

    private const int UpdateVaMapping = 14;
    private const int MapGrantRef = 0, UnmapGrantRef = 1, SetupTable = 2;
    private const long Operation = GuestCode.Arguments, Handle = Operation + 20;

    /// <summary>Maps the table (GNTTABOP_setup_table).</summary>
    public static void MapTable(Assembler c)
    {
        c.mov(__dword_ptr[Operation], 0x7ff0);
        c.mov(__dword_ptr[Operation + 4], 1);
        c.mov(__qword_ptr[Operation + 16], (int)Operation + 0x100);
        c.Call(GrantTableOp, SetupTable, Operation, 1);
        c.mov(rax, __[Operation + 0x100]);
        SetMapping(c, Table);
    }

    /// <summary>Maps the frame rax at a page.</summary>
    public static void SetMapping(Assembler c, long page)
    {
        c.mov(rsi, rax);
        c.shl(rsi, 12);
        c.or(rsi, 7);
        c.mov(rdi, page);
        c.mov(edx, 2);
        c.Hypercall(UpdateVaMapping);
    }

    /// <summary>Takes the mapping of a page away.</summary>
    public static void ClearMapping(Assembler c, long page) => c.Call(UpdateVaMapping, page, 0, 2);

    /// <summary>Fills entry <see cref="Reference"/> of the mapped table with the frame eax.</summary>
    public static void SetEntry(Assembler c, int domain, int flags)
    {
        c.mov(__dword_ptr[Table + Reference * 8 + 4], eax);
        c.mov(__dword_ptr[Table + Reference * 8], (uint)domain << 16 | (uint)flags);
    }

    /// <summary>Maps entry <see cref="Reference"/> of a domain at <see cref="Target"/>; rax is the status.</summary>
    public static void Map(Assembler c, int domain, bool readOnly = false)
    {
        const int HostMap = 2, ReadOnly = 4;
        c.mov(__qword_ptr[Operation], (int)Target);
        c.mov(__dword_ptr[Operation + 8], HostMap | (readOnly ? ReadOnly : 0));
        c.mov(__dword_ptr[Operation + 12], Reference);
        c.mov(__dword_ptr[Operation + 16], (uint)domain);
        c.Call(GrantTableOp, MapGrantRef, Operation, 1);
        c.movsx(rax, __word_ptr[Operation + 18]);
    }

    /// <summary>Undoes the last <see cref="Map"/>; rax is the status.</summary>
    public static void Unmap(Assembler c)
    {
        const long Arguments = Operation + 0x200;
        c.mov(__qword_ptr[Arguments], (int)Target);
        c.mov(__qword_ptr[Arguments + 8], 0);
        c.mov(eax, __dword_ptr[Handle]);
        c.mov(__dword_ptr[Arguments + 16], eax);
        c.Call(GrantTableOp, UnmapGrantRef, Arguments, 1);
        c.movsx(rax, __word_ptr[Arguments + 20]);
    }

    /// <summary>Spins until there is something other than 0 at an address.</summary>
    public static void WaitFor(Assembler c, long address)
    {
        Label wait = c.CreateLabel();
        c.Label(ref wait);
        c.pause();
        c.cmp(__qword_ptr[address], 0);
        c.je(wait);
    }
}
