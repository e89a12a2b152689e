namespace Sungrow.Edge.Inverter;

/// <summary>How a register's words become a number. 32-bit values come low word first.</summary>
internal enum Kind
{
    U16,
    S16,
    U32,
    S32,
}

/// <summary>A row of a register map.</summary>
/// <param name="Wire">Address on the wire: the documented register minus one.</param>
/// <param name="Scale">Multiply the raw integer by this to get <paramref name="Unit"/>. Decimal, so that 361 x 0.1 is exactly 36.1.</param>
/// <param name="Source">Where the vendor documents it, by the documented number, and what else is known.</param>
internal sealed record Register(string Name, int Wire, Kind Kind, decimal Scale, string Unit, string Source)
{
    public int Words => Kind is Kind.U16 or Kind.S16 ? 1 : 2;

    /// <summary>The value, or null where the inverter says that it has none.</summary>
    /// <param name="words">This register's words as received.</param>
    public double? Decode(ReadOnlySpan<ushort> words) =>
        Raw(words) is { } raw && raw != Absent ? (double)(raw * Scale) : null;

    /// <summary>The integer as served, the absent pattern included.</summary>
    public long Raw(ReadOnlySpan<ushort> words) => Kind switch
    {
        Kind.U16 => words[0],
        Kind.S16 => (short)words[0],
        Kind.U32 => Pair(words),
        _ => (int)Pair(words),
    };

    /// <summary>Whether the high word only repeats the sign.</summary>
    public bool FitsOneWord(ReadOnlySpan<ushort> words) => Raw(words) is >= -0x1_0000 and <= 0xFFFF;

    // A raw pattern, so it is tested before the scale: 0xFFFF x 0.1 is the famous 6553.5. All bits set is absent only where the
    // type is unsigned: for a signed register it is -1.
    private long Absent => Kind switch
    {
        Kind.U16 => ushort.MaxValue,
        Kind.S16 => short.MaxValue,
        Kind.U32 => uint.MaxValue,
        _ => int.MaxValue,
    };

    private static uint Pair(ReadOnlySpan<ushort> words) => words[0] | ((uint)words[1] << 16);
}

/// <summary>Registers that are read with one request (function 4).</summary>
/// <param name="Start">Wire address of the first.</param>
internal sealed record RegisterBlock(string Name, ushort Start, ushort Count)
{
    public bool Holds(Register register) => register.Wire >= Start && register.Wire + register.Words <= Start + Count;
}

/// <summary>The words that an inverter served in one poll. A block that it did not serve leaves its registers null.</summary>
internal sealed class ServedWords
{
    private readonly List<(RegisterBlock Block, ushort[] Words)> _blocks = [];

    /// <summary>What the words themselves tell, once they are all there.</summary>
    public WordOrder Order { get; set; }

    public void Add(RegisterBlock block, ushort[] words) => _blocks.Add((block, words));

    public bool Has(Register register) => !Find(register).IsEmpty;

    /// <summary>Scaled; null when not served, marked absent, or in doubt for its words' order.</summary>
    public double? Value(Register register)
    {
        var (documented, swapped) = BothOrders(register);
        var isBelieved = documented == swapped
            || Order == WordOrder.AsDocumented
            || (Order == WordOrder.Untold && swapped is not null && register.FitsOneWord(Find(register)));
        return isBelieved ? documented : null;
    }

    /// <summary>Scaled, low word first as documented, and high word first; null when not served or marked absent.</summary>
    public (double? Documented, double? Swapped) BothOrders(Register register) => Find(register) switch
    {
        [] => (null, null),
        [var only] => (register.Decode([only]), register.Decode([only])),
        var words => (register.Decode(words), register.Decode([words[1], words[0]])),
    };

    /// <summary>The integer as served; null when not served.</summary>
    public long? Raw(Register register) => Find(register) is { IsEmpty: false } words ? register.Raw(words) : null;

    private ReadOnlySpan<ushort> Find(Register register)
    {
        foreach (var (block, words) in _blocks)
        {
            if (block.Holds(register))
            {
                return words.AsSpan(register.Wire - block.Start, register.Words);
            }
        }

        return [];
    }
}
