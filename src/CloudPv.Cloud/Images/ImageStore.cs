using System.Buffers;
using System.Security.Cryptography;
using CloudPv.WorkerProtocol;

namespace CloudPv.Cloud;

/// <summary>
/// Image files in the data folder, each under the SHA-256 of its content. A file is there under that name only when it
/// is complete, so that a crash leaves nothing but an upload that the next start sweeps away.
/// </summary>
public sealed class ImageStore(DataFolder folder) : IDisposable
{
    private const int BlockBytes = 1 << 20;

    private readonly SemaphoreSlim _lock = new(1);

    /// <summary>Held by who adopts or drops files: a file must not be dropped between its adoption and its image's row.</summary>
    public async Task<IDisposable> LockAsync(CancellationToken cancel)
    {
        await _lock.WaitAsync(cancel);
        return new Held(_lock);
    }

    /// <summary>Removes what uploads of an earlier life left.</summary>
    /// <param name="resumable">The names of the files that go on.</param>
    public void SweepUploads(IReadOnlySet<string> resumable)
    {
        foreach (var file in Directory.EnumerateFiles(folder.IncomingImages).Where(file => !resumable.Contains(Path.GetFileName(file))).ToList())
            File.Delete(file);
    }

    /// <summary>Stores a stream of any size in constant memory, and hashes it on the way.</summary>
    /// <returns>The upload, which is gone when disposed unless kept.</returns>
    public async Task<Upload> ReceiveAsync(Stream content, CancellationToken cancel)
    {
        var path = Path.Combine(folder.IncomingImages, Guid.NewGuid().ToString("N"));
        var buffer = ArrayPool<byte>.Shared.Rent(BlockBytes);
        try
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            await using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0, FileOptions.Asynchronous);
            long size = 0;
            for (int got; (got = await content.ReadAsync(buffer.AsMemory(0, BlockBytes), cancel)) > 0; size += got)
            {
                hash.AppendData(buffer, 0, got);
                await file.WriteAsync(buffer.AsMemory(0, got), cancel);
            }
            file.Flush(flushToDisk: true);
            return new Upload(this, path, Convert.ToHexStringLower(hash.GetHashAndReset()), size);
        }
        catch
        {
            File.Delete(path);
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Looks at a complete file that is there already; it stays where it is unless kept.</summary>
    public async Task<Upload> ReadAsync(string path, CancellationToken cancel)
    {
        await using var file = File.OpenRead(path);
        return new Upload(this, path, Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancel)), file.Length, stays: true);
    }

    /// <summary>The checksums of all files in the store.</summary>
    public IEnumerable<string> List() => Directory.EnumerateFiles(folder.Images).Select(f => Path.GetFileName(f));

    public void Delete(string sha256) => File.Delete(folder.ImageFile(sha256));

    /// <summary>A complete file that is not yet in the store.</summary>
    /// <param name="stays">Whether it stays where it is when disposed.</param>
    public sealed class Upload(ImageStore store, string path, string sha256, long size, bool stays = false) : IDisposable
    {
        public string FileName => Path.GetFileName(path);

        /// <summary>64 lower-case hex digits.</summary>
        public string Sha256 => sha256;

        public long Size => size;

        /// <summary>Puts it into the store; the same content twice is the same file.</summary>
        public void Keep() => File.Move(path, store.PathOf(sha256), overwrite: true);

        public void Dispose()
        {
            if (!stays)
                File.Delete(path);
        }
    }

    public void Dispose() => _lock.Dispose();

    private string PathOf(string sha256) => folder.ImageFile(sha256);

    private sealed class Held(SemaphoreSlim semaphore) : IDisposable
    {
        public void Dispose() => semaphore.Release();
    }
}
