using Sungrow.Simulator.Day;
using Sungrow.Simulator.Faults;

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
    /// <summary>Bytes after the words, which the length in the header counts and the byte count does not.</summary>
    public int PaddingBytes { get; init; }

    public static Answer Refuse(ExceptionCode exception) => new([], exception);
}

/// <summary>Which addresses an inverter has, and the words that stand there.</summary>
internal sealed class RegisterImage
{
    private const int MostRegistersPerRead = 125;

    private static readonly AddressRange HoldingRange = new(4999, 5004);

    // What a client identifies an inverter by stays readable among sentinels.
    private static readonly AddressRange Identity = new(4951, 5001);

    private readonly IReadOnlyList<Register> _present;
    private readonly IReadOnlyList<Register> _absent;
    private readonly IReadOnlyList<AddressRange> _ranges;
    private readonly bool _zeroWhereAbsent;

    /// <param name="absent">Registers that exist and say that they have no value.</param>
    private RegisterImage(
        IReadOnlyList<Register> present, IReadOnlyList<Register> absent, IReadOnlyList<AddressRange> ranges, bool zeroWhereAbsent)
    {
        _present = present;
        _absent = absent;
        _ranges = ranges;
        _zeroWhereAbsent = zeroWhereAbsent;
    }

    public static RegisterImage Of(InverterOptions options) => options.Model.Family == Family.Hybrid ? Hybrid(options) : String(options);

    public Answer Read(Request request, Reading reading, FaultSet faults)
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
        var exists = input ? _ranges.Any(range => range.Holds(request)) : HoldingRange.Holds(request);
        if (!exists || (input && faults.Of(FaultKind.IllegalAddress).Any(fault => request.Reaches(fault.Number))))
        {
            return Answer.Refuse(ExceptionCode.IllegalDataAddress);
        }

