using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace CloudPv.Web.Tests;

public sealed class UploadTests(FakeCloud service)
{
    private const long Size = 2L << 30;

    [Fact]
    public async Task An_upload_of_two_gibibytes_grows_the_web_program_by_less_than_a_sixteenth_of_that()
    {
        var web = $"/proc/{service.ProcessOf("cloudpv-web").Id}";
        await File.WriteAllTextAsync($"{web}/clear_refs", "5", TestContext.Current.CancellationToken); // the peak counts from here (proc(5))
        var before = PeakBytes(web);

        using var content = new StreamContent(new ZeroDisk(Size)) { Headers = { ContentLength = Size, ContentType = new MediaTypeHeaderValue("application/octet-stream") } };
        using var client = service.NewClient(service.Key);
        client.Timeout = Timeout.InfiniteTimeSpan;
        using var answer = await client.PostAsync($"/api/v1/images?kind=machine&name=large&kernelId={service.KernelId}", content, TestContext.Current.CancellationToken);

        answer.StatusCode.ShouldBe(HttpStatusCode.Created);
        (PeakBytes(web) - before).ShouldBeLessThan(Size / 16);
        var image = await answer.Content.ReadFromJsonAsync<JsonElement>(TestContext.Current.CancellationToken);
        image.GetProperty("sizeBytes").GetInt64().ShouldBe(Size);
        await service.Client.DeleteAsync($"/api/v1/images/{image.GetProperty("id")}", TestContext.Current.CancellationToken);
    }

    private static long PeakBytes(string process)
    {
        var peak = File.ReadLines($"{process}/status").Single(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(peak.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) << 10;
    }

    /// <summary>A disk for the fake inspection, with nothing but zeros after its first word; made as it is read.</summary>
    private sealed class ZeroDisk(long size) : Stream
    {
        private long _position;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => _position; set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            buffer = buffer[..(int)Math.Min(buffer.Length, size - _position)];
            buffer.Clear();
            if (_position == 0)
                "disk "u8.CopyTo(buffer);
            _position += buffer.Length;
            return buffer.Length;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }
    }
}
