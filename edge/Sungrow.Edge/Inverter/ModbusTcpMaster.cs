using System.Net.Sockets;

namespace Sungrow.Edge.Inverter;

/// <summary>One Modbus TCP connection that can only read; an instance means connected. Members carry NModbus's names.
/// Invariants: one request in flight; a reply that differs from its request in any field, a timeout or a cancellation closes the
/// socket, because what arrives next could belong to anything. Only a device's own refusal leaves it open.</summary>
internal sealed class ModbusTcpMaster : IDisposable
{
    // Counted on over all connections: a gateway's late reply to a question of the last one fits none of this one's.
    private static int _lastTransaction;

    private readonly Socket _socket;
    private readonly TimeSpan _requestTimeout;
    private readonly TimeProvider _time;
    private readonly byte[] _frame = new byte[ModbusFrame.HeaderBytes + ModbusFrame.MaxBodyBytes];
    private int _inFlight;
    private bool _answered;
    private bool _closed;

    private ModbusTcpMaster(Socket socket, TimeSpan requestTimeout, TimeProvider time)
    {
        _socket = socket;
        _requestTimeout = requestTimeout;
        _time = time;
    }

    /// <summary>False once closed by us, or by the other side while nothing was asked.</summary>
    public bool IsOpen => !_closed && !(_socket.Poll(TimeSpan.Zero, SelectMode.SelectRead) && _socket.Available == 0);

    /// <summary>Connects, for as long as <paramref name="cancellationToken"/> allows.</summary>
    /// <exception cref="ModbusConnectionException">Not found, refused or no way there.</exception>
    public static async Task<ModbusTcpMaster> OpenAsync(
        string host, int port, TimeSpan requestTimeout, TimeProvider time, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(host, port, cancellationToken);
            return new(socket, requestTimeout, time);
        }
        catch (Exception failure)
        {
            socket.Dispose();
            if (failure is SocketException { SocketErrorCode: var error })
            {
                throw new ModbusConnectionException(ReasonOf(error), error.ToString(), failure);
            }

            throw;
        }
    }

    /// <summary>Function 4.</summary>
    /// <exception cref="ModbusException">The device refuses; the connection is still good.</exception>
    /// <exception cref="ModbusConnectionException">The connection is closed.</exception>
    public Task<ushort[]> ReadInputRegistersAsync(
        byte slaveAddress, ushort startAddress, ushort numberOfPoints, CancellationToken cancellationToken) =>
        ReadAsync(ModbusFrame.ReadInputRegisters, slaveAddress, startAddress, numberOfPoints, cancellationToken);

    /// <summary>Function 3.</summary>
    /// <inheritdoc cref="ReadInputRegistersAsync"/>
    public Task<ushort[]> ReadHoldingRegistersAsync(
        byte slaveAddress, ushort startAddress, ushort numberOfPoints, CancellationToken cancellationToken) =>
        ReadAsync(ModbusFrame.ReadHoldingRegisters, slaveAddress, startAddress, numberOfPoints, cancellationToken);

    public void Dispose()
    {
        _closed = true;
        _socket.Dispose();
    }

    private async Task<ushort[]> ReadAsync(byte function, byte unit, ushort start, ushort points, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfZero(points);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(points, ModbusFrame.MaxPoints);
        ObjectDisposedException.ThrowIf(_closed, this);
        if (Interlocked.Exchange(ref _inFlight, 1) == 1)
        {
            throw new InvalidOperationException("A request is in flight already.");
        }

        using var timeout = new CancellationTokenSource(_requestTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        var usable = false;
        try
        {
            var words = await ExchangeAsync(new(NextTransaction(), unit, function, start, points), either.Token);
            usable = true;
            return words;
        }
        catch (ModbusException)
        {
            usable = true;
            throw;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ModbusConnectionException(_answered ? UnreachableReason.TimedOut : UnreachableReason.Silent);
        }
        catch (SocketException lost)
        {
            throw new ModbusConnectionException(UnreachableReason.Closed, lost.SocketErrorCode.ToString(), lost);
        }
        finally
        {
            if (!usable)
            {
                Dispose();
            }

            _inFlight = 0;
        }
    }

    private static ushort NextTransaction() => (ushort)Interlocked.Increment(ref _lastTransaction);

    private async Task<ushort[]> ExchangeAsync(ModbusRequest request, CancellationToken cancellationToken)
    {
        // What nobody asked for may be the late answer to an earlier question; it must not become the answer to this one.
        if (_socket.Available is > 0 and var unasked)
        {
            throw Violation($"{unasked} bytes that were not asked for");
        }

        ModbusFrame.Write(request, _frame);
        await SendAsync(_frame.AsMemory(0, ModbusFrame.RequestBytes), cancellationToken);

        var header = _frame.AsMemory(0, ModbusFrame.HeaderBytes);
        await ReceiveAsync(header, cancellationToken);
        if (ModbusFrame.Judge(request, header.Span, out int bodyBytes) is { } wrongHeader)
        {
            throw Violation(wrongHeader);
        }

        var body = _frame.AsMemory(ModbusFrame.HeaderBytes, bodyBytes);
        await ReceiveAsync(body, cancellationToken);
        if (ModbusFrame.Judge(request, body.Span, out byte? exceptionCode) is { } wrongBody)
        {
            throw Violation(wrongBody);
        }

        _answered = true;
        return exceptionCode is { } code ? throw new ModbusException(code) : ModbusFrame.Words(body.Span);
    }

    private async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await _socket.SendAsync(bytes, SocketFlags.None, cancellationToken)..];
        }
    }

    private async Task ReceiveAsync(Memory<byte> bytes, CancellationToken cancellationToken)
    {
        while (bytes.Length > 0)
        {
            var received = await _socket.ReceiveAsync(bytes, SocketFlags.None, cancellationToken);
            if (received == 0)
            {
                throw new ModbusConnectionException(UnreachableReason.Closed);
            }

            bytes = bytes[received..];
        }
    }

    // The first words of a port that speaks something else break the protocol too, but ask for another remedy.
    private ModbusConnectionException Violation(string what) =>
        new(_answered ? UnreachableReason.Violation : UnreachableReason.NotModbus, what);

    private static UnreachableReason ReasonOf(SocketError error) => error switch
    {
        SocketError.HostNotFound or SocketError.TryAgain or SocketError.NoData or SocketError.NoRecovery => UnreachableReason.NameNotFound,
        SocketError.ConnectionRefused => UnreachableReason.Refused,
        SocketError.TimedOut => UnreachableReason.NoAnswer,
        SocketError.ConnectionReset or SocketError.ConnectionAborted => UnreachableReason.Closed,
        _ => UnreachableReason.HostUnreachable,
    };
}
