namespace Sungrow.Protocol;

/// <summary>What a body of <c>POST /v1/ingest</c> holds. Where <see cref="Malformed"/> or <see cref="TooManySamples"/> is set, the rest
/// says nothing.</summary>
public sealed class ReadBatch
{
    /// <summary>Not JSON: where reading stopped. Null when it is JSON.</summary>
    public string? Malformed { get; internal init; }

    /// <summary>More than <see cref="ProtocolLimits.MaxSamples"/>; the rest was not read.</summary>
    public bool TooManySamples { get; internal set; }

    public Guid? BufferId { get; internal set; }

    /// <summary>Entries of the list, sound or not.</summary>
    public int Sent { get; internal set; }

    /// <summary>The sound samples in the order of the body; all of them when <see cref="Errors"/> is empty.</summary>
    public List<SungrowSample> Samples { get; } = [];

    /// <summary>Every well-formed device id named, also by a sample that is otherwise wrong.</summary>
    public HashSet<string> DeviceIds { get; } = new(StringComparer.Ordinal);

    /// <summary>Every error of every bad sample. Of a member given twice the first is checked, and the second only named.</summary>
    public List<FieldError> Errors { get; } = [];
}
