using System.Globalization;
using Sungrow.Simulator.Modbus;

namespace Sungrow.Simulator.Faults;

internal enum FaultKind
{
    // What the inverter believes.
    LateReset, EarlyReset, NoReset, DailyZero, TotalBack, ClockOff, OtherSerial,

    // What stands in its registers.
    Sentinels, Zeros, WordSwap, BatteryMagnitude, FlowZero, AllZero, IllegalAddress,

    // What goes on the wire.
    Timeout, Reset, LongLength, StaleTransaction, SecondClient, NightSilence,
}

/// <summary>A way to go wrong that was seen on real inverters.</summary>
/// <param name="Argument">What may follow <c>NAME=</c>, for people; null: nothing may.</param>
/// <param name="Standard">The argument where none is given; null: one must be.</param>
internal sealed record FaultType(FaultKind Kind, string Name, string Says, string? Argument, string? Standard, Predicate<string> Allows)
{
    public static readonly IReadOnlyList<FaultType> All =
    [
        Of(FaultKind.Sentinels, "sentinels", "every value reads as absent, by its type; or only those of one type",
            "U16, S16, U32 or S32", "", text => text is "" || Enum.GetNames<Kind>().Contains(text)),
        Of(FaultKind.Zeros, "zeros", "0 wherever absent should stand"),
        Of(FaultKind.WordSwap, "word-swap", "32-bit values come high word first"),
        Of(FaultKind.IllegalAddress, "illegal-address", "exception 2 for a read of this wire address, for example 6099 or 13249",
            "0 .. 65535", null, Number(0, 65_535)),
        Of(FaultKind.Timeout, "timeout", "no answer for 10 s, then the session is closed; or only for a read of this wire address",
            "0 .. 65535", "", text => text is "" || Number(0, 65_535)(text)),
        Of(FaultKind.Reset, "reset", "half of the reply, then a reset"),
        Of(FaultKind.LongLength, "long-length", "the length in the header, and the frame, exceed the byte count by 8"),
        Of(FaultKind.StaleTransaction, "stale-transaction", "the reply carries the transaction id before the request's"),
        Of(FaultKind.SecondClient, "second-client", "while one session is open any other is closed"),
        Of(FaultKind.LateReset, "late-reset", "daily counters start anew so many minutes after midnight",
            "1 .. 720", "45", Number(1, 720)),
        Of(FaultKind.EarlyReset, "early-reset", "daily counters start anew so many minutes before midnight",
            "1 .. 720", "10", Number(1, 720)),
        Of(FaultKind.NoReset, "no-reset", "daily counters are not reset from the day on which this begins"),
        Of(FaultKind.DailyZero, "daily-zero", "daily counters read 0; with a short window, for one poll"),
        Of(FaultKind.TotalBack, "total-back", "total counters read so many kWh too little", "1 .. 100000", "1", Number(1, 100_000)),
        Of(FaultKind.BatteryMagnitude, "battery-magnitude", "documented 13021 and 13022 carry no sign; switched off, they do"),
        Of(FaultKind.FlowZero, "flow-zero", "the flow bits of documented 13001 stay 0"),
        Of(FaultKind.AllZero, "all-zero", "every register reads 0, state and identity among them"),
        Of(FaultKind.NightSilence, "night-silence", "no answer while there is no sun"),
        Of(FaultKind.OtherSerial, "other-serial",
            "another inverter has this address: open sessions are reset, new ones meet its serial and its house",
            "1 to 20 letters and digits", "", IsSerial),
        Of(FaultKind.ClockOff, "clock-off", "the clock is so many minutes off, and with it midnight", "-720 .. 720, not 0", "60",
            text => Number(-720, 720)(text) && text is not "0"),
    ];

    /// <summary>For <c>--help</c>: <c>NAME</c>, <c>NAME=ARGUMENT</c> or, where it has a default, <c>NAME[=ARGUMENT]</c>.</summary>
    public string Form => Argument is null ? Name : Standard is null ? $"{Name}={Argument}" : $"{Name}[={Argument}]";

    public static FaultType? Find(string name) => All.FirstOrDefault(type => type.Name == name);

    private static FaultType Of(
        FaultKind kind, string name, string says, string? argument = null, string? standard = "", Predicate<string>? allows = null) =>
        new(kind, name, says, argument, standard, allows ?? (static text => text.Length == 0));

    private static Predicate<string> Number(int least, int most) => text =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most;

    private static bool IsSerial(string text) => text.Length <= 20 && text.All(char.IsAsciiLetterOrDigit);
}
