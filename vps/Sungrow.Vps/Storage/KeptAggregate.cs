namespace Sungrow.Vps.Storage;

/// <summary>An aggregate that is kept ready.</summary>
/// <param name="Table">What it is made from.</param>
/// <param name="Pending">The table of the stretches that are to be computed anew.</param>
/// <param name="RegularWindow">How far back the regular refresh looks.</param>
/// <param name="LockKey">Of all the advisory locks in this database: who holds it refreshes.</param>
internal sealed record KeptAggregate(string View, string Table, string Pending, TimeSpan Bucket, TimeSpan RegularWindow, long LockKey)
{
    /// <summary>The start of the bucket that holds <paramref name="time"/>.</summary>
    public DateTimeOffset Floor(DateTimeOffset time) => new(time.UtcTicks - (time.UtcTicks % Bucket.Ticks), TimeSpan.Zero);

    public DateTimeOffset Ceiling(DateTimeOffset time) => Floor(time) == time ? time : Floor(time) + Bucket;
}
