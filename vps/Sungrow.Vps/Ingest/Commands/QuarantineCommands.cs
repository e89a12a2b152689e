using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Options;
using Npgsql;
using Sungrow.Protocol;
using Sungrow.Vps.Realtime;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Ingest.Commands;

/// <summary><c>sungrow-vps quarantine</c>: what arrived and was not stored, for a person to decide.</summary>
internal static class QuarantineCommands
{
    public static Command Create()
    {
        var id = new Argument<long>("id") { Description = "As listed." };
        var ids = new Argument<long[]>("ids")
        {
            Description = "As listed, one or more.",
            Arity = ArgumentArity.OneOrMore,
            CustomParser = ParseIds,
        };
        var device = new Option<string?>("--device") { Description = "Only of this device." };
        var code = new Option<string?>("--code") { Description = "Only with this code, for example CONFLICTING_SAMPLE." };
        var all = new Option<bool>("--all") { Description = "Also what was dropped, or replaced by a release." };
        var limit = EventsCommands.Limit();
        return new Command("quarantine", "What arrived and was not stored: conflicting samples, refused telemetry.")
        {
            Admin.Verb("list", "List it, the newest first.", session => ListAsync(
                session, new(session.Word(device), session.Word(code), session.Word(all), session.Word(limit))), device, code, all, limit),
            Admin.Verb("show", "Show one; a conflict beside what is stored.", session => ShowAsync(session, session.Word(id)), id),
            Admin.Verb(
                "release", "Store it: a conflict in place of what stands there, telemetry by trying it again.",
                session => ReleaseAsync(session, session.Word(ids)), ids),
            Admin.Verb(
                "drop", "Let its values go; that it came stays counted.", session => DropAsync(session, session.Word(ids)), ids),
        };
    }

    // The library's own parser names the first of them, whichever is wrong.
    private static long[] ParseIds(ArgumentResult words)
    {
        List<long> ids = [];
        foreach (var token in words.Tokens)
        {
            if (long.TryParse(token.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var id))
            {
                ids.Add(id);
            }
            else
            {
                words.AddError($"'{token.Value}' is no id; allowed are numbers, as listed.");
            }
        }

        return [.. ids];
    }

    private static async Task ListAsync(AdminSession session, QuarantineFilter filter)
    {
        var rows = await QuarantineDesk.ListAsync(session.Connection, filter, session.CancellationToken);
        session.Say([.. rows.Select(QuarantineFacts.Of)], QuarantineFactsJson.Default.ListQuarantineFacts, facts =>
        {
            AdminSession.Table(
                facts, "Nothing is in quarantine.",
                ("id", row => $"{row.Id}"), ("device", row => row.DeviceId), ("of (UTC)", row => AdminSession.Time(row.Ts)),
                ("code", row => row.Resolution is null ? row.Code : $"{row.Code}, {row.Resolution}"),
                ("came (UTC)", row => AdminSession.Time(row.ReceivedAt)));
            EventsCommands.SayLimit(facts.Count, filter.Limit);
        });
    }

    private static async Task ShowAsync(AdminSession session, long id)
    {
        var row = await QuarantineDesk.FindAsync(session.Connection, id, session.CancellationToken) ?? throw Unknown(id);
        var refused = row is { Code: ErrorCodes.ConflictingSample, Payload: { } payload }
            ? JsonSerializer.Deserialize(payload, ProtocolJson.Default.SungrowSample)
            : null;
        var stored = refused is null
            ? null
            : (await StoredSamples.FindAsync(session.Connection, refused.DeviceId, refused.Ts, session.CancellationToken))?.Sample;
        session.Say(QuarantineFacts.Of(row) with { Stored = stored }, QuarantineFactsJson.Default.QuarantineFacts, facts =>
        {
            AdminSession.Facts(
                ("id", $"{id}"), ("device", row.DeviceId), ("of", AdminSession.Time(row.Ts)), ("code", row.Code),
                ("came", AdminSession.Time(row.ReceivedAt)), ("buffer", row.BufferId?.ToString() ?? "-"), ("number", row.Seq?.ToString() ?? "-"),
                ("resolution", row.Resolution is null ? "-" : $"{row.Resolution}, {AdminSession.Time(row.ResolvedAt)}"));
            if (refused is not null)
            {
                AdminSession.Table(
                    [.. SampleRules.Metrics], "",
                    ("metric", metric => metric.Name), ("unit", metric => metric.Unit), ("refused", metric => Value(metric, refused)),
                    ("stored", metric => stored is null ? "nothing" : Value(metric, stored)));
            }
            else
            {
                Console.WriteLine(row.Payload is null ? "Its values are gone." : facts.Payload?.GetRawText());
            }
        });
    }

