using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Shelly;
using Sungrow.Vps.Tests.Devices;
using Sungrow.Vps.Tests.Shelly;
using Xunit;

namespace Sungrow.Vps.Tests;

/// <summary>Every route with every kind of token. A new route needs a row, a new kind of token a column: without one the test fails. In the
/// registry, inverter-1 .. inverter-3 are of tenant <c>default</c>, the first alone of site <c>default</c>, and plant-1 is of tenant
/// <c>acme</c>; each request is about inverter-1.</summary>
public class RouteTokenMatrixTests(Databases databases)
{
    private const string Ok = "200";

    /// <summary>The columns: a header each, and who shows it.</summary>
    private enum Shows
    {
        Nothing,
        NoBearer,
        Garbage,
        WrongChecksum,
        UnknownToken,
        Device,
        EnvironmentDevice,
        OtherDevice,
        OtherTenantsDevice,
        RevokedDevice,
        ExpiredDevice,
        FutureDevice,
        Viewer,
        EnvironmentViewer,
        OtherViewer,
        OtherTenantsViewer,
        ExpiredViewer,
        FutureViewer,
        FleetViewer,
        ApiKey,
        WrongApiKey,
        Customer,
        CustomersOldToken,
        CustomersEndedToken,
        RevokedCustomer,
    }

    /// <summary>The rows.</summary>
    private static readonly Route[] Table =
    [
        Open("GET /healthz"),
        Open("GET /readyz"),
        Open("GET /openapi/v1.json"),
        OfDevice("GET /v1/whoami", own: Ok, others: Ok),
        OfDevice("POST /v1/heartbeat", own: Ok, others: Ok, () => HeartbeatTests.Body()),
        OfDevice("POST /v1/ingest", own: Ok, others: ErrorCodes.DeviceMismatch, Batch),
        OfNamedDevice("POST /v1/tenants/{tenant}/devices/{device}/telemetry", Telemetry),
        OfNamedDevice("POST /v1/tenants/{tenant}/devices/{device}/heartbeat", Telemetry),
        OfViewer("GET /v1/realtime", "?device_id=inverter-1", own: Ok),
        OfViewer("GET /v1/realtime/stream", "?device_id=inverter-1", own: Ok),
        Open("POST /v1/session", SignIn), // Its token is in the body.
        OfViewer("GET /v1/session", "", own: Ok, others: Ok),
        Open("DELETE /v1/session"),
        OfViewer("GET /v1/loads", "?site_id=default", own: Ok, others: ErrorCodes.SiteNotVisible),
        OfViewer("GET /v1/loads/history", "?device_id=shellyplus1pm-a8032abe54dc", own: Ok),
        Open("GET /api/stats/queue"),
        OfQueue("POST /api/ingest/batch", () => QueueWorker.Batch(QueueWorker.Message())),
        OfViewer("GET /v1/history", "?device_id=inverter-1", own: Ok),
        OfViewer("GET /v1/energy", "?device_id=inverter-1", own: Ok),
        OfViewer("GET /v1/completeness", "?device_id=inverter-1", own: Ok),
        OfViewer("GET /v1/devices", "", own: Ok, others: Ok),
        OfViewer("GET /v1/fleet", "", own: ErrorCodes.FleetNotVisible, others: ErrorCodes.FleetNotVisible, fleet: Ok),
        OfCustomer("POST /api/fleet/ingest", () => new("""{"sites":[]}""", Encoding.UTF8, "application/json")),
    ];

