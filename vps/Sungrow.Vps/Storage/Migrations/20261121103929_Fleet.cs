using System;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace Sungrow.Vps.Storage.Migrations
{
    /// <inheritdoc />
    public partial class Fleet : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.EnsureSchema(
                name: "fleet");

            migrationBuilder.AddColumn<bool>(
                name: "fleet",
                table: "viewer_tokens",
                type: "boolean",
                nullable: false,
                defaultValue: false);

            migrationBuilder.CreateTable(
                name: "customers",
                schema: "fleet",
                columns: table => new
                {
                    customer_id = table.Column<string>(type: "text", nullable: false),
                    status = table.Column<string>(type: "text", nullable: false, defaultValue: "ACTIVE"),
                    digest = table.Column<byte[]>(type: "bytea", nullable: false),
                    old_digest = table.Column<byte[]>(type: "bytea", nullable: true),
                    old_not_after = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    first_seen = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    last_seen = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()")
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_customers", x => x.customer_id);
                    table.CheckConstraint("ck_customers_status", "status IN ('ACTIVE', 'REVOKED')");
                });

            migrationBuilder.CreateTable(
                name: "fleet_outbox",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    device_id = table.Column<string>(type: "text", nullable: false),
                    from_ts = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    to_ts = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_fleet_outbox", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "fleet_push_state",
                columns: table => new
                {
                    resource = table.Column<string>(type: "text", nullable: false),
                    failures = table.Column<int>(type: "integer", nullable: false),
                    next_try = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    succeeded_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    error = table.Column<string>(type: "text", nullable: true),
                    since = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()")
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_fleet_push_state", x => x.resource);
                });

            migrationBuilder.CreateTable(
                name: "ingest_events",
                schema: "fleet",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    customer_id = table.Column<string>(type: "text", nullable: false),
                    received_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()"),
                    batch_type = table.Column<string>(type: "text", nullable: false),
                    accepted = table.Column<int>(type: "integer", nullable: false),
                    duplicates = table.Column<int>(type: "integer", nullable: false),
                    rejected = table.Column<int>(type: "integer", nullable: false),
                    bytes = table.Column<int>(type: "integer", nullable: false),
                    client_cursor = table.Column<long>(type: "bigint", nullable: true),
                    first_ts = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    last_ts = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    error = table.Column<string>(type: "text", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_ingest_events", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "measurements",
                schema: "fleet",
                columns: table => new
                {
                    customer_id = table.Column<string>(type: "text", nullable: false),
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
                    received_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()")
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_measurements", x => new { x.customer_id, x.device_id, x.ts });
                });

            migrationBuilder.CreateTable(
                name: "devices",
                schema: "fleet",
                columns: table => new
                {
                    customer_id = table.Column<string>(type: "text", nullable: false),
                    id = table.Column<string>(type: "text", nullable: false),
                    site_id = table.Column<string>(type: "text", nullable: false),
                    model = table.Column<string>(type: "text", nullable: true),
                    serial = table.Column<string>(type: "text", nullable: true),
                    status = table.Column<string>(type: "text", nullable: false),
                    poll_interval_s = table.Column<double>(type: "double precision", nullable: false),
                    first_seen = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    last_seen = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    received_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()")
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_devices", x => new { x.customer_id, x.id });
                    table.ForeignKey(
                        name: "fk_devices_customers_customer_id",
                        column: x => x.customer_id,
                        principalSchema: "fleet",
                        principalTable: "customers",
                        principalColumn: "customer_id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "sites",
                schema: "fleet",
                columns: table => new
                {
                    customer_id = table.Column<string>(type: "text", nullable: false),
                    id = table.Column<string>(type: "text", nullable: false),
                    name = table.Column<string>(type: "text", nullable: false),
                    time_zone = table.Column<string>(type: "text", nullable: false),
                    received_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()")
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_sites", x => new { x.customer_id, x.id });
                    table.ForeignKey(
                        name: "fk_sites_customers_customer_id",
                        column: x => x.customer_id,
                        principalSchema: "fleet",
                        principalTable: "customers",
                        principalColumn: "customer_id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateIndex(
                name: "ix_customers_digest",
                schema: "fleet",
                table: "customers",
                column: "digest",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_customers_old_digest",
                schema: "fleet",
                table: "customers",
                column: "old_digest",
                unique: true);

            migrationBuilder.CreateIndex(
                name: "ix_ingest_events_received_at",
                schema: "fleet",
                table: "ingest_events",
                column: "received_at");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "devices",
                schema: "fleet");

            migrationBuilder.DropTable(
                name: "fleet_outbox");

            migrationBuilder.DropTable(
                name: "fleet_push_state");

            migrationBuilder.DropTable(
                name: "ingest_events",
                schema: "fleet");

            migrationBuilder.DropTable(
                name: "measurements",
                schema: "fleet");

            migrationBuilder.DropTable(
                name: "sites",
                schema: "fleet");

            migrationBuilder.DropTable(
                name: "customers",
                schema: "fleet");

            migrationBuilder.DropColumn(
                name: "fleet",
                table: "viewer_tokens");
        }
    }
}
