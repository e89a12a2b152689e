using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Sungrow.Edge.Buffer;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Buffer;

public sealed class DurabilityTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private string Path => _folder.File("buffer.db");

    [Fact]
    public void The_file_has_small_pages_a_write_ahead_log_and_full_synchronisation()
    {
        using var connection = BufferFile.OpenForWriting(Path, opened => opened);

        Assert.Equal(2048L, Pragma(connection, "page_size"));
        Assert.Equal("wal", Pragma(connection, "journal_mode"));
        Assert.Equal(2L, Pragma(connection, "synchronous"));
    }

    [Fact]
    public async Task A_kill_in_the_middle_of_appends_leaves_every_committed_row_and_no_torn_one()
    {
        const int rounds = 10;
        var random = new Random(2026);
        long promised = 0;
        for (var round = 0; round < rounds; round++)
        {
            promised = await WriteUntilKilledAsync(lines: random.Next(1, 120)) ?? promised;

            using var buffer = SampleBuffer.Open(Path, "boot", Rows.KeepAll);
            var device = Assert.Single(buffer.ReadState().Devices);

            // The last commit may have ended before its number could be said; more than that one cannot have.
            Assert.InRange(device.Committed, promised, promised + 1);
            Assert.Equal(Enumerable.Range(1, (int)device.Committed).Select(n => Rows.Row(n, n)), AllRows());
            Assert.Equal(device.Cursor, device.Acknowledged);
            Assert.Equal(device.Waiting == 0 ? null : device.Cursor + 1, buffer.Peek(1)?.Samples[0].Seq);
            promised = device.Committed;
        }
    }

    [Fact]
    public async Task A_sample_and_the_move_past_the_one_before_cost_one_fsync()
    {
        Assert.SkipUnless(await CountFsyncsAsync(1) is > 0, "needs strace and the right to trace");

        // The difference of two runs: opening and closing cost the same in both.
        var fifty = await CountFsyncsAsync(50);
        var hundred = await CountFsyncsAsync(100);

        Assert.Equal(50, hundred - fifty);
    }

    [Fact]
    public void A_sample_and_the_move_past_the_one_before_write_two_pages()
    {
        const int pageInLog = 2048 + 24;
        using var buffer = SampleBuffer.Open(Path, "boot", Rows.KeepAll);
        Write(1, 20);
        var before = new FileInfo(Path + "-wal").Length;
        Write(21, 120);

        // The row's and the ledger's; now and then one more, where rows begin a new page.
        Assert.InRange((new FileInfo(Path + "-wal").Length - before) / pageInLog, 200, 220);

        void Write(int first, int last)
        {
            for (var n = first; n <= last; n++)
            {
                buffer.Append(Rows.Number(n));
                buffer.Acknowledge(buffer.Peek(Rows.Device, 500)!);
            }
        }
    }

    public void Dispose() => _folder.Dispose();

    /// <returns>The last number the child said, null when it was killed before it said one.</returns>
    private async Task<long?> WriteUntilKilledAsync(int lines)
    {
        using var writer = Process.Start(new ProcessStartInfo("dotnet", [Writer.Program, Writer.Command, Path, $"{long.MaxValue}", "7"])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        })!;
        long? last = null;
        for (var i = 0; i < lines && await writer.StandardOutput.ReadLineAsync(Cancelled) is { } line; i++)
        {
            last = long.Parse(line, CultureInfo.InvariantCulture);
        }

        writer.Kill();
        while (await writer.StandardOutput.ReadLineAsync(Cancelled) is { } line)
        {
            last = long.TryParse(line, out var said) && said == last + 1 ? said : last;
        }

        await writer.WaitForExitAsync(Cancelled);
        return last;
    }

    /// <summary>How often a writer that acknowledges row by row asks the disk to be sure; null where that cannot be seen.</summary>
    private async Task<long?> CountFsyncsAsync(int appends)
    {
        var counts = _folder.File("strace.txt");
        string[] traced = ["dotnet", Writer.Program, Writer.Command, _folder.File($"{Guid.NewGuid()}.db"), $"{appends}", "1"];
        try
        {
            await using var strace = ProgramProcess.Start("strace", ["-f", "-c", "-e", "trace=fsync,fdatasync", "-o", counts, .. traced]);
            if (await strace.ExitCodeAsync(cancellationToken: Cancelled) != 0)
            {
                return null;
            }
        }
        catch (Win32Exception)
        {
            return null; // No strace here.
        }

        // % time, seconds, microseconds per call, calls, errors if any, "total".
        var total = (await File.ReadAllLinesAsync(counts, Cancelled)).Last(line => line.EndsWith(" total", StringComparison.Ordinal));
        return long.Parse(total.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3], CultureInfo.InvariantCulture);
    }

    /// <summary>Every row, also those that the cursor has passed.</summary>
    private List<BufferedSample> AllRows() => BufferFile.Read(Path, connection =>
    {
        using var select = connection.CreateCommand();
        select.CommandText = """
            SELECT seq, ts, sample_count, interval_s, pv_power_w, pv_daily_kwh, battery_power_w, battery_soc_pct, battery_temp_c,
                load_power_w, export_power_w
            FROM samples ORDER BY seq
            """;
        using var reader = select.ExecuteReader();
        List<BufferedSample> rows = [];
        while (reader.Read())
        {
            var metrics = new double?[7];
            for (var i = 0; i < metrics.Length; i++)
            {
                metrics[i] = reader.IsDBNull(4 + i) ? null : reader.GetDouble(4 + i);
            }

            rows.Add(new(
                reader.GetInt64(0),
                DateTimeOffset.UnixEpoch.AddMicroseconds(reader.GetInt64(1)),
                new(metrics[0], metrics[1], metrics[2], metrics[3], metrics[4], metrics[5], metrics[6]),
                reader.GetInt32(2),
                reader.GetDouble(3)));
        }

        return rows;
    });

    private static object? Pragma(SqliteConnection connection, string name)
    {
        using var command = connection.CreateCommand();
        command.CommandText = $"PRAGMA {name}";
        return command.ExecuteScalar();
    }
}
