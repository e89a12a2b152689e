using System.Net;
using Sungrow.TestServers;
using Sungrow.Vps.Devices;
using Xunit;

namespace Sungrow.Vps.Tests.Devices;

public class AuthenticationTests(Databases databases)
{
    [Fact]
    public async Task Whoami_tells_a_device_what_the_server_knows_of_it()
    {
        await using var server = await StartAsync("--SITE_TIMEZONE=Asia/Kathmandu");

        var answer = await server.GetAsync("/v1/whoami", "device-2");

        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.Equal(
            ["device_id", "tenant", "site", "time_zone", "server_time", "limits"],
            answer.Json.EnumerateObject().Select(member => member.Name));
        Assert.Equal(
            ("inverter-2", "default", "default", "Asia/Kathmandu"),
            (Text("device_id"), Text("tenant"), Text("site"), Text("time_zone")));
        Assert.Equal(
            ["max_samples", "max_payload_bytes", "samples_per_second", "burst_samples", "requests_per_second", "burst_requests"],
            answer.Json.GetProperty("limits").EnumerateObject().Select(member => member.Name));

        string? Text(string member) => answer.Json.GetProperty(member).GetString();
    }

    [Fact]
    public async Task Two_tokens_of_the_environment_may_stand_for_one_device()
    {
        await using var server = await StartAsync("--DEVICE_TOKENS=old:inverter-1,new:inverter-1");

        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/v1/whoami", "old")).Status);
        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/v1/whoami", "new")).Status);
    }

    [Theory]
    [InlineData("now() - interval '1 hour'", "NULL", true)]
    [InlineData("now() - interval '1 hour'", "now() + interval '1 hour'", true)]
    [InlineData("now() + interval '1 hour'", "NULL", false)]
    [InlineData("now() - interval '2 hours'", "now() - interval '1 hour'", false)]
    public async Task A_token_of_the_registry_is_good_between_its_times(string notBefore, string notAfter, bool good)
    {
        await using var server = await StartAsync();
        var (device, viewer) = (Tokens.Issue(), Tokens.Issue());
        await server.ExecuteAsync(
            $"""
            INSERT INTO device_tokens (digest, device_id, not_before, not_after)
            VALUES ({Digest(device)}, 'inverter-2', {notBefore}, {notAfter});
            INSERT INTO viewer_tokens (digest, tenant_id, name, not_before, not_after)
            VALUES ({Digest(viewer)}, 1, 'owner', {notBefore}, {notAfter});
            INSERT INTO viewer_token_devices (digest, device_id) VALUES ({Digest(viewer)}, 'inverter-2');
            """);

        var whoami = await server.GetAsync("/v1/whoami", device);
        var realtime = await server.GetAsync("/v1/realtime", viewer);

        Assert.Equal(good ? HttpStatusCode.OK : HttpStatusCode.Unauthorized, whoami.Status);
        Assert.Equal(good ? "inverter-2" : "TOKEN_INVALID", good ? whoami.Json.GetProperty("device_id").GetString() : whoami.Code);
        Assert.Equal(good ? "NO_DATA" : "TOKEN_INVALID", realtime.Code);
        if (good)
        {
            Assert.Equal("DEVICE_NOT_VISIBLE", (await server.GetAsync("/v1/realtime?device_id=inverter-1", viewer)).Code);
        }

        // A token opens its own kind of door only.
        Assert.Equal("TOKEN_INVALID", (await server.GetAsync("/v1/whoami", viewer)).Code);
        Assert.Equal("TOKEN_INVALID", (await server.GetAsync("/v1/realtime", device)).Code);
    }

    [Fact]
    public async Task A_revocation_is_noticed_when_the_entry_has_lived_its_time()
    {
        await using var server = await StartAsync("--AUTH_CACHE_TTL_SECONDS=1");
        Assert.Equal(HttpStatusCode.OK, (await server.IngestAsync(Series.Sample(1))).Status);

        await server.ExecuteAsync("UPDATE devices SET status = 'REVOKED'");

        await Until.TrueAsync(async () => (await server.IngestAsync(Series.Sample(1))).Code == "DEVICE_REVOKED");
        Assert.Equal("DEVICE_REVOKED", (await server.PostAsync("/v1/heartbeat", HeartbeatTests.Body())).Code);
    }

    [Fact]
    public async Task A_known_device_is_not_looked_up_with_each_request()
    {
        await using var server = await StartAsync();
        await server.GetAsync("/v1/whoami");
        await using var other = await server.Database.OpenConnectionAsync();
        await using (Npgsql.NpgsqlCommand hold = new("BEGIN; LOCK TABLE devices", other))
        {
            await hold.ExecuteNonQueryAsync();
        }

        // Whoever asked the table now would wait for us.
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/v1/whoami")).Status);
        }
    }

    [Fact]
    public async Task A_device_of_the_environment_that_a_restore_has_lost_is_made_again()
    {
        await using var server = await StartAsync();
        await server.ExecuteAsync("DELETE FROM devices");

        Assert.Equal(HttpStatusCode.OK, (await server.GetAsync("/v1/whoami")).Status);
        Assert.Equal(3, await server.CountAsync("devices"));
    }

    private static string Digest(string token) => $"'\\x{Convert.ToHexString(Tokens.Digest(token))}'";

    private async Task<VpsServer> StartAsync(params string[] settings) => await VpsServer.StartAsync(
        await databases.CreateAsync(), settings);
}
