namespace Sungrow.Edge.Inverter;

/// <summary>The device answered, and its answer is a refusal. A definite answer in a good frame: the connection stays open.</summary>
internal sealed class ModbusException(byte code) : Exception($"Modbus exception {code}: {NameOf(code)}")
{
    /// <summary>The register does not exist on this model or path.</summary>
    public const byte IllegalDataAddress = 2;

    public byte Code { get; } = code;

    public static string NameOf(byte code) => code switch
    {
        1 => "illegal function",
        IllegalDataAddress => "illegal data address",
        3 => "illegal data value",
        4 => "device failure",
        5 => "acknowledge",
        6 => "device busy",
        8 => "memory parity error",
        10 => "gateway path unavailable",
        11 => "no answer behind the gateway",
        _ => "unknown code",
    };
}

/// <summary>The connection could not be made or is of no more use; it is closed already.</summary>
/// <param name="detail">What was seen. Numbers and our own words only, never bytes of the other side.</param>
internal sealed class ModbusConnectionException(UnreachableReason reason, string? detail = null, Exception? cause = null)
    : Exception(detail ?? reason.ToString(), cause)
{
    public UnreachableReason Reason { get; } = reason;

    public string? Detail { get; } = detail;
}
