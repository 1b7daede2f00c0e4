using System.Globalization;
using System.Text;
using CloudPv.Xen;
using CloudPv.Xen.Io;

namespace CloudPv.Dom0.Xenstore;

/// <summary>Carries out the messages of xen/include/public/io/xs_wire.h that a guest may send.</summary>
internal static class XsRequests
{
    // Names and values are bytes to the store; Latin-1 keeps each as it is.
    private static readonly Encoding Wire = Encoding.Latin1;

    /// <summary>Carries out one request and gives the answer's type and payload.</summary>
    /// <param name="onEvent">Where the events go of watches that this request sets.</param>
    public static (XsMessageType Type, byte[] Payload) Handle(StoreSession session, XsHeader header, ReadOnlySpan<byte> payload, Action<string, string> onEvent)
    {
        (StoreError error, byte[] answer) = Dispatch(session, header, payload, onEvent);
        if (error == StoreError.None && answer.Length > XsLimits.PayloadMax)
            error = StoreError.E2BIG;
        return error == StoreError.None ? (header.Type, answer) : (XsMessageType.Error, Wire.GetBytes($"{error}\0"));
    }

    private static (StoreError Error, byte[] Answer) Dispatch(StoreSession session, XsHeader header, ReadOnlySpan<byte> payload, Action<string, string> onEvent)
    {
        uint transaction = header.TransactionId;
        switch (header.Type)
        {
            case XsMessageType.Read:
                {
                    return TryOne(payload, out string path) ? Answer(session.Read(transaction, path, out ReadOnlyMemory<byte> value), value) : Invalid;
                }
            case XsMessageType.Directory:
                {
                    return TryOne(payload, out string path) ? Answer(session.List(transaction, path, out StoreNode? node), Names(node)) : Invalid;
                }
            case XsMessageType.DirectoryPart:
                return DirectoryPart(session, transaction, payload);
            case XsMessageType.GetPerms:
                {
                    return TryOne(payload, out string path)
                        ? Answer(session.GetPermissions(transaction, path, out StorePermissions? permissions), permissions?.ToWire())
                        : Invalid;
                }
            case XsMessageType.Write:
                {
                    // The value has no NUL at its end, and may have some inside.
                    int end = payload.IndexOf((byte)0);
                    return end < 0 ? Invalid : Done(session.Write(transaction, Wire.GetString(payload[..end]), payload[(end + 1)..].ToArray()));
                }
            case XsMessageType.Mkdir:
                {
                    return TryOne(payload, out string path) ? Done(session.MakeDirectory(transaction, path)) : Invalid;
                }
            case XsMessageType.Rm:
                {
                    return TryOne(payload, out string path) ? Done(session.Remove(transaction, path)) : Invalid;
                }
            case XsMessageType.SetPerms:
                return TryStrings(payload, out string[] parts) && parts.Length >= 2 && StorePermissions.Parse(parts.AsSpan(1)) is { } list
                    ? Done(session.SetPermissions(transaction, parts[0], list))
                    : Invalid;
            case XsMessageType.Watch:
                return TryStrings(payload, out string[] watch) && watch.Length == 2 ? Done(session.Watch(watch[0], watch[1], onEvent)) : Invalid;
            case XsMessageType.Unwatch:
                return TryStrings(payload, out string[] unwatch) && unwatch.Length == 2 ? Done(session.Unwatch(unwatch[0], unwatch[1])) : Invalid;
            case XsMessageType.ResetWatches:
                session.Reset();
                return Done(StoreError.None);
            case XsMessageType.TransactionStart:
                if (transaction != 0)
                    return (StoreError.EBUSY, []);
                return Answer(session.StartTransaction(out uint id), $"{id}\0");
            case XsMessageType.TransactionEnd:
                return TryOne(payload, out string verdict) && verdict is "T" or "F" ? Done(session.EndTransaction(transaction, commit: verdict == "T")) : Invalid;
            case XsMessageType.GetDomainPath:
                return TryDomain(payload, out DomainId home) ? Answer(StoreError.None, StorePath.Home(home) + "\0") : Invalid;
            case XsMessageType.IsDomainIntroduced:
                return TryDomain(payload, out DomainId domain) ? Answer(StoreError.None, session.IsIntroduced(domain) ? "T\0" : "F\0") : Invalid;
            case XsMessageType.Control or XsMessageType.Introduce or XsMessageType.Release or XsMessageType.Resume or XsMessageType.SetTarget:
                return (StoreError.EACCES, []);
            default:
                return (StoreError.ENOSYS, []);
        }
    }

    /// <summary>Payload: path and offset. Answer: the node's generation, then as many whole names from that offset on as fit; an empty name says that they end there.</summary>
    private static (StoreError Error, byte[] Answer) DirectoryPart(StoreSession session, uint transaction, ReadOnlySpan<byte> payload)
    {
        if (!TryStrings(payload, out string[] parts) || parts.Length != 2
            || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int offset))
            return Invalid;
        StoreError error = session.List(transaction, parts[0], out StoreNode? node);
        if (error != StoreError.None)
            return (error, []);
        string all = Names(node), generation = node!.Generation.ToString(CultureInfo.InvariantCulture) + "\0";
        offset = Math.Min(offset, all.Length);
        int room = XsLimits.PayloadMax - generation.Length - 1;
        if (all.Length - offset <= room)
            return Answer(StoreError.None, $"{generation}{all[offset..]}\0");
        int length = all.LastIndexOf('\0', offset + room - 1, room) + 1 - offset;
        return Answer(StoreError.None, $"{generation}{all.AsSpan(offset, length)}");
    }

    private static string Names(StoreNode? node) => node is null ? "" : string.Concat(node.Children.Keys.Select(name => name + "\0"));

    private static (StoreError Error, byte[] Answer) Invalid => (StoreError.EINVAL, []);

    private static (StoreError Error, byte[] Answer) Done(StoreError error) => Answer(error, "OK\0");

    private static (StoreError Error, byte[] Answer) Answer(StoreError error, string? text) => (error, Wire.GetBytes(text ?? ""));

    private static (StoreError Error, byte[] Answer) Answer(StoreError error, ReadOnlyMemory<byte> value) => (error, value.ToArray());

    // Each string ends with a NUL, the last one too.
    private static bool TryStrings(ReadOnlySpan<byte> payload, out string[] strings)
    {
        strings = [];
        if (payload.IsEmpty || payload[^1] != 0)
            return false;
        strings = Wire.GetString(payload[..^1]).Split('\0');
        return true;
    }

    private static bool TryOne(ReadOnlySpan<byte> payload, out string text)
    {
        bool isOne = TryStrings(payload, out string[] strings) && strings.Length == 1;
        text = isOne ? strings[0] : "";
        return isOne;
    }

    private static bool TryDomain(ReadOnlySpan<byte> payload, out DomainId domain)
    {
        domain = default;
        if (!TryOne(payload, out string text) || !ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number))
            return false;
        domain = new(number);
        return true;
    }
}
