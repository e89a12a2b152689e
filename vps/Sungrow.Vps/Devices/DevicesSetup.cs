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
        services.AddSingleton<DeviceAuth>();
        services.AddSingleton<ViewerAuth>();
        services.AddSingleton<EdgeReports>();
        return services;
    }

    public static void MapDevices(this IEndpointRouteBuilder routes)
    {
        routes.MapWhoAmI();
        routes.MapHeartbeat();
    }
}
