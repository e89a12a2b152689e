using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Sungrow.Vps.Storage;

/// <summary>Something that only an operator can change.</summary>
internal sealed class StartRefusedException(string reason) : Exception(reason);

/// <summary>What a slice keeps in the schema from the start on; runs in the start's transaction, at every start.</summary>
internal delegate Task AfterMigration(NpgsqlConnection connection, CancellationToken cancellationToken);

/// <summary>Brings the database to this version's schema, then opens it to requests. While it cannot be reached the process serves
/// <c>/healthz</c>, answers 503 elsewhere and tries again. Several replicas may start at once: one works, the others wait and find
/// everything done.</summary>
internal sealed class DatabaseStart(
    NpgsqlDataSource source, Database database, IOptions<StorageOptions> options, IOptions<ApplicationOptions> application,
    IEnumerable<AfterMigration> afterMigration,
    IHostApplicationLifetime host, TimeProvider time, ILogger<DatabaseStart> log) : BackgroundService
{
    // Of all the advisory locks in this database: "sungrow".
    private const long LockKey = 0x73_75_6e_67_72_6f_77;

    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    private StartRefusedException? _refused;

    /// <summary>After the process has stopped: why it could not serve this database.</summary>
    public void ThrowIfRefused()
    {
        if (_refused is not null)
        {
            throw _refused;
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        for (var wait = FirstWait; ; wait = wait * 2 < LongestWait ? wait * 2 : LongestWait)
        {
            try
            {
                database.Open(await PrepareAsync(stoppingToken));
                return;
            }
            catch (StartRefusedException refused)
            {
                _refused = refused; // Said last, after the host has stopped, as the one line that stays.
                host.StopApplication();
                return;
            }
            catch (Exception failure) when (failure is DbException || DatabaseErrors.IsUnavailable(failure))
            {
                log.WaitingForDatabase(database.Name, DatabaseErrors.Describe(failure), wait.TotalSeconds);
                await Task.Delay(wait, time, stoppingToken);
            }
        }
    }

    /// <returns>Whether aggregates are continuous.</returns>
    private async Task<bool> PrepareAsync(CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        // Without it parallel starts fail: in the migration, and at ALTER TABLE .. SET (timescaledb.compress).
        await using (var hold = new NpgsqlCommand("SELECT pg_advisory_xact_lock($1)", connection) { CommandTimeout = 0 })
        {
            hold.Parameters.Add(new() { Value = LockKey });
            await hold.ExecuteNonQueryAsync(cancellationToken);
        }

        var timescale = new TimescaleBootstrap(connection);
        var server = await timescale.LookAsync(cancellationToken);
        var decision = Heed(TimescalePolicy.Decide(options.Value.Timescale, server));

        // On a connection of its own: EF commits each migration, while this transaction holds the lock until all is done.
        await using (var context = new SungrowDbContext(new DbContextOptionsBuilder<SungrowDbContext>().UseNpgsql(source).Options))
        {
            context.Database.SetCommandTimeout(TimeSpan.Zero);
            try
            {
                await context.Database.MigrateAsync(cancellationToken);
            }
            catch (PostgresException forbidden) when (forbidden.SqlState == PostgresErrorCodes.InsufficientPrivilege)
            {
                throw new StartRefusedException(
                    $"The database user may not create the server's tables: {forbidden.MessageText}. It needs CREATE on the schema public, and on "
                    + "the database, or else a schema of its own: CREATE SCHEMA fleet AUTHORIZATION the_user.");
            }
        }

        if (decision.Use && server.Installed is null && !await timescale.TryCreateExtensionAsync(transaction, cancellationToken))
        {
            decision = Heed(TimescalePolicy.Without(options.Value.Timescale, "the database user may not create the extension"));
        }

        var fleet = application.Value.RunMode == RunMode.Admin;
        var whole = decision.Use && await timescale.ApplyAsync(options.Value, fleet, cancellationToken);
        await Aggregates.EnsureAsync(connection, continuous: whole, fleet, cancellationToken);
        if (whole)
        {
            await timescale.RefuseErasingPolicyAsync(options.Value.RawRetention, cancellationToken);
        }

        foreach (var keep in afterMigration)
        {
            await keep(connection, cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        Report(connection, server, decision, whole);
        return whole;
    }

    private static TimescaleDecision Heed(TimescaleDecision decision) =>
        decision.Refusal is null ? decision : throw new StartRefusedException(decision.Refusal);

    private void Report(NpgsqlConnection connection, TimescaleServer server, TimescaleDecision decision, bool whole)
    {
        if (!decision.Use)
        {
            log.ReadyWithoutTimescale(connection.PostgreSqlVersion, decision.Missing);
        }
        else if (!whole)
        {
            log.ReadyWithoutCompression(server.Installed ?? server.Available);
        }
        else
        {
            log.Ready(connection.PostgreSqlVersion, server.Installed ?? server.Available);
        }
    }
}
