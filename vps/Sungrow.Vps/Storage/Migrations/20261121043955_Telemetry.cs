using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Sungrow.Vps.Storage.Migrations
{
    /// <inheritdoc />
    public partial class Telemetry : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "resolution",
                table: "quarantine",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "resolved_at",
                table: "quarantine",
                type: "timestamp with time zone",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "actor",
                table: "ingest_events",
                type: "text",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "code",
                table: "ingest_events",
                type: "text",
                nullable: true);

            migrationBuilder.CreateTable(
                name: "refusals",
                columns: table => new
                {
                    minute = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    code = table.Column<string>(type: "text", nullable: false),
                    count = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_refusals", x => new { x.minute, x.code });
                });

            migrationBuilder.CreateTable(
                name: "telemetry",
                columns: table => new
                {
                    tenant = table.Column<string>(type: "text", nullable: false),
                    device_id = table.Column<string>(type: "text", nullable: false),
                    ts = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false),
                    type = table.Column<string>(type: "text", nullable: false),
                    site_id = table.Column<string>(type: "text", nullable: false),
                    metrics = table.Column<string>(type: "jsonb", nullable: false),
                    received_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: false, defaultValueSql: "now()")
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_telemetry", x => new { x.tenant, x.device_id, x.ts, x.type });
                    table.CheckConstraint("ck_telemetry_type", "type IN ('telemetry', 'heartbeat')");
                });

            migrationBuilder.CreateIndex(
                name: "ix_quarantine_device_id_code",
                table: "quarantine",
                columns: new[] { "device_id", "code" },
                filter: "code <> 'CONFLICTING_SAMPLE'");

            migrationBuilder.CreateIndex(
                name: "ix_quarantine_device_id_code_id",
                table: "quarantine",
                columns: new[] { "device_id", "code", "id" },
                filter: "payload IS NOT NULL");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "refusals");

            migrationBuilder.DropTable(
                name: "telemetry");

            migrationBuilder.DropIndex(
                name: "ix_quarantine_device_id_code",
                table: "quarantine");

            migrationBuilder.DropIndex(
                name: "ix_quarantine_device_id_code_id",
                table: "quarantine");

            migrationBuilder.DropColumn(
                name: "resolution",
                table: "quarantine");

            migrationBuilder.DropColumn(
                name: "resolved_at",
                table: "quarantine");

            migrationBuilder.DropColumn(
                name: "actor",
                table: "ingest_events");

            migrationBuilder.DropColumn(
                name: "code",
                table: "ingest_events");
        }
    }
}
