using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Options;

namespace Sungrow.Edge.Polling;

/// <summary>Whether the machine's clock may stamp samples. Written by the uplink, which hears what the server's clock says, and read by
/// polling. Safe for several threads.</summary>
/// <param name="isSynchronised">What the machine says of its clock; of itself unless a test says it.</param>
/// <param name="built">No clock of this program is right before that day.</param>
internal sealed class ClockTrust(
    IOptions<ClockOptions> options, TimeProvider time, Func<bool>? isSynchronised = null, DateTimeOffset? built = null)
{
    /// <summary>A server's clock and ours agree when they differ by no more; its <c>Date</c> has whole seconds.</summary>
    public static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(60);

    // A row's time has a last one as well as a first one; no clock that is beyond is right.
    private static readonly DateTimeOffset Latest = new(2200, 1, 1, 0, 0, 0, TimeSpan.Zero);

    // A doubted clock that has moved by more against the time that passed was set since.
    private static readonly TimeSpan WasSet = TimeSpan.FromSeconds(1);

    private readonly Func<bool> _isSynchronised = isSynchronised ?? Clock.IsSynchronised;
    private readonly DateTimeOffset _built = built ?? ReadBuildDate();
    private readonly Lock _gate = new();

    // Both say when the machine booted, the one by the server's clock, the other by ours when it was doubted.
    private DateTimeOffset? _bootByServer;
    private DateTimeOffset? _bootWhenDoubted;

    public bool IsTrusted()
    {
        if (options.Value.Trust == ClockOptions.Always)
        {
            return true;
        }

        var now = time.GetUtcNow();
        var booted = now - Clock.Uptime(time);
        lock (_gate)
        {
            return Policy(
                now, _built, _isSynchronised(), isDoubted: (booted - _bootWhenDoubted)?.Duration() <= WasSet, booted - _bootByServer);
        }
    }

    /// <summary>An answer of the VPS has come. Its <c>Date</c> counts when the connection proves who sent it, or never left this
    /// machine.</summary>
    public void Heard(Uri address, DateTimeOffset? date)
    {
        if (date is not { } said)
        {
            return;
        }

        lock (_gate)
        {
            if (address.Scheme == Uri.UriSchemeHttps || address.IsLoopback)
            {
                _bootByServer = said - Clock.Uptime(time);
            }

            if ((said - time.GetUtcNow()).Duration() <= Tolerance)
            {
                // Whoever said it: a doubt that is lifted only leads back to what the machine says of itself.
                _bootWhenDoubted = null;
            }
        }
    }

    /// <summary>The server found a sample's time in the future: until the clock is set, the machine's own word counts for nothing.</summary>
    public void Doubt()
    {
        lock (_gate)
        {
            _bootWhenDoubted = time.GetUtcNow() - Clock.Uptime(time);
        }
    }

    /// <param name="offByServer">Our clock minus the server's; null when it was never heard.</param>
    public static bool Policy(DateTimeOffset now, DateTimeOffset built, bool isSynchronised, bool isDoubted, TimeSpan? offByServer) =>
        now >= built && now < Latest && ((isSynchronised && !isDoubted) || offByServer?.Duration() <= Tolerance);

    private static DateTimeOffset ReadBuildDate() => DateTimeOffset.ParseExact(
        Assembly.GetExecutingAssembly().GetCustomAttributes<AssemblyMetadataAttribute>().Single(date => date.Key == "BuildDate").Value!,
        "yyyy-MM-dd",
        CultureInfo.InvariantCulture,
        DateTimeStyles.AssumeUniversal);
}
