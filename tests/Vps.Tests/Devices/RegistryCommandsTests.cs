using System.Net;
using System.Text.Json;
using Sungrow.TestServers;
using Sungrow.Vps.Devices;
using Xunit;

namespace Sungrow.Vps.Tests.Devices;

/// <summary>The commands as an admin types them, beside a server that runs.</summary>
public class RegistryCommandsTests(Databases databases)
{
    private const string Form = "1 to 64 of A-Z a-z 0-9 . _ -";

    [Fact]
    public async Task A_device_is_added_let_in_rotated_revoked_and_let_in_again()
    {
        await using var redis = await RedisServer.StartAsync();
        var database = await databases.CreateAsync();
        await using var server = await VpsServer.StartAsync(database, $"--REDIS_URL={redis.Url}", "--AUTH_CACHE_TTL_SECONDS=3600");
        Cli cli = new(database, redis.Url);

        await cli.SucceedsAsync("tenants add acme");
        await cli.SucceedsAsync("sites add roof --tenant acme --time-zone Europe/Berlin");
        var first = Token(await cli.SucceedsAsync("devices add plant-1 --tenant acme --site roof"));
        var whoami = (await server.GetAsync("/v1/whoami", first)).Json;
        Assert.Equal(
            ["plant-1", "acme", "roof", "Europe/Berlin"],
            new[] { "device_id", "tenant", "site", "time_zone" }.Select(name => whoami.GetProperty(name).GetString()));

        var rotated = await cli.JsonAsync("devices rotate plant-1 --overlap 01:00:00");
        var second = rotated.GetProperty("token").GetString()!;
        Assert.InRange(
            rotated.GetProperty("old_tokens_end").GetDateTimeOffset() - TimeProvider.System.GetUtcNow(),
            TimeSpan.FromMinutes(50), TimeSpan.FromMinutes(61));
        await AnswersAsync(first, HttpStatusCode.OK);
        await AnswersAsync(second, HttpStatusCode.OK);

        var third = Token(await cli.SucceedsAsync("devices rotate plant-1 --overlap 00:00:00"));
        await AnswersAsync(first, HttpStatusCode.Unauthorized);
        await AnswersAsync(second, HttpStatusCode.Unauthorized);
        await AnswersAsync(third, HttpStatusCode.OK);

        Assert.Contains("Every running server has been told.", await cli.SucceedsAsync("devices revoke plant-1"), StringComparison.Ordinal);
        await AnswersAsync(third, HttpStatusCode.Forbidden);
        Assert.Contains("--undo", await cli.FailsAsync("devices rotate plant-1", 1), StringComparison.Ordinal);
        await cli.SucceedsAsync("devices revoke plant-1 --undo");
        await AnswersAsync(third, HttpStatusCode.OK);

        // The message arrives a moment after the command has returned.
        Task AnswersAsync(string token, HttpStatusCode status) =>
            Until.TrueAsync(async () => (await server.GetAsync("/v1/whoami", token)).Status == status);
    }

    [Fact]
    public async Task A_viewer_sees_his_devices_until_he_is_revoked()
    {
        var database = await databases.CreateAsync();
        await using var server = await VpsServer.StartAsync(database);
        Cli cli = new(database);

        var first = Token(await cli.SucceedsAsync("viewers add owner --device inverter-1 --device inverter-2"));
        Assert.Equal("NO_DATA", await SeesAsync(first, "inverter-2"));
        Assert.Equal("DEVICE_NOT_VISIBLE", await SeesAsync(first, "inverter-3"));
        var second = Token(await cli.SucceedsAsync("viewers rotate owner"));
        Assert.Equal("NO_DATA", await SeesAsync(first, "inverter-2"));
        Assert.Equal("NO_DATA", await SeesAsync(second, "inverter-2"));
        var shown = await cli.JsonAsync("viewers show owner");
        Assert.Equal(["inverter-1", "inverter-2"], shown.GetProperty("devices").EnumerateArray().Select(device => device.GetString()));
        Assert.Equal(2, shown.GetProperty("tokens").GetArrayLength());

        await cli.SucceedsAsync("viewers revoke owner");
        Assert.Equal("TOKEN_INVALID", await SeesAsync(first, "inverter-2"));
        Assert.Equal("TOKEN_INVALID", await SeesAsync(second, "inverter-2"));
        Assert.Equal("NO_DATA", await SeesAsync(Token(await cli.SucceedsAsync("viewers rotate owner")), "inverter-2"));

        await cli.SucceedsAsync("viewers remove owner");
        Assert.Equal(0, await server.CountAsync("viewer_tokens"));
        Assert.Contains("has no viewer owner", await cli.FailsAsync("viewers show owner", 1), StringComparison.Ordinal);

        async Task<string?> SeesAsync(string token, string device) =>
            (await server.GetAsync($"/v1/realtime?device_id={device}", token)).Code;
    }

