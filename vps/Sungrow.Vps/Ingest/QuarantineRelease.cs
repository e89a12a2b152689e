using System.Text;
using System.Text.Json;
using Npgsql;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Ingest;

/// <param name="Sentence">What became of it, for a person.</param>
/// <param name="ChangedDevice">Whose newest sample may be another one now; null for nobody's.</param>
internal sealed record Released(bool Done, string Sentence, string? ChangedDevice = null);

/// <summary>Stores what is in quarantine. A conflict takes the place of the sample that stands under its key, and that one takes its place
/// in quarantine: both stay counted, and a release can be undone. Telemetry is tried again by the rules of today. One transaction, with its
/// event.</summary>
internal sealed class QuarantineRelease(NpgsqlDataSource source, TimeProvider time, StorageOptions storage, FleetOutbox outbox)
{
    public async Task<Released> ReleaseAsync(long id, string actor, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await QuarantineDesk.HoldAsync(connection, cancellationToken);
        if (await QuarantineDesk.FindAsync(connection, id, cancellationToken) is not { } row)
        {
            return new(false, $"{id} is not in quarantine.");
        }

        if (row.Payload is null)
        {
            return new(false, $"{id} holds no values any more: it was dropped, or quarantine was over its bound.");
        }

        if (row.Code == ErrorCodes.InvalidReading)
        {
            return new(false, $"{id} is a reading that is no number: it can be looked at and dropped, and not stored.");
        }

        var released = row.Code == ErrorCodes.ConflictingSample
            ? await ReleaseSampleAsync(connection, row, actor, cancellationToken)
            : await ReleaseTelemetryAsync(connection, row, actor, cancellationToken);
        if (released.Done)
        {
            await transaction.CommitAsync(cancellationToken);
        }

        return released;
    }

    private async Task<Released> ReleaseSampleAsync(
        NpgsqlConnection connection, QuarantinedRow row, string actor, CancellationToken cancellationToken)
    {
        var sample = JsonSerializer.Deserialize(row.Payload!, ProtocolJson.Default.SungrowSample)!;
        var stands = await StoredSamples.FindAsync(connection, sample.DeviceId, sample.Ts, cancellationToken);
        await StoredSamples.PutAsync(connection, new(sample with { Seq = row.Seq }, row.BufferId, row.ReceivedAt), cancellationToken);
        await outbox.AddAsync(connection, sample.DeviceId, sample.Ts, cancellationToken);
        var replaced = stands is null ? null : row with
        {
            Payload = Quarantine.Json(stands.Sample),
            BufferId = stands.BufferId,
            Seq = stands.Sample.Seq,
            ReceivedAt = stands.ReceivedAt,
        };
        await QuarantineDesk.MarkReleasedAsync(connection, row, replaced, actor, cancellationToken);
        return new(
            true,
            replaced is null ? $"{row.Id} is stored; nothing stood in its place."
                : $"{row.Id} is stored; what stood in its place is in quarantine, marked {QuarantineRow.Replaced}.",
            row.DeviceId);
    }

    private async Task<Released> ReleaseTelemetryAsync(
        NpgsqlConnection connection, QuarantinedRow row, string actor, CancellationToken cancellationToken)
    {
        var refused = JsonSerializer.Deserialize(row.Payload!, QuarantineJson.Default.QuarantinedTelemetry)!;
        var now = time.GetUtcNow();
        var request = new TelemetryRequest(
            refused.Tenant, row.DeviceId, refused.Type, TokenDigest: null, NeedsToken: false, Unreadable: null,
            TelemetryReader.Read(Encoding.UTF8.GetBytes(refused.Body), storage.Window(now)));
        // The operator vouches for the sender; all else is asked again.
        var sender = new TelemetrySender(await FindDeviceAsync(connection, refused.Tenant, row.DeviceId, cancellationToken));
        var again = TelemetryRules.ValidateAndPrepare(request, sender, now, () => null);
        if (again.Accepted is not { } record)
        {
            return new(false, $"{row.Id} is refused again: {again.Refusal!.Sentence}");
        }

        var stood = await TelemetryTable.PutAsync(connection, record, cancellationToken);
        var replaced = stood is null ? null : row with
        {
            Code = ErrorCodes.ConflictingTelemetry,
            Ts = record.Ts,
            Payload = JsonSerializer.Serialize(QuarantinedTelemetry.Of(stood), QuarantineJson.Default.QuarantinedTelemetry),
        };
        await QuarantineDesk.MarkReleasedAsync(connection, row, replaced, actor, cancellationToken);
        return new(
            true,
            replaced is null ? $"{row.Id} is stored."
                : $"{row.Id} is stored; what stood in its place is in quarantine, marked {QuarantineRow.Replaced}.");
    }

    private static async Task<RegisteredDevice?> FindDeviceAsync(
        NpgsqlConnection connection, string tenant, string deviceId, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            SELECT sites.name, sites.time_zone, devices.status, devices.poll_interval_s
            FROM devices JOIN sites ON sites.id = devices.site_id JOIN tenants ON tenants.id = sites.tenant_id
            WHERE tenants.name = $1 AND devices.device_id = $2
            """,
            connection)
        {
            Parameters = { new() { Value = tenant }, new() { Value = deviceId } },
        };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken)
            ? new(
                new(deviceId, tenant, row.GetString(0), row.GetString(1), row.GetString(2) == Device.Revoked, row.GetDouble(3)), Tokens: [])
            : null;
    }
}
