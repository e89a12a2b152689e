using Sungrow.Simulator.Day;

namespace Sungrow.Simulator.Modbus;

internal enum ExceptionCode : byte
{
    None = 0,
    IllegalFunction = 1,
    IllegalDataAddress = 2,
    IllegalDataValue = 3,
    TargetFailedToRespond = 0x0B,
}

/// <summary>What goes back: words, or an exception.</summary>
internal readonly record struct Answer(ushort[] Words, ExceptionCode Exception)
{
    public static Answer Refuse(ExceptionCode exception) => new([], exception);
}

/// <summary>Which addresses exist, and the words that stand there.</summary>
internal static class RegisterImage
{
    private const int MostRegistersPerRead = 125;

    // Measured on an SH10RT's LAN port: inside these ranges every word answers, documented or not. Outside them nothing is simulated.
    private static readonly (int First, int Last)[] InputRanges =
        [(4951, 4952), (4989, 5158), (5200, 5245), (5600, 5759), (6099, 6194), (12999, 13108), (13199, 13200)];

    private static readonly (int First, int Last)[] HoldingRanges = [(4999, 5004)];

    public static Answer Read(Request request, Reading reading)
    {
        if (!request.IsRead)
        {
            return Answer.Refuse(ExceptionCode.IllegalFunction);
        }

        if (request.Count is 0 or > MostRegistersPerRead)
        {
            return Answer.Refuse(ExceptionCode.IllegalDataValue);
        }

        var input = request.Function == Request.ReadInputRegisters;
        var last = request.Start + request.Count - 1;
        if (!Array.Exists(input ? InputRanges : HoldingRanges, range => range.First <= request.Start && last <= range.Last))
        {
            return Answer.Refuse(ExceptionCode.IllegalDataAddress);
        }

        var words = new ushort[request.Count];
        Array.Fill(words, (ushort)0xFFFF);
        foreach (var register in input ? RegisterMap.Input : RegisterMap.Holding)
        {
            Put(register, reading, words, register.Wire - request.Start);
        }

        return new Answer(words, ExceptionCode.None);
    }

    private static void Put(Register register, Reading reading, ushort[] words, int at)
    {
        if (at + register.Words <= 0 || at >= words.Length)
        {
            return;
        }

        var raw = register.Raw(reading);
        var bits = register.Kind switch
        {
            Kind.U16 => checked((ushort)raw),
            Kind.S16 => (ushort)checked((short)raw),
            Kind.U32 => checked((uint)raw),
            _ => (uint)checked((int)raw),
        };

        // Low word first. A request may begin or end in the middle of a pair and gets the half it asked for.
        for (var word = 0; word < register.Words; word++)
        {
            if (at + word >= 0 && at + word < words.Length)
            {
                words[at + word] = (ushort)(bits >> (16 * word));
            }
        }
    }
}
