using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Spectre.Console;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Polling;
using Sungrow.Protocol;

namespace Sungrow.Edge.Commands;

/// <summary>The samples that the VPS will never take as they are: shown, sent once more, or given up.</summary>
internal static class DeadLettersCommand
{
    public static Command Create()
    {
        var command = new Command("dead-letters", "Show the samples that the VPS refused for good, send them again, or give them up.")
        {
            List(),
            About("retry", "Send them once more: they wait again.", seqs => new RetryDeadLetters(seqs), "to be sent again"),
            About("drop", "Give them up: their values go, the account still counts them.", seqs => new DropDeadLetters(seqs), "given up"),
            Release(),
        };
        return command;
    }

    private static Command List()
    {
        var json = new Option<bool>("--json") { Description = "Print one JSON object a line." };
        var command = new Command("list", "Show them, oldest first.") { json };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, _) => Attempt.Async(parsed, settings =>
        {
            var letters = SampleBuffer.ReadDeadLetters(PathOf(settings));
            if (parsed.GetValue(json))
            {
                foreach (var letter in letters)
                {
                    Console.WriteLine(JsonSerializer.Serialize(Printed.From(letter), DeadLetterJson.Default.Printed));
                }
            }
            else
            {
                Show(letters);
            }

            return Task.FromResult(0);
        }));
        return command;
    }

    private static void Show(IEnumerable<DeadLetterRow> letters)
    {
        var table = new Table { Border = TableBorder.None }.AddColumns("seq", "device", "ts", "code", "detail");
        foreach (var letter in letters.Select(Printed.From))
        {
            table.AddRow(
                new Text($"{letter.Seq}"), new Text(letter.DeviceId), new Text(letter.Ts is { } ts ? Rfc3339.Write(ts) : "never known"),
                new Text(letter.Code), new Text(letter.Detail));
        }

        if (table.Rows.Count == 0)
        {
            Console.WriteLine("There are no dead letters.");
        }
        else
        {
            AnsiConsole.Write(table);
        }
    }

    private static Command About(string name, string description, Func<IReadOnlyList<long>?, Order> order, string became)
    {
        var all = new Option<bool>("--all") { Description = "All of them." };
        var seqs = new Argument<long[]>("seq") { Description = "Their numbers, as 'dead-letters list' shows them.", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command(name, description) { seqs, all };
        command.Validators.Add(result =>
        {
            if (result.GetValue(all) == result.GetValue(seqs) is { Length: > 0 })
            {
                result.AddError($"'dead-letters {name}' takes the numbers of dead letters, or --all.");
            }
        });
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, _) => Attempt.Async(parsed, settings => Task.FromResult(
            Give(settings, order(parsed.GetValue(all) ? null : parsed.GetValue(seqs)), rows => $"{rows} dead {(rows == 1 ? "letter" : "letters")} {became}."))));
        return command;
    }

    private static Command Release()
    {
        var command = new Command("release", "Let the uplink set refused samples aside again, after it stopped because there were too many.");
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, _) => Attempt.Async(parsed, settings => Task.FromResult(
            Give(settings, new ReleaseBrake(), rows => rows == 0 ? "There was no brake." : "The brake is released."))));
        return command;
    }

    /// <param name="done">What to say when the order was carried out at once.</param>
    internal static int Give(string[] settings, Order order, Func<long, string> done)
    {
        Console.WriteLine(SampleBuffer.Give(PathOf(settings), Clock.BootId, order) switch
        {
            Done(var rows) => done(rows),
            _ => "Left for the running daemon, which does it within seconds: 'status' shows it.",
        });
        return 0;
    }

    private static string PathOf(string[] settings)
    {
        using var host = EdgeHost.Build(settings);
        return host.Services.GetRequiredService<IOptions<BufferOptions>>().Value.Path;
    }

    /// <param name="Ts">Null where the clock was never trusted.</param>
    internal sealed record Printed(
        long Seq, string DeviceId, DateTimeOffset? Ts, string Code, string Detail, DateTimeOffset MovedAt, double? PvPowerW, double? PvDailyKwh,
        double? BatteryPowerW, double? BatterySocPct, double? BatteryTempC, double? LoadPowerW, double? ExportPowerW, int SampleCount,
        double IntervalS)
    {
        public static Printed From(DeadLetterRow row) => new(
            row.Sample.Seq,
            row.DeviceId,
            row.Sample.Ts == DateTimeOffset.UnixEpoch ? null : row.Sample.Ts,
            row.Code,
            row.Detail,
            row.MovedAt,
            row.Sample.Metrics.PvPowerWatts,
            row.Sample.Metrics.PvDailyKwh,
            row.Sample.Metrics.BatteryPowerWatts,
            row.Sample.Metrics.BatterySocPercent,
            row.Sample.Metrics.BatteryTemperatureCelsius,
            row.Sample.Metrics.LoadPowerWatts,
            row.Sample.Metrics.ExportPowerWatts,
            row.Sample.SampleCount,
            row.Sample.IntervalSeconds);
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, Converters = [typeof(Rfc3339Converter)])]
[JsonSerializable(typeof(DeadLettersCommand.Printed))]
internal sealed partial class DeadLetterJson : JsonSerializerContext;
