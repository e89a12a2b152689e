namespace Sungrow.Vps.Storage;

/// <summary>For warnings that thousands of requests would repeat.</summary>
internal sealed class Seldom(TimeSpan quiet, TimeProvider time)
{
    private long _last;

    /// <summary>True for one caller, and then for none until the quiet time is over.</summary>
    public bool IsDue()
    {
        var last = Interlocked.Read(ref _last);
        var now = time.GetTimestamp();
        return (last == 0 || time.GetElapsedTime(last, now) >= quiet) && Interlocked.CompareExchange(ref _last, now, last) == last;
    }
}
