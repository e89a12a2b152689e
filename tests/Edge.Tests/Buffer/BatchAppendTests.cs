using Sungrow.Edge.Buffer;
using Xunit;

namespace Sungrow.Edge.Tests.Buffer;

/// <summary>Many samples in one transaction: as if each had been appended by itself, and all or none.</summary>
public sealed class BatchAppendTests : IDisposable
{
    private const string Other = "A2340599999";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Rows_of_a_batch_have_the_numbers_that_each_alone_would_have_got()
    {
        var path = _folder.File("buffer.db");
        using (var buffer = SampleBuffer.Open(path, "boot", Rows.KeepAll))
        {
            Assert.Equal(1, buffer.Append(Rows.Number(1)));
            Assert.Equal(5, buffer.Append([Rows.Number(2), Rows.Number(3, Other), Rows.Number(4) with { Ts = null }, Rows.Number(5, Other)]));
            Assert.Equal(6, buffer.Append(Rows.Number(6)));
        }

        using var again = SampleBuffer.Open(path, "boot", Rows.KeepAll);
        Assert.Equal([1, 2], again.Peek(Rows.Device, 100)!.Samples.Select(row => row.Seq)); // Not past the one without a time.
        Assert.Equal([Rows.Row(3, 3), Rows.Row(5, 5)], again.Peek(Other, 100)!.Samples);
        var state = again.ReadState();
        Assert.Equal((6, 6, 1), (state.Committed, state.Waiting, state.Untimed));
    }

    [Fact]
    public void Of_a_batch_that_the_disk_does_not_take_nothing_is_kept()
    {
        using var disk = SmallDisk.Mount(_folder);
        using var buffer = SampleBuffer.Open(disk.File("buffer.db"), "boot", Rows.KeepAll);
        buffer.AppendMany(1, 20);
        disk.Fill();

        Assert.Throws<BufferUnavailableException>(() => buffer.Append([.. Enumerable.Range(21, 5_000).Select(n => Rows.Number(n, Other))]));

        var state = buffer.ReadState();
        Assert.Equal((20, 20), (state.Committed, state.Waiting));
        Assert.Equal(Rows.Device, Assert.Single(state.Devices).DeviceId);
        disk.MakeSpace();
        Assert.Equal(23, buffer.Append([Rows.Number(21), Rows.Number(22, Other), Rows.Number(23)]));
        Assert.Equal((23, 23), (buffer.ReadState().Committed, buffer.ReadState().Waiting));
    }
}