    private static Task ReleaseAsync(AdminSession session, long[] ids)
    {
        var release = new QuarantineRelease(
            session.Service<NpgsqlDataSource>(), session.Service<TimeProvider>(), session.Service<IOptions<StorageOptions>>().Value,
            session.Service<FleetOutbox>());
        return EachAsync(session, ids, "RELEASED", async id =>
        {
            var released = await release.ReleaseAsync(id, Environment.UserName, session.CancellationToken);
            if (!released.Done)
            {
                throw new RefusedException(released.Sentence);
            }

            return released.ChangedDevice is { } device ? released.Sentence + await TellAsync(session, device) : released.Sentence;
        });
    }

    private static Task DropAsync(AdminSession session, long[] ids) => EachAsync(session, ids, "DROPPED", id =>
        session.TransactAsync(async () =>
        {
            await QuarantineDesk.HoldAsync(session.Connection, session.CancellationToken);
            var row = await QuarantineDesk.FindAsync(session.Connection, id, session.CancellationToken) ?? throw Unknown(id);
            if (row.Resolution == QuarantineRow.Dropped)
            {
                throw new RefusedException($"{id} was dropped already, {AdminSession.Time(row.ResolvedAt)}.");
            }

            await QuarantineDesk.DropAsync(session.Connection, row, Environment.UserName, session.CancellationToken);
            return $"{id} is dropped; that it came stays counted.";
        }));

    // Each for itself: what can be done is done, and the rest is said at the end.
    private static async Task EachAsync(AdminSession session, long[] ids, string state, Func<long, Task<string>> work)
    {
        List<ResolvedEntry> done = [];
        List<string> refused = [];
        foreach (var id in ids.Distinct())
        {
            try
            {
                done.Add(new(id, state, await work(id)));
            }
            catch (RefusedException refusal)
            {
                refused.Add(refusal.Message);
            }
            catch (PostgresException held) when (held.SqlState == PostgresErrorCodes.LockNotAvailable)
            {
                refused.Add($"{id} is as it was: somebody else holds the tables (a compression, a backup). Try it again.");
            }
        }

        session.Say(
            done, QuarantineFactsJson.Default.ListResolvedEntry, entries => entries.ForEach(entry => Console.WriteLine(entry.Sentence)));
        if (refused.Count > 0)
        {
            throw new RefusedException(string.Join(' ', refused));
        }
    }

    // After the commit, as ingest does: the newest sample may be another one now. First this process must make Redis its own, as a server
    // does at its start.
    private static async Task<string> TellAsync(AdminSession session, string deviceId)
    {
        var realtime = session.Service<RealtimeCache>();
        if (!await realtime.TryRecoverAsync(session.CancellationToken))
        {
            return " Redis does not answer: realtime may show the old values for 30 s.";
        }

        await realtime.InvalidateAsync([deviceId]);
        return "";
    }

    private static RefusedException Unknown(long id) =>
        new($"{id} is not in quarantine. See: sungrow-vps quarantine list --all");

    private static string Value(Metric metric, SungrowSample sample) => metric.Of(sample)?.ToString() ?? "null";
}

/// <param name="Ts">Null where the sender named none.</param>
/// <param name="Payload">Null once it is gone.</param>
internal sealed record QuarantineFacts(
    long Id, string DeviceId, DateTimeOffset? Ts, string Code, DateTimeOffset ReceivedAt, Guid? BufferId, long? Seq, string? Resolution,
    DateTimeOffset? ResolvedAt, JsonElement? Payload)
{
    /// <summary>What stands under the key of a conflict.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public SungrowSample? Stored { get; init; }

    public static QuarantineFacts Of(QuarantinedRow row) =>
        new(
            row.Id, row.DeviceId, row.Ts, row.Code, row.ReceivedAt, row.BufferId, row.Seq, row.Resolution, row.ResolvedAt,
            row.Payload is null ? null : JsonDocument.Parse(row.Payload).RootElement);
}

internal sealed record ResolvedEntry(long Id, string State, [property: JsonIgnore] string Sentence);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true, Converters = [typeof(Rfc3339Converter)])]
[JsonSerializable(typeof(List<QuarantineFacts>))]
[JsonSerializable(typeof(List<ResolvedEntry>))]
internal sealed partial class QuarantineFactsJson : JsonSerializerContext;
