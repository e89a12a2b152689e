using Npgsql;
using Sungrow.Vps.Storage;
using Xunit;

namespace Sungrow.Vps.Tests.Storage;

public class DatabaseUrlTests
{
    [Theory]
    [InlineData("postgres://sungrow:secret@db:5433/solar", "db", 5433, "solar", "sungrow", "secret")]
    [InlineData("postgresql://sungrow:secret@db/solar", "db", 5432, "solar", "sungrow", "secret")]
    [InlineData("postgres://sun%40grow:s%3Ae%2Fc%25@db/so%20lar", "db", 5432, "so lar", "sun@grow", "s:e/c%")]
    [InlineData("postgres://sungrow:a:b@db/solar", "db", 5432, "solar", "sungrow", "a:b")]
    [InlineData("postgres://db/solar", "db", 5432, "solar", null, null)]
    [InlineData("postgres://[::1]:5433/solar", "::1", 5433, "solar", null, null)]
    [InlineData("Host=db;Port=5433;Database=solar;Username=sungrow;Password=secret", "db", 5433, "solar", "sungrow", "secret")]
    [InlineData("Server=/var/run/postgresql;Database=solar", "/var/run/postgresql", 5432, "solar", null, null)]
    public void A_url_or_a_list_of_keys_is_understood(
        string text, string host, int port, string database, string? username, string? password)
    {
        Assert.True(DatabaseUrl.TryParse(text, out var read, out var what), what);
        Assert.Equal((host, port, database, username, password), (read.Host, read.Port, read.Database, read.Username, read.Password));
    }

    [Fact]
    public void Parameters_of_a_url_go_by_the_names_of_libpq_or_of_Npgsql()
    {
        Assert.True(DatabaseUrl.TryParse(
            "postgres://db/solar?sslmode=require&connect_timeout=3&application_name=me&Maximum%20Pool%20Size=7",
            out var read, out var what), what);
        Assert.Equal((SslMode.Require, 3, "me", 7), (read.SslMode, read.Timeout, read.ApplicationName, read.MaxPoolSize));
    }

    [Theory]
    [InlineData("", "not set")]
    [InlineData("  ", "not set")]
    [InlineData("mysql://sungrow:secret@db/solar", "not a postgres:// URL")]
    [InlineData("postgres://", "names no host")]
    [InlineData("postgres://sungrow:secret@db:port/solar", "not a postgres:// URL")]
    [InlineData("postgres://sungrow:secret@db", "names no database")]
    [InlineData("postgres:///solar", "names no host")]
    [InlineData("postgres://sungrow:secret@db/solar?sslmode=secret", "a part of it is unknown or malformed")]
    [InlineData("postgres://sungrow:secret@db/solar?nonsense=secret", "a part of it is unknown or malformed")]
    [InlineData("Host=db;Password=secret", "names no database")]
    [InlineData("Database=solar;Password=secret", "names no host")]
    [InlineData("Host=db;Database=solar;Port=secret", "a part of it is unknown or malformed")]
    [InlineData("Host=db;Database=solar;Nonsense=secret", "a part of it is unknown or malformed")]
    [InlineData("Host=db;Database=solar;Maximum Pool Size=1;Password=secret", "allows less than two connections")]
    [InlineData("secret", "a part of it is unknown or malformed")]
    public void Anything_else_is_refused_without_a_word_of_it(string text, string expected)
    {
        Assert.False(DatabaseUrl.TryParse(text, out _, out var what));
        Assert.Equal(expected, what);
    }
}
