using Sungrow.Simulator;
using Sungrow.Simulator.Day;
using Sungrow.Simulator.Faults;
using Sungrow.Simulator.Modbus;
using Xunit;

namespace Sungrow.Edge.Tests.Simulator;

/// <summary>Reads the simulated inverter's words as a client would, with a decoder of its own.</summary>
internal static class Served
{
    private static readonly RegisterImage Sh10Rt = RegisterImage.Of(new InverterOptions());

    public static Answer Answer(Reading reading, int start, int count, byte function = 4) =>
        Sh10Rt.Read(new Request(1, 1, function, (ushort)start, (ushort)count), reading, FaultSet.None);

    public static ushort[] Words(Reading reading, int start, int count, byte function = 4)
    {
        var answer = Answer(reading, start, count, function);
        Assert.Equal(ExceptionCode.None, answer.Exception);
        Assert.Equal(count, answer.Words.Length);
        return answer.Words;
    }

    public static int U16(Reading reading, int wire) => Words(reading, wire, 1)[0];

    public static int S16(Reading reading, int wire) => (short)U16(reading, wire);

    public static long U32(Reading reading, int wire) => U32(Words(reading, wire, 2), 0);

    public static int S32(Reading reading, int wire) => S32(Words(reading, wire, 2), 0);

    // Documented example: 73215.0 kWh at 5003 arrive as 0x2BF6, 0x000B, the low word first.
    public static long U32(ushort[] words, int at) => words[at] + (65_536L * words[at + 1]);

    public static int S32(ushort[] words, int at)
    {
        var unsigned = U32(words, at);
        return (int)(unsigned >= 2_147_483_648 ? unsigned - 4_294_967_296 : unsigned);
    }
}

/// <summary>A clock that stands: what is served belongs to one known second.</summary>
internal sealed class StoppedTime : TimeProvider
{
    public override long GetTimestamp() => 0;
}

/// <summary>A clock that a test moves. Its timers are real, and as many times faster as they are told to be.</summary>
internal sealed class SteppedTime(int haste = 1) : TimeProvider
{
    public TimeSpan Elapsed { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Elapsed.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        base.CreateTimer(callback, state, dueTime > TimeSpan.Zero ? dueTime / haste : dueTime, period);
}
