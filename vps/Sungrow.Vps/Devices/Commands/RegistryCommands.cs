using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Options;
using Npgsql;
using Sungrow.Protocol;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Devices.Commands;

/// <summary><c>sungrow-vps tenants|sites|devices|viewers</c>: who there is, and whose tokens are good.</summary>
internal static class RegistryCommands
{
    /// <summary>How many good tokens one device or viewer has at most: who rotates in a circle is stopped.</summary>
    public const int MostTokens = 10;

    private static readonly TimeSpan UsualOverlap = TimeSpan.FromDays(7);
    private static readonly TimeSpan LongestOverlap = TimeSpan.FromDays(90);

    public static void AddTo(Command root)
    {
        root.Subcommands.Add(TenantCommands.Create());
        root.Subcommands.Add(SiteCommands.Create());
        root.Subcommands.Add(DeviceCommands.Create());
        root.Subcommands.Add(ViewerCommands.Create());
    }

    /// <summary>A name of the form that device ids have: it stands in routes and messages.</summary>
    public static Argument<string> Name(string name, string description)
    {
        var argument = new Argument<string>(name) { Description = $"{description}: {DeviceIds.Form}." };
        argument.Validators.Add(word => Check(word, name));
        return argument;
    }

    public static Option<string> Tenant() => Named("--tenant", "Its tenant.", SungrowDbContext.DefaultTenant);

    public static Option<string> Site() => Named("--site", "Its site.", SungrowDbContext.DefaultSite);

    /// <summary>Of one tenant, or of all without it.</summary>
    public static Option<string?> OfTenant() => new("--tenant") { Description = "Only of this tenant." };

    public static Option<TimeSpan> Overlap() => new("--overlap")
    {
        Description = "How long the old tokens stay good: 00:00:00 .. 90.00:00:00, days first.",
        DefaultValueFactory = _ => UsualOverlap,
        CustomParser = word =>
        {
            if (!TimeSpan.TryParse(word.Tokens[0].Value, out var overlap) || overlap < TimeSpan.Zero || overlap > LongestOverlap)
            {
                word.AddError($"--overlap is '{word.Tokens[0].Value}'; allowed is 00:00:00 .. 90.00:00:00, for example 7.00:00:00.");
            }

            return overlap;
        },
    };

