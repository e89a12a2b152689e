using System.Diagnostics;
using Sungrow.Edge.Buffer;
using Xunit;

namespace Sungrow.Edge.Tests.Buffer;

public sealed class UpgradeTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private string Path => _folder.File("buffer.db");

    [Fact]
    public void A_file_of_the_first_format_goes_on_with_its_rows_its_account_and_its_id()
    {
        var id = OlderFormat.Write(Path, rows: 300, acknowledged: 120);

        using var buffer = SampleBuffer.Open(Path, "boot", Rows.KeepAll);

        IsUpgraded(buffer, id);
        Assert.Equal(Rows.Number(300).Ts, buffer.NewestTs);
        Assert.Equal(301, buffer.Append(Rows.Number(301)));
        buffer.AddResend(1, 500);
        Assert.Equal(Enumerable.Range(1, 120).Select(n => Rows.Row(n, n)), buffer.PeekResend(1000)!.Samples);
    }

    [Fact]
    public async Task An_upgrade_that_was_killed_in_the_middle_is_made_at_the_next_start()
    {
        var id = OlderFormat.Write(Path, rows: 300, acknowledged: 120);
        using (var child = Process.Start("dotnet", [Writer.Program, OlderFormat.Command, Path]))
        {
            await child.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.NotEqual(0, child.ExitCode);
        }

        using var buffer = SampleBuffer.Open(Path, "boot", Rows.KeepAll);

        IsUpgraded(buffer, id);
    }

    [Fact]
    public void A_file_whose_last_numbers_are_of_rows_that_were_lost_goes_on_behind_them()
    {
        OlderFormat.Write(Path, rows: 300, acknowledged: 120);
        using (var connection = BufferFile.OpenForWriting(Path, opened => opened))
        {
            connection.Execute("UPDATE sqlite_sequence SET seq = 340 WHERE name = 'samples'; PRAGMA user_version = 2");
        }

        using var buffer = SampleBuffer.Open(Path, "boot", Rows.KeepAll);

        Assert.Equal(341, buffer.Append(Rows.Number(301)));
    }

    [Fact]
    public void Status_of_the_first_format_says_what_brings_it_up_to_date()
    {
        OlderFormat.Write(Path, rows: 3, acknowledged: 1);

        var refusal = Assert.Throws<BufferUnavailableException>(() => SampleBuffer.ReadState(Path));

        Assert.Contains("the next 'sungrow-edge run' brings it up to date", refusal.Message);
    }

    public void Dispose() => _folder.Dispose();

    private static void IsUpgraded(SampleBuffer buffer, Guid id)
    {
        Assert.Equal(id, buffer.BufferId);
        Assert.Equal(new DeviceCounters(Rows.Device, Cursor: 120, Committed: 300, Acknowledged: 120), Assert.Single(buffer.ReadState().Devices));
        Assert.Equal(Enumerable.Range(121, 180).Select(n => Rows.Row(n, n)), buffer.Peek(Rows.Device, 1000)!.Samples);
    }
}
