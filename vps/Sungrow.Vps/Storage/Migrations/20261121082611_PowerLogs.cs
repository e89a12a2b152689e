using System;
using Microsoft.EntityFrameworkCore.Migrations;
using Npgsql.EntityFrameworkCore.PostgreSQL.Metadata;

#nullable disable

namespace Sungrow.Vps.Storage.Migrations
{
    /// <inheritdoc />
    public partial class PowerLogs : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "view",
                table: "pending_refresh",
                type: "text",
                nullable: false,
                defaultValue: "samples_15m");

            migrationBuilder.CreateTable(
                name: "load_devices",
                columns: table => new
                {
                    device_id = table.Column<string>(type: "text", nullable: false),
                    site_id = table.Column<int>(type: "integer", nullable: false, defaultValue: 1),
                    created_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()")
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_load_devices", x => x.device_id);
                    table.ForeignKey(
                        name: "fk_load_devices_sites_site_id",
                        column: x => x.site_id,
                        principalTable: "sites",
                        principalColumn: "id",
                        onDelete: ReferentialAction.Restrict);
                });

            migrationBuilder.CreateTable(
                name: "power_logs",
                columns: table => new
                {
                    id = table.Column<long>(type: "bigint", nullable: false)
                        .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                    device_id = table.Column<string>(type: "text", nullable: false),
                    channel = table.Column<int>(type: "integer", nullable: false),
                    power = table.Column<double>(type: "double precision", nullable: false),
                    voltage = table.Column<double>(type: "double precision", nullable: true),
                    current = table.Column<double>(type: "double precision", nullable: true),
                    timestamp = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    minute = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    idempotency_key = table.Column<string>(type: "text", nullable: true)
                },
                constraints: table =>
                {
                    table.CheckConstraint("ck_power_logs_minute", "timestamp >= minute AND timestamp - minute < interval '1 minute'");
                });

            migrationBuilder.CreateTable(
                name: "loads",
                columns: table => new
                {
                    device_id = table.Column<string>(type: "text", nullable: false),
                    channel = table.Column<int>(type: "integer", nullable: false),
                    name = table.Column<string>(type: "text", nullable: true),
                    power_w = table.Column<double>(type: "double precision", nullable: false),
                    ts = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_loads", x => new { x.device_id, x.channel });
                    table.ForeignKey(
                        name: "fk_loads_load_devices_device_id",
                        column: x => x.device_id,
                        principalTable: "load_devices",
                        principalColumn: "device_id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_load_devices_site_id",
                table: "load_devices",
                column: "site_id");

            migrationBuilder.CreateIndex(
                name: "idx_power_logs_idempotency",
                table: "power_logs",
                columns: new[] { "idempotency_key", "minute" },
                unique: true,
                filter: "idempotency_key IS NOT NULL");

            migrationBuilder.CreateIndex(
                name: "idx_power_logs_timestamp",
                table: "power_logs",
                column: "timestamp");

            // Rewritten with every batch, in place where a page has room.
            migrationBuilder.Sql("ALTER TABLE loads SET (fillfactor = 50)");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "loads");

            migrationBuilder.DropTable(
                name: "power_logs");

            migrationBuilder.DropTable(
                name: "load_devices");

            migrationBuilder.DropColumn(
                name: "view",
                table: "pending_refresh");
        }
    }
}
