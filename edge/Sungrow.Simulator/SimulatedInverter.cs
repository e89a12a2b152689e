using System.Net;
using System.Net.Sockets;
using Sungrow.Simulator.Day;
using Sungrow.Simulator.Modbus;

namespace Sungrow.Simulator;

/// <summary>One inverter on the network: a household behind a Modbus server. Dispose it and the port is closed; start another with the same
/// options and clock and it goes on as if it had never been away, for nothing it serves depends on when it was started.</summary>
internal sealed class SimulatedInverter : IAsyncDisposable
{
    private readonly InverterOptions _options;
    private readonly SimulatedClock _clock;
    private readonly ServedLog? _log;
    private readonly Household _household;
    private readonly ModbusServer _server;
    private int _answered;

    private SimulatedInverter(InverterOptions options, SimulatedClock clock, ServedLog? log)
    {
        _options = options;
        _clock = clock;
        _log = log;
        _household = new Household(options.Serial, options.TimeZone, options.Seed);
        var bind = new IPEndPoint(options.Bind, options.Port);
        _server = ModbusServer.Listen(bind, options.Sessions, options.IdleTimeout, clock.Time, Serve);
    }

    public IPEndPoint Endpoint => _server.Endpoint;

    public string Serial => _options.Serial;

    public byte UnitId => _options.UnitId;

    /// <summary>Requests answered, refusals by exception included.</summary>
    public int Answered => Volatile.Read(ref _answered);

    /// <summary>Sessions closed because too many were open.</summary>
    public int Refused => _server.Refused;

    /// <summary>Faults when the inverter cannot go on, as when the served log cannot be written; never completes otherwise.</summary>
    public Task Failure => _server.Failure;

    /// <param name="log">Not disposed with the inverter: several may share it.</param>
    /// <exception cref="SocketException">The address cannot be listened on.</exception>
    public static SimulatedInverter Start(InverterOptions options, SimulatedClock clock, ServedLog? log = null) => new(options, clock, log);

    /// <summary>What the inverter would serve at <paramref name="instant"/> of simulated time.</summary>
    public Reading At(DateTimeOffset instant) => _household.At(instant);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private byte[]? Serve(Request request)
    {
        if (request.Unit != _options.UnitId && _options.WrongUnit == WrongUnit.Silent)
        {
            return null;
        }

        // One reading per request: all of its words belong to the same second, the next request's may not.
        var reading = _household.At(_clock.Now);
        var answer = request.Unit == _options.UnitId
            ? RegisterImage.Read(request, reading)
            : Answer.Refuse(ExceptionCode.TargetFailedToRespond);

        _log?.Write(_clock.Time.GetUtcNow(), reading, request, answer);
        Interlocked.Increment(ref _answered);
        return request.Frame(answer);
    }
}
