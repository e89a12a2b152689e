using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Sungrow.EndToEnd.Tests.Chaos;

/// <summary>A TCP proxy on a port of its own that misbehaves as it is told. Of the two kinds one knows HTTP, the other Modbus.
/// At most one fault is on; it is counted each time that a request met it.</summary>
internal abstract class FaultProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<Task, bool> _running = [];
    private readonly ConcurrentDictionary<Fault, int> _hits = [];
    private readonly Task _accepting;
    private volatile object? _fault; // A Fault, or null.
    private volatile Exception? _broken;
    private int _met;

    protected FaultProxy(int target)
    {
        Target = target;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>How often each fault was met, over the whole run.</summary>
    public int Hits(Fault fault) => _hits.GetValueOrDefault(fault);

    /// <summary>How often the fault that is on has been met since it began.</summary>
    public int Met => Volatile.Read(ref _met);

    /// <summary>What no network may do, as a client that breaks its own protocol. Null: nothing.</summary>
    public Exception? Broken => _broken;

    protected int Target { get; }

    protected Fault? Now => (Fault?)_fault;

    protected CancellationToken Stopping => _stop.Token;

    public void Begin(Fault fault)
    {
        Volatile.Write(ref _met, 0);
        _fault = fault;
    }

    public virtual void End() => _fault = null;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _accepting;
        _listener.Stop();
        await Task.WhenAll(_running.Keys);
        _stop.Dispose();
    }

    protected void Hit(Fault fault)
    {
        Interlocked.Increment(ref _met);
        _hits.AddOrUpdate(fault, 1, (_, before) => before + 1);
    }

    /// <summary>Serves a connection until either side ends it; a network's failures may leave it as exceptions.</summary>
    protected abstract Task ServeAsync(Socket client, CancellationToken cancellationToken);

    /// <summary>Runs beside everything else until the proxy ends.</summary>
    protected void Run(Func<Task> work)
    {
        var task = GuardAsync(work);
        _running.TryAdd(task, true);
        _ = task.ContinueWith(done => _running.TryRemove(done, out _), TaskScheduler.Default);
    }

    protected async Task<Socket> ConnectAsync(CancellationToken cancellationToken)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, Target, cancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Ends the connection with RST.</summary>
    protected static void Reset(Socket socket) => socket.Close(timeout: 0);

    /// <summary>Returns when the other side has gone, or the proxy ends.</summary>
    protected static async Task UntilGoneAsync(Socket socket, CancellationToken cancellationToken)
    {
        var ignored = new byte[1024];
        while (await socket.ReceiveAsync(ignored, cancellationToken) > 0)
        {
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptSocketAsync(Stopping);
                client.NoDelay = true;
                Run(async () =>
                {
                    using (client)
                    {
                        await ServeAsync(client, Stopping);
                    }
                });
            }
        }
        catch (Exception stopped) when (stopped is OperationCanceledException or SocketException)
        {
            // The proxy ends.
        }
    }

    private async Task GuardAsync(Func<Task> work)
    {
        await Task.Yield();
        try
        {
            await work();
        }
        catch (Exception gone) when (gone is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // What connections do in a chaos run.
        }
        catch (Exception unexpected)
        {
            _broken = unexpected;
        }
    }
}