        return new Answer(input ? InputWords(request, reading, faults) : HoldingWords(request, reading, faults), ExceptionCode.None)
        {
            PaddingBytes = input && !_zeroWhereAbsent ? PaddedTexts.PaddingBytes(request) : 0,
        };
    }

    /// <summary>The metrics whose registers lie wholly inside what was asked.</summary>
    public IEnumerable<Metric> Metrics(Request request) =>
        request.Function != Request.ReadInputRegisters
            ? []
            : _present
                .Where(register => request.Start <= register.Wire && register.Wire + register.Words <= request.Start + request.Count)
                .Select(register => register.Metric)
                .OfType<Metric>();

    private static RegisterImage Hybrid(InverterOptions options)
    {
        var (model, lan) = (options.Model, options.Path == InverterPath.Lan);
        List<Register> present = [.. HybridMap.Core(model)];
        List<Register> absent = [];

        // Measured on an SH10RT's LAN port: inside these ranges every word answers, documented or not. Outside them nothing is simulated.
        List<AddressRange> ranges = [new(4951, 4982), new(4989, 5158), new(5600, 5759), new(12999, 13108)];

        if (options.Battery)
        {
            present.AddRange(HybridMap.Battery(model));
        }

        (options.Meter ? present : absent).AddRange(HybridMap.Meter(model));
        if (model.SignedBatteryPower)
        {
            ranges.Add(new(5200, 5245));
            present.Add(HybridMap.FineFrequency);
            present.AddRange(options.Battery ? HybridMap.SignedBattery : []);
        }

        if (model.QuarterHours && lan)
        {
            ranges.Add(new(6099, 6194));
            present.AddRange(HybridMap.QuarterHours);
        }

        if (model.FirmwareTexts)
        {
            // A dongle refuses the third and fourth text below, and serves nothing but NUL for the others.
            ranges.AddRange([new(2581, 2610), new(13199, 13200), new(13249, 13293)]);
            ranges.AddRange(lan ? [new(2612, 2626), new(2628, 2642)] : []);
            present.AddRange(lan ? HybridMap.FirmwareTexts : []);
            absent.Add(HybridMap.SecondMeterChannel);
        }

        return new(present, absent, ranges, zeroWhereAbsent: !lan);
    }

    private static RegisterImage String(InverterOptions options)
    {
        var (model, lan) = (options.Model, options.Path == InverterPath.Lan);
        IReadOnlyList<AddressRange> ranges = options.Meter || !lan
            ? [new(4951, 4982), new(4989, 5158)]
            : [new(4951, 4982), new(4989, StringMap.FirstOfMeter - 1), new(StringMap.LastOfMeter + 1, 5158)];
        return new([.. StringMap.Core(model), .. options.Meter ? StringMap.Meter(model) : []], [], ranges, zeroWhereAbsent: !lan);
    }

    private ushort[] InputWords(Request request, Reading reading, FaultSet faults)
    {
        var words = new ushort[request.Count];
        if (faults.Has(FaultKind.AllZero))
        {
            return words;
        }

        var zeros = _zeroWhereAbsent || faults.Has(FaultKind.Zeros);
        Array.Fill(words, zeros ? (ushort)0 : (ushort)0xFFFF);
        foreach (var register in zeros ? [] : _absent)
        {
            Put(register, register.Sentinel, faults, words, request.Start);
        }

        foreach (var register in _present)
        {
            if (register.Wire + register.Words > request.Start && register.Wire < request.Start + request.Count)
            {
                Put(register, Raw(register, reading, faults, zeros), faults, words, request.Start);
            }
        }

        return words;
    }

    private static ushort[] HoldingWords(Request request, Reading reading, FaultSet faults)
    {
        var words = new ushort[request.Count];
        foreach (var register in faults.Has(FaultKind.AllZero) ? [] : CommonMap.Holding)
        {
            Put(register, register.Raw(reading), faults, words, request.Start);
        }

        return words;
    }

    private long Raw(Register register, Reading reading, FaultSet faults, bool zeros)
    {
        var raw = register.Raw(reading);
        if (faults.Find(FaultKind.Sentinels) is { Argument: var type }
            && !Identity.Holds(register.Wire)
            && (type.Length == 0 || type == register.Kind.ToString()))
        {
            return zeros ? 0 : register.Sentinel;
        }

        return register.Wire switch
        {
            HybridMap.PowerFlowWire when _zeroWhereAbsent || faults.Has(FaultKind.FlowZero) => 0,
            HybridMap.BatteryCurrentWire or HybridMap.BatteryPowerWire when faults.Has(FaultKind.BatteryMagnitude) => Math.Abs(raw),
            _ => raw,
        };
    }

    private static void Put(Register register, long raw, FaultSet faults, ushort[] words, int start)
    {
        var bits = register.Kind switch
        {
            Kind.U16 => checked((ushort)raw),
            Kind.S16 => (ushort)checked((short)raw),
            Kind.U32 => checked((uint)raw),
            _ => (uint)checked((int)raw),
        };

        // Low word first. A request may begin or end in the middle of a pair and gets the half it asked for.
        var swapped = register.Words == 2 && faults.Has(FaultKind.WordSwap);
        for (var word = 0; word < register.Words; word++)
        {
            var at = register.Wire + word - start;
            if (at >= 0 && at < words.Length)
            {
                words[at] = (ushort)(bits >> (16 * (swapped ? 1 - word : word)));
            }
        }
    }
}

/// <summary>Wire addresses, both ends included.</summary>
internal readonly record struct AddressRange(int First, int Last)
{
    public bool Holds(int wire) => First <= wire && wire <= Last;

    public bool Holds(Request request) => First <= request.Start && request.Start + request.Count - 1 <= Last;
}

/// <summary>Two firmware texts that a LAN port always sends whole: asked for fewer than their 15 registers, it counts the bytes that were
/// asked for and sends all of them. Measured: length 33 with byte count 22.</summary>
internal static class PaddedTexts
{
    private const int Registers = 15;

    public static int PaddingBytes(Request request) => request.Start is 2612 or 2628 ? 2 * Math.Max(Registers - request.Count, 0) : 0;
}
