using System.CommandLine;
using System.Text.Json.Serialization;
using Npgsql;
using Sungrow.Protocol;

namespace Sungrow.Vps.Ingest.Commands;

/// <summary><c>sungrow-vps events</c>: what was sent and what became of it, what was refused to nobody in particular, and what operators
/// did to it.</summary>
internal static class EventsCommands
{
    private const int UsualLimit = 50;
    private const int MostRows = 10_000;

    private const string Columns =
        """
        id, received_at, device_id,
        CASE WHEN code IS NOT NULL THEN code WHEN summed THEN 'SINGLES' ELSE 'BATCH' END AS kind,
        requests, inserted, duplicates, conflicts, buffer_id, first_ts, last_ts, actor
        """;

    // A refusal has no id: there is nothing more to show of it.
    private const string List =
        $"""
        SELECT * FROM (
            (SELECT {Columns} FROM ingest_events WHERE $1::text IS NULL OR device_id = $1 ORDER BY received_at DESC, id DESC LIMIT $2)
            UNION ALL
            (SELECT NULL, minute, NULL, code, count, 0, 0, 0, NULL, NULL, NULL, NULL FROM refusals
             WHERE $1::text IS NULL ORDER BY minute DESC LIMIT $2)
        ) AS events
        ORDER BY received_at DESC, id DESC NULLS LAST LIMIT $2
        """;

    public static Command Create()
    {
        var id = new Argument<long>("id") { Description = "As listed." };
        var device = new Option<string?>("--device") { Description = "Only of this device." };
        var limit = Limit();
        return new Command("events", "What was sent in the last 30 days, and what became of it.")
        {
            Admin.Verb(
                "list", "List events, the newest first.", session => ListAsync(session, session.Word(device), session.Word(limit)),
                device, limit),
            Admin.Verb("show", "Show one event.", session => ShowAsync(session, session.Word(id)), id),
        };
    }

    public static Option<int> Limit()
    {
        var limit = new Option<int>("--limit")
        {
            Description = $"At most this many: 1 .. {MostRows}. {UsualLimit} unless given.",
            DefaultValueFactory = _ => UsualLimit,
        };
        limit.Validators.Add(word =>
        {
            if (word.Tokens.Count == 1 && int.TryParse(word.Tokens[0].Value, out var rows) && rows is < 1 or > MostRows)
            {
                word.AddError($"--limit is '{word.Tokens[0].Value}'; allowed is 1 .. {MostRows}.");
            }
        });
        return limit;
    }

    public static void SayLimit(int rows, int limit)
    {
        if (rows == limit)
        {
            Console.WriteLine($"These are the newest {limit}; see --limit.");
        }
    }

    private static async Task ListAsync(AdminSession session, string? device, int limit) =>
        session.Say(await session.QueryAsync(List, Read, device, limit), EventsJson.Default.ListEventFacts, events =>
        {
            AdminSession.Table(
                events, "There is no event.",
                ("id", row => row.Id?.ToString() ?? "-"), ("came (UTC)", row => AdminSession.Time(row.ReceivedAt)),
                ("device", row => row.DeviceId ?? "-"), ("kind", row => row.Kind), ("requests", row => $"{row.Requests}"),
                ("new", row => $"{row.Inserted}"), ("again", row => $"{row.Duplicates}"), ("conflicts", row => $"{row.Conflicts}"));
            SayLimit(events.Count, limit);
        });

    private static async Task ShowAsync(AdminSession session, long id)
    {
        var found = await session.QueryAsync($"SELECT {Columns} FROM ingest_events WHERE id = $1", Read, id);
        if (found is not [var known])
        {
            throw new RefusedException($"There is no event {id}; events older than 30 days are gone. See: sungrow-vps events list");
        }

        session.Say(known, EventsJson.Default.EventFacts, row => AdminSession.Facts(
            ("id", $"{id}"), ("came", AdminSession.Time(row.ReceivedAt)), ("device", row.DeviceId ?? "-"), ("kind", row.Kind),
            ("requests", $"{row.Requests}"), ("inserted", $"{row.Inserted}"), ("duplicates", $"{row.Duplicates}"),
            ("conflicts", $"{row.Conflicts}"), ("buffer", row.BufferId?.ToString() ?? "-"),
            ("samples of", $"{AdminSession.Time(row.FirstTs)} .. {AdminSession.Time(row.LastTs)}"), ("by", row.Actor ?? "-")));
    }

    private static EventFacts Read(NpgsqlDataReader row)
    {
        return new(
            row.IsDBNull(0) ? null : row.GetInt64(0), row.GetFieldValue<DateTimeOffset>(1), row.IsDBNull(2) ? null : row.GetString(2),
            row.GetString(3), row.GetInt64(4), row.GetInt64(5), row.GetInt64(6), row.GetInt64(7),
            row.IsDBNull(8) ? null : row.GetGuid(8), TimeAt(9), TimeAt(10), row.IsDBNull(11) ? null : row.GetString(11));

        DateTimeOffset? TimeAt(int column) => row.IsDBNull(column) ? null : row.GetFieldValue<DateTimeOffset>(column);
    }
}

/// <param name="Id">Null for a count of refusals.</param>
/// <param name="Kind"><c>BATCH</c>, <c>SINGLES</c> (a minute of single samples), what an operator did (<c>RELEASED</c>, <c>DROPPED</c>), or
/// the code of refusals to whom nobody knows.</param>
internal sealed record EventFacts(
    long? Id, DateTimeOffset ReceivedAt, string? DeviceId, string Kind, long Requests, long Inserted, long Duplicates, long Conflicts,
    Guid? BufferId, DateTimeOffset? FirstTs, DateTimeOffset? LastTs, string? Actor);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true, Converters = [typeof(Rfc3339Converter)])]
[JsonSerializable(typeof(List<EventFacts>))]
internal sealed partial class EventsJson : JsonSerializerContext;
