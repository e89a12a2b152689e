namespace Sungrow.Vps.Storage;

// One class per table, in the order of SungrowDbContext; columns are the names in snake_case. EF makes the schema from them, and admin
// work may read them; what runs for each request is SQL.

internal sealed class Tenant
{
    public int Id { get; set; }
    public required string Name { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
}

internal sealed class Site
{
    public int Id { get; set; }
    public int TenantId { get; set; }
    public required string Name { get; set; }

    /// <summary>IANA. Days and their energy are this zone's.</summary>
    public required string TimeZone { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
}

internal sealed class Device
{
    public const string Active = "ACTIVE";
    public const string Revoked = "REVOKED";

    /// <summary>Unique on the whole server, across tenants: it is the first half of a sample's key.</summary>
    public required string DeviceId { get; set; }
    public int SiteId { get; set; }
    public required string Status { get; set; }

    /// <summary>As last reported; what a sample without <c>interval_s</c> stands for, per poll.</summary>
    public double PollIntervalS { get; set; }
    public DateTimeOffset? FirstSeen { get; set; }

    /// <summary>Up to <c>AUTH_CACHE_TTL_SECONDS</c> behind.</summary>
    public DateTimeOffset? LastSeen { get; set; }

    /// <summary>When it was last seen before the silence that people were told of; null: none.</summary>
    public DateTimeOffset? SilentSince { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
}

/// <summary>Two tokens may overlap while one replaces the other.</summary>
internal sealed class DeviceToken
{
    /// <summary>SHA-256 of the token.</summary>
    public required byte[] Digest { get; set; }
    public required string DeviceId { get; set; }
    public DateTimeOffset NotBefore { get; set; }
    public DateTimeOffset? NotAfter { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
}

internal sealed class ViewerToken
{
    public required byte[] Digest { get; set; }
    public int TenantId { get; set; }
    public required string Name { get; set; }

    /// <summary>Whether it also shows what other VPSs push to this one.</summary>
    public bool Fleet { get; set; }
    public DateTimeOffset NotBefore { get; set; }
    public DateTimeOffset? NotAfter { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
}

internal sealed class ViewerTokenDevice
{
    public required byte[] Digest { get; set; }
    public required string DeviceId { get; set; }
}

internal sealed class ViewerSession
{
    /// <summary>SHA-256 of the session's random id, which only the cookie holds.</summary>
    public required byte[] Digest { get; set; }

    /// <summary>Of the viewer token it was traded for, one of the environment's too: the session ends with the token.</summary>
    public required byte[] TokenDigest { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
    public DateTimeOffset ExpiresAt { get; set; }
}

internal sealed class SungrowSampleRow
{
    public required string DeviceId { get; set; }
    public DateTimeOffset Ts { get; set; }
    public double? PvPowerW { get; set; }
    public double? PvDailyKwh { get; set; }
    public double? BatteryPowerW { get; set; }
    public double? BatterySocPct { get; set; }
    public double? BatteryTempC { get; set; }
    public double? LoadPowerW { get; set; }
    public double? ExportPowerW { get; set; }
    public int SampleCount { get; set; }
    public double IntervalS { get; set; }

    /// <summary>With <see cref="BufferId"/>: which row of which edge's buffer this is, so that both ends can be counted against each
    /// other.</summary>
    public long? Seq { get; set; }
    public Guid? BufferId { get; set; }
    public DateTimeOffset ReceivedAt { get; set; }
}

/// <summary>What a device that is no inverter sent.</summary>
internal sealed class TelemetryRow
{
    public required string Tenant { get; set; }
    public required string DeviceId { get; set; }
    public DateTimeOffset Ts { get; set; }

    /// <summary><c>telemetry</c> or <c>heartbeat</c>.</summary>
    public required string Type { get; set; }
    public required string SiteId { get; set; }
    public required string Metrics { get; set; }
    public DateTimeOffset ReceivedAt { get; set; }
}

/// <summary>How often somebody without authentication was refused in one minute: a number, and nothing of what was sent.</summary>
internal sealed class RefusalRow
{
    public DateTimeOffset Minute { get; set; }
    public required string Code { get; set; }
    public long Count { get; set; }
}

/// <summary>One reading of one channel of a Shelly device, the first of its minute.</summary>
internal sealed class PowerLogRow
{
    public long Id { get; set; }

