using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Spectre.Console;
using Sungrow.Edge.Buffer;
using Sungrow.Protocol;

namespace Sungrow.Edge.Commands;

/// <summary>What the buffer holds, read beside a daemon that may be running.</summary>
internal static class StatusCommand
{
    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Print one JSON object." };
        var command = new Command("status", "Show what the buffer holds and what still waits.") { json };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, _) => Attempt.Async(parsed, settings => Task.FromResult(Show(settings, parsed.GetValue(json)))));
        return command;
    }

    private static int Show(string[] settings, bool json)
    {
        using var host = EdgeHost.Build(settings);
        var path = host.Services.GetRequiredService<IOptions<BufferOptions>>().Value.Path;
        var state = SampleBuffer.ReadState(path);
        if (json)
        {
            var status = new BufferStatus(
                path, state.BufferId, state.Committed, state.Acknowledged, state.Waiting, state.OldestWaiting, state.NewestWaiting);
            Console.WriteLine(JsonSerializer.Serialize(status, StatusJson.Default.BufferStatus));
            return 0;
        }

        var table = new Table().AddColumn("device").AddColumn("committed").AddColumn("acknowledged").AddColumn("waiting");
        foreach (var device in state.Devices)
        {
            table.AddRow(device.DeviceId, $"{device.Committed}", $"{device.Acknowledged}", $"{device.Waiting}");
        }

        AnsiConsole.Write(table);
        Console.WriteLine(state.OldestWaiting is { } oldest
            ? $"Waiting since {Rfc3339.Write(oldest)}; the newest is of {Rfc3339.Write(state.NewestWaiting!.Value)}."
            : "Nothing waits.");
        return 0;
    }
}

internal sealed record BufferStatus(
    string Path, Guid BufferId, long Committed, long Acknowledged, long Waiting, DateTimeOffset? Oldest, DateTimeOffset? Newest);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, Converters = [typeof(Rfc3339Converter)])]
[JsonSerializable(typeof(BufferStatus))]
internal sealed partial class StatusJson : JsonSerializerContext;
