using System.Text.Json.Serialization;

namespace Sungrow.Vps.History;

internal static class HistorySetup
{
    public static IServiceCollection AddHistory(this IServiceCollection services)
    {
        services.AddSingleton<HistoryReader>();
        services.AddSingleton<EnergyReader>();
        services.AddSingleton<CompletenessReader>();
        return services;
    }

    public static void MapHistoryRoutes(this IEndpointRouteBuilder routes)
    {
        routes.MapSeenDevices();
        routes.MapHistory();
        routes.MapEnergy();
        routes.MapCompleteness();
        routes.MapLoadHistory();
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, Converters = [typeof(Protocol.Rfc3339Converter)])]
[JsonSerializable(typeof(HistoryAnswer))]
[JsonSerializable(typeof(RawHistoryAnswer))]
[JsonSerializable(typeof(EnergyAnswer))]
[JsonSerializable(typeof(CompletenessAnswer))]
[JsonSerializable(typeof(DevicesAnswer))]
[JsonSerializable(typeof(LoadHistoryAnswer))]
internal sealed partial class HistoryJson : JsonSerializerContext;
