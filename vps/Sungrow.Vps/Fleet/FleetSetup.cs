using Microsoft.Extensions.Options;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Fleet;

internal static class FleetSetup
{
    public static IServiceCollection AddFleet(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton<IValidateOptions<FleetIngestOptions>, FleetIngestOptionsValidator>();
        services.AddOptions<FleetIngestOptions>().BindConfiguration(FleetIngestOptions.Section).ValidateOnStart();
        services.AddSingleton(provider => new FleetOutbox(Pushes(provider)));
        if (ModeOf(configuration) == RunMode.Admin)
        {
            services.AddSingleton<CustomerAuth>();
            services.AddSingleton<FleetMeasurements>();
            services.AddSingleton<FleetSets>();
            services.AddSingleton<FleetRequests>();
            services.AddSingleton<FleetSitesReader>();
            services.AddHostedService<FleetKeeper>();
        }
        else if (configuration.GetValue($"{FleetIngestOptions.Section}:{nameof(FleetIngestOptions.Enabled)}", defaultValue: false))
        {
            services.AddSingleton<FleetClient>();
            services.AddHostedService<FleetPusher>();
        }

        services.AddSingleton<AfterMigration>(provider => (connection, cancellationToken) =>
            Pushes(provider) ? Task.CompletedTask : PushStates.ForgetAsync(connection, cancellationToken));
        return services;
    }

    public static void MapFleet(this WebApplication app)
    {
        if (ModeOf(app.Configuration) == RunMode.Admin)
        {
            app.MapFleetIngest();
            app.MapFleetSites();
        }
    }

    private static bool Pushes(IServiceProvider provider) =>
        provider.GetRequiredService<IOptions<FleetIngestOptions>>().Value.PushesIn(
            provider.GetRequiredService<IOptions<ApplicationOptions>>().Value.RunMode);

    private static RunMode ModeOf(IConfiguration configuration) =>
        configuration.GetValue($"{ApplicationOptions.Section}:{nameof(ApplicationOptions.RunMode)}", RunMode.Client);
}
