using System.Buffers.Binary;
using Sungrow.Simulator.Day;
using Sungrow.Simulator.Modbus;

namespace Sungrow.Simulator.Faults;

/// <summary>What goes on the wire where faults get at it.</summary>
internal static class BentReply
{
    private const int ExcessBytes = 8;
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(10);

    /// <param name="pace">How long a reply takes.</param>
    public static Reply Of(Request request, Answer answer, Reading reading, TimeSpan pace, FaultSet faults)
    {
        if (faults.Has(FaultKind.NightSilence) && reading.Flow.Pv == 0)
        {
            return Reply.Silence;
        }

        if (faults.Of(FaultKind.Timeout).Any(fault => fault.Argument.Length == 0 || request.Reaches(fault.Number)))
        {
            return new Reply([], Silence, Ending.Close);
        }

        if (faults.Has(FaultKind.LongLength))
        {
            answer = answer with { PaddingBytes = answer.PaddingBytes + ExcessBytes };
        }

        var frame = request.Frame(answer);
        if (faults.Has(FaultKind.StaleTransaction))
        {
            BinaryPrimitives.WriteUInt16BigEndian(frame, (ushort)(request.Transaction - 1));
        }

        return faults.Has(FaultKind.Reset)
            ? new Reply(frame[..(frame.Length / 2)], pace, Ending.Reset)
            : new Reply(frame, pace, Ending.Stay);
    }
}
