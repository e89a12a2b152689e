using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace Sungrow.Edge.Metrics;

/// <summary>Where the daemon's numbers go: served as text, sent by OTLP, or, at first, nowhere. What is off is not even loaded.</summary>
internal static class MetricsOutlets
{
    private const string OtlpEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    public static IServiceCollection AddMetricsOutlets(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton<EdgeGauges>();
        if (!string.IsNullOrWhiteSpace(configuration[$"{MetricsOptions.Section}:{nameof(MetricsOptions.Url)}"]))
        {
            services.AddSingleton(provider =>
            {
                provider.GetRequiredService<EdgeGauges>();
                return new MeterReadings();
            }).AddHostedService<MetricsEndpoint>();
        }

        if (!string.IsNullOrWhiteSpace(configuration[OtlpEndpoint]))
        {
            services.AddHostedService<OtlpExport>();
        }

        return services;
    }
}

/// <summary>Sends the meter's numbers as the environment's <c>OTEL_*</c> variables say.
/// https://opentelemetry.io/docs/specs/otel/protocol/exporter/</summary>
internal sealed class OtlpExport(EdgeGauges gauges) : IHostedService, IDisposable
{
    // Of the last numbers, at the stop: a collector that is gone must not hold it.
    private const int LastExportMilliseconds = 2_000;

    private MeterProvider? _provider;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        GC.KeepAlive(gauges);
        _provider = Sdk.CreateMeterProviderBuilder()
            .ConfigureResource(resource => resource.AddService("sungrow-edge").AddEnvironmentVariableDetector())
            .AddMeter(EdgeMetrics.MeterName)
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
