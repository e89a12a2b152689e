using System.Net.Sockets;

namespace Sungrow.EndToEnd.Tests.Chaos;

/// <summary>Between edge and VPS. It reads whole requests, so that it can answer in the VPS's place, lose an answer after the VPS has
/// committed, and send a request again.
/// A sample that it refuses in the VPS's name has never reached the VPS and never will: as with a real server, refused is refused.</summary>
internal sealed class UplinkProxy(int target) : FaultProxy(target)
{
    private const int RememberedRequests = 4;

    // Per fault: a run of refusals must stay below what makes the edge suspect the VPS instead of its samples.
    private const int MostPoison = 2;
    private static readonly TimeSpan Delay = TimeSpan.FromSeconds(0.7);
    private static readonly TimeSpan PilingUp = TimeSpan.FromSeconds(2.2);
    private static readonly TimeSpan BetweenBytes = TimeSpan.FromSeconds(0.2);

    private readonly Lock _gate = new();
    private readonly HashSet<(Guid, long)> _handedOn = [];
    private readonly HashSet<(Guid, long)> _poison = [];
    private readonly Queue<HttpMessage> _remembered = [];
    private int _passed;
    private int _replayed;

    /// <summary>Batches that the VPS took and whose answer went back whole.</summary>
    public int Passed => Volatile.Read(ref _passed);

    /// <summary>Requests sent to the VPS once more than the edge sent them.</summary>
    public int Replayed => Volatile.Read(ref _replayed);

    /// <summary>Samples refused in the VPS's name.</summary>
    public int Poisoned
    {
        get
        {
            lock (_gate)
            {
                return _poison.Count;
            }
        }
    }

    /// <summary>Ends the fault; after replaying, what was remembered comes once more, after requests that followed it.</summary>
    public override void End()
    {
        base.End();
        HttpMessage[] late;
        lock (_gate)
        {
            late = [.. _remembered];
            _remembered.Clear();
        }

        foreach (var request in late)
        {
            Run(() => ReplayAsync(request));
        }
    }

    protected override async Task ServeAsync(Socket client, CancellationToken cancellationToken)
    {
        await using NetworkStream edge = new(client);
        while (await HttpMessage.ReadAsync(edge, cancellationToken) is { } request)
        {
            if (Verdict(request) is { } refusal)
            {
                await edge.WriteAsync(refusal, cancellationToken);
            }
            else if (!await HandOnAsync(request, client, edge, cancellationToken))
            {
                return;
            }
        }
    }

    /// <summary>What is answered without asking the VPS; null: it goes on, whole.</summary>
    private byte[]? Verdict(HttpMessage request)
    {
        if (!request.IsIngest)
        {
            return null;
        }

        var rows = request.Rows();
        lock (_gate)
        {
            var fresh = rows.LastOrDefault(row => !_handedOn.Contains(row));
            if (Now == Fault.PoisonSample && Met < MostPoison && fresh != default)
            {
                Hit(Fault.PoisonSample);
                _poison.Add(fresh);
            }

            var refused = Enumerable.Range(0, rows.Count).Where(index => _poison.Contains(rows[index])).ToList();
            if (refused.Count > 0)
            {
                return ProxyAnswers.Invalid(refused);
            }

            switch (Now)
            {
                case Fault.TooLarge when rows.Count > 1:
                    Hit(Fault.TooLarge);
                    return ProxyAnswers.TooLarge;

                case Fault.RateLimited or Fault.Unavailable or Fault.ForeignPage or Fault.ForeignError:
                    Hit(Now.Value);
                    return ProxyAnswers.Of(Now.Value);
            }

            _handedOn.UnionWith(rows);
            return null;
        }
    }

    /// <returns>Whether the connection goes on.</returns>
    private async Task<bool> HandOnAsync(HttpMessage request, Socket client, NetworkStream edge, CancellationToken cancellationToken)
    {
        var fault = request.IsIngest ? Now : null;
        switch (fault)
        {
            case Fault.UplinkCut:
                Hit(Fault.UplinkCut);
                return false;

            case Fault.UplinkReset:
                Hit(Fault.UplinkReset);
                Reset(client);
                return false;

            case Fault.UplinkDelay:
                Hit(Fault.UplinkDelay);
                await Task.Delay(Delay, TimeProvider.System, cancellationToken);
                break;

            case Fault.TooLarge when Met == 0:
                // Slow as well, so that the next batch holds more than one sample.
                await Task.Delay(PilingUp, TimeProvider.System, cancellationToken);
                break;

            case Fault.RequestReplayed:
                Hit(Fault.RequestReplayed);
                Remember(request);
                Run(() => ReplayAsync(request));
                break;
        }

        var answer = await AskAsync(request, cancellationToken);
        switch (fault)
        {
            case Fault.AnswerLost:
                Hit(Fault.AnswerLost);
                return false;

            case Fault.AnswerCut:
                Hit(Fault.AnswerCut);
                await edge.WriteAsync(answer.AsMemory(0, answer.Length - 3), cancellationToken);
                return false;

            case Fault.UplinkStall:
                Hit(Fault.UplinkStall);
                await UntilGoneAsync(client, cancellationToken);
                return false;

            case Fault.AnswerTrickles:
                Hit(Fault.AnswerTrickles);
                foreach (var one in answer)
                {
                    await edge.WriteAsync(new[] { one }, cancellationToken);
                    await Task.Delay(BetweenBytes, TimeProvider.System, cancellationToken);
                }

                return false;
        }

        await edge.WriteAsync(answer, cancellationToken);
        if (request.IsIngest && answer.AsSpan().StartsWith("HTTP/1.1 200 "u8))
        {
            Interlocked.Increment(ref _passed);
        }

        return true;
    }

    private void Remember(HttpMessage request)
    {
        lock (_gate)
        {
            _remembered.Enqueue(request);
            if (_remembered.Count > RememberedRequests)
            {
                _remembered.Dequeue();
            }
        }
    }

    private async Task ReplayAsync(HttpMessage request)
    {
        await AskAsync(request, Stopping);
        Interlocked.Increment(ref _replayed);
    }

    /// <returns>The whole answer: the request asks the VPS to close after it.</returns>
    private async Task<byte[]> AskAsync(HttpMessage request, CancellationToken cancellationToken)
    {
        using var socket = await ConnectAsync(cancellationToken);
        await using NetworkStream vps = new(socket);
        await vps.WriteAsync(request.Bytes(), cancellationToken);
        using MemoryStream answer = new();
        await vps.CopyToAsync(answer, cancellationToken);
        if (answer.Length == 0)
        {
            throw new IOException("The VPS closed without an answer.");
        }

        return Reopened(answer.ToArray());
    }

    // The edge's own connection goes on: it must not learn that the one behind the proxy did not.
    private static byte[] Reopened(byte[] answer)
    {
        var head = answer.AsSpan().IndexOf("\r\n\r\n"u8);
        var close = answer.AsSpan(0, Math.Max(head, 0)).IndexOf("\r\nConnection: close"u8);
        return close < 0 ? answer : [.. answer[..close], .. answer[(close + "\r\nConnection: close".Length)..]];
    }
}
