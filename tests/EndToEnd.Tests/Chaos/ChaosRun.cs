using System.Collections.Concurrent;
using System.Diagnostics;
using Sungrow.TestServers;

namespace Sungrow.EndToEnd.Tests.Chaos;

/// <param name="Duration">How long faults go on; each comes once whatever it is.</param>
/// <param name="Without">Left out on request.</param>
internal sealed record ChaosSettings(int Seed, TimeSpan Duration, IReadOnlySet<Fault> Without);

/// <summary>Plays a plan against a home, lets it recover and drain, and reconciles. A fault counts as fired once it was felt.</summary>
internal sealed class ChaosRun(ChaosHome home, ChaosSettings settings, TextWriter output)
{
    // Whatever is waited for comes back after a back-off, which grows while several faults meet.
    private static readonly TimeSpan Felt = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan Drained = TimeSpan.FromMinutes(5);
    private const int RequestsPerPoll = 3;

    private readonly ConcurrentDictionary<Fault, int> _fired = [];
    private readonly long _started = Stopwatch.GetTimestamp();

    private double Elapsed => Stopwatch.GetElapsedTime(_started).TotalSeconds;

    /// <returns>Whether the balance closes and every fault fired.</returns>
    public static async Task<bool> RunAsync(ChaosSettings settings, TextWriter output, CancellationToken cancellationToken)
    {
        await using var home = await ChaosHome.OpenAsync(cancellationToken);
        try
        {
            return await new ChaosRun(home, settings, output).PlayAsync(cancellationToken);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            await output.WriteLineAsync(home.Tails());
            throw;
        }
    }

    private async Task<bool> PlayAsync(CancellationToken cancellationToken)
    {
        var impossible = home.Impossible;
        foreach (var (fault, reason) in impossible)
        {
            await output.WriteLineAsync($"skipped: {fault}, which {reason}");
        }

        var leftOut = impossible.Keys.Concat(settings.Without).ToHashSet();

        await Until.TrueAsync(() => home.Uplink.Passed > 0, cancellationToken: cancellationToken);
        var plan = ChaosPlan.Make(settings.Seed, settings.Duration, leftOut);
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAll(plan.Values.Select(steps => PlayAsync(steps, failed)));

        await RecoverAsync(cancellationToken);
        var buffer = home.ReadBuffer();
        var balance = Reconciliation.Of(buffer, await home.ReadServerAsync(buffer.BufferId, cancellationToken), home.ReadServed());
        var missing = Faults.All.Where(fault => !leftOut.Contains(fault) && !_fired.ContainsKey(fault)).ToList();
        await PrintAsync(balance, missing);
        foreach (var seq in buffer.Held.Order())
        {
            await output.WriteLineAsync($"held: row {seq} of {buffer.Rows[seq].Ts:O}, at {TimeProvider.System.GetUtcNow():O}");
        }

        return balance.Closes && missing.Count == 0;
    }

    private async Task PlayAsync(IReadOnlyList<Step> steps, CancellationTokenSource failed)
    {
        try
        {
            var firstRound = steps.Select(step => step.Fault).Distinct().Count();
            for (var i = 0; i < steps.Count && (i < firstRound || Elapsed < settings.Duration.TotalSeconds); i++)
            {
                await Task.Delay(steps[i].Calm, TimeProvider.System, failed.Token);
                var began = Elapsed;
                await PlayAsync(steps[i], failed.Token);
                _fired.AddOrUpdate(steps[i].Fault, 1, (_, before) => before + 1);
                await output.WriteLineAsync($"{began,7:F1} .. {Elapsed,7:F1} s  {steps[i].Fault}");
            }
        }
        catch
        {
            await failed.CancelAsync(); // The other lanes need not go on.
            throw;
        }
    }

