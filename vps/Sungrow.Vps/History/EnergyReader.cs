using Npgsql;
using NpgsqlTypes;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.History;

/// <summary>The energies of a site's days.</summary>
internal sealed class EnergyReader(Database database)
{
    // Its readings are (seconds, kWh); see Aggregates.
    private const string Counter = "(min(pv_daily_first))[2], (max(pv_daily_last))[2], max(pv_daily_max)";
    private static readonly TimeSpan HalfADay = TimeSpan.FromHours(12);

    /// <param name="boundaries">Of the days, in order.</param>
    /// <returns>One for each day.</returns>
    public async Task<DayEnergy[]> ReadAsync(
        string deviceId, SiteCalendar calendar, IReadOnlyList<DateTimeOffset> boundaries, CancellationToken cancellationToken)
    {
        // The day before the first too: its last reading may still stand on the first's morning.
        DateTimeOffset[] days = [calendar.StartOf(calendar.DateOf(boundaries[0]).AddDays(-1)), .. boundaries];
        var energies = new DayEnergy[days.Length - 1];
        var counters = new CounterSpan?[energies.Length];
        Array.Fill(energies, DayEnergy.None);
        await using var connection = await database.ConnectAsync(cancellationToken);
        await using (var command = new NpgsqlCommand(
            $"""
            SELECT width_bucket(bucket, $2) - 1 AS day, sum(covered_s),
                   sum(pv_power_w_sum), sum(load_power_w_sum),
                   -- Read, and never of that sign: 0. Never read: unknown.
                   CASE WHEN sum(export_power_w_s) > 0 THEN coalesce(sum(import_ws), 0) END,
                   CASE WHEN sum(export_power_w_s) > 0 THEN coalesce(sum(export_ws), 0) END,
                   CASE WHEN sum(battery_power_w_s) > 0 THEN coalesce(sum(charge_ws), 0) END,
                   CASE WHEN sum(battery_power_w_s) > 0 THEN coalesce(sum(discharge_ws), 0) END,
                   {Counter}
            FROM {Aggregates.Periods(database.HasContinuousAggregates, days)}
            GROUP BY day ORDER BY day
            """,
            connection)
        {
            Parameters = { new() { Value = deviceId }, HistoryReader.Boundaries(days) },
        })
        {
            await using var row = await command.ExecuteReaderAsync(cancellationToken);
            while (await row.ReadAsync(cancellationToken))
            {
                var day = row.GetInt32(0);
                counters[day] = Span(row, days[day], 8);
                energies[day] = new(
                    HistoryReader.Number(row, 2), HistoryReader.Number(row, 3), HistoryReader.Number(row, 4), HistoryReader.Number(row, 5),
                    HistoryReader.Number(row, 6), HistoryReader.Number(row, 7), row.GetDouble(1), counters[day]?.Max);
            }
        }

        int[] unclear =
        [
            .. Enumerable.Range(1, energies.Length - 1)
                .Where(day => counters[day] is { } span && DailyYield.NeedsHours(span, counters[day - 1]?.Last)),
        ];
        foreach (var (day, hours) in await ReadHoursAsync(connection, deviceId, days, unclear, cancellationToken))
        {
            energies[day] = energies[day] with
            {
                PvCounterKwh = DailyYield.Of(hours, counters[day - 1]?.Last, days[day] + HalfADay),
            };
        }

        return energies[1..];
    }

    private async Task<Dictionary<int, List<CounterSpan>>> ReadHoursAsync(
        NpgsqlConnection connection, string deviceId, DateTimeOffset[] days, int[] wanted, CancellationToken cancellationToken)
    {
        Dictionary<int, List<CounterSpan>> hours = [];
        if (wanted.Length == 0)
        {
            return hours;
        }

        await using var command = new NpgsqlCommand(
            $"""
            SELECT width_bucket(bucket, $2) - 1 AS day, bucket, pv_daily_first[2], pv_daily_last[2], pv_daily_max
            FROM {Aggregates.Periods(database.HasContinuousAggregates, days[wanted[0]..(wanted[^1] + 2)])}
            WHERE pv_daily_first IS NOT NULL AND width_bucket(bucket, $2) - 1 = ANY($3)
            ORDER BY bucket
            """,
            connection)
        {
            Parameters =
            {
                new() { Value = deviceId }, HistoryReader.Boundaries(days),
                new() { Value = wanted, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Integer },
            },
        };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            if (!hours.TryGetValue(row.GetInt32(0), out var ofDay))
            {
                hours.Add(row.GetInt32(0), ofDay = []);
            }

            var next = Span(row, row.GetFieldValue<DateTimeOffset>(1), 2)!.Value;
            if (ofDay is [.., var last] && Aggregates.Hours.Floor(last.From) == Aggregates.Hours.Floor(next.From))
            {
                ofDay[^1] = new(last.From, last.First, next.Last, Math.Max(last.Max, next.Max)); // Where there are but quarters.
            }
            else
            {
                ofDay.Add(next);
            }
        }

        return hours;
    }

    private static CounterSpan? Span(NpgsqlDataReader row, DateTimeOffset from, int ordinal) =>
        row.IsDBNull(ordinal) ? null : new(from, row.GetDouble(ordinal), row.GetDouble(ordinal + 1), row.GetDouble(ordinal + 2));
}
