using Sungrow.TestServers;
using Sungrow.Vps.Devices;
using Xunit;

namespace Sungrow.Vps.Tests.Fleet;

/// <summary>What a client has to tell, and that it does; without the switch, nothing.</summary>
public class OutboxTests(Databases databases)
{
    [Fact]
    public async Task A_release_from_quarantine_is_pushed_like_any_sample()
    {
        await using var admin = await VpsServer.StartAsync(await databases.CreateAsync(), "--Application:RunMode=Admin");
        var token = Tokens.Issue();
        await admin.ExecuteAsync(
            $"INSERT INTO fleet.customers (customer_id, digest) VALUES ('one', '\\x{Convert.ToHexString(Tokens.Digest(token))}')");
        string[] pushing =
        [
            "FleetIngest__Enabled=true", $"FleetIngest__Url={admin.Address}", $"FleetIngest__Token={token}", "FleetIngest__Interval=00:00:01",
        ];
        var database = await databases.CreateAsync();
        await using var client = await StartAsync(database, pushing);
        var id = await ConflictAsync(client);
        await Until.TrueAsync(async () => await admin.CountAsync("fleet.measurements") == 3 && await client.CountAsync("fleet_outbox") == 0);
        // As after a restore there: what is there would stay.
        await admin.ExecuteAsync("DELETE FROM fleet.measurements");

        await ReleaseAsync(database, id, pushing);

        await Until.TrueAsync(async () => await admin.CountAsync("fleet.measurements") == 1 && await client.CountAsync("fleet_outbox") == 0);
        Assert.Equal(801, await admin.AskAsync<double>("SELECT load_power_w FROM fleet.measurements"));
    }

    [Theory]
    [InlineData]
    [InlineData("Application__RunMode=Admin")]
    [InlineData("Application__RunMode=Admin", "FleetIngest__Enabled=true")] // An admin VPS pushes to nobody.
    public async Task Without_the_switch_no_outbox_is_written(params string[] settings)
    {
        var database = await databases.CreateAsync();
        await using var server = await StartAsync(database, settings);

        await ReleaseAsync(database, await ConflictAsync(server), settings);
        await server.IngestAsync([.. Series.Samples(500)]); // By COPY, too.

        Assert.Equal(500, await server.CountAsync("sungrow_samples"));
        Assert.Equal(0, await server.AskAsync<long>("SELECT (SELECT count(*) FROM fleet_outbox) + (SELECT count(*) FROM fleet_push_state)"));
        // Not even for a moment: an identity that was never used.
        Assert.Equal(1, await server.AskAsync<long>("SELECT nextval('fleet_outbox_id_seq')"));
    }

    /// <returns>The id of what is in quarantine.</returns>
    private static async Task<long> ConflictAsync(VpsServer server)
    {
        Assert.Equal(new(3, 0, 0), (await server.IngestAsync([.. Series.Samples(3)])).Counts());
        Assert.Equal(new(0, 0, 1), (await server.IngestAsync(Series.Sample(1) with { LoadPowerW = 801 })).Counts());
        return await server.AskAsync<long>("SELECT id FROM quarantine");
    }

    private static Task<VpsServer> StartAsync(string database, string[] settings) =>
        VpsServer.StartAsync(database, [.. settings.Select(setting => $"--{setting.Replace("__", ":", StringComparison.Ordinal)}")]);

    private static async Task ReleaseAsync(string database, long id, string[] settings)
    {
        await using var command = ProgramProcess.StartOurs(
            "sungrow-vps", ["quarantine", "release", $"{id}"],
            settings.Append($"DATABASE_URL={database}").Select(setting => setting.Split('=', 2))
                .ToDictionary(pair => pair[0], string? (pair) => pair[1], StringComparer.Ordinal));
        Assert.True(await command.ExitCodeAsync() == 0, command.Output);
    }
}
