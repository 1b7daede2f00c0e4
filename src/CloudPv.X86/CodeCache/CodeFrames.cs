namespace CloudPv.X86;

/// <summary>
/// Which bytes of which frames the CPUs of one guest have translated, so that a write elsewhere in the same page costs no translation. What is marked may be more
/// than is still translated, never less.
/// </summary>
internal sealed class CodeFrames(FrameTable frames)
{
    private const int FirstPatience = 256;

    private readonly Dictionary<ulong, CodeFrame> _frames = [];
    private readonly Lock _gate = new();

    /// <summary>Makes a frame a code frame, until <see cref="Release"/>. True: write tags for it may still be about, and have to be withdrawn from every CPU before its bytes are read.</summary>
    public bool Hold(ulong frame)
    {
        lock (_gate)
        {
            if (!_frames.TryGetValue(frame, out var code))
            {
                code = new CodeFrame();
                _frames.Add(frame, code);
                frames.SetCode(frame);
                code.Protected = !frames.MayHaveWriteTags(frame);
            }

            code.Blocks++;
            return !code.Protected;
        }
    }

    /// <summary>Notes that write tags have been withdrawn.</summary>
    public void SetProtected(ulong frame)
    {
        lock (_gate)
            _frames[frame].Protected = true;
    }

    public void Release(ulong frame)
    {
        lock (_gate)
        {
            var code = _frames[frame];
            if (--code.Blocks > 0)
                return;
            _frames.Remove(frame);
            frames.ClearCode(frame);
        }
    }

    /// <summary>Marks bytes as translated; to be called before they are compared with what was translated.</summary>
    public void Mark(ulong frame, int offset, int length)
    {
        lock (_gate)
            _frames[frame].Set(offset, length, value: true);
    }

    /// <summary>Bytes were written, and every CPU is about to drop what it made of them.</summary>
    public void Unmark(ulong frame, int offset, int length)
    {
        lock (_gate)
        {
            if (_frames.TryGetValue(frame, out var code))
                code.Set(offset, length, value: false);
        }
    }

    public bool Overlaps(ulong frame, int offset, int length)
    {
        lock (_gate)
            return _frames.TryGetValue(frame, out var code) && code.Any(offset, length);
    }

    /// <summary>
    /// Counts a write beside the code of a frame. True: there have been so many that the code is better given up, for the frame may long be used for data. Each time the
    /// frame turns out to hold code after all, twice as many are borne.
    /// </summary>
    public bool CountWriteBeside(ulong frame)
    {
        lock (_gate)
        {
            if (!_frames.TryGetValue(frame, out var code) || ++code.WritesBeside < FirstPatience << frames.Patience(frame))
                return false;
            code.WritesBeside = 0;
            frames.RaisePatience(frame);
            return true;
        }
    }

    private sealed class CodeFrame
    {
        private readonly ulong[] _bytes = new ulong[MachineMemory.FrameSize / 64];

        public int Blocks { get; set; }

        public bool Protected { get; set; }

        public int WritesBeside { get; set; }

        public void Set(int offset, int length, bool value)
        {
            for (var position = offset; position < offset + length; position = (position | 63) + 1)
            {
                var mask = Mask(position, offset + length);
                ref var word = ref _bytes[position >> 6];
                word = value ? word | mask : word & ~mask;
            }
        }

        public bool Any(int offset, int length)
        {
            for (var position = offset; position < offset + length; position = (position | 63) + 1)
            {
                if ((_bytes[position >> 6] & Mask(position, offset + length)) != 0)
                    return true;
            }

            return false;
        }

        /// <summary>The bits of one word from a position to its end or to <paramref name="end"/>.</summary>
        private static ulong Mask(int position, int end)
        {
            var count = Math.Min(64 - (position & 63), end - position);
            return (ulong.MaxValue >> (64 - count)) << (position & 63);
        }
    }
}
