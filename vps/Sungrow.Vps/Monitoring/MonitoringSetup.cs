using Microsoft.Extensions.Options;

namespace Sungrow.Vps.Monitoring;

internal static class MonitoringSetup
{
    public static IServiceCollection AddMonitoring(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton<IValidateOptions<MetricsOptions>, MetricsOptionsValidator>();
        services.AddOptions<MetricsOptions>().BindConfiguration(MetricsOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<AlertsOptions>, AlertsOptionsValidator>();
        services.AddOptions<AlertsOptions>().BindConfiguration(AlertsOptions.Section).ValidateOnStart();
        services.AddSingleton<MeterReadings>();
        services.AddSingleton<MetricsServer>();
        services.AddHostedService(provider => provider.GetRequiredService<MetricsServer>());
        services.AddSingleton<AlertChannels>();
        services.AddSingleton<SilenceWatch>();
        services.AddHostedService(provider => provider.GetRequiredService<SilenceWatch>());
        if (!string.IsNullOrWhiteSpace(configuration[OtlpExport.Endpoint]))
        {
            services.AddHostedService<OtlpExport>();
        }

        return services;
    }
}
