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

/// <summary>Refused, but the server's to explain: its sender has been told that it arrived.</summary>
internal sealed class QuarantineRow
{
    public long Id { get; set; }
    public required string DeviceId { get; set; }
    public DateTimeOffset Ts { get; set; }
    public required string Code { get; set; }

    /// <summary>SHA-256 of the values, so that the same sample sent again is not counted again.</summary>
    public required byte[] PayloadHash { get; set; }
    public string? Payload { get; set; }
    public Guid? BufferId { get; set; }
    public long? Seq { get; set; }
    public DateTimeOffset ReceivedAt { get; set; }
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
