using System.Net;
using System.Net.Sockets;
using Sungrow.Simulator.Day;
using Sungrow.Simulator.Faults;
using Sungrow.Simulator.Modbus;

namespace Sungrow.Simulator;

/// <summary>One inverter on the network: a household behind a Modbus server. Dispose it and the port is closed; start another with the same
/// options and clock and it goes on as if it had never been away, for nothing it serves depends on when it was started.</summary>
internal sealed class SimulatedInverter : IAsyncDisposable
{
    // Measured medians lie between 24 and 48 ms; the LAN port answers at once.
    private static readonly TimeSpan WiNetPace = TimeSpan.FromMilliseconds(40);

    private readonly InverterOptions _options;
    private readonly SimulatedClock _clock;
    private readonly ServedLog? _log;
    private readonly Household _household;
    private readonly RegisterImage _image;
    private readonly ModbusServer _server;
    private readonly Lock _gate = new();
    private (string Serial, Household Household)? _other;
    private int _answered;

    private SimulatedInverter(InverterOptions options, SimulatedClock clock, ServedLog? log, FaultSwitch faults)
    {
        _options = options;
        _clock = clock;
        _log = log;
        Faults = faults;
        _household = new Household(options.Serial, options.TimeZone, options.Seed, options.Model.House(options.Battery));
        _image = RegisterImage.Of(options);
        FaultsAt(clock.Now); // What is switched on from the start is on since the start, not since the first request.
        var bind = new IPEndPoint(options.Bind, options.Port);
        _server = ModbusServer.Listen(bind, MostSessions, options.IdleTimeout, clock.Time, Open);
    }

    public IPEndPoint Endpoint => _server.Endpoint;

    public string Serial => _options.Serial;

    public byte UnitId => _options.UnitId;

    public FaultSwitch Faults { get; }

    /// <summary>Requests answered, refusals by exception included.</summary>
    public int Answered => Volatile.Read(ref _answered);

    /// <summary>Sessions closed because too many were open.</summary>
    public int Refused => _server.Refused;

    /// <summary>Faults when the inverter cannot go on, as when the served log cannot be written; never completes otherwise.</summary>
    public Task Failure => _server.Failure;

    /// <param name="log">Not disposed with the inverter: several may share it.</param>
    /// <param name="faults">Several may share them. Null: none, until they are switched on.</param>
    /// <exception cref="SocketException">The address cannot be listened on.</exception>
    public static SimulatedInverter Start(
        InverterOptions options, SimulatedClock clock, ServedLog? log = null, FaultSwitch? faults = null) =>
        new(options, clock, log, faults ?? new FaultSwitch());

    /// <summary>The truth at <paramref name="instant"/> of simulated time: what the inverter would serve without faults.</summary>
    public Reading At(DateTimeOffset instant) => _household.At(instant);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private FaultSet FaultsAt(DateTimeOffset now) => Faults.At(now, _options.TimeZone);

    private int MostSessions() =>
        FaultsAt(_clock.Now).Has(FaultKind.SecondClient) ? 1 : _options.Sessions ?? (_options.Path == InverterPath.WiNet ? 1 : 2);

    // A session belongs to the inverter that it was opened to: when another one takes over the address, it knows nothing of it.
    private Func<Request, Reply> Open()
    {
        var serial = HouseholdAt(FaultsAt(_clock.Now)).Serial;
        return request => Serve(request, serial);
    }

    private Reply Serve(Request request, string serial)
    {
        if (request.Unit != _options.UnitId && _options.WrongUnit == WrongUnit.Silent)
        {
            return Reply.Silence;
        }

        // One reading per request: all of its words belong to the same second, the next request's may not.
        var now = _clock.Now;
        var faults = FaultsAt(now);
        var there = HouseholdAt(faults);
        var meant = there.Household.At(now);
        var answer = request.Unit == _options.UnitId
            ? _image.Read(request, meant, FaultSet.None)
            : Answer.Refuse(ExceptionCode.TargetFailedToRespond);

        var undisturbed = new Reply(request.Frame(answer), Pace, Ending.Stay);
        var reply = there.Serial != serial ? Reply.Cut
            : faults == FaultSet.None || request.Unit != _options.UnitId ? undisturbed
            : BentReply.Of(request, _image.Read(request, BentReading.Of(meant, there.Household, now, faults), faults), meant, Pace, faults);

        var metrics = answer.Exception == ExceptionCode.None ? _image.Metrics(request) : [];
        var disturbed = reply.IsAs(undisturbed) ? null : new Disturbed(faults.Names, reply);
        _log?.Write(_clock.Time.GetUtcNow(), meant, request, answer, metrics, disturbed);
        Interlocked.Add(ref _answered, reply.Bytes.Length > 0 ? 1 : 0);
        return reply;
    }

    private TimeSpan Pace => _options.Path == InverterPath.WiNet ? WiNetPace : TimeSpan.Zero;

    // Who has the address at the moment, and what he sees.
    private (string Serial, Household Household) HouseholdAt(FaultSet faults)
    {
        if (faults.Find(FaultKind.OtherSerial) is not { Argument: var named })
        {
            return (_options.Serial, _household);
        }

        var serial = named.Length > 0 ? named : (_options.Serial[0] == 'Z' ? 'Y' : 'Z') + _options.Serial[1..];
        lock (_gate)
        {
            if (_other?.Serial != serial)
            {
                var house = _options.Model.House(_options.Battery);
                _other = (serial, new Household(serial, _options.TimeZone, _options.Seed + 1_000_003, house));
            }

            return _other!.Value;
        }
    }
}
