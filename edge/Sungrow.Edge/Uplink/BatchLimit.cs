using Sungrow.Protocol;

namespace Sungrow.Edge.Uplink;

/// <summary>How large a batch may be. Halved when one is too large; doubled again after eight full ones that were taken.</summary>
internal sealed class BatchLimit
{
    private const int FullBatchesToGrow = 8;

    private readonly int _setting;
    private int _most;
    private int _full;

    /// <param name="setting">More than this never.</param>
    public BatchLimit(int setting) => Rows = _most = _setting = setting;

    public int Rows { get; private set; }

    /// <summary>Of the uncompressed body.</summary>
    public int Bytes { get; private set; } = ProtocolLimits.MaxPayloadBytes;

    public void TooLarge(int sent)
    {
        Rows = Math.Max(1, sent / 2);
        _full = 0;
    }

    public void Accepted(int sent)
    {
        if (Rows < _most && sent >= Rows && ++_full >= FullBatchesToGrow)
        {
            Rows = Math.Min(_most, Rows * 2);
            _full = 0;
        }
    }

    /// <summary>What the server says of itself. Nonsense is not believed.</summary>
    public void Learn(ServerLimits limits)
    {
        _most = Math.Clamp(limits.MaxSamples, 1, _setting);
        Rows = Math.Min(Rows, _most);
        Bytes = limits.MaxPayloadBytes is > 0 and < ProtocolLimits.MaxPayloadBytes and var less ? less : ProtocolLimits.MaxPayloadBytes;
    }
}
