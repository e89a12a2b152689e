using Microsoft.Extensions.Logging;
using Sungrow.Edge.Buffer;

namespace Sungrow.Edge.Uplink;

/// <summary>Which queue of the buffer a batch is from.</summary>
internal enum Queue
{
    /// <summary>Behind the cursor, oldest first.</summary>
    Oldest,

    /// <summary>Set aside, and due again.</summary>
    Held,

    /// <summary>Passed already, and asked for again. Changes no counter.</summary>
    Resend,
}

/// <summary>A batch on its way.</summary>
/// <param name="Dissection">What is known of its queue's head.</param>
internal sealed record Load(Queue Queue, Dissection Dissection, BufferedBatch Batch);

/// <summary>Takes answered rows out of their queue: acknowledged, held or dead-lettered, as far as the queue's brake allows. Used by the
/// backlog lane alone, but for <see cref="IsBraked"/> and <see cref="OrderRelease"/>.</summary>
internal sealed class Clearing(SampleBuffer buffer, TimeProvider time, EdgeMetrics metrics, ILogger logger)
{
    /// <summary>A held row that cannot be sent at all now.</summary>
    private static readonly TimeSpan HeldAgain = TimeSpan.FromHours(1);

    // Read with the first look at the queue: a buffer that cannot be read then is tried again.
    private readonly Lazy<DeadLetterBrake> _oldest = new(() => new(buffer.Brake?.Code), LazyThreadSafetyMode.PublicationOnly);

    // Dead letters that are retried come back as held rows: refused again, they must not stop the queue. Nor must rows sent again.
    private readonly DeadLetterBrake _held = new(engagedWith: null);
    private readonly DeadLetterBrake _resend = new(engagedWith: null);
    private volatile bool _releaseOrdered;
    private bool? _isKept;

    /// <summary>Whether the oldest rows wait for the operator, or for the hourly batch.</summary>
    public bool IsBraked => IsOn(Queue.Oldest);

    private TimeSpan Now => time.GetElapsedTime(startingTimestamp: 0);

    public bool IsOn(Queue queue) => BrakeOf(queue).EngagedWith is not null;

    /// <summary>Whether rows of this queue may be sent now: always while its brake is off, once an hour while it is on.</summary>
    public bool MayTry(Queue queue) => BrakeOf(queue).UntilProbe(Now) <= TimeSpan.Zero;

    /// <summary>The operator's order, carried out by <see cref="CatchUp"/>.</summary>
    public void OrderRelease() => _releaseOrdered = true;

    /// <summary>Before each look at the queues: carries out the order, and writes down what could not be written before.</summary>
    public void CatchUp()
    {
        if (_releaseOrdered)
        {
            _releaseOrdered = false;
            _held.Release();
            _resend.Release();
            BrakeOf(Queue.Oldest).Release();
        }

        Keep();
    }

    /// <summary>The server answered for every row without a verdict.</summary>
    public void Taken(Load load)
    {
        BrakeOf(load.Queue).Release();
        TakeOut(load.Queue, load.Batch, load.Dissection.Verdicts(load.Batch));
        load.Dissection.Settled(load.Batch);
        Keep();
    }

    /// <summary>Every row has its verdict.</summary>
    public void Judged(Load load)
    {
        var verdicts = load.Dissection.Verdicts(load.Batch)!;
        var brake = BrakeOf(load.Queue);
        var before = brake.Current;
        var allowed = load.Batch.Samples
            .TakeWhile(row => verdicts[row.Seq] is not DeadLetter letter || brake.TryDeadLetter(letter.Code, Now))
            .ToList();
        if (allowed.Count > 0)
        {
            var settled = load.Batch with { Samples = allowed };
            try
            {
                TakeOut(load.Queue, settled, load.Dissection.Verdicts(settled));
            }
            catch (BufferUnavailableException)
            {
                brake.Current = before; // None was made: they are judged again.
                throw;
            }

            load.Dissection.Settled(settled);
        }

        if (allowed.Count < load.Batch.Samples.Count)
        {
            ProbeFailed(load);
        }

        Keep();
    }

    /// <summary>Puts a due row off that cannot be tried now.</summary>
    public void PutOff(BufferedBatch held, string code) =>
        buffer.Settle(held, held.Samples.ToDictionary(row => row.Seq, Verdict (_) => new Hold(code, time.GetUtcNow() + HeldAgain)));

    /// <summary>Refused as before, and the brake is on.</summary>
    public void ProbeFailed(Load load)
    {
        var brake = BrakeOf(load.Queue);
        brake.ProbeFailed(Now);
        load.Dissection.Reset();
        if (load.Queue == Queue.Held)
        {
            PutOff(load.Batch, brake.EngagedWith!);
        }
    }

    private DeadLetterBrake BrakeOf(Queue queue) => queue switch
    {
        Queue.Oldest => _oldest.Value,
        Queue.Held => _held,
        _ => _resend,
    };

    /// <summary>The queue's brake survives a restart.</summary>
    private void Keep()
    {
        var code = _oldest.Value.EngagedWith;
        _isKept ??= buffer.Brake is not null;
        if (_isKept == code is not null)
        {
            return;
        }

        buffer.SetBrake(code is null ? null : new(code, time.GetUtcNow()));
        _isKept = code is not null;
        if (code is null)
        {
            Log.BrakeReleased(logger);
        }
        else
        {
            Log.BrakePulled(logger, DeadLetterBrake.MostInARow, code);
        }
    }

    private void TakeOut(Queue queue, BufferedBatch batch, IReadOnlyDictionary<long, Verdict>? verdicts)
    {
        if (queue == Queue.Resend)
        {
            buffer.ResendDone(batch);
            if (verdicts?.Count > 0)
            {
                // They were taken once: that they are refused now changes nothing in the account.
                Log.ResendRefused(logger, verdicts.Count, batch.DeviceId);
            }

            return;
        }

        buffer.Settle(batch, verdicts);
        foreach (var sameCode in (verdicts?.Values ?? []).OfType<DeadLetter>().GroupBy(letter => letter.Code))
        {
            metrics.DeadLettered(sameCode.Count(), sameCode.Key);
            Log.DeadLettered(logger, sameCode.Count(), batch.DeviceId, sameCode.Key);
        }

        if ((verdicts?.Values ?? []).OfType<Hold>().Count() is > 0 and var held)
        {
            metrics.Held(held);
            Log.Held(logger, held, batch.DeviceId);
        }
    }
}
