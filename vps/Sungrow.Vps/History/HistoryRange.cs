using Npgsql;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.History;

/// <summary>What a request of this room asks for: one of the viewer's devices, its site's calendar, and a stretch of time.</summary>
/// <param name="PollIntervalS">Of the device, as last reported.</param>
internal sealed record HistoryRange(
    string DeviceId, string TimeZone, double PollIntervalS, DateTimeOffset From, DateTimeOffset To)
{
    public const string TimesForm = "from and to, from before to, within 2000 .. 2100, as " + Rfc3339.Form;

    private static readonly DateTimeOffset Latest = new(2100, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Default = TimeSpan.FromDays(1);
    private static readonly TimeSpan Future = TimeSpan.FromDays(1);

    public SiteCalendar Calendar { get; } = SiteCalendar.Of(TimeZone);

    /// <returns>Null with a refusal.</returns>
    public static async Task<(HistoryRange? Range, ProblemResult? Refusal)> ReadAsync(
        HttpContext context, string? deviceId, string? from, string? to, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (VisibleDevice.Find(context, deviceId, out var refusal) is not { } visible)
        {
            return (null, refusal);
        }

        if (!TryRead(from, to, now, out var first, out var last))
        {
            return (null, Refuse(TimesForm));
        }

        var database = context.RequestServices.GetRequiredService<Database>();
        await using var connection = await database.ConnectAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            """
            SELECT sites.time_zone, devices.poll_interval_s FROM devices JOIN sites ON sites.id = devices.site_id
            WHERE devices.device_id = $1
            """,
            connection)
        {
            Parameters = { new() { Value = visible } },
        };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        // A viewer's token of the environment may name a device that nobody has registered yet.
        return await row.ReadAsync(cancellationToken)
            ? (new(visible, row.GetString(0), row.GetDouble(1), first, last), null)
            : (new(visible, TimeZoneInfo.Utc.Id, 10, first, last), null);
    }

    /// <param name="allowed">What is.</param>
    public static ProblemResult Refuse(string allowed) =>
        Problems.Of(StatusCodes.Status400BadRequest, ErrorCodes.InvalidQuery, $"Allowed: {allowed}.");

    /// <summary>As asked for, but no calendar of a far future in which nothing can be stored.</summary>
    public static bool TryRead(string? from, string? to, DateTimeOffset now, out DateTimeOffset first, out DateTimeOffset last)
    {
        if (!TryParse(from, to, now, out first, out last))
        {
            return false;
        }

        var latest = now + Future > first ? now + Future : first + Future;
        last = last < latest ? last : latest;
        return true;
    }

    /// <summary>Without <c>to</c> until now, without <c>from</c> the day before <c>to</c>.</summary>
    internal static bool TryParse(string? from, string? to, DateTimeOffset now, out DateTimeOffset first, out DateTimeOffset last)
    {
        first = default;
        last = Rfc3339.Truncate(now);
        if (to is not null && !TryParse(to, out last))
        {
            return false;
        }

        first = last - Default;
        return (from is null || TryParse(from, out first))
            && first < last && first >= ProtocolLimits.OldestTimestamp && last <= Latest;
    }

    // A + that was not escaped arrives as a space; no time of ours ends in one and five characters.
    private static bool TryParse(string text, out DateTimeOffset time) =>
        Rfc3339.TryParse(text.Length > 19 && text[^6] == ' ' ? $"{text[..^6]}+{text[^5..]}" : text, out time);
}
