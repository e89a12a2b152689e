using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests.Deployment;

/// <summary>Backup, loss, restore: with TimescaleDB where this machine's PostgreSQL has it.</summary>
public class BackupTests
{
    // Everything of a row but when it came.
    private const string Rows =
        """
        SELECT coalesce(string_agg((to_jsonb(s) - 'received_at')::text, E'\n' ORDER BY seq), '')
        FROM sungrow_samples AS s WHERE seq <= {0}
        """;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task After_a_restore_the_edge_sends_again_what_came_since_the_backup()
    {
        var folder = LastWill.CreateFolder("sungrow-backup-");
        var file = Path.Combine(folder, "sungrow.dump");
        await using var home = await Home.OpenAsync(Cancelled);
        try
        {
            var edge = home.StartEdge("run");
            await Until.TrueAsync(async () => (await home.StoredAsync(Cancelled)).Count >= 3, cancellationToken: Cancelled);
            await SucceedsAsync(home, "backup", "--to", file);
            var backedUp = (await home.StoredAsync(Cancelled)).Count;
            await Until.TrueAsync(async () => (await home.StoredAsync(Cancelled)).Count >= backedUp + 4, cancellationToken: Cancelled);
            edge.Terminate();
            Assert.True(await edge.ExitCodeAsync(cancellationToken: Cancelled) == 0, edge.Output);
            var last = (await home.StoredAsync(Cancelled))[^1].Seq;
            var before = await RowsAsync(home, last);

            // Nobody has asked for the loss of what is there.
            var (exitCode, output) = await home.AdminAsync(Cancelled, "restore", "--from", file);
            Assert.Equal(1, exitCode);
            Assert.Contains("is not empty; with --replace", output, StringComparison.Ordinal);
            Assert.Equal(before, await RowsAsync(home, last));

            await SucceedsAsync(home, "restore", "--from", file, "--replace");
            Npgsql.NpgsqlConnection.ClearAllPools(); // This process too was put out.
            var restored = await RowsAsync(home, last);
            Assert.NotEqual("", restored);
            Assert.StartsWith(restored, before, StringComparison.Ordinal);
            Assert.True(restored.Length < before.Length);

            await home.KillVpsAsync();
            await home.StartVpsAsync(Cancelled);
            home.StartEdge("run");
            await Until.TrueAsync(async () => await RowsAsync(home, last) == before, cancellationToken: Cancelled);
        }
        finally
        {
            LastWill.RemoveFolder(folder);
        }
    }

    [Fact]
    public async Task A_backup_that_is_not_as_it_was_written_is_refused_and_none_is_written_over()
    {
        var folder = LastWill.CreateFolder("sungrow-backup-");
        var file = Path.Combine(folder, "sungrow.dump");
        await using var home = await Home.OpenAsync(Cancelled);
        try
        {
            await SucceedsAsync(home, "backup", "--to", file);
            Assert.Equal(["sungrow.dump", "sungrow.dump.manifest.json"], Directory.GetFiles(folder).Select(Path.GetFileName).Order());

            var (again, said) = await home.AdminAsync(Cancelled, "backup", "--to", file);
            Assert.Equal((1, true), (again, said.Contains("is there already", StringComparison.Ordinal)));

            var dump = await File.ReadAllBytesAsync(file, Cancelled);
            dump[dump.Length / 2] ^= 1;
            await File.WriteAllBytesAsync(file, dump, Cancelled);
            var (damaged, why) = await home.AdminAsync(Cancelled, "restore", "--from", file, "--replace");
            Assert.Equal((1, true), (damaged, why.Contains("it is damaged", StringComparison.Ordinal)));

            File.Delete(file);
            var (missing, what) = await home.AdminAsync(Cancelled, "restore", "--from", file, "--replace");
            Assert.Equal((1, true), (missing, what.Contains("cannot be read", StringComparison.Ordinal)));
            Assert.Equal(1, await home.ScalarAsync<long>("SELECT count(*) FROM devices", Cancelled));
        }
        finally
        {
            LastWill.RemoveFolder(folder);
        }
    }

    private static Task<string> RowsAsync(Home home, long last) =>
        home.ScalarAsync<string>(Rows.Replace("{0}", $"{last}", StringComparison.Ordinal), Cancelled);

    private static async Task SucceedsAsync(Home home, params string[] words)
    {
        var (exitCode, output) = await home.AdminAsync(Cancelled, words);
        Assert.True(exitCode == 0, output);
    }
}