    private async Task PlayAsync(Step step, CancellationToken cancellationToken)
    {
        Task HoldAsync() => Task.Delay(step.Hold, TimeProvider.System, cancellationToken);

        switch (step.Fault)
        {
            case Fault.InverterPulled:
                await home.PullInverterAsync();
                await HoldAsync();
                await home.StartInverterAsync(cancellationToken);
                await PollsAsync(1, cancellationToken);
                break;

            case Fault.EdgeKilled:
                await home.KillEdgeAsync(HoldAsync, cancellationToken);
                await PollsAsync(1, cancellationToken);
                break;

            case Fault.VpsKilled:
                await home.KillVpsAsync();
                await HoldAsync();
                await home.StartVpsAsync(cancellationToken);
                await PassedAsync(step.Fault, cancellationToken);
                break;

            case Fault.PostgresFastRestart or Fault.PostgresImmediateRestart:
                await home.Postgres.StopAsync(
                    step.Fault == Fault.PostgresFastRestart ? PostgresStop.Fast : PostgresStop.Immediate, cancellationToken);
                await HoldAsync();
                await home.Postgres.RestartAsync(cancellationToken);
                await PassedAsync(step.Fault, cancellationToken);
                break;

            case Fault.RedisFrozen:
                await home.Redis.FreezeAsync(cancellationToken);
                await HoldAsync();
                await PassedAsync(step.Fault, cancellationToken); // Samples are taken all the same.
                home.Redis.Thaw();
                break;

            case Fault.DiskFull:
                home.Disk!.Fill();
                await HoldAsync();
                await PollsAsync(2, cancellationToken);
                home.Disk.MakeSpace();
                break;

            case Fault.ClockForward or Fault.ClockBack:
                var ahead = TimeSpan.FromSeconds(Math.Round(10 + (Math.Pow(step.Size, 3) * 7_200)));
                home.SetClock(step.Fault == Fault.ClockForward ? ahead : -ahead);
                await HoldAsync();
                await PollsAsync(2, cancellationToken);
                home.SetClock(TimeSpan.Zero);
                await PollsAsync(1, cancellationToken);
                break;

            default:
                FaultProxy proxy = Faults.LaneOf(step.Fault) == Lane.Uplink ? home.Uplink : home.Inverter;
                // Refused once as too large, the edge comes with single samples for a good while.
                var hits = step.Fault == Fault.TooLarge ? 1 : step.Hits;
                proxy.Begin(step.Fault);
                await Task.WhenAll(HoldAsync(), UntilAsync(() => proxy.Met >= hits, $"{step.Fault} was met", cancellationToken));
                proxy.End();
                await (proxy == home.Uplink ? PassedAsync(step.Fault, cancellationToken) : PollsAsync(1, cancellationToken));
                break;
        }
    }

    /// <summary>Whole polls from now on.</summary>
    private async Task PollsAsync(int polls, CancellationToken cancellationToken)
    {
        var enough = home.Inverter.Requests + (polls * RequestsPerPoll);
        await UntilAsync(() => home.Inverter.Requests > enough, "the edge polls", cancellationToken);
    }

    private async Task PassedAsync(Fault after, CancellationToken cancellationToken)
    {
        var before = home.Uplink.Passed;
        await UntilAsync(() => home.Uplink.Passed > before, $"the VPS takes samples after {after}", cancellationToken);
    }

    private async Task UntilAsync(Func<bool> condition, string what, CancellationToken cancellationToken) =>
        await Until.TrueAsync(
            () => home.Uplink.Broken is { } uplink ? throw uplink : home.Inverter.Broken is { } inverter ? throw inverter : condition(),
            Felt, cancellationToken, what);

    private async Task RecoverAsync(CancellationToken cancellationToken)
    {
        // A restart forgets the back-off; what waits does not forget itself.
        await PollsAsync(1, cancellationToken);
        await home.EndEdgeAsync(startAgain: true, cancellationToken);
        await PollsAsync(1, cancellationToken);
        await output.WriteLineAsync($"{Elapsed,7:F1} s  the faults are over");
        await Until.TrueAsync(() => home.ReadBuffer().ToSend <= 1, Drained, cancellationToken, "the buffer drains");
        await home.PullInverterAsync();
        await Until.TrueAsync(() => LastIsSentAsync(cancellationToken), Drained, cancellationToken, "the last samples are sent");
        await home.EndEdgeAsync(startAgain: false, cancellationToken);
    }

    // A single row's move past the cursor is written with the row after it, which does not come any more.
    private async Task<bool> LastIsSentAsync(CancellationToken cancellationToken)
    {
        var buffer = home.ReadBuffer();
        return buffer.ToSend == 0
            || (buffer.ToSend == 1 && (await home.ReadServerAsync(buffer.BufferId, cancellationToken)).Knows(buffer.Newest));
    }

    private async Task PrintAsync(Balance balance, List<Fault> missing)
    {
        await output.WriteLineAsync($"seed {settings.Seed}, {Elapsed:F0} s");
        foreach (var fault in Faults.All)
        {
            var proxy = Faults.LaneOf(fault) == Lane.Uplink ? home.Uplink : (FaultProxy)home.Inverter;
            var hits = proxy.Hits(fault) > 0 ? $", met by {proxy.Hits(fault)} requests" : "";
            await output.WriteLineAsync($"  {fault,-26} {_fired.GetValueOrDefault(fault),4} times{hits}");
        }

        await output.WriteLineAsync($"replayed {home.Uplink.Replayed} requests, poisoned {home.Uplink.Poisoned} samples");
        foreach (var line in home.EndedByItself)
        {
            await output.WriteLineAsync($"the edge ended by itself and was started again: {line}");
        }

        await output.WriteLineAsync($"{balance}");
        if (missing.Count > 0)
        {
            await output.WriteLineAsync($"never fired: {string.Join(", ", missing)}");
        }
    }
}
