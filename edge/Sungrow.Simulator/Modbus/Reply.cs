namespace Sungrow.Simulator.Modbus;

/// <summary>What happens to a session once a reply has gone.</summary>
internal enum Ending
{
    Stay,

    /// <summary>Closed with a farewell (FIN).</summary>
    Close,

    /// <summary>Cut without one (RST).</summary>
    Reset,
}

/// <summary>What a request brings about.</summary>
/// <param name="Bytes">Empty: silence.</param>
/// <param name="Delay">Before all of it, of real time.</param>
internal readonly record struct Reply(byte[] Bytes, TimeSpan Delay, Ending Ending)
{
    public static readonly Reply Silence = new([], TimeSpan.Zero, Ending.Stay);

    public static readonly Reply Cut = new([], TimeSpan.Zero, Ending.Reset);

    public bool IsAs(Reply other) => Ending == other.Ending && Bytes.AsSpan().SequenceEqual(other.Bytes);
}
