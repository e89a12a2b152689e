using Microsoft.Extensions.Options;

namespace Sungrow.Edge.Buffer;

internal sealed class BufferOptions
{
    public const string Section = "Buffer";

    /// <summary>The SQLite file. Its folder must exist and be writable; beside it lie <c>-wal</c>, <c>-shm</c> and <c>.lock</c>,
    /// and of polling <c>.serial</c> and <c>.counters</c>.</summary>
    public string Path { get; set; } = "/var/lib/sungrow-edge/buffer.db";

    /// <summary>The most bytes that rows may take. Over it the oldest sent rows go, then the oldest unsent.</summary>
    public long MaxBytes { get; set; } = 2L * 1024 * 1024 * 1024;

    /// <summary>While the file system has fewer free bytes, the buffer does not grow: it evicts instead. 0: it does not look.</summary>
    public long MinFreeBytes { get; set; } = 256 * 1024 * 1024;

    /// <summary>How long rows stay that the server has, to be sent again when it asks.</summary>
    public TimeSpan KeepSent { get; set; } = TimeSpan.FromDays(7);
}

internal sealed class BufferOptionsValidator : IValidateOptions<BufferOptions>
{
    private const long MostBytes = 1L << 40;

    private static readonly TimeSpan LongestKept = TimeSpan.FromDays(3650);

    public ValidateOptionsResult Validate(string? name, BufferOptions options)
    {
        List<string> wrong = [];
        if (Directory.Exists(options.Path))
        {
            wrong.Add(Settings.Wrong("Buffer__Path", options.Path, "the path of a file, for example /var/lib/sungrow-edge/buffer.db"));
        }

        if (options.MaxBytes is < Eviction.Least or > MostBytes)
        {
            wrong.Add(Settings.Wrong("Buffer__MaxBytes", $"{options.MaxBytes}", $"bytes, {Eviction.Least} .. {MostBytes}"));
        }

        if (options.MinFreeBytes is < 0 or > MostBytes)
        {
            wrong.Add(Settings.Wrong("Buffer__MinFreeBytes", $"{options.MinFreeBytes}", $"bytes, 0 .. {MostBytes}"));
        }

        if (options.KeepSent < TimeSpan.Zero || options.KeepSent > LongestKept)
        {
            wrong.Add(Settings.Wrong("Buffer__KeepSent", $"{options.KeepSent}", $"00:00:00 .. {LongestKept}"));
        }

        return wrong.Count > 0 ? ValidateOptionsResult.Fail(wrong) : ValidateOptionsResult.Success;
    }
}
