using System.Buffers.Binary;
using System.Runtime.InteropServices;
using CloudPv.Hypervisor;
using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Block;

/// <summary>One piece of a request: a part of a page that the guest granted, in bytes.</summary>
internal readonly record struct BlockSegment(GrantRef Reference, int Start, int Length);

/// <summary>One request of a blkif ring (xen/include/public/io/blkif.h), read from its slot once and checked. What fails a check is answered with <see cref="Status"/>.</summary>
internal sealed class BlockRequest
{
    /// <summary>What <c>feature-max-indirect-segments</c> offers.</summary>
    public const int MaxIndirectSegments = 256;

    private BlockRequest(BlkifOperation operation, ulong id)
    {
        Operation = operation;
        Id = id;
    }

    /// <summary>Of an indirect request its inner operation, which is also what its response names.</summary>
    public BlkifOperation Operation { get; private set; }

    /// <summary>The guest's own, echoed.</summary>
    public ulong Id { get; }

    /// <summary>Anything but Okay: not to be carried out.</summary>
    public BlkifStatus Status { get; private set; }

    /// <summary>In bytes from the disk's start.</summary>
    public long Offset { get; private set; }

    /// <summary>In bytes.</summary>
    public long Length { get; private set; }

    public BlockSegment[] Segments { get; private set; } = [];

    /// <summary>Reads a slot, and the pages of an indirect request.</summary>
    /// <param name="diskLength">In bytes.</param>
    public static BlockRequest Read(ReadOnlySpan<byte> slot, BlkifAbi abi, IGuest guest, long diskLength)
    {
        var request = new BlockRequest((BlkifOperation)slot[0], BinaryPrimitives.ReadUInt64LittleEndian(slot[abi.Id..]));
        ulong sector = BinaryPrimitives.ReadUInt64LittleEndian(slot[abi.SectorNumber..]);
        bool isValid;
        switch (request.Operation)
        {
            case BlkifOperation.Read or BlkifOperation.Write or BlkifOperation.WriteBarrier or BlkifOperation.FlushDiskcache:
                isValid = slot[1] <= Blkif.MaxSegments
                    && request.TakeSegments(slot.Slice(abi.Segments, slot[1] * Blkif.SegmentSize))
                    && (request.Segments.Length > 0 || request.Operation is BlkifOperation.WriteBarrier or BlkifOperation.FlushDiskcache);
                break;
            case BlkifOperation.Indirect:
                request.Operation = (BlkifOperation)slot[1];
                isValid = request.Operation is BlkifOperation.Read or BlkifOperation.Write && request.TakeIndirectSegments(slot, abi, guest);
                break;
            case BlkifOperation.Discard:
                isValid = request.TakeDiscardLength(BinaryPrimitives.ReadUInt64LittleEndian(slot[abi.DiscardSectors..]));
                break;
            default:
                request.Status = BlkifStatus.NotSupported;
                return request;
        }
        if (!isValid || !request.TakeOffset(sector, diskLength))
            request.Status = BlkifStatus.Error;
        return request;
    }

    private bool TakeIndirectSegments(ReadOnlySpan<byte> slot, BlkifAbi abi, IGuest guest)
    {
        int count = BinaryPrimitives.ReadUInt16LittleEndian(slot[2..]);
        if (count is 0 or > MaxIndirectSegments)
            return false;
        Span<byte> segments = stackalloc byte[count * Blkif.SegmentSize];
        for (int page = 0; page * Blkif.SegmentsPerIndirectPage < count; page++)
        {
            var reference = new GrantRef(BinaryPrimitives.ReadUInt32LittleEndian(slot[(abi.IndirectGrefs + (page * sizeof(uint)))..]));
            if (guest.TryMapGrant(reference, readOnly: true, out GuestPage? mapped) != GrantStatus.Okay)
                return false;
            using (mapped)
            {
                Span<byte> part = segments[(page * Blkif.SegmentsPerIndirectPage * Blkif.SegmentSize)..];
                part = part[..Math.Min(part.Length, Blkif.SegmentsPerIndirectPage * Blkif.SegmentSize)];
                mapped!.Bytes[..part.Length].CopyTo(part);
            }
        }
        return TakeSegments(segments);
    }

    private bool TakeSegments(ReadOnlySpan<byte> wire)
    {
        const int sectorsPerPage = 4096 / Blkif.SectorSize;
        Segments = new BlockSegment[wire.Length / Blkif.SegmentSize];
        for (int i = 0; i < Segments.Length; i++)
        {
            ReadOnlySpan<byte> segment = wire.Slice(i * Blkif.SegmentSize, Blkif.SegmentSize);
            int first = segment[4], last = segment[5];
            if (last >= sectorsPerPage || first > last)
                return false;
            int length = (last - first + 1) * Blkif.SectorSize;
            Segments[i] = new(new(MemoryMarshal.Read<uint>(segment)), first * Blkif.SectorSize, length);
            Length += length;
        }
        return true;
    }

    private bool TakeDiscardLength(ulong sectors)
    {
        Length = sectors <= long.MaxValue / Blkif.SectorSize ? (long)sectors * Blkif.SectorSize : -1;
        return Length > 0;
    }

    private bool TakeOffset(ulong sector, long diskLength)
    {
        if (Length == 0)
            return true;
        if (sector > (ulong)(diskLength / Blkif.SectorSize))
            return false;
        Offset = (long)sector * Blkif.SectorSize;
        return Length <= diskLength - Offset;
    }
}