    /// <summary>The message's <c>src</c>.</summary>
    public required string DeviceId { get; set; }
    public int Channel { get; set; }
    public double Power { get; set; }
    public double? Voltage { get; set; }
    public double? Current { get; set; }
    public DateTimeOffset Timestamp { get; set; }

    /// <summary>Of <see cref="Timestamp"/>, its first second: what chunks are cut by, as a key that is unique must hold it.</summary>
    public DateTimeOffset Minute { get; set; }

    /// <summary><c>{src}_{channel}_{minute of the epoch}</c>; null for what did not come from the queue.</summary>
    public string? IdempotencyKey { get; set; }
}

/// <summary>A Shelly device that has sent a reading.</summary>
internal sealed class LoadDevice
{
    public required string DeviceId { get; set; }
    public int SiteId { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
}

/// <summary>What hangs on one channel of a Shelly device, and its newest reading: also one that its minute already had.</summary>
internal sealed class Load
{
    public required string DeviceId { get; set; }
    public int Channel { get; set; }
    public string? Name { get; set; }
    public double PowerW { get; set; }
    public DateTimeOffset Ts { get; set; }
}

/// <summary>Refused, but the server's to explain: its sender has been told that it arrived, or keeps no copy.</summary>
internal sealed class QuarantineRow
{
    public const string Replaced = "REPLACED";
    public const string Dropped = "DROPPED";

    public long Id { get; set; }
    public required string DeviceId { get; set; }

    /// <summary>-infinity where the sender named no time.</summary>
    public DateTimeOffset Ts { get; set; }
    public required string Code { get; set; }

    /// <summary>SHA-256 of the values, so that the same sample sent again is not counted again.</summary>
    public required byte[] PayloadHash { get; set; }

    /// <summary>Null over the bound and once dropped: the key stays, as a buffer's balance counts it.</summary>
    public string? Payload { get; set; }
    public Guid? BufferId { get; set; }
    public long? Seq { get; set; }
    public DateTimeOffset ReceivedAt { get; set; }

    /// <summary>Null while an operator may want to look at it; <see cref="Replaced"/> is what a release took out of the samples.</summary>
    public string? Resolution { get; set; }
    public DateTimeOffset? ResolvedAt { get; set; }
}

/// <summary>A row of a buffer whose sample another row has already brought: acknowledged, and stored under that one's number.</summary>
internal sealed class ElsewhereRow
{
    public Guid BufferId { get; set; }
    public long Seq { get; set; }
    public required string DeviceId { get; set; }
    public DateTimeOffset Ts { get; set; }
    public DateTimeOffset ReceivedAt { get; set; }
}

/// <summary>What the server was sent and what became of it: one row for each request of more than one sample or with anything but inserts,
/// and one for all single new samples of a device in one minute. Kept for 30 days.</summary>
internal sealed class IngestEventRow
{
    public long Id { get; set; }
    public required string DeviceId { get; set; }

    /// <summary>Of a sum: the minute it covers, from its first second on.</summary>
    public DateTimeOffset ReceivedAt { get; set; }

    /// <summary>Whether this is the sum of a minute's single samples.</summary>
    public bool Summed { get; set; }
    public long Requests { get; set; }
    public long Inserted { get; set; }
    public long Duplicates { get; set; }
    public long Conflicts { get; set; }

    /// <summary>Null in a sum.</summary>
    public Guid? BufferId { get; set; }
    public DateTimeOffset FirstTs { get; set; }
    public DateTimeOffset LastTs { get; set; }

    /// <summary>What an operator did to a row in quarantine; null for what was sent.</summary>
    public string? Code { get; set; }

    /// <summary>The operator, as the system of the command knows him.</summary>
    public string? Actor { get; set; }
}

/// <summary>What an edge last reported of its buffer. By device too: nobody can write into another device's report.</summary>
internal sealed class BufferRow
{
    public Guid BufferId { get; set; }
    public required string DeviceId { get; set; }
    public Guid? Replaces { get; set; }
    public long? Salvaged { get; set; }
    public long? Lost { get; set; }
    public required string BootId { get; set; }
    public required string Version { get; set; }
    public DateTimeOffset StartedAt { get; set; }
    public DateTimeOffset SentAt { get; set; }
    public bool ClockTrusted { get; set; }
    public string? InverterModel { get; set; }
    public string? InverterSerial { get; set; }
    public bool InverterReachable { get; set; }
    public DateTimeOffset? InverterLastPoll { get; set; }

