using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Sungrow.Vps.Storage.Migrations
{
    /// <inheritdoc />
    public partial class BufferBalance : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "buffer_balance",
                columns: table => new
                {
                    buffer_id = table.Column<Guid>(type: "uuid", nullable: false),
                    device_id = table.Column<string>(type: "text", nullable: false),
                    reports = table.Column<long>(type: "bigint", nullable: false),
                    reported_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    sent_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    committed = table.Column<long>(type: "bigint", nullable: false),
                    cursors = table.Column<string>(type: "jsonb", nullable: false, defaultValueSql: "'{}'"),
                    rows_since = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    checked_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    stored = table.Column<long>(type: "bigint", nullable: false),
                    conflicting = table.Column<long>(type: "bigint", nullable: false),
                    elsewhere = table.Column<long>(type: "bigint", nullable: false),
                    doubled = table.Column<long>(type: "bigint", nullable: false),
                    unexplained = table.Column<long>(type: "bigint", nullable: false),
                    difference = table.Column<long>(type: "bigint", nullable: false),
                    verdict = table.Column<string>(type: "text", nullable: true),
                    searched_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true),
                    asked = table.Column<int>(type: "integer", nullable: false),
                    runs = table.Column<string[]>(type: "text[]", nullable: false, defaultValueSql: "'{}'"),
                    anomaly = table.Column<string>(type: "text", nullable: true),
                    anomaly_at = table.Column<DateTimeOffset>(type: "timestamp with time zone", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("pk_buffer_balance", x => new { x.buffer_id, x.device_id });
                    table.ForeignKey(
                        name: "fk_buffer_balance_devices_device_id",
                        column: x => x.device_id,
                        principalTable: "devices",
                        principalColumn: "device_id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "ix_buffer_balance_device_id",
                table: "buffer_balance",
                column: "device_id");
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "buffer_balance");
        }
    }
}
