using System;
using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Sungrow.Vps.Storage.Migrations
{
    /// <inheritdoc />
    public partial class SilentSince : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<DateTimeOffset>(
                name: "silent_since",
                table: "devices",
                type: "timestamp with time zone",
                nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "silent_since",
                table: "devices");
        }
    }
}
