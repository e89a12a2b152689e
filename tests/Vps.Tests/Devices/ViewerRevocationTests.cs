using System.Net;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Sungrow.TestServers;
using Sungrow.Vps.Devices;
using Xunit;

namespace Sungrow.Vps.Tests.Devices;

/// <summary>Two replicas on one database: what each remembers of viewers ends when a viewer does.</summary>
public class ViewerRevocationTests(Databases databases)
{
    private const string Session = "/v1/session";

    [Fact]
    public async Task A_token_that_is_remembered_is_not_looked_up_and_ends_everywhere_with_a_message()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var one = await StartAsync(await databases.CreateAsync(), redis);
        await using var two = await StartAsync(one.Database.ConnectionString, redis);
        var token = await IssueAsync(one);
        await RememberedAsync(token, one, two);

        await one.ExecuteAsync("UPDATE viewer_tokens SET not_after = now() - interval '1 second'");
        Assert.Equal(HttpStatusCode.OK, (await one.GetAsync(Session, token)).Status); // Nobody has asked for it.
        Assert.True(await Invalidations.TryTellOfViewersAsync(redis.Url, TimeProvider.System, default));

        await Until.TrueAsync(async () => !await IsGoodAsync(one, token) && !await IsGoodAsync(two, token));
    }

    [Fact]
    public async Task Who_signs_out_at_one_replica_is_out_at_the_other()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var one = await StartAsync(await databases.CreateAsync(), redis);
        await using var two = await StartAsync(one.Database.ConnectionString, redis);
        using HttpClient browser = new(new HttpClientHandler { UseCookies = false });
        using var signedIn = await browser.PostAsync(
            new Uri(one.Address, Session), new StringContent("""{"token":"viewer"}""", Encoding.UTF8, "application/json"));
        browser.DefaultRequestHeaders.Add("Cookie", signedIn.Headers.GetValues("Set-Cookie").Single().Split("; ")[0]);
        var id = browser.DefaultRequestHeaders.GetValues("Cookie").Single().Split('=')[1];
        await Until.TrueAsync(async () => await AskAsync(two) == HttpStatusCode.OK && Cache(two).Get(Tokens.Digest(id)) is not null);

        using var signedOut = await browser.DeleteAsync(new Uri(one.Address, Session));

        Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(one));
        await Until.TrueAsync(async () => await AskAsync(two) == HttpStatusCode.Unauthorized);

        async Task<HttpStatusCode> AskAsync(VpsServer server)
        {
            using var answer = await browser.GetAsync(new Uri(server.Address, Session));
            return answer.StatusCode;
        }
    }

    [Fact]
    public async Task Without_a_Redis_that_is_heard_nothing_is_remembered()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var server = await StartAsync(await databases.CreateAsync(), redis);
        var token = await IssueAsync(server);
        await RememberedAsync(token, server);

        await redis.KillAsync();
        await Until.TrueAsync(() => Cache(server).Get(Tokens.Digest(token)) is null);
        Assert.True(await IsGoodAsync(server, token));
        await server.ExecuteAsync("UPDATE viewer_tokens SET not_after = now() - interval '1 second'");

        Assert.False(await IsGoodAsync(server, token));
    }

    [Fact]
    public async Task A_token_ends_when_it_says_however_long_it_is_remembered()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var server = await StartAsync(await databases.CreateAsync(), redis);
        var token = await IssueAsync(server, "now() + interval '5 seconds'");

        Assert.True(await IsGoodAsync(server, token));
        await Until.TrueAsync(async () => !await IsGoodAsync(server, token));
    }

    private static Task<VpsServer> StartAsync(string database, RedisServer redis) =>
        VpsServer.StartAsync(database, $"--REDIS_URL={redis.Url}", "--AUTH_CACHE_TTL_SECONDS=3600");

    private static async Task<string> IssueAsync(VpsServer server, string notAfter = "NULL")
    {
        var token = Tokens.Issue();
        var digest = $"'\\x{Convert.ToHexString(Tokens.Digest(token))}'";
        await server.ExecuteAsync(
            $"""
            INSERT INTO viewer_tokens (digest, tenant_id, name, not_after) VALUES ({digest}, 1, 'owner', {notAfter});
            INSERT INTO viewer_token_devices (digest, device_id) VALUES ({digest}, 'inverter-1')
            """);
        return token;
    }

    // Only once the replica hears Redis.
    private static async Task RememberedAsync(string token, params VpsServer[] servers)
    {
        foreach (var server in servers)
        {
            await Until.TrueAsync(async () =>
                await IsGoodAsync(server, token) && Cache(server).Get(Tokens.Digest(token)) is not null);
        }
    }

    private static async Task<bool> IsGoodAsync(VpsServer server, string token) =>
        (await server.GetAsync(Session, token)).Status == HttpStatusCode.OK;

    private static ViewerAuthCache Cache(VpsServer server) => server.Services.GetRequiredService<ViewerAuthCache>();
}
