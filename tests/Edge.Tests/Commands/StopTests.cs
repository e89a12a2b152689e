using System.Net;
using System.Net.Sockets;
using Sungrow.Edge.Buffer;
using Sungrow.Edge.Tests.Buffer;
using Sungrow.TestServers;
using Xunit;

namespace Sungrow.Edge.Tests.Commands;

/// <summary>Asked to end, the daemon waits for nobody: neither for an inverter nor for a server that holds its line, each with a timeout
/// far beyond the test's patience.</summary>
public sealed class StopTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly TcpListener _silentInverter = Listen();
    private readonly TcpListener _silentVps = Listen();
    private readonly Dictionary<string, string?> _settings;

    public StopTests()
    {
        _settings = EdgeProgram.Settings(_folder);
        _settings["Inverter__Port"] = $"{Port(_silentInverter)}";
        _settings["Inverter__RequestTimeout"] = "00:01:00";
        _settings["Uplink__Url"] = $"http://127.0.0.1:{Port(_silentVps)}";
        _settings["Uplink__Timeout"] = "00:10:00";
        _settings["Clock__Trust"] = "Always";
    }

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _silentInverter.Dispose();
        _silentVps.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task In_the_middle_of_a_poll_and_of_a_request_it_ends_at_once_and_keeps_what_waits()
    {
        Fill();
        await using var daemon = EdgeProgram.Start(_settings);
        using var polled = await _silentInverter.AcceptSocketAsync(Cancelled);
        using var sent = await _silentVps.AcceptSocketAsync(Cancelled);

        daemon.Terminate();

        Assert.Equal(0, await daemon.ExitCodeAsync(TimeSpan.FromSeconds(30), Cancelled));
        Assert.Equal(700, SampleBuffer.ReadState(_folder.File("buffer.db")).Waiting);
    }

    [Fact]
    public async Task In_a_drain_that_is_not_answered_it_ends_at_once()
    {
        Fill();
        await using var daemon = EdgeProgram.Start(_settings, "run", "--seconds", "1");
        using var sent = await _silentVps.AcceptSocketAsync(Cancelled);
        await Until.TrueAsync(() => daemon.Lines.Count > 0, cancellationToken: Cancelled);

        daemon.Terminate();

        Assert.Equal(0, await daemon.ExitCodeAsync(TimeSpan.FromSeconds(30), Cancelled));
    }

    private void Fill()
    {
        using var buffer = SampleBuffer.Open(_folder.File("buffer.db"), "boot");
        buffer.AppendMany(1, 700);
    }

    private static TcpListener Listen()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return listener;
    }

    private static int Port(TcpListener listener) => ((IPEndPoint)listener.LocalEndpoint).Port;
}