    [Fact]
    public async Task Every_route_has_a_row()
    {
        await using var server = await StartAsync();

        var mapped = server.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>().SelectMany(endpoint =>
            (endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? ["GET"]).Select(method =>
                $"{method} {endpoint.RoutePattern.RawText}"));

        Assert.Equal(
            Table.Select(route => route.Name).Order(StringComparer.Ordinal), mapped.Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Every_route_answers_every_kind_of_token_as_designed()
    {
        await using var server = await StartAsync();
        var headers = await IssueAsync(server);
        Assert.Equal(1, (await server.IngestAsync(Series.Sample(0))).Counts().Inserted); // So that there is something to read.
        Assert.Equal("1 0 0 1 1", await server.ShellyAsync(QueueWorker.Message()).CountsAsync());
        List<string> wrong = [];
        foreach (var route in Table)
        {
            foreach (var shows in Enum.GetValues<Shows>())
            {
                var (answer, body) = await AskAsync(server, route, headers[shows]);
                if (answer != route.Expected(shows))
                {
                    wrong.Add($"{route.Name} with {shows}: {answer} instead of {route.Expected(shows)}");
                }

                if (headers[shows]?.Split(' ')[^1] is ['s', 'g', '_', ..] token && body.Contains(token, StringComparison.Ordinal))
                {
                    wrong.Add($"{route.Name} with {shows}: echoes the token");
                }
            }
        }

        Assert.Empty(wrong);
    }

    private static Route Open(string name, Func<HttpContent>? body = null) => new(name, "", _ => Ok, body);

    /// <param name="own">With a token of inverter-1.</param>
    /// <param name="others">With another device's, of whatever tenant.</param>
    private static Route OfDevice(string name, string own, string others, Func<HttpContent>? body = null) => new(
        name,
        "",
        shows => shows switch
        {
            Shows.Nothing or Shows.NoBearer or Shows.ApiKey or Shows.WrongApiKey => ErrorCodes.TokenMissing,
            Shows.Device or Shows.EnvironmentDevice => own,
            Shows.OtherDevice or Shows.OtherTenantsDevice => others,
            Shows.RevokedDevice => ErrorCodes.DeviceRevoked,
            _ => ErrorCodes.TokenInvalid,
        },
        body);

    /// <summary>Whose address names inverter-1 of tenant <c>default</c>: any other device's token is a wrong one.</summary>
    private static Route OfNamedDevice(string name, Func<HttpContent> body) => new(
        name,
        "",
        shows => shows switch
        {
            Shows.Nothing or Shows.NoBearer or Shows.ApiKey or Shows.WrongApiKey => ErrorCodes.TokenMissing,
            Shows.Device or Shows.EnvironmentDevice => Ok,
            _ => ErrorCodes.TokenInvalid,
        },
        body);

    /// <param name="own">With a token that sees inverter-1.</param>
    /// <param name="others">With one that does not.</param>
    /// <param name="fleet">With one that sees the fleet, and no device.</param>
    private static Route OfViewer(
        string name, string query, string own, string others = ErrorCodes.DeviceNotVisible, string? fleet = null) => new(
        name,
        query,
        shows => shows switch
        {
            Shows.Nothing or Shows.NoBearer or Shows.ApiKey or Shows.WrongApiKey => ErrorCodes.TokenMissing,
            Shows.Viewer or Shows.EnvironmentViewer => own,
            Shows.OtherViewer or Shows.OtherTenantsViewer => others,
            Shows.FleetViewer => fleet ?? others,
            _ => ErrorCodes.TokenInvalid,
        });

    /// <summary>With the key of queue workers; to whom it opens, no token means anything.</summary>
    private static Route OfQueue(string name, Func<HttpContent> body) => new(
        name,
        "",
        shows => shows switch
        {
            Shows.ApiKey => Ok,
            Shows.WrongApiKey => ErrorCodes.ApiKeyInvalid,
            _ => ErrorCodes.ApiKeyMissing,
        },
        body);

    /// <summary>Whatever else it is, what shows no customer's token is the same.</summary>
    private static Route OfCustomer(string name, Func<StringContent> body) => new(
        name,
        "",
        shows => shows is Shows.Customer or Shows.CustomersOldToken ? Ok : ErrorCodes.CustomerTokenInvalid,
        body);

    private static StringContent Batch() => new(
        JsonSerializer.Serialize(new IngestBatch(null, [Series.Sample(1)]), ProtocolJson.Default.IngestBatch), Encoding.UTF8, "application/json");

    private static StringContent SignIn() => new("""{"token":"viewer"}""", Encoding.UTF8, "application/json");

    private static StringContent Telemetry() => new(
        $$"""{"site_id":"default","ts":"{{Rfc3339.Write(Series.Start)}}","metrics":{"power_w":5} }""", Encoding.UTF8, "application/json");

    private static async Task<(string Answer, string Body)> AskAsync(VpsServer server, Route route, string? header)
    {
        using HttpClient client = new() { BaseAddress = server.Address };
        var (method, path) = (route.Name.Split(' ')[0], route.Name.Split(' ')[1]);
        path = path.Replace("{tenant}", "default", StringComparison.Ordinal).Replace("{device}", VpsServer.Device, StringComparison.Ordinal);
        using HttpRequestMessage request = new(new HttpMethod(method), path + route.Query) { Content = route.Body?.Invoke() };
        if (header is not null && route.Name.Contains("/fleet/", StringComparison.Ordinal))
        {
            request.Headers.TryAddWithoutValidation("X-Customer-Token", header.Split(' ')[^1]);
            request.Headers.TryAddWithoutValidation("X-Batch-Type", "sites");
        }
        else if (header is not null)
        {
            var (name, value) = header.StartsWith(ShellyKey.Header, StringComparison.Ordinal)
                ? (ShellyKey.Header, header[(ShellyKey.Header.Length + 1)..])
                : ("Authorization", header);
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        // A stream has no end.
        var body = answer.Content.Headers.ContentType?.MediaType == "text/event-stream" ? "" : await answer.Content.ReadAsStringAsync();
        return answer.IsSuccessStatusCode ? (Ok, body)
            : (JsonDocument.Parse(body).RootElement.GetProperty("code").GetString()!, body);
    }

    /// <summary>The header of each column, and the registry behind it.</summary>
    private static async Task<Dictionary<Shows, string?>> IssueAsync(VpsServer server)
    {
        await server.ExecuteAsync(
            """
            INSERT INTO tenants (name) VALUES ('acme');
            INSERT INTO sites (tenant_id, name, time_zone) SELECT id, 'roof', 'UTC' FROM tenants WHERE name = 'acme';
            INSERT INTO devices (device_id, site_id) SELECT 'plant-1', id FROM sites WHERE name = 'roof';
            UPDATE devices SET status = 'REVOKED' WHERE device_id = 'inverter-3';
            INSERT INTO sites (tenant_id, name, time_zone) VALUES (1, 'barn', 'UTC');
            UPDATE devices SET site_id = (SELECT id FROM sites WHERE name = 'barn') WHERE device_id IN ('inverter-2', 'inverter-3');
            """);
        var (good, ended) = (Tokens.Issue(), Tokens.Issue());
        await CustomerAsync("two", old: ended, end: "now() - interval '1 hour'");
        const string Now = "now(), NULL";
        const string Expired = "now() - interval '2 hours', now() - interval '1 hour'";
        const string Future = "now() + interval '1 hour', NULL";
        return new()
        {
            [Shows.Nothing] = null,
            [Shows.NoBearer] = "Basic ZGV2aWNlLTE6",
            [Shows.Garbage] = "Bearer garbage",
            [Shows.WrongChecksum] = $"Bearer {WrongChecksum()}",
            [Shows.UnknownToken] = $"Bearer {Tokens.Issue()}",
            [Shows.Device] = await DeviceAsync("inverter-1", Now),
            [Shows.EnvironmentDevice] = "Bearer device-1",
            [Shows.OtherDevice] = await DeviceAsync("inverter-2", Now),
            [Shows.OtherTenantsDevice] = await DeviceAsync("plant-1", Now),
            [Shows.RevokedDevice] = await DeviceAsync("inverter-3", Now),
            [Shows.ExpiredDevice] = await DeviceAsync("inverter-1", Expired),
            [Shows.FutureDevice] = await DeviceAsync("inverter-1", Future),
            [Shows.Viewer] = await ViewerAsync("default", "inverter-1", Now),
            [Shows.EnvironmentViewer] = "Bearer viewer",
            [Shows.OtherViewer] = await ViewerAsync("default", "inverter-2", Now),
            [Shows.OtherTenantsViewer] = await ViewerAsync("acme", "plant-1", Now),
            [Shows.ExpiredViewer] = await ViewerAsync("default", "inverter-1", Expired),
            [Shows.FutureViewer] = await ViewerAsync("default", "inverter-1", Future),
            [Shows.FleetViewer] = await ViewerAsync("default", device: null, Now),
            [Shows.ApiKey] = $"{ShellyKey.Header} {QueueWorker.Key}",
            [Shows.WrongApiKey] = $"{ShellyKey.Header} {Tokens.Issue()}",
            [Shows.Customer] = await CustomerAsync("one", old: good, end: "now() + interval '1 hour'"),
            [Shows.CustomersOldToken] = $"Bearer {good}",
            [Shows.CustomersEndedToken] = $"Bearer {ended}",
            [Shows.RevokedCustomer] = await CustomerAsync("three", "REVOKED"),
        };

        async Task<string> CustomerAsync(string name, string status = "ACTIVE", string? old = null, string end = "NULL")
        {
            var token = Tokens.Issue();
            await server.ExecuteAsync(
                $"INSERT INTO fleet.customers (customer_id, status, digest, old_digest, old_not_after) "
                + $"VALUES ('{name}', '{status}', {Digest(token)}, {(old is null ? "NULL" : Digest(old))}, {end})");
            return $"Bearer {token}";
        }

        async Task<string> DeviceAsync(string device, string times)
        {
            var token = Tokens.Issue();
            await server.ExecuteAsync(
                $"INSERT INTO device_tokens (digest, device_id, not_before, not_after) VALUES ({Digest(token)}, '{device}', {times})");
            return $"Bearer {token}";
        }

        async Task<string> ViewerAsync(string tenant, string? device, string times)
        {
            var token = Tokens.Issue();
            await server.ExecuteAsync(
                $"""
                INSERT INTO viewer_tokens (digest, tenant_id, name, fleet, not_before, not_after)
                SELECT {Digest(token)}, id, 'owner', {device is null}, {times} FROM tenants WHERE name = '{tenant}';
                INSERT INTO viewer_token_devices (digest, device_id)
                SELECT {Digest(token)}, device_id FROM devices WHERE device_id = '{device}';
                """);
            return $"Bearer {token}";
        }
    }

    private static string WrongChecksum()
    {
        var token = Tokens.Issue();
        return token[..^1] + (token[^1] == '0' ? '1' : '0');
    }

    private static string Digest(string token) => $"'\\x{Convert.ToHexString(Tokens.Digest(token))}'";

    private async Task<VpsServer> StartAsync() =>
        await VpsServer.StartAsync(
            await databases.CreateAsync(), "--RATE_LIMIT_FAILED_AUTH_PER_MINUTE=0", "--Application:RunMode=Admin", QueueWorker.Setting);

    /// <param name="Name">Method and pattern, as they are mapped.</param>
    /// <param name="Expected"><see cref="Ok"/>, or the code of the problem.</param>
    private sealed record Route(string Name, string Query, Func<Shows, string> Expected, Func<HttpContent>? Body = null);
}
