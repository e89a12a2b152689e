using System.Net;
using System.Text;
using System.Text.Json;
using Sungrow.TestServers;
using Sungrow.Vps.Devices;
using Xunit;

namespace Sungrow.Vps.Tests.Devices;

/// <summary>A browser's way in: a viewer token for a cookie, and the cookie for everything else.</summary>
public class SessionTests(Databases databases)
{
    [Fact]
    public async Task A_viewer_token_is_traded_for_a_cookie_that_opens_the_viewers_routes_until_it_is_given_back()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());
        await server.IngestAsync(Series.Sample(1));

        var (status, setCookie, _) = await SignInAsync(server, """{"token":"viewer"}""");

        Assert.Equal(HttpStatusCode.NoContent, status);
        var parts = setCookie!.Split("; ");
        Assert.Equal(
            ["httponly", "max-age=2592000", "path=/", "samesite=strict", "secure"], parts[1..].Where(part => !part.StartsWith("expires", StringComparison.Ordinal)).Order());
        var cookie = parts[0];
        Assert.StartsWith("sungrow_session=", cookie, StringComparison.Ordinal);
        var session = await AskAsync(server, HttpMethod.Get, "/v1/session", cookie);
        Assert.Equal((HttpStatusCode.OK, """{"devices":["inverter-1"]}"""), (session.Status, session.Body));
        foreach (var route in new[] { "realtime", "devices", "history", "energy", "completeness" })
        {
            Assert.Equal(HttpStatusCode.OK, (await AskAsync(server, HttpMethod.Get, $"/v1/{route}", cookie)).Status);
            Assert.Equal(
                route == "devices" ? null : "DEVICE_NOT_VISIBLE",
                (await AskAsync(server, HttpMethod.Get, $"/v1/{route}?device_id=inverter-2", cookie)).Code);
        }

        // What only the browser knows is not in the database.
        var id = cookie.Split('=')[1];
        Assert.Equal(
            Convert.ToHexString(Tokens.Digest(id)).ToLowerInvariant(),
            await server.AskAsync<string>("SELECT encode(digest, 'hex') FROM viewer_sessions"));

        var end = await AskAsync(server, HttpMethod.Delete, "/v1/session", cookie);
        Assert.Equal(HttpStatusCode.NoContent, end.Status);
        Assert.Contains("sungrow_session=;", end.SetCookie, StringComparison.Ordinal);
        Assert.Equal("TOKEN_INVALID", (await AskAsync(server, HttpMethod.Get, "/v1/session", cookie)).Code);
        Assert.Equal(HttpStatusCode.NoContent, (await AskAsync(server, HttpMethod.Delete, "/v1/session", null)).Status);
    }

    [Theory]
    [InlineData("""{"token":"wrong"}""", "application/json", "TOKEN_INVALID")]
    [InlineData("""{"token":"device-1"}""", "application/json", "TOKEN_INVALID")]
    [InlineData("""{"token":""}""", "application/json", "MALFORMED_BODY")]
    [InlineData("""{"token":null}""", "application/json", "MALFORMED_BODY")]
    [InlineData("""{"token":5}""", "application/json", "MALFORMED_BODY")]
    [InlineData("{}", "application/json", "MALFORMED_BODY")]
    [InlineData("viewer", "application/json", "MALFORMED_BODY")]
    [InlineData("token=viewer", "application/x-www-form-urlencoded", "UNSUPPORTED_MEDIA_TYPE")]
    [InlineData("""{"token":"viewer"}""", "text/plain", "UNSUPPORTED_MEDIA_TYPE")]
    public async Task Anything_else_opens_no_session(string body, string type, string code)
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());

        var (_, setCookie, answer) = await SignInAsync(server, body, type);

        Assert.Equal(code, JsonDocument.Parse(answer).RootElement.GetProperty("code").GetString());
        Assert.Null(setCookie);
        Assert.DoesNotContain("wrong", answer, StringComparison.Ordinal);
        Assert.Equal(0, await server.CountAsync("viewer_sessions"));
    }

    [Fact]
    public async Task A_body_that_no_token_can_fill_is_not_read()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());

        Assert.Equal(
            HttpStatusCode.RequestEntityTooLarge, (await SignInAsync(server, $$"""{"token":"{{new string('a', 5000)}}"}""")).Status);
    }

    [Fact]
    public async Task Guesses_are_limited_by_address_and_a_good_token_or_cookie_passes_beside_them()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync(), "--RATE_LIMIT_FAILED_AUTH_PER_MINUTE=3");
        var (_, setCookie, _) = await SignInAsync(server, """{"token":"viewer"}""");
        var cookie = setCookie!.Split("; ")[0];

        List<HttpStatusCode> guesses = [];
        for (var i = 0; i < 6; i++)
        {
            guesses.Add(i % 2 == 0
                ? (await SignInAsync(server, """{"token":"wrong"}""")).Status
                : (await AskAsync(server, HttpMethod.Get, "/v1/session", $"sungrow_session=wrong{i}")).Status);
        }

        Assert.Equal(
            [.. Enumerable.Repeat(HttpStatusCode.Unauthorized, 3), .. Enumerable.Repeat(HttpStatusCode.TooManyRequests, 3)], guesses);
        Assert.Equal(HttpStatusCode.NoContent, (await SignInAsync(server, """{"token":"viewer"}""")).Status);
        // The list of known sessions is read again within ten seconds.
        await Until.TrueAsync(async () => (await AskAsync(server, HttpMethod.Get, "/v1/session", cookie)).Status == HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("UPDATE viewer_sessions SET expires_at = now() - interval '1 second'")]
    [InlineData("UPDATE viewer_tokens SET not_after = now() - interval '1 second'")]
    [InlineData("DELETE FROM viewer_token_devices; DELETE FROM viewer_tokens")]
    public async Task A_session_ends_with_its_time_and_with_its_token(string end)
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());
        var token = Tokens.Issue();
        var digest = $"'\\x{Convert.ToHexString(Tokens.Digest(token))}'";
        await server.ExecuteAsync(
            $"""
            INSERT INTO viewer_tokens (digest, tenant_id, name) VALUES ({digest}, 1, 'owner');
            INSERT INTO viewer_token_devices (digest, device_id) VALUES ({digest}, 'inverter-2')
            """);
        var (_, setCookie, _) = await SignInAsync(server, $$"""{"token":"{{token}}"}""");
        var cookie = setCookie!.Split("; ")[0];
        Assert.Equal("""{"devices":["inverter-2"]}""", (await AskAsync(server, HttpMethod.Get, "/v1/session", cookie)).Body);

        await server.ExecuteAsync(end);

        var ended = await AskAsync(server, HttpMethod.Get, "/v1/session", cookie);
        Assert.Equal((HttpStatusCode.Unauthorized, "TOKEN_INVALID"), (ended.Status, ended.Code));
        Assert.Contains("sungrow_session=;", ended.SetCookie, StringComparison.Ordinal);
        await SignInAsync(server, """{"token":"viewer"}"""); // Whoever signs in tidies up.
        Assert.Equal(0, await server.CountAsync("viewer_sessions WHERE expires_at <= now()"));
    }

    [Fact]
    public async Task A_token_may_have_a_hundred_sessions_and_the_newest_stay()
    {
        await using var server = await VpsServer.StartAsync(await databases.CreateAsync());
        var (_, first, _) = await SignInAsync(server, """{"token":"viewer"}""");
        for (var i = 0; i < 100; i++)
        {
            await SignInAsync(server, """{"token":"viewer"}""");
        }

        Assert.Equal(100, await server.CountAsync("viewer_sessions"));
        Assert.Equal(HttpStatusCode.Unauthorized, (await AskAsync(server, HttpMethod.Get, "/v1/session", first!.Split("; ")[0])).Status);
    }

    private static async Task<(HttpStatusCode Status, string? SetCookie, string Body)> SignInAsync(
        VpsServer server, string body, string type = "application/json")
    {
        using HttpClient client = new(new HttpClientHandler { UseCookies = false });
        using var answer = await client.PostAsync(new Uri(server.Address, "/v1/session"), new StringContent(body, Encoding.UTF8, type));
        return (
            answer.StatusCode, answer.Headers.TryGetValues("Set-Cookie", out var cookies) ? cookies.Single() : null,
            await answer.Content.ReadAsStringAsync());
    }

    private static async Task<(HttpStatusCode Status, string Body, string? Code, string? SetCookie)> AskAsync(
        VpsServer server, HttpMethod method, string path, string? cookie)
    {
        using HttpClient client = new(new HttpClientHandler { UseCookies = false });
        using HttpRequestMessage request = new(method, new Uri(server.Address, path));
        if (cookie is not null)
        {
            request.Headers.Add("Cookie", cookie);
        }

        using var answer = await client.SendAsync(request);
        var body = await answer.Content.ReadAsStringAsync();
        return (
            answer.StatusCode, body,
            answer.Content.Headers.ContentType?.MediaType == "application/problem+json"
                ? JsonDocument.Parse(body).RootElement.GetProperty("code").GetString() : null,
            answer.Headers.TryGetValues("Set-Cookie", out var cookies) ? cookies.Single() : null);
    }
}
