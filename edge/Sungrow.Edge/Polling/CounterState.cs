using System.Text.Json;
using System.Text.Json.Serialization;

namespace Sungrow.Edge.Polling;

/// <summary>What is known about the PV counters of one inverter on one local day: where its total stood at midnight.</summary>
/// <param name="Low">The total at midnight was not below this: the last one seen on an earlier day. Null: nothing was seen before.</param>
/// <param name="High">Nor above this: the first one seen on this day.</param>
/// <param name="Highest">The highest daily value that was believed on this day; null: none yet.</param>
/// <param name="Total">The last total that was believed, and when.</param>
/// <param name="Lost">The total itself has jumped: this day cannot be judged any more.</param>
internal sealed record CounterState(
    string Serial, DateOnly Day, decimal? Low, decimal High, decimal? Highest, decimal Total, DateTimeOffset At, bool Lost = false)
{
    private static readonly TimeSpan Often = TimeSpan.FromHours(1);

    /// <summary>Whether a state is to be kept now: when something was learnt, and else hourly, to spare the card.</summary>
    public static bool IsDue(CounterState? kept, CounterState? now) =>
        now is not null
        && (kept is null || kept.Serial != now.Serial || kept.Day != now.Day || kept.Low != now.Low || kept.High != now.High
            || kept.Lost != now.Lost || now.At - kept.At >= Often);

    /// <summary>The state of the last run; null when there is none, or none that can be read: then the day is judged as by a new edge.</summary>
    public static CounterState? Load(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), CounterJson.Default.CounterState);
        }
        catch (Exception unusable) when (unusable is IOException or UnauthorizedAccessException or JsonException)
        {
            // Missing, cut or of another user: nothing is lost that the next midnight does not bring.
            return null;
        }
    }

    /// <exception cref="IOException">The file is as it was.</exception>
    /// <exception cref="UnauthorizedAccessException">The file is as it was.</exception>
    public void Save(string path)
    {
        var part = path + ".part";
        File.WriteAllBytes(part, JsonSerializer.SerializeToUtf8Bytes(this, CounterJson.Default.CounterState));
        File.Move(part, path, overwrite: true);
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(CounterState))]
internal sealed partial class CounterJson : JsonSerializerContext;
