namespace Sungrow.TestServers;

public sealed class PostgresOptions
{
    /// <summary>Off is faster. On where a test kills the server and counts what was committed before it, and in every benchmark.</summary>
    public bool Fsync { get; init; }

    public int MaxConnections { get; init; } = 200;

    /// <summary>Preload TimescaleDB where the machine has it. False: a plain PostgreSQL everywhere.</summary>
    public bool Timescale { get; init; } = true;

    /// <summary>Further server settings by name.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();
}

public enum PostgresStop
{
    Fast,
    Immediate,
}
