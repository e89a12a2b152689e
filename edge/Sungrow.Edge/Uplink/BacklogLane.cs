using Microsoft.Extensions.Logging;
using Sungrow.Edge.Buffer;
using Sungrow.Protocol;

namespace Sungrow.Edge.Uplink;

/// <summary>Sends what waits, oldest first, the devices by turns; held rows when they are due, and rows to send again when nothing else
/// waits.
/// Invariants: one request in flight; a row leaves its queue only by the server's own word for it; nothing here throws for anything the
/// network, the server or the disk does. What a refusal teaches is kept in memory: after a restart the server says it again. The brake
/// alone is kept in the buffer.</summary>
internal sealed class BacklogLane(
    SampleBuffer buffer,
    Lane lane,
    Clearing clearing,
    BatchLimit limit,
    PausedDevices paused,
    Action doubtClock,
    TimeProvider time,
    ILogger logger)
{
    // Held rows are tried one by one: thousands that turn out not to be due must not crowd out the others.
    private static readonly TimeSpan HeldPause = TimeSpan.FromSeconds(10);

    private const string Everything = "";

    private readonly Trouble _trouble = new(time, logger);
    private readonly Dissection _oldest = new();
    private readonly Dissection _again = new();
    private string? _device;
    private Guid _bufferId;
    private TimeSpan _heldNotBefore;

    private TimeSpan Now => time.GetElapsedTime(startingTimestamp: 0);

    /// <summary>Rings with each batch that was taken.</summary>
    public Bell Delivered { get; } = new(time);

    public Task RunAsync(CancellationToken stoppingToken) =>
        lane.RunAsync(StepAsync, broken => _trouble.Waits(broken.Message), stoppingToken);

    /// <returns>Whether there was anything to do.</returns>
    private async Task<bool> StepAsync(CancellationToken stoppingToken)
    {
        clearing.CatchUp();
        // By turns, so that neither waits for all of the other.
        var held = await HeldAsync(stoppingToken);
        return await OldestAsync(stoppingToken) || await ResendAsync(stoppingToken) || held;
    }

    private async Task<bool> HeldAsync(CancellationToken stoppingToken)
    {
        if (Now < _heldNotBefore || buffer.PeekHeld(time.GetUtcNow()) is not { } held)
        {
            return false;
        }

        if (paused.IsPaused(held.DeviceId))
        {
            clearing.PutOff(held, ErrorCodes.DeviceMismatch);
        }
        else if (await SendAsync(new(Queue.Held, new Dissection(), held), stoppingToken) is not Taken)
        {
            _heldNotBefore = Now + HeldPause;
        }

        return true;
    }

    private async Task<bool> OldestAsync(CancellationToken stoppingToken)
    {
        if (!clearing.MayTry(Queue.Oldest))
        {
            return false;
        }

        foreach (var device in ByTurns(buffer.DevicesWaiting()))
        {
            if (device != _device)
            {
                _oldest.Reset();
                _device = device;
            }

            if (buffer.Peek(device, _oldest.Take(limit.Rows)) is { } batch)
            {
                ForgetOther(batch.BufferId);
                await SendAsync(new(Queue.Oldest, _oldest, batch), stoppingToken);
                return true;
            }
        }

        return false;
    }

    private async Task<bool> ResendAsync(CancellationToken stoppingToken)
    {
        if (!clearing.MayTry(Queue.Resend)
            || buffer.PeekResend(_again.Take(limit.Rows)) is not { } batch
            || paused.IsPaused(batch.DeviceId))
        {
            return false;
        }

        ForgetOther(batch.BufferId);
        await SendAsync(new(Queue.Resend, _again, batch), stoppingToken);
        return true;
    }

    /// <summary>Numbers began anew with the file: what was found out about the old ones is about other rows.</summary>
    private void ForgetOther(Guid bufferId)
    {
        if (bufferId != _bufferId)
        {
            _oldest.Reset();
            _again.Reset();
            _bufferId = bufferId;
        }
    }

    /// <summary>The next device after the last one's; that one itself as long as its batch is looked into.</summary>
    private IEnumerable<string> ByTurns(IReadOnlyList<string> devices)
    {
        var free = devices.Where(device => !paused.IsPaused(device));
        return _oldest.IsOpen
            ? free.OrderByDescending(device => device == _device)
            : free.OrderBy(device => string.CompareOrdinal(device, _device) <= 0).ThenBy(device => device, StringComparer.Ordinal);
    }

    private async Task<Decision?> SendAsync(Load load, CancellationToken stoppingToken)
    {
        (load, var sound, var body) = Fit(load);
        if (body is null)
        {
            clearing.Judged(load);
            return null;
        }

        var decision = await lane.SendAsync(body, sound.Samples.Count, stoppingToken);
        switch (decision)
        {
            case Taken(var counts):
                clearing.Taken(load);
                limit.Accepted(sound.Samples.Count);
                Log.Delivered(logger, sound.Samples.Count, sound.DeviceId, counts.Duplicates, counts.Conflicts);
                _trouble.IsOver(Everything, sound.DeviceId);
                Delivered.Ring();
                break;

            case BadRows(var rows):
                Judge(load, rows.Select(bad => (sound.Samples[bad.Key], bad.Value)));
                break;

            case BadBatch(var why) when sound.Samples.Count == 1:
                Judge(load, [(sound.Samples[0], why)]);
                break;

            case BadBatch when clearing.IsOn(load.Queue):
                clearing.ProbeFailed(load);
                break;

            case BadBatch:
                load.Dissection.Suspect(load.Batch.Samples.Count);
                break;

            case TooLarge(var why) when sound.Samples.Count == 1:
                Judge(load, [(sound.Samples[0], why)]);
                break;

            case TooLarge:
                limit.TooLarge(sound.Samples.Count);
                await IsAliveAsync(stoppingToken);
                Log.SmallerBatches(logger, limit.Rows);
                break;
        }

        await WaitAsync(decision, sound, stoppingToken);
        return decision;
    }

    /// <summary>Halves the load until its body is within the server's limit. No body when every row has its verdict.</summary>
    private (Load Load, BufferedBatch Sound, WireBody? Body) Fit(Load load)
    {
        while (true)
        {
            var sound = load.Dissection.Sound(load.Batch);
            if (sound.Samples.Count == 0)
            {
                return (load, sound, null);
            }

            var body = WireBody.Of(WireSample.From(sound), ProtocolJson.Default.IngestBatch);
            if (body.JsonBytes <= limit.Bytes || sound.Samples.Count == 1)
            {
                return (load, sound, body);
            }

            limit.TooLarge(sound.Samples.Count);
            load = load with { Batch = load.Batch with { Samples = [.. load.Batch.Samples.Take(load.Batch.Samples.Count / 2)] } };
        }
    }

    private void Judge(Load load, IEnumerable<(BufferedSample Row, Refusal Why)> bad)
    {
        var now = time.GetUtcNow();
        foreach (var (row, why) in bad)
        {
            var verdict = Judgement.Of(row, why, now);
            load.Dissection.Judge(row.Seq, verdict);
            if (verdict is Hold)
            {
                doubtClock();
            }
        }

        if (load.Dissection.Sound(load.Batch).Samples.Count == 0)
        {
            clearing.Judged(load);
        }
    }

    private async Task WaitAsync(Decision decision, BufferedBatch batch, CancellationToken stoppingToken)
    {
        switch (decision)
        {
            case Later later:
                if (later.PerhapsTooLarge && await IsAliveAsync(stoppingToken))
                {
                    limit.TooLarge(batch.Samples.Count);
                    Log.SmallerBatches(logger, limit.Rows);
                }

                _trouble.Waits(later.Sentence);
                await lane.PauseAsync(lane.Backoff.Failed(later.AtLeast), stoppingToken);
                break;

            case RateLimited limited:
                Log.RateLimited(logger, limited.Sentence);
                await lane.PauseAsync(lane.Backoff.RateLimited(limited.Asked), stoppingToken);
                break;

            case NeedsAHand { OneDevice: true } mismatch:
                paused.Pause(batch.DeviceId, lane.Backoff.NeedsAHand());
                _trouble.NeedsAHand(batch.DeviceId, $"the token is not of device {batch.DeviceId}: {mismatch.Sentence}");
                break;

            case NeedsAHand stuck:
                _trouble.NeedsAHand(Everything, stuck.Sentence);
                await lane.PauseAsync(lane.Backoff.NeedsAHand(), stoppingToken);
                break;

            default:
                lane.Backoff.Succeeded();
                break;
        }
    }

    /// <summary>Whether the VPS answers otherwise; its limits are learnt by the way.</summary>
    private async Task<bool> IsAliveAsync(CancellationToken stoppingToken)
    {
        if (await lane.AskAsync(stoppingToken) is not { } me)
        {
            return false;
        }

        limit.Learn(me.Limits);
        return true;
    }
}
