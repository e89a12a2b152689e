using Microsoft.EntityFrameworkCore;

namespace Sungrow.Vps.Storage;

// What is pushed to another VPS, and, in the schema fleet, what other VPSs have pushed here: see Fleet.

/// <summary>A stretch of a device's samples that the admin VPS has not confirmed: see <see cref="FleetOutbox"/>.</summary>
internal sealed class FleetOutboxRow
{
    public long Id { get; set; }
    public required string DeviceId { get; set; }
    public DateTimeOffset FromTs { get; set; }
    public DateTimeOffset ToTs { get; set; }
}

/// <summary>How pushing one resource goes. That its rows are there says that pushing is switched on, and the past in the outbox.</summary>
internal sealed class FleetPushStateRow
{
    /// <summary><c>sites</c>, <c>devices</c> or <c>measurements</c>.</summary>
    public required string Resource { get; set; }

    /// <summary>In a row.</summary>
    public int Failures { get; set; }
    public DateTimeOffset? NextTry { get; set; }
    public DateTimeOffset? SucceededAt { get; set; }

    /// <summary>Of the last try; null where it went through.</summary>
    public string? Error { get; set; }

    /// <summary>When it was switched on.</summary>
    public DateTimeOffset Since { get; set; }
}

/// <summary>Somebody whose VPS pushes to this one.</summary>
internal sealed class FleetCustomer
{
    /// <summary>As the operator calls him.</summary>
    public required string CustomerId { get; set; }
    public required string Status { get; set; }

    /// <summary>SHA-256 of the token.</summary>
    public required byte[] Digest { get; set; }

    /// <summary>Of the token before it, which is good until <see cref="OldNotAfter"/>.</summary>
    public byte[]? OldDigest { get; set; }
    public DateTimeOffset? OldNotAfter { get; set; }
    public DateTimeOffset? FirstSeen { get; set; }
    public DateTimeOffset? LastSeen { get; set; }
    public DateTimeOffset CreatedAt { get; set; }
}

internal sealed class FleetSite
{
    public required string CustomerId { get; set; }

    /// <summary><c>{tenant}/{site}</c></summary>
    public required string Id { get; set; }
    public required string Name { get; set; }
    public required string TimeZone { get; set; }
    public DateTimeOffset ReceivedAt { get; set; }
}

internal sealed class FleetDevice
{
    public required string CustomerId { get; set; }
    public required string Id { get; set; }
    public required string SiteId { get; set; }
    public string? Model { get; set; }
    public string? Serial { get; set; }
    public required string Status { get; set; }
    public double PollIntervalS { get; set; }
    public DateTimeOffset? FirstSeen { get; set; }
    public DateTimeOffset? LastSeen { get; set; }
    public DateTimeOffset ReceivedAt { get; set; }
}

internal sealed class FleetMeasurement
{
    public required string CustomerId { get; set; }
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
    public long? Seq { get; set; }
    public DateTimeOffset ReceivedAt { get; set; }
}

/// <summary>What a customer pushed and what became of it: one row a batch, kept for 30 days.</summary>
internal sealed class FleetIngestEvent
{
    public long Id { get; set; }
    public required string CustomerId { get; set; }
    public DateTimeOffset ReceivedAt { get; set; }
    public required string BatchType { get; set; }
    public int Accepted { get; set; }
    public int Duplicates { get; set; }
    public int Rejected { get; set; }

    /// <summary>Of the body, decompressed.</summary>
    public int Bytes { get; set; }

    /// <summary><c>X-Push-Cursor</c></summary>
    public long? ClientCursor { get; set; }
    public DateTimeOffset? FirstTs { get; set; }
    public DateTimeOffset? LastTs { get; set; }

    /// <summary>The code of a batch that was refused as a whole, or of the first row of it that was.</summary>
    public string? Error { get; set; }
}

internal static class FleetModel
{
    private const string Schema = "fleet";
    private const string Now = "now()";

    public static void Map(ModelBuilder model)
    {
        model.Entity<FleetOutboxRow>(table => table.ToTable("fleet_outbox"));
        model.Entity<FleetPushStateRow>(table =>
        {
            table.ToTable("fleet_push_state");
            table.HasKey(row => row.Resource);
            table.Property(row => row.Since).HasDefaultValueSql(Now);
        });
        model.Entity<FleetCustomer>(table =>
        {
            table.ToTable("customers", Schema, made => made.HasCheckConstraint("ck_customers_status", "status IN ('ACTIVE', 'REVOKED')"));
            table.HasKey(row => row.CustomerId);
            table.HasIndex(row => row.Digest).IsUnique();
            table.HasIndex(row => row.OldDigest).IsUnique();
            table.Property(row => row.Status).HasDefaultValue(Device.Active);
            table.Property(row => row.CreatedAt).HasDefaultValueSql(Now);
        });
        model.Entity<FleetSite>(table =>
        {
            table.ToTable("sites", Schema);
            table.HasKey(row => new { row.CustomerId, row.Id });
            table.HasOne<FleetCustomer>().WithMany().HasForeignKey(row => row.CustomerId).OnDelete(DeleteBehavior.Restrict);
            table.Property(row => row.ReceivedAt).HasDefaultValueSql(Now);
        });
        model.Entity<FleetDevice>(table =>
        {
            table.ToTable("devices", Schema);
            table.HasKey(row => new { row.CustomerId, row.Id });
            table.HasOne<FleetCustomer>().WithMany().HasForeignKey(row => row.CustomerId).OnDelete(DeleteBehavior.Restrict);
            table.Property(row => row.ReceivedAt).HasDefaultValueSql(Now);
        });
        model.Entity<FleetMeasurement>(table =>
        {
            table.ToTable("measurements", Schema);
            // As with sungrow_samples: the only index, and no reference.
            table.HasKey(row => new { row.CustomerId, row.DeviceId, row.Ts });
            table.Property(row => row.ReceivedAt).HasDefaultValueSql(Now);
        });
        model.Entity<FleetIngestEvent>(table =>
        {
            table.ToTable("ingest_events", Schema);
            table.HasIndex(row => row.ReceivedAt);
            table.Property(row => row.ReceivedAt).HasDefaultValueSql(Now);
        });
    }
}
