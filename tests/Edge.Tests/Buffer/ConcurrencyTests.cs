using Sungrow.Edge.Buffer;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Buffer;

public sealed class ConcurrencyTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly SampleBuffer _buffer;

    public ConcurrencyTests() => _buffer = SampleBuffer.Open(_folder.File("buffer.db"), "boot");

    [Fact]
    public async Task Appending_replaying_and_reading_the_state_at_once_loses_and_repeats_nothing()
    {
        const int perWriter = 400;
        var token = TestContext.Current.CancellationToken;
        var writers = Enumerable.Range(1, 2)
            .Select(writer => Task.Run(() => _buffer.AppendMany(1, perWriter, $"device-{writer}"), token))
            .ToArray();
        var sent = new List<long>();
        var replay = Task.Run(async () =>
        {
            while (sent.Count < 2 * perWriter)
            {
                if (_buffer.Peek(7) is not { } batch)
                {
                    await _buffer.WaitForMoreAsync(token).WaitAsync(Until.Deadline, token);
                    continue;
                }

                sent.AddRange(batch.Samples.Select(row => row.Seq));
                _buffer.Acknowledge(batch);
            }
        }, token);
        var watch = Task.Run(() =>
        {
            while (!replay.IsCompleted)
            {
                Adds(_buffer.ReadState());
                Adds(SampleBuffer.ReadState(_folder.File("buffer.db")));
            }
        }, token);

        await Task.WhenAll([.. writers, replay, watch]);

        Assert.Equal(Enumerable.Range(1, 2 * perWriter).Select(n => (long)n), sent.Order());
        Assert.Equal((2 * perWriter, 0), (_buffer.ReadState().Acknowledged, _buffer.ReadState().Waiting));
    }

    [Fact]
    public void Status_beside_a_running_daemon_shows_what_is_committed()
    {
        _buffer.AppendMany(1, 5);
        _buffer.Acknowledge(_buffer.Peek(2)!);

        var seen = SampleBuffer.ReadState(_folder.File("buffer.db"));

        Assert.Equal(_buffer.BufferId, seen.BufferId);
        Assert.Equal((5, 2, 3), (seen.Committed, seen.Acknowledged, seen.Waiting));
        Assert.Equal((Rows.Number(3).Ts, Rows.Number(5).Ts), (seen.OldestWaiting, seen.NewestWaiting));
    }

    public void Dispose()
    {
        _buffer.Dispose();
        _folder.Dispose();
    }

    private static void Adds(BufferState state)
    {
        Assert.Equal(state.Committed, state.Acknowledged + state.Waiting);
        Assert.Equal(state.Waiting > 0, state.OldestWaiting is not null);
        Assert.True(state.OldestWaiting is null || state.NewestWaiting >= state.OldestWaiting);
    }
}
