using System.Buffers;
using System.Security.Cryptography;
using System.Text.Json;
using CloudPv.WorkerProtocol;

namespace CloudPv.Cloud;

/// <summary>
/// Uploads that outlive a broken connection, and the web process. Each is a file among the incoming images, as long as
/// what has arrived, with a record beside it. What a client was told is there, is on the disk.
/// </summary>
public sealed class Uploads(DataFolder folder, TimeProvider clock)
{
    private const string IdPrefix = "up";
    private const int BlockBytes = 1 << 20;

    /// <summary>How long an upload waits for its next byte.</summary>
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(1);

    /// <summary>Begins an upload of so many bytes.</summary>
    public ResumableUpload Create(string accountId, long length, string? metadata)
    {
        if (length < 0)
            throw CloudException.Invalid("Upload-Length", $"is {length}.");
        var id = ResourceId.New(IdPrefix);
        File.Create(ContentOf(id)).Dispose();
        // The record makes it an upload: content with none is swept at the next start.
        var draft = $"{RecordOf(id)}.new";
        File.WriteAllBytes(draft, JsonSerializer.SerializeToUtf8Bytes(new UploadRecord(accountId, length, metadata), UploadJson.Default.UploadRecord));
        File.Move(draft, RecordOf(id));
        return Get(accountId, id);
    }

    /// <exception cref="CloudException">The account has no such upload, or it has expired.</exception>
    public ResumableUpload Get(string accountId, string id) =>
        TryGet(id) is { } upload && upload.Record.AccountId == accountId && upload.State.ExpiresAt > clock.Now() ? upload.State : throw NotFound(id);

    /// <summary>Adds a part to an upload. With a checksum it is added whole or not at all, without one as far as it comes.</summary>
    /// <exception cref="CloudException">The part doesn't begin where the upload ends, is too long, isn't what was sent, or another one is being added.</exception>
    public async Task<ResumableUpload> AppendAsync(
        string accountId, string id, long offset, UploadChecksum? checksum, Stream part, CancellationToken cancel)
    {
        var upload = Get(accountId, id);
        await using (var content = OpenToAppend(id))
        {
            if (content.Length != offset)
                throw new CloudException(Refusal.Conflict, "UploadOffsetMismatch", $"{id} has {content.Length} bytes: its next part begins there, not at {offset}.");
            try
            {
                content.Seek(0, SeekOrigin.End);
                await AppendAsync(content, upload.Length - offset, checksum, part, cancel);
            }
            catch (Exception failed) when (checksum is not null || failed is CloudException)
            {
                content.SetLength(offset);
                throw;
            }
            finally
            {
                content.Flush(flushToDisk: true);
            }
        }
        return Get(accountId, id);
    }

    public void Delete(string accountId, string id)
    {
        Get(accountId, id);
        Remove(id);
    }

    /// <summary>Removes the uploads that have expired; the names of the others' files.</summary>
    public IReadOnlySet<string> DropExpired()
    {
        var kept = new HashSet<string>(StringComparer.Ordinal);
        foreach (var id in Directory.EnumerateFiles(folder.IncomingImages, $"{IdPrefix}-*.json").Select(f => Path.GetFileNameWithoutExtension(f)).ToList())
        {
            if (TryGet(id) is { } upload && upload.State.ExpiresAt > clock.Now())
                kept.UnionWith([Path.GetFileName(ContentOf(id)), Path.GetFileName(RecordOf(id))]);
            else
                Remove(id);
        }
        return kept;
    }

    /// <summary>Where the bytes of a complete upload are.</summary>
    /// <exception cref="CloudException">There is no such upload, or not yet the whole of it.</exception>
    internal string ContentOfComplete(string accountId, string id)
    {
        var upload = Get(accountId, id);
        return upload.IsComplete ? ContentOf(id)
            : throw new CloudException(Refusal.Conflict, "UploadIncomplete", $"{id} has {upload.Offset} of its {upload.Length} bytes.");
    }

    internal void Remove(string id)
    {
        File.Delete(RecordOf(id));
        File.Delete(ContentOf(id));
    }

    private static CloudException NotFound(string id) => CloudException.NotFound("InvalidUploadId.NotFound", $"upload {id}; perhaps it has expired");

    private static async Task AppendAsync(FileStream content, long room, UploadChecksum? checksum, Stream part, CancellationToken cancel)
    {
        using var hash = checksum is null ? null : IncrementalHash.CreateHash(checksum.Algorithm);
        var buffer = ArrayPool<byte>.Shared.Rent(BlockBytes);
        try
        {
            for (int got; (got = await part.ReadAsync(buffer.AsMemory(0, BlockBytes), cancel)) > 0; room -= got)
            {
                if (got > room)
                    throw new CloudException(Refusal.TooLarge, "UploadTooLarge", "This part goes beyond the length that the upload was begun with.");
                hash?.AppendData(buffer, 0, got);
                // What has arrived is kept, also of a connection that breaks.
                await content.WriteAsync(buffer.AsMemory(0, got), CancellationToken.None);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        if (hash is not null && !hash.GetHashAndReset().AsSpan().SequenceEqual(checksum!.Hash))
            throw new CloudException(Refusal.Corrupted, "ChecksumMismatch", "This part did not arrive as it was sent; it was not kept.");
    }

    /// <summary>One part at a time: the client of a broken connection may be back before the end of the old one is noticed.</summary>
    private FileStream OpenToAppend(string id)
    {
        try
        {
            return new FileStream(ContentOf(id), FileMode.Open, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.Asynchronous);
        }
        catch (FileNotFoundException)
        {
            throw NotFound(id);
        }
        catch (IOException)
        {
            throw new CloudException(Refusal.Conflict, "UploadBusy", $"Another part of {id} is being received; try again soon.");
        }
    }

    private (UploadRecord Record, ResumableUpload State)? TryGet(string id)
    {
        if (!id.StartsWith($"{IdPrefix}-", StringComparison.Ordinal) || !id.Skip(IdPrefix.Length + 1).All(char.IsAsciiHexDigitLower))
            return null;
        var content = new FileInfo(ContentOf(id));
        if (!content.Exists || !File.Exists(RecordOf(id)))
            return null;
        var record = JsonSerializer.Deserialize(File.ReadAllBytes(RecordOf(id)), UploadJson.Default.UploadRecord)!;
        return (record, new ResumableUpload(id, content.Length, record.Length, record.Metadata, new DateTimeOffset(content.LastWriteTimeUtc) + Lifetime));
    }

    private string ContentOf(string id) => Path.Combine(folder.IncomingImages, id);

    private string RecordOf(string id) => $"{ContentOf(id)}.json";
}
