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
    private readonly Lazy<Task<PostgresServer>> _timescale = new(() => StartAsync(Kind.Timescale));
    private readonly Lazy<Task<PostgresServer>> _plain = new(() => StartAsync(Kind.Plain));

    /// <summary>A server for one test alone.</summary>
    public static async Task<PostgresServer> StartAsync(Kind kind, bool fsync = false)
    {
        var server = await PostgresServer.StartAsync(new PostgresOptions { Timescale = kind == Kind.Timescale, Fsync = fsync });
        if (kind == Kind.Timescale && !server.OffersTimescale)
        {
            await server.DisposeAsync();
            Assert.Skip("This PostgreSQL does not offer TimescaleDB");
        }

        return server;
    }

    public Task<PostgresServer> ServerAsync(Kind kind) => (kind == Kind.Plain ? _plain : _timescale).Value;

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
