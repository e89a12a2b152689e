using System.CommandLine;
using System.Globalization;
using CsvHelper;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Spectre.Console;
using Sungrow.Edge.Buffer;
using Sungrow.Protocol;

namespace Sungrow.Edge.Commands;

/// <summary>The buffer's rows as CSV (RFC 4180): what the owner has even when the VPS is gone for ever.</summary>
internal static class ExportCommand
{
    private const int ShowEvery = 1_000;

    private static readonly string[] Header =
    [
        "seq", "device_id", "ts", "pv_power_w", "pv_daily_kwh", "battery_power_w", "battery_soc_pct", "battery_temp_c", "load_power_w",
        "export_power_w", "sample_count", "interval_s", "place",
    ];

    public static Command Create()
    {
        // CSV is the only form so far; whoever names it is understood also when there are more.
        var csv = new Option<bool>("--csv") { Description = "As CSV, which is the default." };
        var from = TimeOption.Create("--from", "The first moment, included; the oldest row's unless given.");
        var to = TimeOption.Create("--to", "The last moment, not included; after the newest row unless given.");
        var output = new Option<string?>("--output") { Description = "A file to make, in place of standard output.", HelpName = "file" };
        var command = new Command("export", "Write the samples that the buffer holds, and what became of each.") { csv, from, to, output };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, cancellationToken) => Attempt.Async(parsed, settings => ExportAsync(
            settings,
            parsed.GetValue(from) ?? DateTimeOffset.UnixEpoch,
            parsed.GetValue(to) ?? DateTimeOffset.MaxValue,
            parsed.GetValue(output),
            cancellationToken)));
        return command;
    }

    private static async Task<int> ExportAsync(
        string[] settings, DateTimeOffset from, DateTimeOffset to, string? output, CancellationToken cancellationToken)
    {
        using var host = EdgeHost.Build(settings);
        var path = host.Services.GetRequiredService<IOptions<BufferOptions>>().Value.Path;
        var state = SampleBuffer.ReadState(path);
        try
        {
            await using var file = output is null ? Console.OpenStandardOutput() : new FileStream(output, FileMode.CreateNew);
            await using var csv = CsvWriter.Create(file, new CsvWriterOptions { FormatProvider = CultureInfo.InvariantCulture, NewLine = "\r\n" }, true);
            await ShowingProgressAsync(
                output is not null || Console.IsOutputRedirected,
                state.Committed - state.Evicted,
                show => Write(csv, SampleBuffer.ReadSamples(path, from, to), show, cancellationToken));
            if (SampleBuffer.ReadUntimed(path) is > 0 and var untimed)
            {
                Complaint.Say($"{Count.Of(untimed, "sample")} left out, for want of a time: nobody vouched for the clock. See 'sungrow-edge status'.");
            }

            return 0;
        }
        catch (Exception unwritable) when (unwritable is IOException or UnauthorizedAccessException)
        {
            // Whoever reads our output may have seen enough.
            return output is null ? 0 : Attempt.Fail($"{output} cannot be written: {unwritable.Message}");
        }
    }

    private static void Write(CsvWriter csv, IEnumerable<ExportRow> rows, Action<long> show, CancellationToken cancellationToken)
    {
        foreach (var name in Header)
        {
            csv.WriteField(name);
        }

        csv.EndRecord();
        long written = 0;
        foreach (var row in rows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Write(csv, row);
            if (++written % ShowEvery == 0)
            {
                show(written);
            }
        }
    }

    private static void Write(CsvWriter csv, ExportRow row)
    {
        var (sample, metrics) = (row.Sample, row.Sample.Metrics);
        csv.WriteField(sample.Seq, default);
        csv.WriteField(row.DeviceId);
        csv.WriteField(Rfc3339.Write(sample.Ts));
        csv.WriteField(metrics.PvPowerWatts, default);
        csv.WriteField(metrics.PvDailyKwh, default);
        csv.WriteField(metrics.BatteryPowerWatts, default);
        csv.WriteField(metrics.BatterySocPercent, default);
        csv.WriteField(metrics.BatteryTemperatureCelsius, default);
        csv.WriteField(metrics.LoadPowerWatts, default);
        csv.WriteField(metrics.ExportPowerWatts, default);
        csv.WriteField(sample.SampleCount, default);
        csv.WriteField(sample.IntervalSeconds, default);
        csv.WriteField(row.Place);
        csv.EndRecord();
    }

    /// <summary>A bar on standard error, where somebody looks at it and the rows go elsewhere.</summary>
    private static async Task ShowingProgressAsync(bool elsewhere, long rows, Action<Action<long>> work)
    {
        if (!elsewhere || Console.IsErrorRedirected || rows <= ShowEvery)
        {
            work(_ => { });
            return;
        }

        var terminal = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(Console.Error) });
        await terminal.Progress().StartAsync(context =>
        {
            var bar = context.AddTask("Exporting", maxValue: rows);
            work(written => bar.Value = written);
            bar.Value = rows;
            return Task.CompletedTask;
        });
    }
}
