using Sungrow.TestServers;
using Sungrow.Vps.Tests;
using Xunit;

[assembly: AssemblyFixture(typeof(Databases))]

namespace Sungrow.Vps.Tests;

public enum Kind
{
    Plain,
    Timescale,
}

/// <summary>One PostgreSQL with TimescaleDB and one without, for all tests of the assembly; each test has a database of its own.</summary>
public sealed class Databases : IAsyncDisposable
{
    private readonly Lazy<Task<PostgresServer>> _timescale = new(() => PostgresServer.StartAsync());
    private readonly Lazy<Task<PostgresServer>> _plain = new(() => PostgresServer.StartAsync(new PostgresOptions { Timescale = false }));

    public async Task<PostgresServer> ServerAsync(Kind kind)
    {
        var server = await (kind == Kind.Plain ? _plain : _timescale).Value;
        if (kind == Kind.Timescale && !server.OffersTimescale)
        {
            Assert.Skip("This PostgreSQL does not offer TimescaleDB");
        }

        return server;
    }

    public async Task<string> CreateAsync(Kind kind = Kind.Plain) => await (await ServerAsync(kind)).CreateDatabaseAsync();

    public async ValueTask DisposeAsync()
    {
        foreach (var server in new[] { _timescale, _plain })
        {
            if (server is { IsValueCreated: true, Value: { IsCompletedSuccessfully: true } started })
            {
                await (await started).DisposeAsync();
            }
        }
    }
}
