namespace Sungrow.Vps.Storage;

/// <summary>An aggregate that is kept ready.</summary>
/// <param name="Table">What it is made of.</param>
/// <param name="RegularWindow">How far back the regular refresh looks.</param>
internal sealed record KeptAggregate(string View, string Table, TimeSpan Bucket, TimeSpan RegularWindow)
{
    /// <summary>The start of the bucket that holds <paramref name="time"/>.</summary>
    public DateTimeOffset Floor(DateTimeOffset time) => new(time.UtcTicks - (time.UtcTicks % Bucket.Ticks), TimeSpan.Zero);

    public DateTimeOffset Ceiling(DateTimeOffset time) => Floor(time) == time ? time : Floor(time) + Bucket;
}
