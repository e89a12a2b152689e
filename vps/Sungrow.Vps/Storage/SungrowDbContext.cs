using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using Microsoft.EntityFrameworkCore.Metadata;
using Sungrow.Protocol;

namespace Sungrow.Vps.Storage;

/// <summary>The schema. Its migrations are the only thing that changes it; what TimescaleDB adds is in
/// <see cref="TimescaleBootstrap"/>.</summary>
internal sealed class SungrowDbContext(DbContextOptions<SungrowDbContext> options) : DbContext(options)
{
    public const string DefaultTenant = "default";
    public const string DefaultSite = "default";

    private const int DefaultId = 1;
    private const string Now = "now()";
    private static readonly DateTimeOffset Epoch = DateTimeOffset.UnixEpoch;

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        Registry(modelBuilder);
        Samples(modelBuilder);
        Reports(modelBuilder);
        Loads(modelBuilder);
        FleetModel.Map(modelBuilder);
        UseSnakeCase(modelBuilder.Model);
    }

    private static void Registry(ModelBuilder model)
    {
        model.Entity<Tenant>(table =>
        {
            table.ToTable("tenants");
            table.HasIndex(row => row.Name).IsUnique();
            table.Property(row => row.CreatedAt).HasDefaultValueSql(Now);
            table.HasData(new Tenant { Id = DefaultId, Name = DefaultTenant, CreatedAt = Epoch });
        });
        model.Entity<Site>(table =>
        {
            table.ToTable("sites");
            table.HasIndex(row => new { row.TenantId, row.Name }).IsUnique();
            table.HasOne<Tenant>().WithMany().HasForeignKey(row => row.TenantId).OnDelete(DeleteBehavior.Restrict);
            table.Property(row => row.CreatedAt).HasDefaultValueSql(Now);
            table.HasData(new Site { Id = DefaultId, TenantId = DefaultId, Name = DefaultSite, TimeZone = "UTC", CreatedAt = Epoch });
        });
        model.Entity<Device>(table =>
        {
            table.ToTable("devices", made => made.HasCheckConstraint("ck_devices_status", "status IN ('ACTIVE', 'REVOKED')"));
            table.HasKey(row => row.DeviceId);
            table.HasOne<Site>().WithMany().HasForeignKey(row => row.SiteId).OnDelete(DeleteBehavior.Restrict);
            table.Property(row => row.Status).HasDefaultValue(Device.Active);
            table.Property(row => row.PollIntervalS).HasDefaultValue(10.0);
            table.Property(row => row.CreatedAt).HasDefaultValueSql(Now);
        });
        model.Entity<DeviceToken>(table =>
        {
            table.ToTable("device_tokens");
            table.HasKey(row => row.Digest);
            table.HasOne<Device>().WithMany().HasForeignKey(row => row.DeviceId).OnDelete(DeleteBehavior.Cascade);
            table.Property(row => row.NotBefore).HasDefaultValueSql(Now);
            table.Property(row => row.CreatedAt).HasDefaultValueSql(Now);
        });
        model.Entity<ViewerToken>(table =>
        {
            table.ToTable("viewer_tokens");
            table.HasKey(row => row.Digest);
            table.HasOne<Tenant>().WithMany().HasForeignKey(row => row.TenantId).OnDelete(DeleteBehavior.Restrict);
            table.Property(row => row.Fleet).HasDefaultValue(false);
            table.Property(row => row.NotBefore).HasDefaultValueSql(Now);
            table.Property(row => row.CreatedAt).HasDefaultValueSql(Now);
        });
        model.Entity<ViewerTokenDevice>(table =>
        {
            table.ToTable("viewer_token_devices");
            table.HasKey(row => new { row.Digest, row.DeviceId });
            table.HasOne<ViewerToken>().WithMany().HasForeignKey(row => row.Digest).OnDelete(DeleteBehavior.Cascade);
            table.HasOne<Device>().WithMany().HasForeignKey(row => row.DeviceId).OnDelete(DeleteBehavior.Cascade);
        });
        model.Entity<ViewerSession>(table =>
        {
            table.ToTable("viewer_sessions");
            table.HasKey(row => row.Digest);
            table.HasIndex(row => row.TokenDigest);
            table.HasIndex(row => row.ExpiresAt);
            table.Property(row => row.CreatedAt).HasDefaultValueSql(Now);
        });
    }

    private static void Samples(ModelBuilder model)
    {
        model.Entity<SungrowSampleRow>(table =>
        {
            table.ToTable("sungrow_samples");
            // The only index, and no reference to devices: each would be paid for by every row ever stored.
            table.HasKey(row => new { row.DeviceId, row.Ts });
            table.Property(row => row.ReceivedAt).HasDefaultValueSql(Now);
        });
        model.Entity<QuarantineRow>(table =>
        {
            table.ToTable("quarantine");
            table.HasIndex(row => new { row.DeviceId, row.Ts, row.Code, row.PayloadHash }).IsUnique();
            table.HasIndex(row => row.BufferId);
            // Who is over a bound is asked at every insert.
            table.HasIndex(row => new { row.DeviceId, row.Code, row.Id }).HasFilter("payload IS NOT NULL");
            table.HasIndex(row => new { row.DeviceId, row.Code }).HasFilter($"code <> '{ErrorCodes.ConflictingSample}'");
            table.Property(row => row.Payload).HasColumnType("jsonb");
            table.Property(row => row.ReceivedAt).HasDefaultValueSql(Now);
        });
        model.Entity<TelemetryRow>(table =>
        {
            table.ToTable("telemetry", made => made.HasCheckConstraint("ck_telemetry_type", "type IN ('telemetry', 'heartbeat')"));
            table.HasKey(row => new { row.Tenant, row.DeviceId, row.Ts, row.Type });
            table.Property(row => row.Metrics).HasColumnType("jsonb");
            table.Property(row => row.ReceivedAt).HasDefaultValueSql(Now);
        });
        model.Entity<RefusalRow>(table =>
        {
            table.ToTable("refusals");
            table.HasKey(row => new { row.Minute, row.Code });
        });
        model.Entity<ElsewhereRow>(table =>
        {
            table.ToTable("elsewhere");
            table.HasKey(row => new { row.BufferId, row.Seq });
            table.Property(row => row.ReceivedAt).HasDefaultValueSql(Now);
        });
        model.Entity<IngestEventRow>(table =>
        {
            table.ToTable("ingest_events");
            table.HasIndex(row => row.ReceivedAt);
            // Every replica adds to the same sum.
            table.HasIndex(row => new { row.DeviceId, row.ReceivedAt }).IsUnique().HasFilter("summed");
            table.Property(row => row.ReceivedAt).HasDefaultValueSql(Now);
        });
        model.Entity<PendingRefreshRow>(table =>
        {
            table.ToTable("pending_refresh");
            table.Property(row => row.View).HasDefaultValue(Aggregates.View);
            table.Property(row => row.CreatedAt).HasDefaultValueSql(Now);
        });
    }

    private static void Reports(ModelBuilder model)
    {
        model.Entity<BufferRow>(table =>
        {
            table.ToTable("buffers");
            table.HasKey(row => new { row.BufferId, row.DeviceId });
            table.HasOne<Device>().WithMany().HasForeignKey(row => row.DeviceId).OnDelete(DeleteBehavior.Restrict);
            table.Property(row => row.Cursors).HasColumnType("jsonb");
        });
        model.Entity<BufferBalanceRow>(table =>
        {
            table.ToTable("buffer_balance");
            table.HasKey(row => new { row.BufferId, row.DeviceId });
            table.HasOne<Device>().WithMany().HasForeignKey(row => row.DeviceId).OnDelete(DeleteBehavior.Cascade);
            table.Property(row => row.Cursors).HasColumnType("jsonb").HasDefaultValueSql("'{}'");
            table.Property(row => row.Runs).HasDefaultValueSql("'{}'");
        });
        model.Entity<MissingRangeRow>(table =>
        {
            table.ToTable("missing_ranges");
            table.HasKey(row => new { row.BufferId, row.FromSeq });
            table.HasOne<Device>().WithMany().HasForeignKey(row => row.DeviceId).OnDelete(DeleteBehavior.Restrict);
        });
        model.Entity<GapRow>(table =>
        {
            table.ToTable("gaps");
            table.HasKey(row => new { row.DeviceId, row.FromTs, row.Reason });
            table.HasOne<Device>().WithMany().HasForeignKey(row => row.DeviceId).OnDelete(DeleteBehavior.Restrict);
        });
        model.Entity<PollIntervalRow>(table =>
        {
            table.ToTable("poll_intervals");
            table.HasKey(row => new { row.DeviceId, row.FromTs });
            table.HasOne<Device>().WithMany().HasForeignKey(row => row.DeviceId).OnDelete(DeleteBehavior.Restrict);
        });
    }

    private static void Loads(ModelBuilder model)
    {
        model.Entity<PowerLogRow>(table =>
        {
            table.ToTable("power_logs", made => made.HasCheckConstraint(
                "ck_power_logs_minute", "timestamp >= minute AND timestamp - minute < interval '1 minute'"));
            // A key of its own would be a third index, paid for by every row: nothing asks for a row by its number.
            table.HasNoKey();
            table.Property(row => row.Id).UseIdentityByDefaultColumn();
            table.HasIndex(row => new { row.IdempotencyKey, row.Minute }).IsUnique().HasFilter("idempotency_key IS NOT NULL")
                .HasDatabaseName("idx_power_logs_idempotency");
            table.HasIndex(row => row.Timestamp).HasDatabaseName("idx_power_logs_timestamp");
        });
        model.Entity<LoadDevice>(table =>
        {
            table.ToTable("load_devices");
            table.HasKey(row => row.DeviceId);
            table.HasOne<Site>().WithMany().HasForeignKey(row => row.SiteId).OnDelete(DeleteBehavior.Restrict);
            table.Property(row => row.SiteId).HasDefaultValue(DefaultId);
            table.Property(row => row.CreatedAt).HasDefaultValueSql(Now);
        });
        model.Entity<Load>(table =>
        {
            table.ToTable("loads");
            table.HasKey(row => new { row.DeviceId, row.Channel });
            table.HasOne<LoadDevice>().WithMany().HasForeignKey(row => row.DeviceId).OnDelete(DeleteBehavior.Cascade);
        });
    }

    // Names that need no quotes in psql.
    private static void UseSnakeCase(IMutableModel model)
    {
        foreach (var table in model.GetEntityTypes())
        {
            foreach (var property in table.GetProperties())
            {
                property.SetColumnName(JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name));
            }

            foreach (var key in table.GetKeys())
            {
                key.SetName(key.GetName()!.ToLowerInvariant());
            }

            foreach (var foreignKey in table.GetForeignKeys())
            {
                foreignKey.SetConstraintName(foreignKey.GetConstraintName()!.ToLowerInvariant());
            }

            foreach (var index in table.GetIndexes())
            {
                index.SetDatabaseName(index.GetDatabaseName()!.ToLowerInvariant());
            }
        }
    }
}

/// <summary>For <c>dotnet ef</c>, which needs the model and no database.</summary>
internal sealed class DesignTimeFactory : IDesignTimeDbContextFactory<SungrowDbContext>
{
    public SungrowDbContext CreateDbContext(string[] args) =>
        new(new DbContextOptionsBuilder<SungrowDbContext>().UseNpgsql().Options);
}
