using System.CommandLine;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Polling;

namespace Sungrow.Edge.Commands;

/// <summary>The daemon; also what <c>sungrow-edge</c> without a command does.</summary>
internal static class RunCommand
{
    // Thirty days: a run that shall not end needs no --seconds.
    private const int MostSeconds = 30 * 24 * 60 * 60;

    private static readonly TimeSpan Drain = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);

    public static void AddTo(RootCommand root)
    {
        var seconds = new Option<int?>("--seconds")
        {
            Description = "Poll for so many seconds, send what waits for at most 15 more, print what became of it, and exit.",
            HelpName = "N",
            CustomParser = result =>
            {
                if (int.TryParse(result.Tokens[0].Value, out var n) && n is >= 1 and <= MostSeconds)
                {
                    return n;
                }

                result.AddError(Settings.Wrong("--seconds", result.Tokens[0].Value, $"1 to {MostSeconds}"));
                return null;
            },
        };

        var run = new Command("run", "Poll and replay until stopped (the default).") { seconds };
        Serve(run, seconds);
        root.Options.Add(seconds);
        Serve(root, seconds);
        root.Subcommands.Add(run);
    }

    private static void Serve(Command command, Option<int?> seconds)
    {
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, cancellationToken) =>
            Attempt.Async(parsed, settings => RunAsync(settings, parsed.GetValue(seconds), cancellationToken)));
    }

    private static async Task<int> RunAsync(string[] settings, int? seconds, CancellationToken cancellationToken)
    {
        bool broken;
        string summary;
        using (var host = EdgeHost.Build(settings))
        {
            host.Services.GetRequiredService<IStartupValidator>().Validate();
            var loops = host.Services.GetServices<IHostedService>().OfType<BackgroundService>().ToList();
            var metrics = host.Services.GetRequiredService<EdgeMetrics>();
            var buffer = host.Services.GetRequiredService<SampleBuffer>();

            await host.StartAsync(cancellationToken);
            if (seconds is { } limited)
            {
                await PollForAsync(host.Services, TimeSpan.FromSeconds(limited), cancellationToken);
                await host.StopAsync(cancellationToken);
            }
            else
            {
                await host.WaitForShutdownAsync(cancellationToken);
            }

            broken = loops.Exists(loop => loop.ExecuteTask is { IsFaulted: true });
            summary = $"polled={metrics.PolledSoFar} missed={metrics.MissedSoFar} waiting={Waiting(buffer)}";
        }

        if (seconds is not null)
        {
            // After the host has gone, and its logger with all that it still held: this is the last line.
            Console.WriteLine(summary);
        }

        // A loop that broke stops the host, but with exit code 0: the service manager must see a failure.
        return broken ? 1 : 0;
    }

    private static string Waiting(SampleBuffer buffer) => $"{(object?)buffer.TryReadWaiting() ?? "unknown"}";

    private static async Task PollForAsync(IServiceProvider services, TimeSpan span, CancellationToken cancellationToken)
    {
        var time = services.GetRequiredService<TimeProvider>();
        var buffer = services.GetRequiredService<SampleBuffer>();
        using var stopped = CancellationTokenSource.CreateLinkedTokenSource(
            cancellationToken, services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
        try
        {
            await Task.Delay(span, time, stopped.Token);
            await services.GetRequiredService<PollLoop>().StopAsync(stopped.Token);
            var drainSince = time.GetTimestamp();
            while (buffer.TryReadWaiting() is not 0 && time.GetElapsedTime(drainSince) < Drain)
            {
                await Task.Delay(Look, time, stopped.Token);
            }
        }
        catch (OperationCanceledException) when (stopped.IsCancellationRequested)
        {
            // Asked to stop earlier: what waits stays in the buffer.
        }
    }
}
