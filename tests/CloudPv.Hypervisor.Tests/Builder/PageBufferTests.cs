namespace CloudPv.Hypervisor.Tests;

public sealed class PageBufferTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void A_file_is_read_whole()
    {
        File.WriteAllBytes(_path, [1, 2, 3]);
        using PageBuffer buffer = PageBuffer.ReadFile(_path, limit: 10);
        buffer.Memory.ToArray().ShouldBe([1, 2, 3]);
    }

    [Fact]
    public void A_file_is_read_as_far_as_the_limit()
    {
        File.WriteAllBytes(_path, [1, 2, 3]);
        using PageBuffer buffer = PageBuffer.ReadFile(_path, limit: 2);
        buffer.Memory.ToArray().ShouldBe([1, 2]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(5000)]
    public void A_mapped_file_shows_its_contents(int length)
    {
        byte[] contents = [.. Enumerable.Range(0, length).Select(at => (byte)at)];
        File.WriteAllBytes(_path, contents);
        using PageBuffer buffer = PageBuffer.MapFile(_path);
        buffer.Memory.ToArray().ShouldBe(contents);
    }

    /// <summary>As a shell's <c>&lt;(…)</c> gives one.</summary>
    [Fact]
    public async Task What_comes_through_a_pipe_is_read_to_its_end()
    {
        using var pipe = new System.IO.Pipes.AnonymousPipeServerStream(System.IO.Pipes.PipeDirection.Out, HandleInheritability.None);
        string path = $"/proc/self/fd/{pipe.ClientSafePipeHandle.DangerousGetHandle()}";
        Task<byte[]> reading = Task.Run(() =>
        {
            using PageBuffer buffer = PageBuffer.MapFile(path);
            return buffer.Memory.ToArray();
        }, TestContext.Current.CancellationToken);
        pipe.Write([1, 2, 3]);
        pipe.Dispose();
        (await reading).ShouldBe([1, 2, 3]);
    }

    [Fact]
    public void A_disposed_buffer_shows_nothing()
    {
        PageBuffer buffer = PageBuffer.Reserve(1);
        ((IDisposable)buffer).Dispose();
        Should.Throw<ObjectDisposedException>(() => buffer.GetSpan().Length);
    }
}
