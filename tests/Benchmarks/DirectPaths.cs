using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;
using Sungrow.Protocol;
using Sungrow.Vps.Storage;

namespace Sungrow.Benchmarks;

/// <summary>Ways into the table without a server around them: four connections, each with a device of its own.</summary>
internal sealed class DirectPaths(NpgsqlDataSource database, FlushTransaction transaction)
{
    private const int Connections = 4;

    private readonly BenchDevice[] _devices =
        [.. Enumerable.Range(1, Connections).Select(number => new BenchDevice($"direct-{number}", ""))];

    private long[] _from = new long[Connections];

    /// <summary>The ceiling: Npgsql's binary importer, nothing else done.</summary>
    public Task<double> CopyAsync(int rows, TimeSpan duration) => NewAsync(rows, duration, samples =>
    {
        using var connection = database.OpenConnection();
        using var importer = connection.BeginBinaryImport(SampleSql.Copy);
        foreach (var sample in samples)
        {
            importer.StartRow();
            importer.Write(sample.DeviceId, NpgsqlDbType.Text);
            importer.WriteNull();
            importer.Write(sample.Ts.UtcDateTime, NpgsqlDbType.TimestampTz);
            importer.Write(sample.PvPowerW!.Value, NpgsqlDbType.Double);
            importer.Write(sample.PvDailyKwh!.Value, NpgsqlDbType.Double);
            importer.Write(sample.BatteryPowerW!.Value, NpgsqlDbType.Double);
            importer.Write(sample.BatterySocPct!.Value, NpgsqlDbType.Double);
            importer.Write(sample.BatteryTempC!.Value, NpgsqlDbType.Double);
            importer.Write(sample.LoadPowerW!.Value, NpgsqlDbType.Double);
            importer.Write(sample.ExportPowerW!.Value, NpgsqlDbType.Double);
            importer.Write(sample.SampleCount, NpgsqlDbType.Integer);
            importer.Write(sample.IntervalS!.Value, NpgsqlDbType.Double);
            importer.Write(sample.Seq!.Value, NpgsqlDbType.Bigint);
        }

        importer.Complete();
        return Task.CompletedTask;
    });

    /// <summary>EF Core, one <c>SaveChanges</c> for so many rows.</summary>
    public Task<double> EfAsync(int rows, TimeSpan duration)
    {
        var options = new DbContextOptionsBuilder<SungrowDbContext>().UseNpgsql(database).Options;
        return NewAsync(rows, duration, async samples =>
        {
            await using SungrowDbContext context = new(options);
            context.AddRange(samples.Select(sample => new SungrowSampleRow
            {
                DeviceId = sample.DeviceId,
                Ts = sample.Ts,
                PvPowerW = sample.PvPowerW,
                PvDailyKwh = sample.PvDailyKwh,
                BatteryPowerW = sample.BatteryPowerW,
                BatterySocPct = sample.BatterySocPct,
                BatteryTempC = sample.BatteryTempC,
                LoadPowerW = sample.LoadPowerW,
                ExportPowerW = sample.ExportPowerW,
                SampleCount = sample.SampleCount,
                IntervalS = sample.IntervalS!.Value,
                Seq = sample.Seq,
            }));
            await context.SaveChangesAsync();
        });
    }

    /// <summary>Rows for the two ways of sending them again.</summary>
    public Task FillAsync(TimeSpan duration) => CopyAsync(ProtocolLimits.MaxSamples, duration);

    /// <summary>All of it stored: <c>unnest .. ON CONFLICT DO NOTHING</c>, which does not tell a duplicate from a conflict, and the row that
    /// the audit keeps of a request; in one round trip and one transaction.</summary>
    public Task<double> InsertAgainAsync(int rows, TimeSpan duration) => AgainAsync(rows, duration, async samples =>
    {
        await using var connection = await database.OpenConnectionAsync();
        await using NpgsqlBatch batch = new(connection);
        NpgsqlBatchCommand insert = new(SampleSql.Insert), audit = new(IngestEvents.Add);
        SampleSql.AddRows(insert.Parameters, Flush.Of([Batch(samples)]).Rows);
        IngestEvents.AddRequests(audit.Parameters, [(Batch(samples), new IngestAnswer(0, rows, 0))]);
        batch.BatchCommands.Add(insert);
        batch.BatchCommands.Add(audit);
        await batch.ExecuteNonQueryAsync();
    });

    /// <summary>All of it stored: as the server does it.</summary>
    public Task<double> WriteAgainAsync(int rows, TimeSpan duration) =>
        AgainAsync(rows, duration, samples => transaction.WriteAsync([Batch(samples)], CancellationToken.None));

    private static SampleBatch Batch(IReadOnlyList<SungrowSample> samples) =>
        new(samples[0].DeviceId, BufferId: null, samples, PollIntervalS: 10);

    private Task<double> NewAsync(int rows, TimeSpan duration, Func<IReadOnlyList<SungrowSample>, Task> write)
    {
        _from = [.. _devices.Select(device => device.Next)];
        return RunAsync(rows, duration, write, number =>
        {
            var first = _devices[number].Next;
            _devices[number].Next += rows;
            return first;
        });
    }

    private Task<double> AgainAsync(int rows, TimeSpan duration, Func<IReadOnlyList<SungrowSample>, Task> write)
    {
        var next = _from.ToArray();
        return RunAsync(rows, duration, write, number =>
        {
            var first = next[number];
            next[number] = first + (2 * rows) <= _devices[number].Next ? first + rows : _from[number];
            return first;
        });
    }

    private async Task<double> RunAsync(
        int rows, TimeSpan duration, Func<IReadOnlyList<SungrowSample>, Task> write, Func<int, long> first)
    {
        var started = Stopwatch.GetTimestamp();
        var written = await Task.WhenAll(_devices.Select((device, number) => Task.Run(async () =>
        {
            long done = 0;
            while (Stopwatch.GetElapsedTime(started) < duration)
            {
                var from = first(number);
                await write([.. Enumerable.Range(0, rows).Select(i => SampleRequest.Sample(device.DeviceId, from + i))]);
                done += rows;
            }

            return done;
        })));
        return written.Sum() / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
