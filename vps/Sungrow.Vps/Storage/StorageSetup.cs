using Microsoft.Extensions.Options;
using Npgsql;

namespace Sungrow.Vps.Storage;

internal static class StorageSetup
{
    public static IServiceCollection AddStorage(this IServiceCollection services)
    {
        services.AddSingleton<IValidateOptions<ApplicationOptions>, ApplicationOptionsValidator>();
        services.AddOptions<ApplicationOptions>().BindConfiguration(ApplicationOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<StorageOptions>, StorageOptionsValidator>();
        services.AddOptions<StorageOptions>().BindConfiguration(StorageOptions.Section).ValidateOnStart();
        services.AddSingleton(provider =>
        {
            var connection = DatabaseUrl.Parse(provider.GetRequiredService<IOptions<StorageOptions>>().Value.DatabaseUrl);
            var source = new NpgsqlDataSourceBuilder(connection.ConnectionString);
            return source.UseLoggerFactory(provider.GetRequiredService<ILoggerFactory>()).Build();
        });
        services.AddSingleton<Database>();
        services.AddSingleton<DatabaseStart>();
        services.AddHostedService(provider => provider.GetRequiredService<DatabaseStart>());
        services.AddSingleton<IngestEvents>();
        services.AddSingleton<FlushTransaction>();
        services.AddSingleton<TimescaleBatchWriter>();
        services.AddHostedService<IngestEventsKeeper>();
        services.AddHostedService(provider => provider.GetRequiredService<TimescaleBatchWriter>());
        services.AddSingleton<AggregateRefresh>();
        services.AddHostedService(provider => provider.GetRequiredService<AggregateRefresh>());
        services.AddSingleton<NewestSamples>();
        services.AddSingleton<TelemetryTable>();
        services.AddSingleton<Refusals>();
        services.AddHostedService(provider => provider.GetRequiredService<Refusals>());
        return services;
    }
}
