namespace Sungrow.Vps.Storage;

/// <summary>What the database server has of TimescaleDB.</summary>
/// <param name="Available">The version <c>CREATE EXTENSION</c> would make; null: not installed on the server.</param>
/// <param name="Installed">The version in this database; null: none.</param>
/// <param name="Preloaded">Whether <c>shared_preload_libraries</c> holds it, without which it cannot be used.</param>
internal readonly record struct TimescaleServer(string? Available, string? Installed, bool Preloaded);

/// <param name="Missing">Why it is not used; null when it is.</param>
/// <param name="Refusal">Why the server must not start; null when it may.</param>
internal readonly record struct TimescaleDecision(string? Missing, string? Refusal = null)
{
    public bool Use => Missing is null && Refusal is null;
}

/// <summary>Whether this start uses TimescaleDB.</summary>
internal static class TimescalePolicy
{
    /// <summary>Before this, ON CONFLICT DO NOTHING into a compressed chunk could drop the rows after the first conflict
    /// (timescaledb issue 7672).</summary>
    public static readonly Version Oldest = new(2, 18, 1);

    public static TimescaleDecision Decide(TimescaleMode mode, TimescaleServer server)
    {
        if (server.Installed is { } installed)
        {
            return IsTooOld(installed) ? Refuse(TooOld(installed))
                : server.Preloaded ? default
                : Refuse("This database holds TimescaleDB, but the server does not load it; add timescaledb to shared_preload_libraries.");
        }

        if (server.Available is not { } available)
        {
            return Without(mode, "the database server does not have it installed");
        }

        if (!server.Preloaded)
        {
            return Without(mode, "timescaledb is not in the server's shared_preload_libraries");
        }

        return IsTooOld(available) ? Refuse(TooOld(available)) : default;
    }

    /// <summary>It is there, but this start cannot have it, for example for lack of rights.</summary>
    public static TimescaleDecision Without(TimescaleMode mode, string reason) =>
        mode == TimescaleMode.Auto
            ? new(reason)
            : Refuse(
                Settings.Wrong(StorageOptions.Section, nameof(StorageOptions.Timescale), mode, "Auto where there is no TimescaleDB")
                + $" Here {reason}.");

    private static TimescaleDecision Refuse(string refusal) => new(null, refusal);

    private static string TooOld(string version) =>
        $"TimescaleDB {version} is too old; allowed is {Oldest} or newer (ALTER EXTENSION timescaledb UPDATE), "
        + "as an older one can lose rows sent again.";

    // "2.22.1", "2.23.0-dev"
    private static bool IsTooOld(string version) => !Version.TryParse(version.Split('-')[0], out var number) || number < Oldest;
}
