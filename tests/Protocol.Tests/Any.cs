using FsCheck;
using FsCheck.Fluent;

namespace Sungrow.Protocol.Tests;

/// <summary>Properties over generated values. A failure prints the value and the seed that leads to it again.</summary>
internal static class Any
{
    public static void Holds<T>(Func<Random, T> make, Action<T> assertion, int times = 500)
    {
        var values = Gen.Choose(0, int.MaxValue).Select(seed => make(new Random(seed))).ToArbitrary();
        Prop.ForAll(values, assertion).Check(Config.QuickThrowOnFailure.WithMaxTest(times));
    }

    public static T One<T>(this Random random, params ReadOnlySpan<T> choices) => choices[random.Next(choices.Length)];

    public static bool Chance(this Random random, double probability) => random.NextDouble() < probability;

    /// <summary>Sound in every member; what may be absent sometimes is.</summary>
    public static SungrowSample Sample(Random random)
    {
        double?[] values =
            [.. SampleRules.Metrics.Select(metric => random.Chance(0.3) ? null : (double?)Within(random, metric.Min, metric.Max))];
        values[random.Next(values.Length)] ??= 1;
        return new()
        {
            DeviceId = random.One("SG-1", "A2340512345", "a.b_C-9", "x", new string('z', 64)),
            Ts = Time(random, Wire.Window.Oldest, Wire.Window.Newest),
            PvPowerW = values[0],
            PvDailyKwh = values[1],
            BatteryPowerW = values[2],
            BatterySocPct = values[3],
            BatteryTempC = values[4],
            LoadPowerW = values[5],
            ExportPowerW = values[6],
            SampleCount = random.One(1, 2, 3_600, random.Next(1, 3_601)),
            IntervalS = random.Chance(0.3) ? null : Within(random, 0.1, 3_600),
            Seq = random.Chance(0.3) ? null : random.One(1, long.MaxValue, random.NextInt64(1, long.MaxValue)),
        };
    }

    /// <summary>Bounds, their neighbours, zeros, subnormals, and numbers of every length.</summary>
    public static double Within(Random random, double min, double max) => Math.Clamp(
        random.One(
            min, max, Math.BitIncrement(min), Math.BitDecrement(max), 0.0, -0.0, double.Epsilon, 0.1 + 0.2,
            min + ((max - min) * random.NextDouble()), Math.Round(min + ((max - min) * random.NextDouble()), random.Next(4)),
            random.NextDouble() * Math.Pow(10, -random.Next(300))),
        min,
        max);

    /// <summary>Of any precision that .NET has, so finer than the wire's.</summary>
    public static DateTimeOffset Time(Random random, DateTimeOffset first, DateTimeOffset last) =>
        random.One(first, last, new(random.NextInt64(first.UtcTicks, last.UtcTicks + 1), TimeSpan.Zero));
}
