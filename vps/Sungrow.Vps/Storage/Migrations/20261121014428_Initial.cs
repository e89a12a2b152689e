using System;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace Sungrow.Vps.Storage.Migrations
{
    /// <inheritdoc />
    public partial class Initial : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "elsewhere",
                columns: table => new
                {
                    buffer_id = table.Column<Guid>(type: "uuid", nullable: false),
                    seq = table.Column<long>(type: "bigint", nullable: false),
                    device_id = table.Column<string>(type: "text", nullable: false),
                    ts = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    received_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()")
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_elsewhere", x => new { x.buffer_id, x.seq });
                });

            migrationBuilder.CreateTable(
                name: "quarantine",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    device_id = table.Column<string>(type: "text", nullable: false),
                    ts = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    code = table.Column<string>(type: "text", nullable: false),
                    payload_hash = table.Column<byte[]>(type: "bytea", nullable: false),
                    payload = table.Column<string>(type: "jsonb", nullable: true),
                    buffer_id = table.Column<Guid>(type: "uuid", nullable: true),
                    seq = table.Column<long>(type: "bigint", nullable: true),
                    received_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()")
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_quarantine", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "sungrow_samples",
                columns: table => new
                {
                    device_id = table.Column<string>(type: "text", nullable: false),
                    ts = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    pv_power_w = table.Column<double>(type: "double precision", nullable: true),
                    pv_daily_kwh = table.Column<double>(type: "double precision", nullable: true),
                    battery_power_w = table.Column<double>(type: "double precision", nullable: true),
                    battery_soc_pct = table.Column<double>(type: "double precision", nullable: true),
                    battery_temp_c = table.Column<double>(type: "double precision", nullable: true),
                    load_power_w = table.Column<double>(type: "double precision", nullable: true),
                    export_power_w = table.Column<double>(type: "double precision", nullable: true),
                    sample_count = table.Column<int>(type: "integer", nullable: false),
                    interval_s = table.Column<double>(type: "double precision", nullable: false),
                    seq = table.Column<long>(type: "bigint", nullable: true),
                    buffer_id = table.Column<Guid>(type: "uuid", nullable: true),
                    received_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()")
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_sungrow_samples", x => new { x.device_id, x.ts });
                });

            migrationBuilder.CreateTable(
                name: "tenants",
                columns: table => new
                {
                    id = table.Column<int>(type: "integer", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    name = table.Column<string>(type: "text", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()")
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_tenants", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "viewer_sessions",
                columns: table => new
                {
                    digest = table.Column<byte[]>(type: "bytea", nullable: false),
                    token_digest = table.Column<byte[]>(type: "bytea", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()"),
                    expires_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_viewer_sessions", x => x.digest);
                });

            migrationBuilder.CreateTable(
                name: "sites",
                columns: table => new
                {
                    id = table.Column<int>(type: "integer", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    tenant_id = table.Column<int>(type: "integer", nullable: false),
                    name = table.Column<string>(type: "text", nullable: false),
                    time_zone = table.Column<string>(type: "text", nullable: false),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()")
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_sites", x => x.id);
                    table.ForeignKey(
                        name: "fk_sites_tenants_tenant_id",
                        column: x => x.tenant_id,
                        principalTable: "tenants",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "viewer_tokens",
                columns: table => new
                {
                    digest = table.Column<byte[]>(type: "bytea", nullable: false),
                    tenant_id = table.Column<int>(type: "integer", nullable: false),
                    name = table.Column<string>(type: "text", nullable: false),
                    not_before = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()"),
                    not_after = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()")
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_viewer_tokens", x => x.digest);
                    table.ForeignKey(
                        name: "fk_viewer_tokens_tenants_tenant_id",
                        column: x => x.tenant_id,
                        principalTable: "tenants",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "devices",
                columns: table => new
                {
                    device_id = table.Column<string>(type: "text", nullable: false),
                    site_id = table.Column<int>(type: "integer", nullable: false),
                    status = table.Column<string>(type: "text", nullable: false, defaultValue: "ACTIVE"),
                    poll_interval_s = table.Column<double>(type: "double precision", nullable: false, defaultValue: 10.0),
                    first_seen = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    last_seen = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()")
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_devices", x => x.device_id);
                    table.CheckConstraint("ck_devices_status", "status IN ('ACTIVE', 'REVOKED')");
                    table.ForeignKey(
                        name: "fk_devices_sites_site_id",
                        column: x => x.site_id,
                        principalTable: "sites",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "buffers",
                columns: table => new
                {
                    buffer_id = table.Column<Guid>(type: "uuid", nullable: false),
                    device_id = table.Column<string>(type: "text", nullable: false),
                    replaces = table.Column<Guid>(type: "uuid", nullable: true),
                    salvaged = table.Column<long>(type: "bigint", nullable: true),
                    lost = table.Column<long>(type: "bigint", nullable: true),
                    boot_id = table.Column<string>(type: "text", nullable: false),
                    version = table.Column<string>(type: "text", nullable: false),
                    started_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    sent_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    clock_trusted = table.Column<bool>(type: "boolean", nullable: false),
                    inverter_model = table.Column<string>(type: "text", nullable: true),
                    inverter_serial = table.Column<string>(type: "text", nullable: true),
                    inverter_reachable = table.Column<bool>(type: "boolean", nullable: false),
                    inverter_last_poll = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    cursors = table.Column<string>(type: "jsonb", nullable: false),
                    waiting_rows = table.Column<long>(type: "bigint", nullable: false),
                    waiting_held = table.Column<long>(type: "bigint", nullable: false),
                    waiting_oldest = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    waiting_newest = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    committed = table.Column<long>(type: "bigint", nullable: false),
                    acknowledged = table.Column<long>(type: "bigint", nullable: false),
                    dead_lettered = table.Column<long>(type: "bigint", nullable: false),
                    evicted = table.Column<long>(type: "bigint", nullable: false),
                    received_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_buffers", x => new { x.buffer_id, x.device_id });
                    table.ForeignKey(
                        name: "fk_buffers_devices_device_id",
                        column: x => x.device_id,
                        principalTable: "devices",
                        principalColumn: "device_id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "device_tokens",
                columns: table => new
                {
                    digest = table.Column<byte[]>(type: "bytea", nullable: false),
                    device_id = table.Column<string>(type: "text", nullable: false),
                    not_before = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()"),
                    not_after = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()")
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_device_tokens", x => x.digest);
                    table.ForeignKey(
                        name: "fk_device_tokens_devices_device_id",
                        column: x => x.device_id,
                        principalTable: "devices",
                        principalColumn: "device_id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateTable(
                name: "gaps",
                columns: table => new
                {
                    device_id = table.Column<string>(type: "text", nullable: false),
                    from_ts = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    reason = table.Column<string>(type: "text", nullable: false),
                    to_ts = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    missed = table.Column<long>(type: "bigint", nullable: false),
                    received_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_gaps", x => new { x.device_id, x.from_ts, x.reason });
                    table.ForeignKey(
                        name: "fk_gaps_devices_device_id",
                        column: x => x.device_id,
                        principalTable: "devices",
                        principalColumn: "device_id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "missing_ranges",
                columns: table => new
                {
                    buffer_id = table.Column<Guid>(type: "uuid", nullable: false),
                    from_seq = table.Column<long>(type: "bigint", nullable: false),
                    to_seq = table.Column<long>(type: "bigint", nullable: false),
                    device_id = table.Column<string>(type: "text", nullable: false),
                    rows = table.Column<long>(type: "bigint", nullable: false),
                    from_ts = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    to_ts = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    reason = table.Column<string>(type: "text", nullable: false),
                    received_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_missing_ranges", x => new { x.buffer_id, x.from_seq });
                    table.ForeignKey(
                        name: "fk_missing_ranges_devices_device_id",
                        column: x => x.device_id,
                        principalTable: "devices",
                        principalColumn: "device_id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "poll_intervals",
                columns: table => new
                {
                    device_id = table.Column<string>(type: "text", nullable: false),
                    from_ts = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    poll_interval_s = table.Column<double>(type: "double precision", nullable: false),
                    samples_per_row = table.Column<int>(type: "integer", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_poll_intervals", x => new { x.device_id, x.from_ts });
                    table.ForeignKey(
                        name: "fk_poll_intervals_devices_device_id",
                        column: x => x.device_id,
                        principalTable: "devices",
                        principalColumn: "device_id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "viewer_token_devices",
                columns: table => new
                {
                    digest = table.Column<byte[]>(type: "bytea", nullable: false),
                    device_id = table.Column<string>(type: "text", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_viewer_token_devices", x => new { x.digest, x.device_id });
                    table.ForeignKey(
                        name: "fk_viewer_token_devices_devices_device_id",
                        column: x => x.device_id,
                        principalTable: "devices",
                        principalColumn: "device_id",
                        onDelete: ReferentialAction.Cascade);
                    table.ForeignKey(
                        name: "fk_viewer_token_devices_viewer_tokens_digest",
                        column: x => x.digest,
                        principalTable: "viewer_tokens",
                        principalColumn: "digest",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.InsertData(
                table: "tenants",
                columns: new[] { "id", "created_at", "name" },
                values: new object[] { 1, new DateTimeOffset(new DateTime(1970, 1, 1, 0, 0, 0, 0, DateTimeKind.Unspecified), new TimeSpan(0, 0, 0, 0, 0)), "default" });

            migrationBuilder.InsertData(
                table: "sites",
                columns: new[] { "id", "created_at", "name", "tenant_id", "time_zone" },
                values: new object[] { 1, new DateTimeOffset(new DateTime(1970, 1, 1, 0, 0, 0, 0, DateTimeKind.Unspecified), new TimeSpan(0, 0, 0, 0, 0)), "default", 1, "UTC" });

            migrationBuilder.CreateIndex(
                name: "ix_buffers_device_id",
                table: "buffers",
                column: "device_id");

            migrationBuilder.CreateIndex(
                name: "ix_device_tokens_device_id",
                table: "device_tokens",
                column: "device_id");

            migrationBuilder.CreateIndex(
                name: "ix_devices_site_id",
                table: "devices",
                column: "site_id");

            migrationBuilder.CreateIndex(
                name: "ix_missing_ranges_device_id",
                table: "missing_ranges",
                column: "device_id");

            migrationBuilder.CreateIndex(
                name: "ix_quarantine_buffer_id",
                table: "quarantine",
                column: "buffer_id");

            migrationBuilder.CreateIndex(
                name: "ix_quarantine_device_id_ts_code_payload_hash",
                table: "quarantine",
                columns: new[] { "device_id", "ts", "code", "payload_hash" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_sites_tenant_id_name",
                table: "sites",
                columns: new[] { "tenant_id", "name" },
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_tenants_name",
                table: "tenants",
                column: "name",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_viewer_sessions_expires_at",
                table: "viewer_sessions",
                column: "expires_at");

            migrationBuilder.CreateIndex(
                name: "ix_viewer_sessions_token_digest",
                table: "viewer_sessions",
                column: "token_digest");

            migrationBuilder.CreateIndex(
                name: "ix_viewer_token_devices_device_id",
                table: "viewer_token_devices",
                column: "device_id");

            migrationBuilder.CreateIndex(
                name: "ix_viewer_tokens_tenant_id",
                table: "viewer_tokens",
                column: "tenant_id");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "buffers");

            migrationBuilder.DropTable(
                name: "device_tokens");

            migrationBuilder.DropTable(
                name: "elsewhere");

            migrationBuilder.DropTable(
                name: "gaps");

            migrationBuilder.DropTable(
                name: "missing_ranges");

            migrationBuilder.DropTable(
                name: "poll_intervals");

            migrationBuilder.DropTable(
                name: "quarantine");

            migrationBuilder.DropTable(
                name: "sungrow_samples");

            migrationBuilder.DropTable(
                name: "viewer_sessions");

            migrationBuilder.DropTable(
                name: "viewer_token_devices");

            migrationBuilder.DropTable(
                name: "devices");

            migrationBuilder.DropTable(
                name: "viewer_tokens");

            migrationBuilder.DropTable(
                name: "sites");

            migrationBuilder.DropTable(
                name: "tenants");
        }
    }
}
