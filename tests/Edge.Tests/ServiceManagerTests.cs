using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Hosting;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Polling;
using Sungrow.Edge.Tests.Buffer;
using Sungrow.Edge.Tests.Commands;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests;

/// <summary>Against a real datagram socket in the place of systemd's.</summary>
public sealed class ServiceManagerTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly Socket _systemd = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly string _name;

    public ServiceManagerTests()
    {
        _name = _folder.File("notify");
        _systemd.Bind(new UnixDomainSocketEndPoint(_name));
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _systemd.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task The_daemon_says_that_it_is_ready_then_that_it_lives_then_that_it_ends()
    {
        var settings = EdgeProgram.Settings(_folder);
        settings["NOTIFY_SOCKET"] = _name;
        settings["WATCHDOG_USEC"] = "200000";
        await using var daemon = EdgeProgram.Start(settings);

        Assert.Equal("READY=1\nSTATUS=The inverter is not reachable; 0 samples wait.", await NextAsync());
        Assert.Equal("WATCHDOG=1\nSTATUS=The inverter is not reachable; 0 samples wait.", await NextAsync());

        daemon.Terminate();
        while (await NextAsync() is var message && message != "STOPPING=1\nSTATUS=Ending.")
        {
            Assert.StartsWith("WATCHDOG=1", message, StringComparison.Ordinal);
        }

        Assert.Equal(0, (await daemon.EndAsync()).ExitCode);
    }

    [Fact]
    public async Task A_name_of_the_abstract_namespace_is_understood()
    {
        var name = $"sungrow-{Guid.NewGuid():N}";
        using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        systemd.Bind(new UnixDomainSocketEndPoint("\0" + name));
        var settings = EdgeProgram.Settings(_folder);
        settings["NOTIFY_SOCKET"] = "@" + name;
        await using var daemon = EdgeProgram.Start(settings);

        Assert.StartsWith("READY=1", await NextAsync(systemd), StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_a_loop_is_stuck_the_watchdog_is_not_fed_and_fed_again_when_it_goes_on()
    {
        var time = new FakeTime(new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero));
        var liveness = new Liveness(time);
        var logger = new ListLogger<ServiceManager>();
        using var buffer = SampleBuffer.Open(_folder.File("buffer.db"), "boot");
        using var started = new Started();
        using var manager = new ServiceManager(
            NotifySocket.Parse(_name, "60000000", "", 0), liveness, buffer, new PollStatus(), started, time, logger);
        await manager.StartAsync(Cancelled);
        Assert.StartsWith("READY=1", await NextAsync(), StringComparison.Ordinal);
        liveness.Expect("polling", TimeSpan.FromSeconds(10));

        Assert.StartsWith("WATCHDOG=1", await TickAsync(), StringComparison.Ordinal);
        Assert.Equal("STATUS=Stuck: polling makes no progress.", await TickAsync());
        Assert.Equal("STATUS=Stuck: polling makes no progress.", await TickAsync());
        liveness.Expect("polling", TimeSpan.FromHours(1));
        Assert.StartsWith("WATCHDOG=1", await TickAsync(), StringComparison.Ordinal);

        Assert.Single(logger.Lines, line => line.Contains("makes no progress", StringComparison.Ordinal));
        await manager.StopAsync(Cancelled);

        async Task<string> TickAsync()
        {
            await Until.TrueAsync(() => time.Waiting > 0, cancellationToken: Cancelled);
            time.Advance(TimeSpan.FromSeconds(30));
            return await NextAsync();
        }
    }

    [Fact]
    public async Task While_a_damaged_buffer_is_salvaged_the_loops_that_wait_for_it_are_not_stuck()
    {
        var path = _folder.File("buffer.db");
        using (var filled = SampleBuffer.Open(path, "boot", Rows.KeepAll))
        {
            filled.AppendMany(1, 2_000);
        }

        var clock = new StoppedClock();
        using var buffer = SampleBuffer.Open(path, "boot", Rows.KeepAll, clock);
        var bytes = File.ReadAllBytes(path);
        bytes.AsSpan(bytes.Length / 4, bytes.Length / 2).Fill(0xA5);
        await using (var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            await file.WriteAsync(bytes, Cancelled);
        }

        var time = new FakeTime(new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero));
        var liveness = new Liveness(time);
        using var started = new Started();
        using var manager = new ServiceManager(
            NotifySocket.Parse(_name, "60000000", "", 0), liveness, buffer, new PollStatus(), started, time, new ListLogger<ServiceManager>());
        await manager.StartAsync(Cancelled);
        Assert.StartsWith("READY=1", await NextAsync(), StringComparison.Ordinal);
        liveness.Expect("polling", TimeSpan.FromSeconds(10));

        clock.Stops = true;
        var peek = Task.Run(() => buffer.Peek(5_000), Cancelled);
        await Until.TrueAsync(() => buffer.IsReplacing, cancellationToken: Cancelled);
        for (var minute = 0; minute < 4; minute++)
        {
            await Until.TrueAsync(() => time.Waiting > 0, cancellationToken: Cancelled);
            time.Advance(TimeSpan.FromSeconds(30));
            Assert.StartsWith("WATCHDOG=1\nSTATUS=The buffer is damaged", await NextAsync(), StringComparison.Ordinal);
        }

        clock.Stops = false;
        Assert.NotNull(await peek);
        Assert.False(buffer.IsReplacing);
        await manager.StopAsync(Cancelled);
    }

    [Fact]
    public async Task A_socket_that_nobody_reads_does_not_hold_the_daemon()
    {
        var settings = EdgeProgram.Settings(_folder);
        settings["NOTIFY_SOCKET"] = _folder.File("nobody");
        settings["WATCHDOG_USEC"] = "20000";
        await using var daemon = EdgeProgram.Start(settings);
        await daemon.LineAsync("No sample from the inverter", cancellationToken: Cancelled);

        daemon.Terminate();

        Assert.Equal(0, (await daemon.EndAsync()).ExitCode);
    }

    [Theory]
    [InlineData(null, null, null)]
    [InlineData("0", null, null)]
    [InlineData("soon", null, null)]
    [InlineData("-5", null, null)]
    [InlineData("30000000", "", 30)]
    [InlineData("30000000", null, 30)]
    [InlineData("30000000", "77", 30)]
    [InlineData("30000000", "78", null)]
    public void The_watchdog_is_fed_only_where_this_process_is_meant(string? microseconds, string? pid, int? seconds) =>
        Assert.Equal(
            seconds is { } wanted ? TimeSpan.FromSeconds(wanted) : null,
            NotifySocket.Parse("/run/notify", microseconds, pid, 77).Watchdog);

    private Task<string> NextAsync() => NextAsync(_systemd);

    private static async Task<string> NextAsync(Socket systemd)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        deadline.CancelAfter(Until.Deadline);
        var message = new byte[4096];
        var length = await systemd.ReceiveAsync(message, SocketFlags.None, deadline.Token);
        return Encoding.UTF8.GetString(message, 0, length);
    }

    /// <summary>Whoever asks for the time waits: a salvage asks as its last step.</summary>
    private sealed class StoppedClock : TimeProvider
    {
        private volatile bool _stops;

        public bool Stops
        {
            set => _stops = value;
        }

        public override DateTimeOffset GetUtcNow()
        {
            SpinWait.SpinUntil(() => !_stops, Until.Deadline);
            return System.GetUtcNow();
        }
    }

    /// <summary>A host that has started.</summary>
    private sealed class Started : IHostApplicationLifetime, IDisposable
    {
        private readonly CancellationTokenSource _started = new();

        public Started() => _started.Cancel();

        public CancellationToken ApplicationStarted => _started.Token;

        public CancellationToken ApplicationStopping => CancellationToken.None;

        public CancellationToken ApplicationStopped => CancellationToken.None;

        public void StopApplication() => throw new NotSupportedException();

        public void Dispose() => _started.Dispose();
    }
}