    /// <summary>Per device id the highest sequence number that the cursor has passed.</summary>
    public required string Cursors { get; set; }
    public long WaitingRows { get; set; }
    public long WaitingHeld { get; set; }
    public DateTimeOffset? WaitingOldest { get; set; }
    public DateTimeOffset? WaitingNewest { get; set; }
    public long Committed { get; set; }
    public long Acknowledged { get; set; }
    public long DeadLettered { get; set; }
    public long Evicted { get; set; }
    public DateTimeOffset ReceivedAt { get; set; }
}

/// <summary>What this server counts of one buffer, against what its edge reports: see <c>Devices/BufferBalance</c>.</summary>
internal sealed class BufferBalanceRow
{
    public Guid BufferId { get; set; }
    public required string DeviceId { get; set; }

    /// <summary>Reports judged so far; guards against two at once.</summary>
    public long Reports { get; set; }
    public DateTimeOffset? ReportedAt { get; set; }

    /// <summary>By the edge's clock.</summary>
    public DateTimeOffset? SentAt { get; set; }
    public long Committed { get; set; }

    /// <summary>Every row up to here is counted, per device id.</summary>
    public required string Cursors { get; set; }

    /// <summary>Rows past the cursors are not older; null: unknown.</summary>
    public DateTimeOffset? RowsSince { get; set; }
    public DateTimeOffset? CheckedAt { get; set; }
    public long Stored { get; set; }
    public long Conflicting { get; set; }
    public long Elsewhere { get; set; }

    /// <summary>Stored under a number that another stored row has too.</summary>
    public long Doubled { get; set; }

    /// <summary>Acknowledged rows that were asked for in vain.</summary>
    public long Unexplained { get; set; }

    /// <summary>Acknowledged by the edge's account less what is found here; negative: more is here.</summary>
    public long Difference { get; set; }
    public string? Verdict { get; set; }
    public DateTimeOffset? SearchedAt { get; set; }
    public int Asked { get; set; }

    /// <summary>The last processes that reported this buffer, newest last.</summary>
    public required string[] Runs { get; set; }

    /// <summary>Why this file cannot be the only one of its name: see <c>Devices/BufferSighting</c>.</summary>
    public string? Anomaly { get; set; }
    public DateTimeOffset? AnomalyAt { get; set; }
}

/// <summary>Rows of a buffer that will never arrive.</summary>
internal sealed class MissingRangeRow
{
    public Guid BufferId { get; set; }
    public long FromSeq { get; set; }
    public long ToSeq { get; set; }
    public required string DeviceId { get; set; }
    public long Rows { get; set; }
    public DateTimeOffset? FromTs { get; set; }
    public DateTimeOffset? ToTs { get; set; }
    public required string Reason { get; set; }
    public DateTimeOffset ReceivedAt { get; set; }
}

/// <summary>A time without samples.</summary>
internal sealed class GapRow
{
    public required string DeviceId { get; set; }
    public DateTimeOffset FromTs { get; set; }
    public required string Reason { get; set; }

    /// <summary>Null while it is open.</summary>
    public DateTimeOffset? ToTs { get; set; }
    public long Missed { get; set; }
    public DateTimeOffset ReceivedAt { get; set; }
}

/// <summary>How often a device was read, from when on: what completeness expects.</summary>
internal sealed class PollIntervalRow
{
    public required string DeviceId { get; set; }
    public DateTimeOffset FromTs { get; set; }
    public double PollIntervalS { get; set; }
    public int SamplesPerRow { get; set; }
}

/// <summary>A stretch of time of which the aggregate is to be refreshed: see <see cref="PendingRefresh"/>.</summary>
internal sealed class PendingRefreshRow
{
    public long Id { get; set; }
    public required string View { get; set; }
    public DateTimeOffset FromTs { get; set; }
    public DateTimeOffset ToTs { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
}
