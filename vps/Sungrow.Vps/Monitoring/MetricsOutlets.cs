using Microsoft.Extensions.Options;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace Sungrow.Vps.Monitoring;

/// <summary>Serves <c>GET /metrics</c> at an address of its own, beside the API: what is behind the proxy cannot be reached through
/// it.</summary>
internal sealed class MetricsServer(IOptions<MetricsOptions> options, MeterReadings readings) : IHostedService, IAsyncDisposable
{
    private WebApplication? _app;

    /// <summary>Where it listens; null where nobody wants it.</summary>
    public string? Address => _app?.Urls.FirstOrDefault();

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Value.Url.Length == 0)
        {
            return;
        }

        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        builder.WebHost.UseUrls(options.Value.Url);
        var app = builder.Build();
        app.Run(context =>
        {
            if (context.Request.Path != "/metrics" || !HttpMethods.IsGet(context.Request.Method))
            {
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                return Task.CompletedTask;
            }

            context.Response.ContentType = MeterReadings.ContentType;
            return context.Response.WriteAsync(readings.Text(), context.RequestAborted);
        });
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (Exception taken) when (taken is IOException or System.Net.Sockets.SocketException or InvalidOperationException or FormatException)
        {
            await app.DisposeAsync();
            throw new OptionsValidationException(MetricsOptions.Section, typeof(MetricsOptions),
                [Settings.Wrong(MetricsOptions.Section, nameof(MetricsOptions.Url), options.Value.Url, $"a free address of this machine ({taken.Message})")]);
        }

        readings.Listen();
        _app = app;
    }

    public Task StopAsync(CancellationToken cancellationToken) => _app?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
        {
            await _app.DisposeAsync();
        }
    }
}

/// <summary>Sends the meter's numbers as the environment's <c>OTEL_*</c> variables say, where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set.
/// https://opentelemetry.io/docs/specs/otel/protocol/exporter/</summary>
internal sealed class OtlpExport : IHostedService, IDisposable
{
    public const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    // Of the last numbers, at the stop: a collector that is gone must not hold it.
    private const int LastExportMilliseconds = 2_000;

    private MeterProvider? _provider;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _provider = Sdk.CreateMeterProviderBuilder()
            .ConfigureResource(resource => resource.AddService("sungrow-vps").AddEnvironmentVariableDetector())
            .AddMeter(VpsMetrics.MeterName, "Microsoft.AspNetCore.Hosting", "Npgsql")
            .AddOtlpExporter()
            .Build();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        _provider?.Shutdown(LastExportMilliseconds);
        return Task.CompletedTask;
    }

    public void Dispose() => _provider?.Dispose();
}
