using System.Net;
using System.Text.Json;
using Xunit;

namespace Sungrow.Vps.Tests;

public class OpenApiTests(Databases databases)
{
    [Fact]
    public async Task The_description_names_every_route_with_what_it_takes_and_answers()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());

        var answer = await server.GetAsync("/openapi/v1.json", token: null);

        Assert.Equal(HttpStatusCode.OK, answer.Status);
        var paths = answer.Json.GetProperty("paths");
        Assert.Equal(
            ["/api/ingest/batch", "/api/stats/queue", "/healthz", "/readyz", "/v1/completeness", "/v1/devices", "/v1/energy", "/v1/heartbeat",
             "/v1/history", "/v1/ingest", "/v1/loads", "/v1/loads/history", "/v1/realtime", "/v1/realtime/stream", "/v1/session",
             "/v1/tenants/{tenant}/devices/{device}/heartbeat", "/v1/tenants/{tenant}/devices/{device}/telemetry", "/v1/whoami"],
            paths.EnumerateObject().Select(path => path.Name).Order(StringComparer.Ordinal));
        var ingest = paths.GetProperty("/v1/ingest").GetProperty("post");
        Assert.Equal(
            ["200", "400", "401", "403", "413", "415", "422", "429", "503"],
            ingest.GetProperty("responses").EnumerateObject().Select(response => response.Name).Order(StringComparer.Ordinal));
        Assert.EndsWith("/IngestBatch", Reference(ingest.GetProperty("requestBody")), StringComparison.Ordinal);
        Assert.EndsWith("/Problem", Reference(ingest.GetProperty("responses").GetProperty("422")), StringComparison.Ordinal);
        Assert.Equal("bearer", Assert.Single(ingest.GetProperty("security")[0].EnumerateObject()).Name);
        Assert.False(paths.GetProperty("/v1/session").GetProperty("post").TryGetProperty("security", out var asked), $"{asked}");
        Assert.True(paths.GetProperty("/v1/session").GetProperty("get").TryGetProperty("security", out _));
        var shelly = paths.GetProperty("/api/ingest/batch").GetProperty("post");
        Assert.Equal("api_key", Assert.Single(shelly.GetProperty("security")[0].EnumerateObject()).Name);
        Assert.EndsWith("/ShellyMessages", Reference(shelly.GetProperty("requestBody")), StringComparison.Ordinal);
        var batch = answer.Json.GetProperty("components").GetProperty("schemas").GetProperty("IngestBatch").GetProperty("properties");
        var sample = batch.GetProperty("samples").GetProperty("items").GetProperty("properties");
        Assert.True(sample.TryGetProperty("pv_daily_kwh", out _), sample.ToString());
    }

    [Fact]
    public async Task That_of_an_admin_VPS_also_names_the_fleets()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync(), "--Application:RunMode=Admin");

        var paths = (await server.GetAsync("/openapi/v1.json", token: null)).Json.GetProperty("paths");

        Assert.True(paths.TryGetProperty("/api/fleet/ingest", out _));
        Assert.Equal(
            ["200", "401", "403", "429", "503"],
            paths.GetProperty("/v1/fleet").GetProperty("get").GetProperty("responses").EnumerateObject()
                .Select(response => response.Name).Order(StringComparer.Ordinal));
    }

    private static string Reference(JsonElement holder) =>
        holder.GetProperty("content").EnumerateObject().Single().Value.GetProperty("schema").GetProperty("$ref").GetString()!;
}
