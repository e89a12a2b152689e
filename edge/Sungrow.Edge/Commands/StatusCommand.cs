using System.CommandLine;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;

namespace Sungrow.Edge.Commands;

/// <summary>What the buffer holds, read beside a daemon that may be running.</summary>
internal static class StatusCommand
{
    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Print one JSON object." };
        var command = new Command("status", "Show what the buffer holds, what still waits, and what is missing.") { json };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, _) => Attempt.Async(parsed, settings => Task.FromResult(Show(settings, parsed.GetValue(json)))));
        return command;
    }

    private static int Show(string[] settings, bool json)
    {
        using var host = EdgeHost.Build(settings);
        var options = host.Services.GetRequiredService<IOptions<BufferOptions>>().Value;
        var report = StatusReport.From(options);
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(report, StatusJson.Default.StatusReport));
        }
        else
        {
            foreach (var line in StatusTable.Lines(report, host.Services.GetRequiredService<TimeProvider>().GetUtcNow()))
            {
                Console.WriteLine(line);
            }
        }

        return 0;
    }
}
