using System.Net;
using System.Net.Sockets;

namespace Sungrow.Simulator.Modbus;

/// <summary>Listens, and keeps the number of sessions.
/// Invariants: no session is begun while as many as are allowed at that moment are served, and a further one is closed; what ends one
/// session touches no other.
/// After disposal no socket is open and no task runs.</summary>
internal sealed class ModbusServer : IAsyncDisposable
{
    // A client that closes one session and opens the next at once must not be refused because its farewell is still being read.
    private const int PlaceTries = 25;
    private static readonly TimeSpan PlaceTryEvery = TimeSpan.FromMilliseconds(20);

    private readonly Socket _listener;
    private readonly TimeSpan _idleTimeout;
    private readonly TimeProvider _time;
    private readonly Func<int> _mostSessions;
    private readonly Func<Func<Request, Reply>> _open;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _failure = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private readonly HashSet<Task> _sessions = [];
    private readonly Task _accepting;
    private int _served;
    private int _refused;

    private ModbusServer(
        Socket listener, Func<int> mostSessions, TimeSpan idleTimeout, TimeProvider time, Func<Func<Request, Reply>> open)
    {
        _listener = listener;
        Endpoint = (IPEndPoint)listener.LocalEndPoint!;
        _idleTimeout = idleTimeout;
        _time = time;
        _mostSessions = mostSessions;
        _open = open;
        _accepting = AcceptAsync(_stop.Token);
    }

    /// <summary>With the port that the system chose where 0 was asked for.</summary>
    public IPEndPoint Endpoint { get; }

    /// <summary>Sessions closed because too many were open.</summary>
    public int Refused => Volatile.Read(ref _refused);

    /// <summary>Faults when the server cannot go on; never completes otherwise.</summary>
    public Task Failure => _failure.Task;

    /// <param name="mostSessions">How many may be served at once, asked for each new one.</param>
    /// <param name="open">Called for each session; gives what answers its requests. What it throws faults <see cref="Failure"/>.</param>
    /// <exception cref="SocketException">The address cannot be listened on.</exception>
    public static ModbusServer Listen(
        IPEndPoint bind, Func<int> mostSessions, TimeSpan idleTimeout, TimeProvider time, Func<Func<Request, Reply>> open)
    {
        // Accepted sockets inherit it: an answer never waits for the acknowledgement of the one before.
        var listener = new Socket(bind.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            listener.Bind(bind);
            listener.Listen(backlog: 16);
            return new ModbusServer(listener, mostSessions, idleTimeout, time, open);
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested)
        {
            return;
        }

        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;

        Task[] sessions;
        lock (_gate)
        {
            sessions = [.. _sessions];
        }

        await Task.WhenAll(sessions);
        _stop.Dispose();
    }

    private async Task AcceptAsync(CancellationToken stop)
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptAsync(stop);
                Track(Task.Run(() => SessionAsync(socket, stop), CancellationToken.None));
            }
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            // The listener was closed under us: that is how it is stopped.
        }
        catch (SocketException problem)
        {
            _failure.TrySetException(problem);
        }
    }

    private void Track(Task session)
    {
        lock (_gate)
        {
            _sessions.RemoveWhere(one => one.IsCompleted);
            _sessions.Add(session);
        }
    }

    private async Task SessionAsync(Socket socket, CancellationToken stop)
    {
        using (socket)
        {
            if (!await TryTakePlaceAsync(stop))
            {
                return;
            }

            try
            {
                await new ModbusSession(socket, _idleTimeout, _time, _open()).RunAsync(stop);
            }
            catch (Exception problem)
            {
                // Not a matter of this client (those end the session quietly): whoever runs the server must hear of it.
                _failure.TrySetException(problem);
            }
            finally
            {
                Interlocked.Decrement(ref _served);
            }
        }
    }

    private async Task<bool> TryTakePlaceAsync(CancellationToken stop)
    {
        try
        {
            for (var tries = 1; !TryTakePlace(); tries++)
            {
                if (tries == PlaceTries)
                {
                    Interlocked.Increment(ref _refused);
                    return false;
                }

                // Real time: a simulated clock may stand.
                await Task.Delay(PlaceTryEvery, TimeProvider.System, stop);
            }

            return true;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return false;
        }
    }

    private bool TryTakePlace()
    {
        lock (_gate)
        {
            if (_served >= _mostSessions())
            {
                return false;
            }

            Interlocked.Increment(ref _served);
            return true;
        }
    }
}
