using Sungrow.Edge.Buffer;
using Sungrow.Protocol;

namespace Sungrow.Edge.Uplink;

/// <summary>What each lane has of its own: its requests, its waits and its bell. Before each thing that it does or waits for it tells the
/// watchdog how long that may take.</summary>
/// <param name="name">A word for the metric and the watchdog.</param>
/// <param name="requestTimeout">For one request at the longest, with another attempt under a token that was rotated.</param>
internal sealed class Lane(
    string name, IIngestApi api, Backoff backoff, TimeSpan requestTimeout, TimeProvider time, EdgeMetrics metrics, Liveness? liveness)
{
    /// <summary>Held rows, pauses and the brake's probe come due without a bell.</summary>
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(10);

    private (int? Status, int Times) _errors;

    public Bell Bell { get; } = new(time);

    public Backoff Backoff => backoff;

    /// <param name="step">Does one thing; false when there is nothing to do.</param>
    /// <param name="complain">The buffer cannot be used. What was answered and not written down goes again, and the server counts it as
    /// duplicates.</param>
    public async Task RunAsync(
        Func<CancellationToken, Task<bool>> step, Action<BufferUnavailableException> complain, CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var rung = Bell.Next;
            Expect(TimeSpan.Zero);
            try
            {
                if (!await step(stoppingToken))
                {
                    Expect(LookAgain);
                    await Bell.WaitAsync(rung, LookAgain, stoppingToken);
                }
            }
            catch (BufferUnavailableException broken)
            {
                complain(broken);
                await PauseAsync(backoff.Failed(), stoppingToken);
            }
        }
    }

    /// <param name="samples">In the body.</param>
    public async Task<Decision> SendAsync(WireBody body, int samples, CancellationToken stoppingToken)
    {
        Expect(requestTimeout);
        var answer = await api.IngestAsync(body, stoppingToken);
        var error = AnswerPolicy.ServerError(answer, samples);
        var before = error == _errors.Status ? _errors.Times : 0;
        var decision = AnswerPolicy.Decide(answer, samples, before);
        _errors = decision switch
        {
            // Once the suspicion is acted on, the count starts anew.
            Later { PerhapsTooLarge: true } => default,
            // A single sample in between, or nobody there, proves nothing about size.
            Later => error is null ? _errors : (error, before + 1),
            _ => default,
        };
        metrics.Sent(name, decision.Outcome);
        if (decision is Taken(var counts))
        {
            metrics.Delivered(counts.Inserted, counts.Duplicates, counts.Conflicts);
        }

        return decision;
    }

    /// <summary>What the VPS says of itself; null when it does not answer.</summary>
    public async Task<WhoAmI?> AskAsync(CancellationToken stoppingToken)
    {
        Expect(requestTimeout);
        return await api.WhoAmIAsync(stoppingToken) is Answered<WhoAmI>({ } me) ? me : null;
    }

    /// <param name="earlier">Ends it before its time.</param>
    public Task PauseAsync(TimeSpan wait, CancellationToken stoppingToken, Task? earlier = null)
    {
        Expect(wait);
        return earlier is null ? Task.Delay(wait, time, stoppingToken) : Bell.WaitAsync(earlier, wait, stoppingToken);
    }

    private void Expect(TimeSpan within) => liveness?.Expect($"{name} lane", within);
}