    public static string Count(long count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";

    public static DateTimeOffset? TimeAt(NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? null : row.GetFieldValue<DateTimeOffset>(column);

    /// <summary>Three columns: ids, beginnings and ends.</summary>
    public static TokenFacts[] TokensAt(NpgsqlDataReader row, int column)
    {
        var ids = row.GetFieldValue<string[]>(column);
        var begins = row.GetFieldValue<DateTimeOffset[]>(column + 1);
        var ends = row.GetFieldValue<DateTimeOffset?[]>(column + 2);
        return [.. ids.Select((id, i) => new TokenFacts(id, begins[i], ends[i]))];
    }

    public static string Tokens(IReadOnlyList<TokenFacts> tokens, DateTimeOffset now) =>
        Count(tokens.Count(token => token.IsGoodAt(now)), "good token");

    /// <summary>Under the other facts.</summary>
    public static void ShowTokens(IReadOnlyList<TokenFacts> tokens, DateTimeOffset now) => AdminSession.Table(
        tokens, "No token.",
        ("token", token => token.Id), ("from (UTC)", token => AdminSession.Time(token.NotBefore)),
        ("until (UTC)", token => AdminSession.Time(token.NotAfter)), ("", token => token.IsGoodAt(now) ? "good" : "not now"));

    /// <summary>Shows a token, which nobody can ever see again.</summary>
    public static void Show(IssuedToken issued)
    {
        Console.WriteLine();
        Console.WriteLine($"  {issued.Token}");
        Console.WriteLine();
        Console.WriteLine("This is the only time it is shown.");
        if (issued.OldTokensEnd is { } end)
        {
            Console.WriteLine($"The old tokens stay good until {AdminSession.Time(end)}.");
        }
    }

    /// <summary>Tells the servers that run to forget a device, and says how soon they do.</summary>
    public static async Task<Notice> TellAsync(AdminSession session, string tenant, string deviceId)
    {
        var options = session.Service<IOptions<DevicesOptions>>().Value;
        var told = options.RedisUrl.Length > 0
            && await Invalidations.TryTellAsync(options.RedisUrl, tenant, deviceId, session.Service<TimeProvider>(), session.CancellationToken);
        return new(
            told ? 0 : options.AuthCacheTtlSeconds,
            told ? "Every running server has been told."
                : $"{(options.RedisUrl.Length > 0 ? "Redis does not answer. " : "")}Running servers notice within "
                + $"{options.AuthCacheTtlSeconds} s.");
    }

    /// <summary>Tells the servers that run to forget what they know of viewers. One that does not hear it asks anyway.</summary>
    public static Task TellOfViewersAsync(AdminSession session) =>
        session.Service<IOptions<DevicesOptions>>().Value.RedisUrl is { Length: > 0 } redisUrl
            ? Invalidations.TryTellOfViewersAsync(redisUrl, session.Service<TimeProvider>(), session.CancellationToken)
            : Task.CompletedTask;

    private static Option<string> Named(string name, string description, string usual)
    {
        var option = new Option<string>(name)
        {
            Description = description,
            DefaultValueFactory = _ => usual,
        };
        option.Validators.Add(word => Check(word, name));
        return option;
    }

    private static void Check(SymbolResult word, string name)
    {
        if (word.Tokens.Any(token => !DeviceIds.IsWellFormed(token.Value)))
        {
            word.AddError($"{name} is malformed; allowed is {DeviceIds.Form}.");
        }
    }
}

/// <param name="WithinS">0 when every running server has been told.</param>
internal sealed record Notice(int WithinS, [property: JsonIgnore] string Sentence);

internal sealed record TenantFacts(string Tenant, long Sites, long Devices, long Viewers, DateTimeOffset CreatedAt);

internal sealed record SiteFacts(string Tenant, string Site, string TimeZone, long Devices, DateTimeOffset CreatedAt);

internal sealed record DeviceFacts(
    string DeviceId, string Tenant, string Site, string Status, double PollIntervalS, DateTimeOffset? FirstSeen, DateTimeOffset? LastSeen,
    DateTimeOffset CreatedAt, IReadOnlyList<TokenFacts> Tokens);

internal sealed record ViewerFacts(
    string Viewer, string Tenant, IReadOnlyList<string> Devices, bool Fleet, IReadOnlyList<TokenFacts> Tokens);

/// <param name="Id">The first 8 hex digits of its digest, to tell tokens apart.</param>
internal sealed record TokenFacts(string Id, DateTimeOffset NotBefore, DateTimeOffset? NotAfter)
{
    public bool IsGoodAt(DateTimeOffset now) => NotBefore <= now && (NotAfter is null || NotAfter > now);
}

/// <param name="OldTokensEnd">Null where there is no older one that is good.</param>
internal sealed record IssuedToken(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? DeviceId,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Viewer,
    string Tenant,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Site,
    string Token,
    DateTimeOffset? OldTokensEnd,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Notice? Noticed = null);

/// <param name="State"><c>ADDED</c>, <c>ACTIVE</c>, <c>REVOKED</c> or <c>REMOVED</c>.</param>
internal sealed record Changed(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? DeviceId,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Viewer,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Site,
    string Tenant,
    string State,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Notice? Noticed = null);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    WriteIndented = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.Never,
    Converters = [typeof(Rfc3339Converter)])]
[JsonSerializable(typeof(List<TenantFacts>))]
[JsonSerializable(typeof(List<SiteFacts>))]
[JsonSerializable(typeof(List<DeviceFacts>))]
[JsonSerializable(typeof(List<ViewerFacts>))]
[JsonSerializable(typeof(TenantFacts))]
[JsonSerializable(typeof(SiteFacts))]
[JsonSerializable(typeof(DeviceFacts))]
[JsonSerializable(typeof(ViewerFacts))]
[JsonSerializable(typeof(IssuedToken))]
[JsonSerializable(typeof(Changed))]
internal sealed partial class RegistryJson : JsonSerializerContext;
