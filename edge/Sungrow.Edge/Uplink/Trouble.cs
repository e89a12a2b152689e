using Microsoft.Extensions.Logging;

namespace Sungrow.Edge.Uplink;

/// <summary>Says what keeps samples in the buffer: once until it changes, and what needs a person once an hour.</summary>
internal sealed class Trouble(TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan Again = TimeSpan.FromHours(1);

    private string? _sentence;
    private readonly Dictionary<string, (string Sentence, long SaidAt)> _loud = new(StringComparer.Ordinal);

    /// <summary>It may pass by itself.</summary>
    public void Waits(string sentence)
    {
        if (_sentence != sentence)
        {
            Log.NotDelivered(logger, sentence);
            _sentence = sentence;
        }
    }

    /// <summary>A person must act.</summary>
    /// <param name="about">A device, or the uplink as a whole.</param>
    public void NeedsAHand(string about, string sentence)
    {
        if (!_loud.TryGetValue(about, out var said) || said.Sentence != sentence || time.GetElapsedTime(said.SaidAt) >= Again)
        {
            Log.NeedsAHand(logger, sentence);
            _loud[about] = (sentence, time.GetTimestamp());
        }
    }

    /// <summary>Samples were taken.</summary>
    public void IsOver(params ReadOnlySpan<string> about)
    {
        var was = _sentence is not null;
        foreach (var one in about)
        {
            was |= _loud.Remove(one);
        }

        _sentence = null;
        if (was)
        {
            Log.DeliveringAgain(logger);
        }
    }
}
