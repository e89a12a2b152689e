using System.CommandLine;
using Sungrow.Protocol;
using Sungrow.Vps.Dashboard;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Devices.Commands;
using Sungrow.Vps.Fleet;
using Sungrow.Vps.Fleet.Commands;
using Sungrow.Vps.History;
using Sungrow.Vps.Ingest;
using Sungrow.Vps.Ingest.Commands;
using Sungrow.Vps.Monitoring;
using Sungrow.Vps.Realtime;
using Sungrow.Vps.Shelly;
using Sungrow.Vps.Shelly.Commands;
using Sungrow.Vps.Storage;
using Sungrow.Vps.Storage.Commands;

namespace Sungrow.Vps;

internal static class Program
{
    public static Task<int> Main(string[] args)
    {
        // What is no command is a setting, --Storage:Timescale=Required, and looked at there.
        var root = new RootCommand("Stores what the edges send, and shows it. Without a command it serves.")
        {
            TreatUnmatchedTokensAsErrors = false,
        };
        root.SetAction((_, cancellationToken) => Serving.RunAsync(args, cancellationToken));

        var health = new Command("health", "Asks /readyz of the server on this machine; exit code 0 when it is ready.");
        health.SetAction((_, cancellationToken) => Health.AskAsync(Configure([]).Configuration, cancellationToken));
        root.Subcommands.Add(health);
        RegistryCommands.AddTo(root);
        root.Subcommands.Add(CustomerCommands.Create());
        root.Subcommands.Add(QuarantineCommands.Create());
        root.Subcommands.Add(EventsCommands.Create());
        root.Subcommands.Add(BackupCommand.Create());
        root.Subcommands.Add(RestoreCommand.Create());
        root.Subcommands.Add(LoadCommands.Create());

        // Settings first: behind a command, one would be taken for the name or the number that the command asks for.
        var parsed = root.Parse([.. args.OrderByDescending(Settings.IsSetting)]);

        // Signals are the host's: it lets the requests in flight end.
        return parsed.Errors.Count > 0
            ? Task.FromResult(Admin.Refuse(parsed))
            : parsed.InvokeAsync(new() { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false });
    }

    internal static WebApplication Build(string[] args)
    {
        var builder = Configure(args);
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None); // What ends it is said once, by Serving.
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = ProtocolLimits.MaxPayloadBytes;
        });

        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddMonitoring(builder.Configuration);
        builder.Services.AddStorage();
        builder.Services.AddDevices();
        builder.Services.AddIngest();
        builder.Services.AddTelemetry();
        builder.Services.AddRealtime();
        builder.Services.AddShelly();
        builder.Services.AddHistory();
        builder.Services.AddFleet(builder.Configuration);
        builder.Services.AddDescription();
        var app = builder.Build();
        app.UseForwardedHeaders(); // Of TRUSTED_PROXIES.
        app.UseProblems();
        app.UseDashboard();
        app.MapHealth();
        app.MapDevices();
        app.MapIngest();
        app.MapTelemetry();
        app.MapRealtime();
        app.MapShelly();
        app.MapHistoryRoutes();
        app.MapFleet();
        app.MapOpenApi("/openapi/v1.json"); // No other: what is not there is refused like every route that is not.
        return app;
    }

    private static WebApplicationBuilder Configure(string[] args)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        Settings.MapLiteralNames(builder.Configuration);
        return builder;
    }
}
