namespace CloudPv.X86.Tests;

public sealed unsafe class MachineMemoryTests : IDisposable
{
    private const ulong First = 4, Count = 2;

    private readonly MachineMemory _memory = new(frameCount: 16);

    public MachineMemoryTests() => _memory.Back(First, Count, "test");

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void What_is_written_through_the_file_stands_in_the_frames_and_the_rest_is_zero()
    {
        _memory.Write(First, MachineMemory.FrameSize - 1, [1, 2, 3]);
        new Span<byte>(_memory.Frame(First) + MachineMemory.FrameSize - 2, 5).ToArray().ShouldBe([0, 1, 2, 3, 0]);
    }

    [Theory]
    [InlineData(2 * MachineMemory.FrameSize - 1, 2)]
    [InlineData(2 * MachineMemory.FrameSize + 1, 0)]
    [InlineData(ulong.MaxValue, 1)]
    public void A_write_beyond_the_range_is_refused(ulong offset, int length) =>
        Should.Throw<ArgumentOutOfRangeException>(() => _memory.Write(First, offset, new byte[length]));
}
