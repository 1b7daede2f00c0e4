using System.Reflection;
using System.Runtime.CompilerServices;
using CloudPv.Xen.Io;

namespace CloudPv.Xen.Tests;

/// <summary>Sizes, offsets and numbers are those of the headers that Xen 4.17 is built with.</summary>
public sealed class AbiTests
{
    public static TheoryData<StructRow> Structs => [.. AbiTable.Structs];

    public static TheoryData<ConstantsRow> Constants => [.. AbiTable.Constants];

    [Theory]
    [MemberData(nameof(Structs), DisableDiscoveryEnumeration = true)]
    public void A_struct_has_Xens_size_and_offsets(StructRow row)
    {
        SizeOf(row.Type).ShouldBe(XenHeaders.Evaluate($"sizeof({row.XenName})"), row.XenName);
        foreach ((string name, int offset, string expression) in AbiTable.Fields(row))
            ((long)offset).ShouldBe(XenHeaders.Evaluate(expression), $"{row.Type.Name}.{name}");
    }

    [Theory]
    [MemberData(nameof(Constants), DisableDiscoveryEnumeration = true)]
    public void A_constant_has_Xens_value(ConstantsRow row)
    {
        foreach ((string name, long value, string expression) in AbiTable.Values(row))
            value.ShouldBe(XenHeaders.Evaluate(expression), $"{row.Type.Name}.{name}");
    }

    [Fact]
    public void A_block_request_is_laid_out_as_Xens_and_for_i386_with_64_bit_fields_aligned_to_4()
    {
        foreach ((int value, string expression) in AbiTable.BlkifX86_64)
            ((long)value).ShouldBe(XenHeaders.Evaluate(expression), expression);
        BlkifAbi small = BlkifAbi.X86_32, large = BlkifAbi.X86_64;
        new[] { small.Id, small.SectorNumber, small.Segments, small.DiscardSectors, small.IndirectHandle, small.IndirectGrefs, small.SlotSize }.ShouldBe(
            new[] { large.Id, large.SectorNumber, large.Segments, large.DiscardSectors, large.IndirectHandle, large.IndirectGrefs, large.SlotSize }.Select(offset => offset - 4));
    }

    [Fact]
    public void Every_struct_with_an_explicit_layout_is_in_the_table()
    {
        string[] missing =
        [
            .. typeof(StartInfo).Assembly.GetTypes()
                .Where(type => type is { IsValueType: true, IsExplicitLayout: true, IsPublic: true } && !AbiTable.NotInHeaders.Contains(type))
                .Except(AbiTable.Structs.Select(row => row.Type))
                .Select(type => type.Name),
        ];
        missing.ShouldBeEmpty();
    }

    private static long SizeOf(Type type) =>
        (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf), BindingFlags.Static | BindingFlags.Public)!.MakeGenericMethod(type).Invoke(null, null)!;
}
