namespace CloudPv.WorkerProtocol;

/// <summary>The one line that answers a request.</summary>
/// <param name="Error">Why not, in words for the user; null where the request was carried out.</param>
/// <param name="Image">Of <see cref="InspectImage"/>.</param>
/// <param name="Data">Of <see cref="ReadConsole"/>.</param>
public sealed record WorkerAnswer(string? Error = null, ImageInspection? Image = null, byte[]? Data = null)
{
    public static readonly WorkerAnswer Done = new();

    public static WorkerAnswer Refused(string why) => new(why);
}

/// <summary>What a file is, and whether an instance can use it as that.</summary>
/// <param name="Kind"><c>kernel</c>, <c>ramdisk</c>, <c>disk</c> or <c>unknown</c>.</param>
/// <param name="Description">What it is, as a noun phrase: "Linux bzImage 6.1.0-31-cloud-amd64, xz payload", "text file".</param>
/// <param name="Problem">Why it can't be used, as a sentence; null where it can.</param>
public sealed record ImageInspection(string Kind, string Description, string? Problem);

/// <summary>A refusal by a worker, with its words.</summary>
public sealed class WorkerRefusedException(string message) : Exception(message);

/// <summary>The worker can't be reached, or went away before it answered.</summary>
public sealed class WorkerUnreachableException(string message, Exception? inner = null) : IOException(message, inner);
