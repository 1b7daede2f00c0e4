namespace CloudPv.Dom0.Net;

/// <summary>A bounded queue of frames in memory of fixed size: any number of producers, one consumer. A frame that finds no room is dropped.</summary>
/// <remarks>
/// It holds <see cref="FrameRecord"/>s as they go over a socket, so that a consumer can send many at once. The consumer reads frames in place:
/// producers never touch what it has not yet removed.
/// </remarks>
public sealed class FrameQueue
{
    /// <summary>Several of the greatest frames, or some hundreds of ordinary ones: what a burst of one TCP window needs.</summary>
    private const int Capacity = 512 << 10;

    private readonly Lock _gate = new();
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(Capacity);
    private int _head;
    private int _tail;
    private int _wrapAt = Capacity; // where the older part ends while the younger one has started anew at 0
    private bool _wrapped;

    /// <summary>Called after a frame came into the empty queue; must not block. On the producer's thread.</summary>
    public Action Arrived { get; set; } = static () => { };

    /// <summary>Frames that found no room.</summary>
    public long Dropped { get; private set; }

    /// <returns>False: dropped.</returns>
    public bool TryEnqueue(in Frame frame)
    {
        bool wasEmpty;
        lock (_gate)
        {
            wasEmpty = IsEmpty;
            if (!TryReserve(FrameRecord.LengthOf(frame), out var at))
            {
                Dropped++;
                return false;
            }

            FrameRecord.Write(_buffer.AsSpan(at), frame);
        }

        if (wasEmpty)
            Arrived();
        return true;
    }

    /// <summary>The oldest frame; valid until it is removed. For the consumer alone.</summary>
    public bool TryPeek(out Frame frame)
    {
        var records = PeekRecords().Span;
        if (records.IsEmpty)
        {
            frame = default;
            return false;
        }

        frame = FrameRecord.Read(records);
        return true;
    }

    /// <summary>Removes the frame that <see cref="TryPeek"/> gave.</summary>
    public void RemoveOldest() => Remove(FrameRecord.LengthOf(FrameRecord.Read(PeekRecords().Span)));

    /// <summary>The oldest frames as whole records, as many as lie together; empty: none.</summary>
    public ReadOnlyMemory<byte> PeekRecords()
    {
        lock (_gate)
            return _buffer.AsMemory(_head, (_wrapped ? _wrapAt : _tail) - _head);
    }

    /// <summary>Removes records by their length in bytes.</summary>
    public void Remove(int bytes)
    {
        lock (_gate)
        {
            _head += bytes;
            if (_wrapped && _head == _wrapAt)
                (_head, _wrapped) = (0, false);
            if (IsEmpty)
                _head = _tail = 0; // a queue that is mostly empty touches only the start of its memory
        }
    }

    public void Clear()
    {
        lock (_gate)
            (_head, _tail, _wrapped) = (0, 0, false);
    }

    private bool IsEmpty => !_wrapped && _head == _tail;

    private bool TryReserve(int length, out int at)
    {
        at = _tail;
        if (!_wrapped && _tail + length > Capacity)
        {
            if (length > _head)
                return false;
            (_wrapAt, _wrapped, at) = (_tail, true, 0);
        }
        else if (_wrapped && _tail + length > _head)
        {
            return false;
        }

        _tail = at + length;
        return true;
    }
}
