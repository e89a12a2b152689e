namespace Sungrow.Edge.Buffer;

/// <summary>How full the buffer is.</summary>
/// <param name="UsedBytes">Of the database, without its free pages.</param>
/// <param name="FreeBytes">Free pages within the file: taken again before it grows.</param>
/// <param name="DiskFreeBytes">Of the file system.</param>
internal readonly record struct Fill(long UsedBytes, long FreeBytes, long DiskFreeBytes);

/// <summary>How much has to go before the next append. Sent rows go first, then the content of dead letters (they are counted), then the
/// oldest unsent rows.</summary>
internal static class Eviction
{
    /// <summary>What the buffer may always hold, however little space the file system has: a day of samples.</summary>
    public const long Least = 1024 * 1024;

    // A row takes about 80 bytes; evicting a few pages at once makes it rare.
    private const long RowBytes = 80;
    private const int FewestRows = 128;
    private const int MostRows = 4096;

    // Rather less than this free within the file, it would have to grow for the next rows.
    private const long Reserve = 16 * 1024;

    /// <returns>Rows to remove, 0 while all is well.</returns>
    public static int Rows(Fill fill, BufferOptions options)
    {
        var over = fill.UsedBytes - options.MaxBytes;
        if (fill.DiskFreeBytes < options.MinFreeBytes && fill.FreeBytes < Reserve && fill.UsedBytes > Least)
        {
            over = Math.Max(over, Reserve - fill.FreeBytes);
        }

        return over <= 0 ? 0 : (int)Math.Clamp(over / RowBytes, FewestRows, MostRows);
    }
}
