namespace CloudPv.Cloud;

/// <summary>What an image is for, as EC2's image-type.</summary>
public enum ImageKind
{
    /// <summary>AMI: what is launched. Names its kernel and ramdisk, and has a root disk or none.</summary>
    Machine,

    /// <summary>AKI: a Xen PV kernel.</summary>
    Kernel,

    /// <summary>ARI: an initial ramdisk.</summary>
    Ramdisk,
}

/// <summary>A catalogued image. It is there once its file is complete and checked; it never changes.</summary>
public sealed class Image : ICreated
{
    /// <summary>As <c>ami-</c>, <c>aki-</c> or <c>ari-</c> and 17 hex digits.</summary>
    public required string Id { get; init; }

    public required string AccountId { get; init; }

    public required ImageKind Kind { get; init; }

    public required string Name { get; init; }

    public required string Architecture { get; init; }

    /// <summary>What the file was found to be.</summary>
    public required string Description { get; init; }

    /// <summary>The kernel of a machine image.</summary>
    public string? KernelId { get; init; }

    /// <summary>The ramdisk of a machine image, if it has one.</summary>
    public string? RamdiskId { get; init; }

    /// <summary>The root disk's name in the guest, as <c>xvda</c>; of machine images with a disk.</summary>
    public string? RootDevice { get; init; }

    /// <summary>The kernel's command line; of machine images.</summary>
    public string? CommandLine { get; init; }

    /// <summary>The content; null for a machine image with no disk of its own.</summary>
    public string? FileSha256 { get; init; }

    public ImageFile? File { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it was deregistered: instances go on, nothing new is launched from it.</summary>
    public DateTimeOffset? DeregisteredAt { get; set; }

    public ImageState State => DeregisteredAt is null ? ImageState.Available : ImageState.Deregistered;

    /// <summary>xmin.</summary>
    public uint Version { get; init; }

    public static string Prefix(ImageKind kind) => kind switch
    {
        ImageKind.Machine => "ami",
        ImageKind.Kernel => "aki",
        _ => "ari",
    };
}

public enum ImageState
{
    Available,
    Deregistered,
}
