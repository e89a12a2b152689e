using Microsoft.Extensions.Options;

namespace Sungrow.Edge.Buffer;

internal sealed class BufferOptions
{
    public const string Section = "Buffer";

    /// <summary>The SQLite file. Its folder must exist and be writable; beside it lie <c>-wal</c>, <c>-shm</c> and <c>.lock</c>,
    /// and of polling <c>.serial</c> and <c>.counters</c>.</summary>
    public string Path { get; set; } = "/var/lib/sungrow-edge/buffer.db";
}

internal sealed class BufferOptionsValidator : IValidateOptions<BufferOptions>
{
    public ValidateOptionsResult Validate(string? name, BufferOptions options) =>
        Directory.Exists(options.Path)
            ? ValidateOptionsResult.Fail(
                Settings.Wrong("Buffer__Path", options.Path, "the path of a file, for example /var/lib/sungrow-edge/buffer.db"))
            : ValidateOptionsResult.Success;
}
