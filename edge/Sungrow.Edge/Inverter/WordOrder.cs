namespace Sungrow.Edge.Inverter;

/// <summary>In which order 32-bit values came. A watt whose words are swapped is 65536 W, which a large inverter may well have: one value
/// alone cannot tell. But words are swapped everywhere or nowhere, and of a poll's counters and powers some are possible in one order
/// alone.</summary>
internal enum WordOrder
{
    /// <summary>Low word first.</summary>
    AsDocumented,

    /// <summary>Nothing tells: what needs both words is not believed.</summary>
    Untold,

    /// <summary>High word first: nothing is believed that would read otherwise in the other order. Nor is it put right.</summary>
    Swapped,
}

internal static class WordOrders
{
    // The wire's limit, for an inverter that does not say its size.
    private const double LargestWatts = 500_000;

    // No counter has run for longer.
    private const double LifetimeHours = 25 * 365 * 24;

    /// <summary>As most of those say that can: broken firmware may serve one odd counter for ever.</summary>
    /// <param name="registers">Of 32 bits each.</param>
    /// <param name="nominalWatts">Of the inverter; null: not known.</param>
    public static WordOrder Of(ServedWords served, IEnumerable<Register> registers, double? nominalWatts)
    {
        var watts = nominalWatts is { } nominal ? Reading.GridLimitWatts(nominal) : LargestWatts;
        return Math.Sign(registers.Sum(Vote)) switch { > 0 => WordOrder.AsDocumented, < 0 => WordOrder.Swapped, _ => WordOrder.Untold };

        int Vote(Register register)
        {
            var (documented, swapped) = served.BothOrders(register);
            return documented is null || swapped is null ? 0 : IsPossible(register, documented.Value) - IsPossible(register, swapped.Value);
        }

        int IsPossible(Register register, double value) => Math.Abs(value) <= Limit(register) ? 1 : 0;

        double Limit(Register register) => register.Unit switch
        {
            "W" => watts,
            "kWh" => watts / 1_000 * LifetimeHours,
            _ => LifetimeHours,
        };
    }
}
