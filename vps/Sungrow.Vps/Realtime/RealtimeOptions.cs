using Microsoft.Extensions.Options;

namespace Sungrow.Vps.Realtime;

internal sealed class RealtimeOptions
{
    public const string Section = "Realtime";

    /// <summary><c>REDIS_URL</c>; see <see cref="Vps.RedisUrl"/>. Empty: no cache, every read asks the database. Holds a password:
    /// never shown.</summary>
    public string RedisUrl { get; set; } = "";

    /// <summary>How long ingest and readers wait for Redis before they go on without it.</summary>
    public TimeSpan RedisTimeout { get; set; } = TimeSpan.FromMilliseconds(250);
}

internal sealed class RealtimeOptionsValidator : IValidateOptions<RealtimeOptions>
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    public ValidateOptionsResult Validate(string? name, RealtimeOptions options)
    {
        List<string> wrong = [];
        if (options.RedisUrl.Length > 0 && !RedisUrl.TryParse(options.RedisUrl, out _, out var what))
        {
            wrong.Add(Settings.WrongSecret(RealtimeOptions.Section, nameof(options.RedisUrl), what, RedisUrl.Form));
        }

        if (options.RedisTimeout < Shortest || options.RedisTimeout > Longest)
        {
            wrong.Add(Settings.Wrong(
                RealtimeOptions.Section, nameof(options.RedisTimeout), options.RedisTimeout, "00:00:00.010 .. 00:00:10"));
        }

        return wrong.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(wrong);
    }
}
