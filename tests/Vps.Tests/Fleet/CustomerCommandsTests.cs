using System.Net;
using System.Text;
using System.Text.Json;
using Sungrow.TestServers;
using Sungrow.Vps.Devices;
using Xunit;

namespace Sungrow.Vps.Tests.Fleet;

/// <summary>The commands as an admin types them, beside an admin VPS that runs.</summary>
public class CustomerCommandsTests(Databases databases)
{
    [Fact]
    public async Task A_customer_is_added_rotated_revoked_and_let_in_again()
    {
        await using var redis = await RedisServer.StartAsync();
        var database = await databases.CreateAsync();
        // Nobody waits for the cache to forget: each change must be told.
        await using var server = await VpsServer.StartAsync(
            database, "--Application:RunMode=Admin", $"--REDIS_URL={redis.Url}", "--AUTH_CACHE_TTL_SECONDS=3600");
        Cli cli = new(database, redis.Url);

        var first = Token(await cli.RunAsync("customers add acme"));
        await AnswersAsync(first, HttpStatusCode.OK);

        var rotated = await cli.JsonAsync("customers rotate acme --overlap 01:00:00");
        var second = rotated.GetProperty("token").GetString()!;
        Assert.InRange(
            rotated.GetProperty("old_token_ends").GetDateTimeOffset() - TimeProvider.System.GetUtcNow(),
            TimeSpan.FromMinutes(50), TimeSpan.FromMinutes(61));
        await AnswersAsync(first, HttpStatusCode.OK);
        await AnswersAsync(second, HttpStatusCode.OK);
        Assert.Contains("--overlap 00:00:00", await cli.RunAsync("customers rotate acme", exitCode: 1), StringComparison.Ordinal);

        var third = Token(await cli.RunAsync("customers rotate acme --overlap 00:00:00"));
        await AnswersAsync(first, HttpStatusCode.Unauthorized);
        await AnswersAsync(second, HttpStatusCode.Unauthorized);
        await AnswersAsync(third, HttpStatusCode.OK);

        Assert.Contains("Every running server has been told.", await cli.RunAsync("customers revoke acme"), StringComparison.Ordinal);
        await AnswersAsync(third, HttpStatusCode.Unauthorized);
        Assert.Contains("--undo", await cli.RunAsync("customers rotate acme", exitCode: 1), StringComparison.Ordinal);
        await cli.RunAsync("customers revoke acme --undo");
        await AnswersAsync(third, HttpStatusCode.OK);

        // The message arrives a moment after the command has returned.
        Task AnswersAsync(string token, HttpStatusCode status) => Until.TrueAsync(async () => await SitesAsync(server, token) == status);
    }

    [Fact]
    public async Task What_is_shown_says_who_pushed_what_and_never_a_token()
    {
        var database = await databases.CreateAsync();
        await using var server = await VpsServer.StartAsync(database, "--Application:RunMode=Admin");
        Cli cli = new(database);
        Assert.Equal("There is no customer.", (await cli.RunAsync("customers list")).Trim());
        var token = Token(await cli.RunAsync($"customers add {new string('x', 64)}"));
        Token(await cli.RunAsync("customers add acme"));
        Assert.Equal(HttpStatusCode.OK, await SitesAsync(server, token));

        var table = await cli.RunAsync("customers list");
        Assert.All(table.Split('\n'), line => Assert.InRange(line.Length, 0, 80));
        Assert.Contains("acme", table, StringComparison.Ordinal);
        Assert.DoesNotContain(token, table, StringComparison.Ordinal);
        var list = await cli.JsonAsync("customers list");
        Assert.Equal([0, 1], list.EnumerateArray().Select(customer => customer.GetProperty("sites").GetInt32()));
        Assert.Equal(
            [JsonValueKind.Null, JsonValueKind.String], list.EnumerateArray().Select(customer => customer.GetProperty("last_seen").ValueKind));
        var shown = await cli.JsonAsync("customers show acme");
        Assert.Equal(("acme", "ACTIVE"), (shown.GetProperty("customer").GetString(), shown.GetProperty("status").GetString()));
        Assert.Contains("old token until", await cli.RunAsync("customers show acme"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, "There is a customer acme already. See: sungrow-vps customers show acme", "customers add acme")]
    [InlineData(1, "There is no customer nobody. See: sungrow-vps customers list", "customers show nobody")]
    [InlineData(1, "There is no customer nobody. See: sungrow-vps customers list", "customers rotate nobody")]
    [InlineData(1, "There is no customer nobody. See: sungrow-vps customers list", "customers revoke nobody")]
    [InlineData(2, "customer is malformed; allowed is 1 to 64 of A-Z a-z 0-9 . _ -. See --help.", "customers add a/b")]
    [InlineData(2, "Required argument missing for command: 'add'. See --help.", "customers add")]
    public async Task What_cannot_be_is_one_sentence(int exitCode, string sentence, string words)
    {
        var database = await databases.CreateAsync();
        await using var server = await VpsServer.StartAsync(database);
        Cli cli = new(database);
        await cli.RunAsync("customers add acme");

        Assert.Equal($"sungrow-vps: {sentence}", await cli.RunAsync(words, exitCode));
    }

    private static async Task<HttpStatusCode> SitesAsync(VpsServer server, string token)
    {
        using StringContent body = new(
            """{"sites":[{"id":"default/roof","name":"roof","time_zone":"UTC"}]}""", Encoding.UTF8, "application/json");
        return (await server.PostAsync("/api/fleet/ingest", body, token: null, ("X-Customer-Token", token), ("X-Batch-Type", "sites"))).Status;
    }

    private static string Token(string said)
    {
        var token = Assert.Single(said.Split('\n', StringSplitOptions.TrimEntries), Tokens.IsWellFormed);
        Assert.Contains("This is the only time it is shown.", said, StringComparison.Ordinal);
        return token;
    }

    private sealed class Cli(string database, string redis = "")
    {
        public async Task<JsonElement> JsonAsync(string words) => JsonDocument.Parse(await RunAsync($"{words} --json")).RootElement;

        public async Task<string> RunAsync(string words, int exitCode = 0)
        {
            await using var program = ProgramProcess.StartOurs(
                "sungrow-vps", words.Split(' '), new Dictionary<string, string?> { ["DATABASE_URL"] = database, ["REDIS_URL"] = redis });
            Assert.True(await program.ExitCodeAsync() == exitCode, $"{words}:\n{program.Output}");
            return program.Output;
        }
    }
}
