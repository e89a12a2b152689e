using System.CommandLine;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Polling;
using Sungrow.Protocol;

namespace Sungrow.Edge.Commands;

/// <summary>Samples of a CSV into the buffer, from where the next run replays them: the way back of <c>export</c>, and the way in for a
/// past that another logger kept.</summary>
internal static class ImportCommand
{
    private const double DefaultIntervalS = 10;

    public static Command Create()
    {
        var file = new Argument<string>("file") { Description = "A CSV as export writes it." };
        var command = new Command("import", "Append the samples of a CSV to the buffer; the next run replays them.") { file };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, cancellationToken) =>
            Attempt.Async(parsed, settings => ImportAsync(settings, parsed.GetRequiredValue(file), cancellationToken)));
        return command;
    }

    private static Task<int> ImportAsync(string[] settings, string file, CancellationToken cancellationToken)
    {
        using var host = EdgeHost.Build(settings);
        var options = host.Services.GetRequiredService<IOptions<BufferOptions>>().Value;
        var time = host.Services.GetRequiredService<TimeProvider>();
        try
        {
            // Twice: what is wrong in its last line must not be found when all others are committed.
            foreach (var _ in Read(file, time))
            {
                cancellationToken.ThrowIfCancellationRequested();
            }

            using var buffer = SampleBuffer.Open(options.Path, Clock.BootId, options, time);
            long rows = 0;
            foreach (var sample in Read(file, time))
            {
                if (cancellationToken.IsCancellationRequested)
                {
                    return Task.FromResult(Attempt.Fail($"Stopped: {rows} samples are in the buffer, the others are not."));
                }

                buffer.Append(sample);
                rows++;
            }

            Console.WriteLine($"{rows} samples go with the next run.");
            return Task.FromResult(0);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return Task.FromResult(Attempt.Fail($"{file} cannot be read: {unreadable.Message}"));
        }
        catch (FormatException wrong)
        {
            return Task.FromResult(Attempt.Fail($"{file}: {wrong.Message}"));
        }
    }

    /// <exception cref="FormatException">Names the line, and what is allowed.</exception>
    private static IEnumerable<NewSample> Read(string file, TimeProvider time)
    {
        using StreamReader text = new(file);
        var columns = Columns(text.ReadLine());
        var window = SampleWindow.At(time.GetUtcNow(), retention: null);
        var line = 1;
        while (text.ReadLine() is { } row)
        {
            line++;
            if (row.Length > 0)
            {
                yield return Sample(row.Split(','), columns, window, line);
            }
        }
    }

    private static Dictionary<string, int> Columns(string? header)
    {
        var columns = (header ?? "").Split(',').Select((name, index) => (name, index)).DistinctBy(column => column.name)
            .ToDictionary(column => column.name, column => column.index, StringComparer.Ordinal);
        return columns.ContainsKey("device_id") && columns.ContainsKey("ts")
            ? columns
            : throw new FormatException(
                "line 1 names no device_id and ts: allowed are the columns that export writes, separated by commas.");
    }

    private static NewSample Sample(string[] values, Dictionary<string, int> columns, SampleWindow window, int line)
    {
        if (!Rfc3339.TryParse(Value("ts"), out var ts))
        {
            throw Wrong("ts", Rfc3339.Form);
        }

        var sample = new SungrowSample
        {
            DeviceId = Value("device_id"),
            Ts = ts,
            PvPowerW = Number("pv_power_w"),
            PvDailyKwh = Number("pv_daily_kwh"),
            BatteryPowerW = Number("battery_power_w"),
            BatterySocPct = Number("battery_soc_pct"),
            BatteryTempC = Number("battery_temp_c"),
            LoadPowerW = Number("load_power_w"),
            ExportPowerW = Number("export_power_w"),
            SampleCount = (int)(Number("sample_count") ?? 1),
            IntervalS = Number("interval_s") ?? DefaultIntervalS,
        };
        List<FieldError> errors = [];
        SampleRules.Check(sample, $"line {line}", window, errors);
        if (errors is [var first, ..])
        {
            throw new FormatException($"{first.Path}: {first.Code}, allowed is {first.Detail}.");
        }

        return new(
            sample.DeviceId,
            ts,
            new(
                sample.PvPowerW, sample.PvDailyKwh, sample.BatteryPowerW, sample.BatterySocPct, sample.BatteryTempC, sample.LoadPowerW,
                sample.ExportPowerW),
            sample.SampleCount,
            sample.IntervalS.Value,
            TimeSpan.Zero);

        string Value(string name) => columns.TryGetValue(name, out var index) && index < values.Length ? values[index] : "";

        double? Number(string name) => Value(name) switch
        {
            "" => null,
            var text when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) => value,
            _ => throw Wrong(name, "a number, or nothing"),
        };

        FormatException Wrong(string name, string allowed) => new($"line {line}, {name}: allowed is {allowed}.");
    }
}
