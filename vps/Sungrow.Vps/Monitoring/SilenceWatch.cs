using System.Net.Mail;
using Microsoft.Extensions.Options;
using Npgsql;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Monitoring;

/// <summary>Tells of devices that went silent, and of their return: each once, from one replica, by every channel.
/// Invariants: a device is marked only after every channel has taken the alert, so a restart repeats at most what was not finished; who
/// does not get the lock does nothing this minute.</summary>
internal sealed class SilenceWatch(
    Database database, AlertChannels channels, IOptions<AlertsOptions> options, VpsMetrics metrics, TimeProvider time, ILogger<SilenceWatch> log)
    : BackgroundService
{
    // Of all the advisory locks in this database: "silence".
    private const long LockKey = 0x73_69_6c_65_6e_63_65;

    // A server's return after a long night finds many: the rest follows with the next minute.
    private const int MostAtOnce = 20;

    private const string Watched =
        """
        SELECT devices.device_id, tenants.name, sites.name, devices.last_seen,
               devices.poll_interval_s * coalesce((
                   SELECT samples_per_row FROM poll_intervals
                   WHERE poll_intervals.device_id = devices.device_id ORDER BY from_ts DESC LIMIT 1), 1),
               devices.silent_since
        FROM devices JOIN sites ON sites.id = devices.site_id JOIN tenants ON tenants.id = sites.tenant_id
        WHERE devices.status = 'ACTIVE' AND devices.last_seen IS NOT NULL
        ORDER BY devices.device_id
        """;

    private static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    private readonly DateTimeOffset _servingSince = time.GetUtcNow();

    // Which channel has taken which alert, until all have.
    private readonly HashSet<(Alert Alert, string Channel)> _taken = [];

    /// <returns>How many alerts every channel has taken.</returns>
    public async Task<int> CheckAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.ConnectAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (var hold = new NpgsqlCommand("SELECT pg_try_advisory_xact_lock($1)", connection) { Parameters = { new() { Value = LockKey } } })
        {
            if (await hold.ExecuteScalarAsync(cancellationToken) is false)
            {
                return 0; // Another replica is at it.
            }
        }

        var now = time.GetUtcNow();
        var devices = await ReadAsync(connection, cancellationToken);
        var told = 0;
        foreach (var device in devices)
        {
            if (told < MostAtOnce && SilenceRule.Judge(device, now, _servingSince, options.Value.SilentAfter) is { } alert
                && await TellAsync(alert, cancellationToken))
            {
                await MarkAsync(connection, device, alert, cancellationToken);
                told++;
            }
        }

        await transaction.CommitAsync(cancellationToken);
        metrics.DevicesSilent = devices.Count(device => SilenceRule.Judge(device with { SilentSince = null }, now, _servingSince, options.Value.SilentAfter) is not null);
        return told;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (channels.All.Count == 0)
        {
            return; // Nobody wants to know.
        }

        while (true)
        {
            await Task.Delay(Every, time, stoppingToken);
            try
            {
                await CheckAsync(stoppingToken);
            }
            catch (Exception failure) when (failure is NpgsqlException || DatabaseErrors.IsUnavailable(failure))
            {
                log.SilencesNotChecked(DatabaseErrors.Describe(failure)); // With the next minute.
            }
        }
    }

    private async Task<bool> TellAsync(Alert alert, CancellationToken cancellationToken)
    {
        var all = true;
        foreach (var channel in channels.All.Where(channel => !_taken.Contains((alert, channel.Name))))
        {
            try
            {
                await channel.SendAsync(alert, cancellationToken);
                _taken.Add((alert, channel.Name));
            }
            catch (Exception failure) when (!cancellationToken.IsCancellationRequested
                && failure is HttpRequestException or SmtpException or OperationCanceledException or IOException)
            {
                log.AlertNotTaken(alert.Kind, alert.DeviceId, channel.Name, failure.Message);
                metrics.AlertNotTaken(channel.Name);
                all = false; // Tried again with the next minute.
            }
        }

        if (all)
        {
            _taken.RemoveWhere(taken => taken.Alert == alert);
            log.AlertTold(alert.Kind, alert.DeviceId);
        }

        return all;
    }

    private static async Task<List<WatchedDevice>> ReadAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Watched, connection);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        List<WatchedDevice> devices = [];
        while (await row.ReadAsync(cancellationToken))
        {
            devices.Add(new(
                row.GetString(0), row.GetString(1), row.GetString(2), row.GetFieldValue<DateTimeOffset>(3),
                TimeSpan.FromSeconds(row.GetDouble(4)), row.IsDBNull(5) ? null : row.GetFieldValue<DateTimeOffset>(5)));
        }

        return devices;
    }

    private static async Task MarkAsync(
        NpgsqlConnection connection, WatchedDevice device, Alert alert, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("UPDATE devices SET silent_since = $2 WHERE device_id = $1", connection);
        command.Parameters.Add(new() { Value = device.DeviceId });
        command.Parameters.Add(new()
        {
            Value = alert.Kind == Alert.Silent ? device.LastSeen.UtcDateTime : DBNull.Value,
            NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.TimestampTz,
        });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
