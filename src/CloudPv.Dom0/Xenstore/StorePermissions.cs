using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using CloudPv.Xen;

namespace CloudPv.Dom0.Xenstore;

[Flags]
public enum StoreAccess
{
    None = 0,
    Read = 1,
    Write = 2,
    Both = Read | Write,
}

/// <summary>One entry of a permission list; on the wire a letter and a domain: <c>n0</c>, <c>r1</c>, <c>w2</c>, <c>b3</c>.</summary>
public readonly record struct StorePermission(DomainId Domain, StoreAccess Access)
{
    public override string ToString() => Access switch
    {
        StoreAccess.None => "n",
        StoreAccess.Read => "r",
        StoreAccess.Write => "w",
        _ => "b",
    } + Domain.Value.ToString(CultureInfo.InvariantCulture);

    public static bool TryParse(ReadOnlySpan<char> text, out StorePermission permission)
    {
        permission = default;
        if (text.Length < 2 || !ushort.TryParse(text[1..], NumberStyles.None, CultureInfo.InvariantCulture, out ushort domain))
            return false;
        StoreAccess? access = text[0] switch
        {
            'n' => StoreAccess.None,
            'r' => StoreAccess.Read,
            'w' => StoreAccess.Write,
            'b' => StoreAccess.Both,
            _ => null,
        };
        permission = new(new(domain), access.GetValueOrDefault());
        return access is not null;
    }
}

/// <summary>A node's permission list. The first entry names the owner, who may do everything, and what a domain may do that no later entry names.</summary>
public sealed class StorePermissions : IEquatable<StorePermissions>
{
    private readonly ImmutableArray<StorePermission> _entries;

    private StorePermissions(ImmutableArray<StorePermission> entries) => _entries = entries;

    /// <summary>Dom0's own, closed to others: what the root starts with.</summary>
    public static readonly StorePermissions Dom0Only = Of(DomainId.Zero, StoreAccess.None);

    public DomainId Owner => _entries[0].Domain;

    public int Count => _entries.Length;

    /// <summary>A list of the owner with what others may do, and of domains with rights of their own.</summary>
    public static StorePermissions Of(DomainId owner, StoreAccess others, params ReadOnlySpan<StorePermission> domains) =>
        new([new(owner, others), .. domains]);

    /// <summary>Owned by one domain and readable by one other, as most device nodes are.</summary>
    public static StorePermissions OwnedReadableBy(DomainId owner, DomainId reader) =>
        Of(owner, StoreAccess.None, new StorePermission(reader, StoreAccess.Read));

    /// <summary>Null where a part is no permission, or there is none.</summary>
    public static StorePermissions? Parse(ReadOnlySpan<string> parts)
    {
        var entries = ImmutableArray.CreateBuilder<StorePermission>(parts.Length);
        foreach (string part in parts)
        {
            if (!StorePermission.TryParse(part, out StorePermission permission))
                return null;
            entries.Add(permission);
        }
        return entries.Count == 0 ? null : new(entries.ToImmutable());
    }

    public bool Allows(DomainId domain, StoreAccess access)
    {
        if (domain == DomainId.Zero || domain == Owner)
            return true;
        foreach (StorePermission entry in _entries.AsSpan(1..))
        {
            if (entry.Domain == domain)
                return (entry.Access & access) == access;
        }
        return (_entries[0].Access & access) == access;
    }

    /// <summary>What a new child gets: the parent's list, but a guest owns what it creates.</summary>
    public StorePermissions InheritedBy(DomainId creator) =>
        creator == DomainId.Zero || creator == Owner ? this : new(_entries.SetItem(0, _entries[0] with { Domain = creator }));

    /// <summary>The wire form: each entry ended by a NUL.</summary>
    public string ToWire()
    {
        var wire = new StringBuilder();
        foreach (StorePermission entry in _entries)
            wire.Append(entry).Append('\0');
        return wire.ToString();
    }

    public bool Equals(StorePermissions? other) => other is not null && _entries.AsSpan().SequenceEqual(other._entries.AsSpan());
    public override bool Equals(object? obj) => Equals(obj as StorePermissions);
    public override int GetHashCode() => HashCode.Combine(_entries.Length, _entries[0]);
    public override string ToString() => string.Join(',', _entries);
}
