using Sungrow.Edge.Inverter;

namespace Sungrow.Edge.Tests.Inverter;

/// <summary>Register contents of real inverters, as published, and changes to them.</summary>
internal sealed class Words
{
    private readonly Dictionary<int, ushort> _words = [];

    /// <summary>What an address holds that nothing is said about: all bits set over LAN, zero through a dongle.</summary>
    public ushort Elsewhere { get; init; }

    public ushort this[int wire] => _words.GetValueOrDefault(wire, Elsewhere);

    public Words Set(int wire, params ushort[] words)
    {
        for (var i = 0; i < words.Length; i++)
        {
            _words[wire + i] = words[i];
        }

        return this;
    }

    public Words Set32(int wire, int value) => Set(wire, (ushort)value, (ushort)(value >> 16));

    public Words SetText(int wire, int count, string text)
    {
        for (var i = 0; i < count; i++)
        {
            Set(wire + i, (ushort)((At(2 * i) << 8) | At((2 * i) + 1)));
        }

        return this;

        char At(int index) => index < text.Length ? text[index] : '\0';
    }

    public ushort[] Read(RegisterBlock block) => Read(block.Start, block.Count);

    public ushort[] Read(int start, int count) => [.. Enumerable.Range(start, count).Select(wire => this[wire])];

    public ServedWords Serve(params IEnumerable<RegisterBlock> blocks)
    {
        var served = new ServedWords();
        foreach (var block in blocks)
        {
            served.Add(block, Read(block));
        }

        return served;
    }

    /// <summary>An SH10RT on its own LAN port, importing.</summary>
    public static Words Sh10Rt() => new Words { Elsewhere = 0xFFFF }
        .SetText(4989, 10, "A2290112345")
        .Set(4999, 3587, 100, 1)
        .Set(5007, 436)
        .Set(5014, 65535, 65535, 1201, 0)
        .Set(5213, 0, 0)
        .Set(5600, 180, 0)
        .Set(12999, 64, 41, 361, 63361, 8)
        .Set(13007, 1106, 0, 65356, 65535)
        .Set(13019, 1993, 0, 0, 955, 960, 310)
        .Set(13033, 940, 0)
        .Set(13036, 56433, 1)
        .Set(13199, 65535, 32767);

    /// <summary>An SH20T behind a WiNet-S, exporting with its battery full.</summary>
    public static Words Sh20T() => new Words()
        .SetText(4989, 10, "A2340567890")
        .Set(4999, 3622, 200, 1)
        .Set(5010, 4655, 79, 5619, 27, 5039, 80, 9327, 0)
        .Set(5600, 56980, 65535)
        .Set(12999, 33024, 25, 1072)
        .Set(13007, 493, 0, 8509, 0)
        .Set(13019, 5878, 0, 0, 1000, 980, 180)
        .Set(13044, 0, 59234, 2);

    /// <summary>An SG5.0RS with a meter, by day. Made up along the vendor's document: no dump of one is published.</summary>
    public static Words Sg5Rs() => new Words()
        .SetText(4989, 10, "A2012345678")
        .Set(4999, 0x2606, 50, 0)
        .Set(5002, 123, 4567, 0, 9000, 0)
        .Set(5016, 3210, 0)
        .Set32(5030, 3100)
        .Set(5037, 0)
        .Set32(5082, -2100)
        .Set32(5090, 1000)
        .Set32(5094, 30_000)
        .Set32(5098, 40_000);
}
