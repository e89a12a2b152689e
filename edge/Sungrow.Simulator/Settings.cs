using Sungrow.Simulator.Faults;

namespace Sungrow.Simulator;

/// <summary>What the command line asked for, each value within its range.</summary>
/// <param name="Start">Null: now.</param>
/// <param name="RunFor">Null: until stopped.</param>
internal sealed record Settings(InverterOptions First, int Devices, double Speed, DateTimeOffset? Start, string? Log, TimeSpan? RunFor)
{
    public IReadOnlyList<Fault> Faults { get; init; } = [];

    public string? FaultFile { get; init; }

    /// <summary>Why these values do not go together, each being allowed alone; null if they do.</summary>
    public string? Conflict
    {
        get
        {
            if (First.Port != 0 && First.Port + Devices - 1 > 65_535)
            {
                return $"--port {First.Port} with --devices {Devices} ends at port {First.Port + Devices - 1}; allowed is up to 65535.";
            }

            return CountUp(First.Serial, Devices - 1) is null
                ? $"--serial '{First.Serial}' cannot count up for --devices {Devices}; allowed is one that ends in enough digits."
                : null;
        }
    }

    /// <param name="index">0: the first.</param>
    public InverterOptions Device(int index) => First with
    {
        Port = First.Port == 0 ? 0 : First.Port + index,
        Serial = CountUp(First.Serial, index) ?? throw new InvalidOperationException(Conflict),
        Seed = First.Seed + index,
    };

    private static string? CountUp(string serial, int by)
    {
        // Nine digits fit an int.
        var from = serial.Length;
        while (from > 0 && serial.Length - from < 9 && char.IsAsciiDigit(serial[from - 1]))
        {
            from--;
        }

        var digits = serial[from..];
        if (by == 0 || digits.Length == 0)
        {
            return by == 0 ? serial : null;
        }

        var counted = (int.Parse(digits) + by).ToString($"D{digits.Length}");
        return counted.Length == digits.Length ? serial[..from] + counted : null;
    }
}
