using Sungrow.Edge.Buffer;
using Xunit;

namespace Sungrow.Edge.Tests.Buffer;

/// <summary>A thousand calls at random; after each of them the buffer must say what the model says.</summary>
public sealed class AccountPropertyTests : IDisposable
{
    private static readonly DateTimeOffset Noon = new(2026, 9, 8, 12, 0, 0, TimeSpan.Zero);

    private readonly TempFolder _folder = new(inMemory: true);
    private readonly AccountModel _model = new();
    private readonly List<BufferedBatch> _inFlight = [];
    private SampleBuffer _buffer = null!;
    private string _boot = "boot-0";
    private int _evictions;

    private string Path => _folder.File("buffer.db");

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Whatever_happens_in_whatever_order_the_account_closes(int seed)
    {
        Random random = new(seed);
        Open();
        for (var step = 0; step < 1000; step++)
        {
            Step(random);
            Evicted();
            Agrees();
        }

        Assert.True(_evictions > 0);
    }

    public void Dispose()
    {
        _buffer.Dispose();
        _folder.Dispose();
    }

    private static Dictionary<long, Verdict> Verdicts(Random random, BufferedBatch batch) => random.Next(3) == 0
        ? batch.Samples.Where(_ => random.Next(3) == 0).ToDictionary(row => row.Seq, row => (Verdict)(random.Next(2) == 0
            ? new DeadLetter("DEAD", "for the test")
            : new Hold("HOLD", Noon)))
        : [];

    private void Step(Random random)
    {
        switch (random.Next(20))
        {
            case < 9:
                Append(random);
                break;
            case < 12 when _buffer.Peek($"device-{random.Next(3)}", random.Next(1, 60)) is { } batch:
                Settle(random.Next(3) == 0 ? batch with { Samples = [.. batch.Samples.Take(random.Next(1, 60))] } : batch, random);
                break;
            case 12 when _buffer.Peek($"device-{random.Next(3)}", random.Next(1, 60)) is { } batch:
                _inFlight.Clear();
                _inFlight.Add(batch);
                break;
            case 13 when _inFlight is [var batch]:
                _inFlight.Clear();
                Settle(batch, random);
                break;
            case < 16 when _buffer.PeekHeld(Noon) is { } held:
                Settle(held, random);
                break;
            case 16:
                _buffer.AssignTimes(Noon, 0);
                _model.AssignTimes(_boot);
                break;
            case 17 when random.Next(4) == 0:
                var kept = SampleBuffer.ReadDeadLetters(Path).Select(letter => letter.Sample.Seq).ToList();
                Assert.IsType<Left>(SampleBuffer.Give(Path, _boot, new RetryDeadLetters(null)));
                Assert.Single(_buffer.TakeOrders());
                _model.Retry(kept);
                break;
            case 18 when random.Next(4) == 0:
                _buffer.Dispose();
                _boot = random.Next(2) == 0 ? _boot : $"boot-{_model.Committed}";
                Open();
                _model.Boot(_boot);
                break;
            case 19 when _buffer.ReadState() is { Committed: > 0 } state:
                _buffer.AddResend(1, state.Committed);
                if (_buffer.PeekResend(30) is { } resend)
                {
                    _buffer.ResendDone(resend);
                }

                break;
        }
    }

    private void Append(Random random)
    {
        for (var i = random.Next(1, 20); i > 0; i--)
        {
            var device = $"device-{random.Next(3)}";
            var isTimed = random.Next(50) > 0;
            var n = _model.Committed + 1;
            var sample = Rows.Number(n, device);
            var seq = _buffer.Append(isTimed ? sample : sample with { Ts = null });
            Assert.Equal(n, seq);
            Evicted();
            _model.Append(seq, device, isTimed, _boot);
        }
    }

    // Whether a batch in flight is settled before others of its device decides whether it may be: like the uplink, one per device at a time.
    private void Settle(BufferedBatch batch, Random random)
    {
        if (_inFlight.Count > 0 && _inFlight[0].DeviceId == batch.DeviceId)
        {
            _inFlight.Clear();
        }

        var verdicts = Verdicts(random, batch);
        _buffer.Settle(batch, verdicts);
        _model.Settle(batch, verdicts);
    }

    private void Evicted()
    {
        var state = _buffer.ReadState();
        var known = _model.Devices.Sum(device => _model.Count(device, Place.Evicted));
        if (state.Evicted > known)
        {
            _evictions++;
            _model.Evict(state.Evicted - known);
        }
    }

    private void Agrees()
    {
        var state = _buffer.ReadState();
        foreach (var device in state.Devices)
        {
            var id = device.DeviceId;
            Assert.Equal(
                (_model.Count(id, Place.Sent), _model.Count(id, Place.Waiting, Place.Held), _model.Count(id, Place.Held), _model.Count(id, Place.Dead), _model.Count(id, Place.Evicted)),
                (device.Acknowledged, device.Waiting, device.Held, device.DeadLettered, device.Evicted));
            Assert.Equal(device.Committed, device.Acknowledged + device.Waiting + device.DeadLettered + device.Evicted);
            Assert.Equal(_model.Queue(id), _buffer.Peek(id, 10_000)?.Samples.Select(row => row.Seq) ?? []);
        }

        Assert.Equal(state.Evicted + state.DeadLettered, _buffer.UnreportedMissing(10_000).Sum(range => range.Rows));
    }

    private void Open() => _buffer = SampleBuffer.Open(Path, _boot, new() { MaxBytes = 96 * 1024, MinFreeBytes = 0, KeepSent = TimeSpan.FromDays(3650) });
}
