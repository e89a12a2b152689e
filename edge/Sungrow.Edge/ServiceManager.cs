using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Polling;

namespace Sungrow.Edge;

/// <summary>Where systemd listens and how often it wants to hear of us.
/// https://www.freedesktop.org/software/systemd/man/sd_notify.html</summary>
/// <param name="Socket">Null: nobody listens.</param>
/// <param name="Watchdog">Null: it does not watch us.</param>
internal sealed record NotifySocket(UnixDomainSocketEndPoint? Socket, TimeSpan? Watchdog)
{
    public static NotifySocket OfEnvironment() => Parse(
        Environment.GetEnvironmentVariable("NOTIFY_SOCKET"),
        Environment.GetEnvironmentVariable("WATCHDOG_USEC"),
        Environment.GetEnvironmentVariable("WATCHDOG_PID"),
        Environment.ProcessId);

    /// <param name="socket">A path, or a name of the abstract namespace that begins with <c>@</c>.</param>
    /// <param name="watchdogPid">The process that is meant; blank means any.</param>
    public static NotifySocket Parse(string? socket, string? watchdogMicroseconds, string? watchdogPid, int self) => new(
        socket switch
        {
            ['/', ..] => new(socket),
            ['@', ..] => new("\0" + socket[1..]),
            _ => null,
        },
        long.TryParse(watchdogMicroseconds, NumberStyles.None, CultureInfo.InvariantCulture, out var microseconds) && microseconds > 0
            && (string.IsNullOrEmpty(watchdogPid) || watchdogPid == self.ToString(CultureInfo.InvariantCulture))
            ? TimeSpan.FromMicroseconds(microseconds)
            : null);
}

/// <summary>Tells systemd that the daemon is ready, what it does, and, while no loop is stuck, that it lives.</summary>
internal sealed class ServiceManager(
    NotifySocket notify, Liveness liveness, SampleBuffer buffer, PollStatus poll, IHostApplicationLifetime lifetime, TimeProvider time,
    ILogger<ServiceManager> logger) : BackgroundService
{
    private static readonly TimeSpan StatusEvery = TimeSpan.FromSeconds(10);

    private bool _saidStuck;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        Send("STOPPING=1\nSTATUS=Ending.");
        await base.StopAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (notify.Socket is null)
        {
            return;
        }

        await StartedAsync(stoppingToken);
        Send($"READY=1\nSTATUS={Status()}");

        // Half of what systemd waits for: one late message does not end the daemon.
        using var timer = new PeriodicTimer(notify.Watchdog / 2 ?? StatusEvery, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            Send(Life());
        }
    }

    private string Life()
    {
        // The loops wait for it: a restart would only begin it anew.
        if (buffer.IsReplacing)
        {
            return Alive("The buffer is damaged: what can be read goes into a new file.");
        }

        if (liveness.Stuck() is not { } loop)
        {
            _saidStuck = false;
            return Alive(Status());
        }

        if (!_saidStuck)
        {
            Log.LoopStuck(logger, loop);
            _saidStuck = true;
        }

        return $"STATUS=Stuck: {loop} makes no progress.";
    }

    private string Alive(string status) => notify.Watchdog is null ? $"STATUS={status}" : $"WATCHDOG=1\nSTATUS={status}";

    private string Status()
    {
        var seen = poll.Now;
        var inverter = seen.Inverter is { } known ? $"{known.Model} {known.Serial}" : "The inverter";
        // From memory, and without waiting for the buffer: what holds it, or breaks it, must not look like a daemon that hangs.
        var waiting = buffer.TryReadWaiting() is { } rows ? $"{rows} samples wait" : "the buffer is busy or cannot be used";
        return $"{inverter} is {(seen.Reachable ? "read" : "not reachable")}; {waiting}.";
    }

    private async Task StartedAsync(CancellationToken stoppingToken)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = lifetime.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(stoppingToken);
    }

    private void Send(string message)
    {
        if (notify.Socket is null)
        {
            return;
        }

        try
        {
            // Not blocking: a manager that does not read must not hold a loop of ours.
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
            socket.SendTo(Encoding.UTF8.GetBytes(message), notify.Socket);
        }
        catch (SocketException broken)
        {
            // Nothing of ours depends on it; a watchdog that misses us restarts us.
            Log.ServiceManagerNotTold(logger, broken.SocketErrorCode);
        }
    }
}
