using System.Threading.Channels;
using Microsoft.Extensions.Options;
using Sungrow.Protocol;

namespace Sungrow.Vps.Storage;

/// <summary>More waits for the database than may; nothing of this request was stored.</summary>
internal sealed class WriteQueueFullException() : Exception("too many samples wait for the database");

/// <summary>Told once after each commit and before its answers, with the devices in it. Never throws, and takes a bounded time.</summary>
internal delegate ValueTask AfterCommit(IReadOnlyCollection<string> deviceIds);

/// <summary>Writes samples exactly once; an answer means that they are committed. Small requests wait for a free connection, and all that
/// wait by then go together; nobody waits longer for company unless <c>FLUSH_INTERVAL_MS</c> says so. A large or late request goes alone.
/// Invariants: a request is in one transaction, whole; what has not been answered is still counted, so that the queue's bound is the
/// bound of its memory too. At shutdown the queue takes no more, and what waits in it is written.</summary>
internal sealed class TimescaleBatchWriter(
    FlushTransaction transaction, IEnumerable<AfterCommit> afterCommit, IOptions<StorageOptions> options, TimeProvider time,
    ILogger<TimescaleBatchWriter> log) : BackgroundService
{
    /// <summary>For what goes together; more of them only divide it.</summary>
    public const int Connections = 4;
    private const int ConnectionsForLarge = 4;
    public const int MostConnections = Connections + ConnectionsForLarge;

    private readonly Channel<Waiting> _queue = Channel.CreateUnbounded<Waiting>(new() { SingleReader = true });
    private readonly Channel<bool> _changed =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly SemaphoreSlim _alone = new(ConnectionsForLarge);
    private readonly Seldom _warning = new(TimeSpan.FromSeconds(10), time);
    private readonly StorageOptions _options = options.Value;
    private long _rows;
    private long _queued;
    private int _underWay;

    /// <summary>Rows that wait or are being written.</summary>
    public long Rows => Interlocked.Read(ref _rows);

    /// <param name="cancellationToken">Of a caller who may go before its turn; what is under way is written all the same.</param>
    /// <exception cref="WriteQueueFullException">Answered as 503; nothing is stored.</exception>
    public Task<IngestAnswer> WriteAsync(SampleBatch batch, CancellationToken cancellationToken)
    {
        var rows = batch.Samples.Count;
        if (rows == 0)
        {
            return Task.FromResult(new IngestAnswer(0, 0, 0));
        }

        batch = batch.InOrder();
        Reserve(rows);
        if (WritePolicy.GoesAlone(rows, batch.Samples[0].Ts, _options.BatchSize, time.GetUtcNow()))
        {
            return WriteAloneAsync(batch, cancellationToken);
        }

        Waiting waiting = new(batch, cancellationToken);
        var queued = Interlocked.Add(ref _queued, rows);
        if (!_queue.Writer.TryWrite(waiting))
        {
            Interlocked.Add(ref _queued, -rows);
            Release(rows);
            throw new WriteQueueFullException(); // Shutting down.
        }

        if (IsWorthAnother(queued) && !IsWorthAnother(queued - rows))
        {
            _changed.Writer.TryWrite(true);
        }

        return waiting.Task;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await using var stop = stoppingToken.Register(() => _queue.Writer.TryComplete());
        while (await _queue.Reader.WaitToReadAsync(CancellationToken.None))
        {
            // First the connection, then who goes: what comes while it is busy goes too.
            await MayFlushAsync();
            Interlocked.Increment(ref _underWay);
            _ = FlushAsync(await TakeAsync());
        }

        while (Volatile.Read(ref _underWay) > 0)
        {
            await _changed.Reader.ReadAsync(CancellationToken.None);
        }
    }

    /// <summary>Returns when another flush may begin: at once where none is under way. Beside others only what is worth it, or has waited
    /// longer than a flush should take.</summary>
    private async Task MayFlushAsync()
    {
        using CancellationTokenSource patience = new(WritePolicy.Patience, time);
        while (Volatile.Read(ref _underWay) is > 0 and var underWay)
        {
            if (underWay < Connections && (IsWorthAnother(Interlocked.Read(ref _queued)) || patience.IsCancellationRequested))
            {
                return;
            }

            try
            {
                await _changed.Reader.ReadAsync(underWay < Connections ? patience.Token : CancellationToken.None);
            }
            catch (OperationCanceledException)
            {
                // It has waited long enough.
            }
        }
    }

    private async Task<IngestAnswer> WriteAloneAsync(SampleBatch batch, CancellationToken cancellationToken)
    {
        try
        {
            IngestAnswer[] answers;
            await _alone.WaitAsync(cancellationToken);
            try
            {
                answers = await transaction.WriteAsync([batch], cancellationToken);
            }
            finally
            {
                _alone.Release();
            }

            await TellAsync([batch.DeviceId]);
            return answers[0];
        }
        finally
        {
            Release(batch.Samples.Count);
        }
    }

    private bool IsWorthAnother(long rows) => WritePolicy.IsWorthAnother(rows, _options.BatchSize);

    private async Task<List<Waiting>> TakeAsync()
    {
        List<Waiting> flush = [];
        var rows = 0;
        using CancellationTokenSource? linger =
            _options.FlushIntervalMs == 0 ? null : new(TimeSpan.FromMilliseconds(_options.FlushIntervalMs), time);
        while (true)
        {
            while (_queue.Reader.TryPeek(out var next) && WritePolicy.Joins(rows, next.Rows, _options.BatchSize))
            {
                _queue.Reader.TryRead(out _);
                Interlocked.Add(ref _queued, -next.Rows);
                if (next.Abandoned)
                {
                    next.TrySetCanceled();
                    Release(next.Rows); // Its client has gone, and will send it again.
                    continue;
                }

                flush.Add(next);
                rows += next.Rows;
            }

            if (linger is null || rows >= _options.BatchSize || _queue.Reader.TryPeek(out _))
            {
                return flush;
            }

            try
            {
                if (!await _queue.Reader.WaitToReadAsync(linger.Token))
                {
                    return flush;
                }
            }
            catch (OperationCanceledException)
            {
                return flush;
            }
        }
    }

    /// <summary>Never throws: each of the requests gets its answer or its failure.</summary>
    private async Task FlushAsync(List<Waiting> flush)
    {
        List<(Waiting Request, IngestAnswer Answer)> written = new(flush.Count);
        var rows = flush.Sum(request => request.Rows);
        try
        {
            await WriteAsync(flush, written);
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
            _changed.Writer.TryWrite(true);
        }

        if (written.Count > 0)
        {
            await TellAsync(written.Select(each => each.Request.Batch.DeviceId).ToHashSet(StringComparer.Ordinal));
        }

        written.ForEach(each => each.Request.TrySetResult(each.Answer));
        Release(rows);
    }

    private async Task WriteAsync(List<Waiting> flush, List<(Waiting Request, IngestAnswer Answer)> written)
    {
        try
        {
            var answers = flush.Count == 0 ? [] : await transaction.WriteAsync(flush.ConvertAll(each => each.Batch), CancellationToken.None);
            for (var i = 0; i < answers.Length; i++)
            {
                written.Add((flush[i], answers[i]));
            }
        }
        catch (Exception failure) when (flush.Count > 1 && !DatabaseErrors.IsUnavailable(failure))
        {
            // One of them, perhaps: each gets what it deserves.
            log.FlushApart(flush.Count, DatabaseErrors.Describe(failure));
            foreach (var request in flush)
            {
                await WriteAsync([request], written);
            }
        }
        catch (Exception failure)
        {
            flush.ForEach(request => request.TrySetException(failure)); // Its callers answer and log it.
        }
    }

    private async ValueTask TellAsync(IReadOnlyCollection<string> deviceIds)
    {
        foreach (var tell in afterCommit)
        {
            await tell(deviceIds);
        }
    }

    private void Reserve(int rows)
    {
        if (Interlocked.Add(ref _rows, rows) <= _options.WriteQueueRows)
        {
            return;
        }

        Release(rows);
        if (_warning.IsDue())
        {
            log.WriteQueueFull(_options.WriteQueueRows);
        }

        throw new WriteQueueFullException();
    }

    private void Release(int rows) => Interlocked.Add(ref _rows, -rows);

    private sealed class Waiting(SampleBatch batch, CancellationToken cancellationToken)
        : TaskCompletionSource<IngestAnswer>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public SampleBatch Batch => batch;

        public int Rows => batch.Samples.Count;

        public bool Abandoned => cancellationToken.IsCancellationRequested;
    }
}
