using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Inverter;
using Sungrow.Edge.Metrics;
using Sungrow.Edge.Polling;
using Sungrow.Edge.Uplink;

namespace Sungrow.Edge;

/// <summary>How the rooms are put together.</summary>
internal static class EdgeHost
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromMinutes(5);

    /// <param name="settings">Settings of the command line, <c>--Section:Name=value</c>.</param>
    public static IHost Build(string[] settings)
    {
        // Empty: the default builder's file watchers and log providers cost a Pi memory for nothing.
        var builder = Host.CreateEmptyApplicationBuilder(new() { ContentRootPath = AppContext.BaseDirectory });
        Settings.Load(builder.Configuration, settings);
        builder.Logging
            .AddConfiguration(builder.Configuration.GetSection("Logging"))
            .AddOurConsole();

        builder.Services
            .AddSettings(builder.Configuration)
            .AddSingleton(TimeProvider.System)
            .AddSingleton<EdgeMetrics>()
            .AddSingleton<InverterReader>()
            .AddSingleton(OpenBuffer)
            .AddSingleton<PollStatus>()
            .AddSingleton(services => new ClockTrust(
                services.GetRequiredService<IOptions<ClockOptions>>(), services.GetRequiredService<TimeProvider>()))
            .AddSingleton<SampleClock>()
            .AddSingleton<GapBook>()
            .AddSingleton<Liveness>()
            .AddSingleton(_ => NotifySocket.OfEnvironment())
            .AddSingleton<Ownership>()
            .AddSingleton<DailyCounter>()
            .AddSingleton<PollLoop>()
            .AddSingleton<IIngestApi, IngestApi>()
            .AddTransient(_ => new Backoff(FirstRetry, LongestRetry, Random.Shared.NextDouble))
            .AddMetricsOutlets(builder.Configuration)
            .AddHostedService<FreedMemory>()
            // Stopped in reverse: polling first, then the uplink, and the last report sees both at rest.
            .AddHostedService<HeartbeatLoop>()
            // The uplink hears from the server when our time is ahead of its own.
            .AddHostedService(services => ActivatorUtilities.CreateInstance<ReplayLoop>(
                services, (Action)services.GetRequiredService<ClockTrust>().Doubt))
            .AddHostedService(services => services.GetRequiredService<PollLoop>())
            // The last to start and the first to stop: systemd hears of the end before it begins.
            .AddHostedService<ServiceManager>();
        return builder.Build();
    }

    private static void AddOurConsole(this ILoggingBuilder logging)
    {
        if (Console.IsOutputRedirected && Environment.GetEnvironmentVariable("JOURNAL_STREAM") is { Length: > 0 })
        {
            // The journal knows the time, and takes the level from the line's beginning: 'journalctl -p warning'.
            logging.AddSystemdConsole();
            return;
        }

        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ssZ ";
        });
    }

    private static SampleBuffer OpenBuffer(IServiceProvider services)
    {
        var options = services.GetRequiredService<IOptions<BufferOptions>>().Value;
        var logger = services.GetRequiredService<ILogger<SampleBuffer>>();
        var buffer = SampleBuffer.Open(options.Path, Clock.BootId, options, services.GetRequiredService<TimeProvider>(), logger);
        Log.BufferOpened(logger, options.Path, buffer.ReadState().Waiting);
        return buffer;
    }
}
