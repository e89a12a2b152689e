namespace Sungrow.Edge.Buffer;

/// <summary>One device's cursor and counters. Always: committed = acknowledged + waiting + dead-lettered + evicted.</summary>
/// <param name="Cursor">Every row up to this number has been answered for, or is held.</param>
/// <param name="Held">Part of <see cref="Waiting"/>.</param>
internal sealed record DeviceCounters(
    string DeviceId, long Cursor, long Committed, long Acknowledged, long DeadLettered = 0, long Evicted = 0, long Held = 0)
{
    public long Waiting => Committed - Acknowledged - DeadLettered - Evicted;
}

/// <summary>The file before this one, which was damaged.</summary>
/// <param name="Salvaged">Rows that this buffer took over.</param>
/// <param name="Lost">Rows that waited there and could not be read.</param>
internal sealed record Replacement(Guid BufferId, long Salvaged, long Lost);

/// <summary>Rows that have a number and will not reach the server.</summary>
/// <param name="Rows">How many of the numbers between are missing: others may lie there.</param>
/// <param name="Reason">A word of the report.</param>
internal sealed record MissingRange(
    long FromSeq, long ToSeq, long Rows, DateTimeOffset? From, DateTimeOffset? To, string Reason, string DeviceId);

/// <summary>A time in which nothing was sampled.</summary>
/// <param name="To">Null while it lasts.</param>
/// <param name="Reason">A word of the report.</param>
internal sealed record Gap(long Id, DateTimeOffset From, DateTimeOffset? To, string Reason, long Missed);

/// <summary>Dead-lettering has stopped: too many rows in a row were refused with one code.</summary>
internal sealed record Brake(string Code, DateTimeOffset Since);

/// <summary>The buffer's own account, for the report and for <c>status</c>.</summary>
/// <param name="Replaces">The damaged file that this one follows.</param>
/// <param name="NewestSample">The time of the newest row ever appended that has one.</param>
/// <param name="Untimed">Rows that wait for the clock to be trusted.</param>
/// <param name="FileBytes">The database and its log, on disk.</param>
/// <param name="UsedBytes">What of the database is in use; the rest is taken again before the file grows.</param>
internal sealed record BufferState(
    Guid BufferId,
    Replacement? Replaces,
    IReadOnlyList<DeviceCounters> Devices,
    DateTimeOffset? OldestWaiting,
    DateTimeOffset? NewestWaiting,
    DateTimeOffset? NewestSample,
    long Untimed,
    long FileBytes,
    long UsedBytes,
    Brake? Brake)
{
    public long Committed => Devices.Sum(device => device.Committed);

    public long Acknowledged => Devices.Sum(device => device.Acknowledged);

    public long Waiting => Devices.Sum(device => device.Waiting);

    public long Held => Devices.Sum(device => device.Held);

    public long DeadLettered => Devices.Sum(device => device.DeadLettered);

    public long Evicted => Devices.Sum(device => device.Evicted);
}
