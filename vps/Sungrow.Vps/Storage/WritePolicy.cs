using Npgsql;

namespace Sungrow.Vps.Storage;

/// <summary>How a flush reaches the table.</summary>
internal enum WritePath
{
    /// <summary><c>unnest .. ON CONFLICT DO NOTHING</c>, then a look at what stands in place of the rows it passed over.</summary>
    Insert,

    /// <summary>Sent again: the server compares key by key, and if nothing differs stores the audit, in one statement.</summary>
    Compare,

    /// <summary>Sent again, where chunks may be compressed: what stands is read by stretches of time, as each key by itself would unpack
    /// a batch.</summary>
    LookFirst,

    /// <summary>Binary COPY. Twice as fast, and fails as a whole on the first row that is here.</summary>
    Copy,
}

/// <summary>How the rows of one request stand to those stored of its device.</summary>
internal enum Standing
{
    /// <summary>Nothing is stored at or after its first.</summary>
    New,

    /// <summary>Its first and its last are stored: in all likelihood it is sent again.</summary>
    SentAgain,

    /// <summary>Anything else, also unknown.</summary>
    Between,
}

/// <summary>What is written together, what is late, and by which path.</summary>
internal static class WritePolicy
{
    /// <summary>What lies further back is not seen by the regular refresh of the aggregates. One refresh range spans all rows of a
    /// transaction, so a late request has one of its own.</summary>
    public static readonly TimeSpan RefreshWindow = TimeSpan.FromDays(2);

    /// <summary>A request of this many rows is worth a transaction of its own.</summary>
    public const int LargeRows = 2_500;

    /// <summary>Below this neither COPY nor a question in advance gains anything.</summary>
    public const int CopyFromRows = 50;

    /// <summary>A flush beside another pays from about here: below, what it costs by itself is more than what its rows do.</summary>
    public const int RowsForAnother = 250;

    /// <summary>How long less than that waits for a flush under way. One takes some milliseconds; longer, and it waits for a lock.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(50);

    // The chunk that the compression comes to while we write.
    private static readonly TimeSpan CompressionMargin = TimeSpan.FromHours(1);

    public static bool IsLate(DateTimeOffset oldest, DateTimeOffset now) => oldest < now - RefreshWindow;

    /// <summary>Whether a request waits for no company.</summary>
    public static bool GoesAlone(int rows, DateTimeOffset oldest, int batchSize, DateTimeOffset now) =>
        rows >= Math.Min(LargeRows, batchSize) || IsLate(oldest, now);

    public static bool IsWorthAnother(long rows, int batchSize) => rows >= Math.Min(RowsForAnother, batchSize);

    /// <summary>Whether a request joins those of a flush that are <paramref name="rows"/> together; one is never split.</summary>
    public static bool Joins(int rows, int next, int batchSize) => rows == 0 || rows + next <= batchSize;

    /// <summary>Whether COPY could do it if the rows are new: enough of them, no key twice, and none where chunks are compressed: there a
    /// duplicate makes COPY unpack a thousand rows before it fails.</summary>
    public static bool MayCopy(Flush flush, TimeSpan compressAfter, DateTimeOffset now) =>
        flush.Rows.Count >= CopyFromRows && flush.Distinct && IsUncompressed(flush, compressAfter, now);

    public static bool IsUncompressed(Flush flush, TimeSpan compressAfter, DateTimeOffset now) =>
        flush.First > now - compressAfter + CompressionMargin;

    public static WritePath Choose(bool mayCopy, bool uncompressed, IReadOnlyCollection<Standing> requests) =>
        mayCopy && requests.All(standing => standing == Standing.New) ? WritePath.Copy
        : requests.All(standing => standing == Standing.SentAgain) ? uncompressed ? WritePath.Compare : WritePath.LookFirst
        : WritePath.Insert;

    /// <summary>What COPY fails with where the other path goes through: a key that is there, more compressed rows touched than one
    /// statement may unpack, and another COPY over the same compressed rows.</summary>
    public static bool FallsBack(string sqlState) =>
        sqlState is PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.ConfigurationLimitExceeded
            or PostgresErrorCodes.DeadlockDetected;
}
