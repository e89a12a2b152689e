using Microsoft.Extensions.Options;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Devices;

internal static class DevicesSetup
{
    public static IServiceCollection AddDevices(this IServiceCollection services)
    {
        services.AddSingleton<IValidateOptions<DevicesOptions>, DevicesOptionsValidator>();
        services.AddOptions<DevicesOptions>().BindConfiguration(DevicesOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<LimitsOptions>, LimitsOptionsValidator>();
        services.AddOptions<LimitsOptions>().BindConfiguration(LimitsOptions.Section).ValidateOnStart();
        services.AddSingleton<DeviceRegistry>();
        services.AddSingleton<AfterMigration>(provider => provider.GetRequiredService<DeviceRegistry>().EnsureAsync);
        services.AddSingleton<DeviceAuthCache>();
        services.AddSingleton<KnownTokens>();
        services.AddSingleton<AfterMigration>(provider => provider.GetRequiredService<KnownTokens>().LoadAsync);
        services.AddHostedService(provider => provider.GetRequiredService<KnownTokens>());
        services.AddSingleton<TokenGate>();
        services.AddSingleton<VpsMetrics>();
        services.AddHostedService<Invalidations>();
        services.AddHostedService<Upkeep>();
        services.AddTrustedProxies();
        services.AddSingleton<DeviceAuth>();
        services.AddSingleton<RateLimits>();
        services.AddSingleton<ViewerAuth>();
        services.AddSingleton<ViewerSessions>();
        services.AddSingleton<EdgeReports>();
        services.AddSingleton<BufferBalance>();
        services.AddSingleton<ReportMetrics>();
        return services;
    }

    public static void MapDevices(this IEndpointRouteBuilder routes)
    {
        routes.MapWhoAmI();
        routes.MapHeartbeat();
        routes.MapSession();
    }
}