    [Fact]
    public async Task Lists_are_readable_in_80_columns_and_never_show_a_token()
    {
        var database = await databases.CreateAsync();
        await using var server = await VpsServer.StartAsync(database);
        Cli cli = new(database);
        var token = Token(await cli.SucceedsAsync($"devices add {new string('x', 64)}"));
        await cli.SucceedsAsync("viewers add owner --device inverter-1 --device inverter-2");

        foreach (var noun in new[] { "tenants", "sites", "devices", "viewers" })
        {
            var table = await cli.SucceedsAsync($"{noun} list");
            Assert.All(table.Split('\n'), line => Assert.InRange(line.Length, 0, 80));
            Assert.DoesNotContain(token, table, StringComparison.Ordinal);
            Assert.Equal(JsonValueKind.Array, (await cli.JsonAsync($"{noun} list")).ValueKind);
        }

        Assert.Contains("inverter-1", await cli.SucceedsAsync("devices list"), StringComparison.Ordinal);
        Assert.DoesNotContain("inverter-1", await cli.SucceedsAsync("devices list --tenant acme"), StringComparison.Ordinal);
        var shown = await cli.JsonAsync("devices show inverter-1");
        Assert.Equal("ACTIVE", shown.GetProperty("status").GetString());
        Assert.Equal(0, shown.GetProperty("tokens").GetArrayLength());
        Assert.Contains("Europe/Berlin", await Berlin(), StringComparison.Ordinal);

        async Task<string> Berlin()
        {
            await cli.SucceedsAsync("sites add barn --time-zone Europe/Berlin");
            return await cli.SucceedsAsync("sites show barn");
        }
    }

