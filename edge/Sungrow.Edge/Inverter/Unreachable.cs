namespace Sungrow.Edge.Inverter;

/// <summary>Why a poll brought nothing.</summary>
internal enum UnreachableReason
{
    NameNotFound,
    HostUnreachable,
    NoAnswer,
    Refused,

    /// <summary>Connected, but the unit has never answered on this connection.</summary>
    Silent,

    /// <summary>Answered before on this connection, then not in time.</summary>
    TimedOut,
    Closed,

    /// <summary>The first words on this connection were no Modbus TCP.</summary>
    NotModbus,

    /// <summary>Modbus TCP before, then a reply that does not fit its request.</summary>
    Violation,
    NotIdentified,

    /// <summary>A dongle that encrypts.</summary>
    Encrypted,

    /// <summary>Not asked: see <see cref="Inverter.Contention"/>.</summary>
    Contention,
}

/// <summary>What each reason says to the person in front of it: what was wrong, and what to look at.</summary>
internal static class UnreachableSentences
{
    public static string For(UnreachableReason reason, string? detail, InverterOptions options)
    {
        var at = options.Host.Contains(':') ? $"[{options.Host}]:{options.Port}" : $"{options.Host}:{options.Port}";
        var seconds = $"{options.RequestTimeout.TotalSeconds:0.###} s";
        return reason switch
        {
            UnreachableReason.NameNotFound =>
                $"The name '{options.Host}' is not known: check Inverter__Host, or use the inverter's IP address.",
            UnreachableReason.HostUnreachable =>
                $"There is no way to {at} ({detail}): check Inverter__Host, the network, and that the inverter is on.",
            UnreachableReason.NoAnswer =>
                $"{at} did not take the connection within {seconds}: check Inverter__Host, the network, and that the inverter is on.",
            UnreachableReason.Refused =>
                $"{at} refused the connection: check Inverter__Host and Inverter__Port (502 unless changed), "
                + "and that Modbus TCP is switched on in the inverter or its dongle.",
            UnreachableReason.Silent =>
                $"{at} took the connection, but unit {options.UnitId} did not answer within {seconds}: check Inverter__UnitId "
                + "(1 unless changed), and that no other program is connected to the inverter.",
            UnreachableReason.TimedOut =>
                $"{at} stopped answering (nothing within {seconds}); the connection is closed and the next poll opens a new one.",
            UnreachableReason.Closed =>
                $"{at} closed the connection: it serves very few at once, so check that no other program is connected to the inverter.",
            UnreachableReason.NotModbus =>
                $"{at} does not speak Modbus TCP ({detail}): check Inverter__Host and Inverter__Port (502 unless changed).",
            UnreachableReason.Violation =>
                $"{at} sent what does not fit the request ({detail}); the connection is closed and the next poll opens a new one.",
            UnreachableReason.NotIdentified =>
                $"Unit {options.UnitId} at {at} did not identify itself as a Sungrow inverter ({detail}): "
                + "check Inverter__Host and Inverter__UnitId (1 unless changed).",
            UnreachableReason.Encrypted =>
                $"{at} is a dongle that encrypts Modbus (firmware of about 2020), which is not supported: "
                + "use the inverter's own network port, or update the dongle.",
            UnreachableReason.Contention =>
                $"{at} keeps closing our connections, as it does when another program is connected: it is left alone for "
                + $"{Contention.Quiet.TotalSeconds:0} s. Let one program read it, or put a Modbus proxy between.",
            _ => throw new ArgumentOutOfRangeException(nameof(reason)),
        };
    }
}
