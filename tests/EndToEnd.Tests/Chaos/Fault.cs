namespace Sungrow.EndToEnd.Tests.Chaos;

/// <summary>Everything that goes wrong in a chaos run.</summary>
internal enum Fault
{
    // Between edge and VPS, played by UplinkProxy.
    RateLimited,
    Unavailable,
    TooLarge,
    PoisonSample,
    ForeignPage,
    ForeignError,
    UplinkCut,
    AnswerLost,
    AnswerCut,
    UplinkReset,
    UplinkStall,
    UplinkDelay,
    AnswerTrickles,
    RequestReplayed,

    // Between edge and inverter, played by InverterProxy; and the inverter itself.
    InverterCut,
    InverterStall,
    InverterReset,
    InverterPulled,

    // Processes.
    EdgeKilled,
    VpsKilled,
    PostgresFastRestart,
    PostgresImmediateRestart,
    RedisFrozen,

    // The edge's machine.
    DiskFull,
    ClockForward,
    ClockBack,
}

/// <summary>Faults of one lane follow each other; lanes run beside each other, so that any two of different lanes can meet.</summary>
internal enum Lane
{
    Uplink,
    Inverter,
    Processes,
    Machine,
}

internal static class Faults
{
    public static IReadOnlyList<Fault> All { get; } = Enum.GetValues<Fault>();

    public static Lane LaneOf(Fault fault) => fault switch
    {
        <= Fault.RequestReplayed => Lane.Uplink,
        <= Fault.InverterPulled => Lane.Inverter,
        <= Fault.RedisFrozen => Lane.Processes,
        _ => Lane.Machine,
    };
}