    [Fact]
    public async Task What_is_taken_used_or_unknown_is_refused_with_what_to_do()
    {
        var database = await databases.CreateAsync();
        await using var server = await VpsServer.StartAsync(database);
        Cli cli = new(database);
        await cli.SucceedsAsync("tenants add acme");
        await cli.SucceedsAsync("sites add roof --tenant acme");
        await cli.SucceedsAsync("devices add plant-1 --tenant acme --site roof");
        await server.ExecuteAsync("INSERT INTO sungrow_samples (device_id, ts, sample_count, interval_s) VALUES ('plant-1', now(), 1, 10)");

        await RefusedAsync("tenants add acme", "The tenant acme exists already. See: sungrow-vps tenants show acme");
        await RefusedAsync("tenants remove acme", "The tenant acme has 1 site and 0 viewers: remove those first. See: ");
        await RefusedAsync("tenants remove default", "The tenant default stays: ");
        await RefusedAsync("tenants show nobody", "There is no tenant nobody. See: sungrow-vps tenants list");
        await RefusedAsync("sites add roof --tenant acme", "The tenant acme has a site roof already. See: ");
        await RefusedAsync("sites add cellar --time-zone Mars/Olympus", "--time-zone is none that this machine knows; allowed is an IANA zone, ");
        await RefusedAsync("sites remove roof --tenant acme", "The site roof has 1 device: remove those first. See: ");
        await RefusedAsync("devices add plant-2 --site nowhere", "The tenant default has no site nowhere. See: ");
        await RefusedAsync(
            "devices add plant-1", "DEVICE_ID_TAKEN: the device id plant-1 is in use in tenant acme, site roof, and a device id is unique on ");
        await RefusedAsync("devices remove plant-1", "The device plant-1 has data (sungrow_samples), which would be nobody's without it. Refuse it ");
        await RefusedAsync("viewers add owner --device plant-1", "--device 1 names no device of tenant default. See: ");
        await RefusedAsync("viewers rotate nobody", "The tenant default has no viewer nobody; ");

        await server.ExecuteAsync("DELETE FROM sungrow_samples");
        await cli.SucceedsAsync("devices remove plant-1");
        await cli.SucceedsAsync("sites remove roof --tenant acme");
        await cli.SucceedsAsync("tenants remove acme");

        async Task RefusedAsync(string words, string sentence) =>
            Assert.StartsWith($"sungrow-vps: {sentence}", Assert.Single((await cli.FailsAsync(words, 1)).Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_environment_stays_the_authority_for_its_devices()
    {
        var database = await databases.CreateAsync();
        await using var server = await VpsServer.StartAsync(database);
        Cli cli = new(database) { DeviceTokens = "device-1:inverter-1" };

        Assert.Contains("DEVICE_TOKENS names the device inverter-1", await cli.FailsAsync("devices remove inverter-1", 1), StringComparison.Ordinal);
        Assert.Contains(
            "Its token in DEVICE_TOKENS stays good", await cli.SucceedsAsync("devices rotate inverter-1"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_rotates_in_a_circle_is_stopped()
    {
        var database = await databases.CreateAsync();
        await using var server = await VpsServer.StartAsync(database);
        Cli cli = new(database);
        await server.ExecuteAsync("INSERT INTO device_tokens (digest, device_id) SELECT sha256(i::text::bytea), 'inverter-1' FROM generate_series(1, 10) AS i");

        Assert.Contains("has 10 good tokens", await cli.FailsAsync("devices rotate inverter-1", 1), StringComparison.Ordinal);
        await cli.SucceedsAsync("devices rotate inverter-1 --overlap 0");
        Assert.Equal(1, await server.AskAsync<long>("SELECT count(*) FROM device_tokens WHERE not_after IS NULL"));
    }

    public static TheoryData<string, string> WrongWords => new()
    {
        { "devices", "Required command was not provided. See --help." },
        { "devices add", "Required argument missing for command: 'add'. See --help." },
        { "devices add a/b", $"device is malformed; allowed is {Form}. See --help." },
        { "devices add a --tenant a/b", $"--tenant is malformed; allowed is {Form}. See --help." },
        { "devices rotate a --overlap soon", "--overlap is 'soon'; allowed is 00:00:00 .. 90.00:00:00, for example 7.00:00:00. See --help." },
        { "devices rotate a --overlap 91", "--overlap is '91'; allowed is 00:00:00 .. 90.00:00:00, for example 7.00:00:00. See --help." },
        { "devices add a b", "argument 1 is unknown; allowed are settings as --Section:Name=value, and the commands of --help." },
        { "viewers add owner", "Option '--device' is required, or '--fleet'. See --help." },
        { "viewers add owner --device", "Required argument missing for option: '--device'. See --help." },
        { "devices list --SITE_TIMEZONE=Mars", "SITE_TIMEZONE is 'Mars'; allowed is an IANA time zone of this machine, for example Europe/Berlin." },
    };

    [Theory]
    [MemberData(nameof(WrongWords))]
    public async Task A_wrong_word_is_one_line(string words, string line)
    {
        Cli cli = new("postgres://sungrow:hunter2@127.0.0.1:1/solar");

        Assert.Equal($"sungrow-vps: {line}", await cli.FailsAsync(words, 2));
    }

    [Fact]
    public async Task A_database_that_is_away_or_empty_is_one_line()
    {
        Assert.StartsWith(
            "sungrow-vps: The database 127.0.0.1:1/solar is not available: ",
            Assert.Single((await new Cli("postgres://sungrow:hunter2@127.0.0.1:1/solar").FailsAsync("devices list", 1)).Split('\n')),
            StringComparison.Ordinal);
        Assert.Equal(
            "sungrow-vps: The database has no tables yet, or those of an older version: start sungrow-vps on it once.",
            await new Cli(await databases.CreateAsync()).FailsAsync("devices list", 1));
    }

    private static string Token(string said)
    {
        var token = Assert.Single(said.Split('\n', StringSplitOptions.TrimEntries), Tokens.IsWellFormed);
        Assert.Contains("This is the only time it is shown.", said, StringComparison.Ordinal);
        return token;
    }

    private sealed class Cli(string database, string redis = "")
    {
        public string DeviceTokens { get; init; } = "";

        public Task<string> SucceedsAsync(string words) => FailsAsync(words, exitCode: 0);

        public async Task<JsonElement> JsonAsync(string words) =>
            JsonDocument.Parse(await SucceedsAsync($"{words} --json")).RootElement;

        public async Task<string> FailsAsync(string words, int exitCode)
        {
            await using var program = ProgramProcess.StartOurs(
                "sungrow-vps", words.Split(' '),
                new Dictionary<string, string?>(StringComparer.Ordinal)
                {
                    ["DATABASE_URL"] = database,
                    ["REDIS_URL"] = redis,
                    ["DEVICE_TOKENS"] = DeviceTokens,
                });
            Assert.True(await program.ExitCodeAsync() == exitCode, $"{words}:\n{program.Output}");
            return program.Output;
        }
    }
}
