using System.Net;
using Sungrow.Vps.Realtime;
using Xunit;

namespace Sungrow.Vps.Tests.Realtime;

public class RedisUrlTests
{
    [Theory]
    [InlineData("redis://cache:6379", "cache", 6379, null, 0)]
    [InlineData("redis://cache", "cache", 6379, null, 0)]
    [InlineData("redis://cache:6380/", "cache", 6380, null, 0)]
    [InlineData("redis://cache:6380/7", "cache", 6380, null, 7)]
    [InlineData("redis://:secret@cache:6379", "cache", 6379, "secret", 0)]
    [InlineData("redis://:a%40b%3A%2F%25@cache:6379/2", "cache", 6379, "a@b:/%", 2)]
    [InlineData("redis://:a:b,c=d@cache:6379", "cache", 6379, "a:b,c=d", 0)]
    [InlineData("redis://:@cache:6379", "cache", 6379, null, 0)]
    [InlineData("REDIS://Cache:6379", "cache", 6379, null, 0)]
    public void A_url_is_understood(string text, string host, int port, string? password, int database)
    {
        Assert.True(RedisUrl.TryParse(text, out var options, out var what), what);

        var endpoint = Assert.IsType<DnsEndPoint>(Assert.Single(options.EndPoints));
        Assert.Equal((host, port, password, database), (endpoint.Host, endpoint.Port, options.Password, options.DefaultDatabase));
    }

    [Theory]
    [InlineData("redis://127.0.0.1:6379", "127.0.0.1")]
    [InlineData("redis://[::1]:6379", "::1")]
    public void A_numeric_address_is_understood(string text, string address)
    {
        Assert.True(RedisUrl.TryParse(text, out var options, out var what), what);

        Assert.Equal(new IPEndPoint(IPAddress.Parse(address), 6379), Assert.Single(options.EndPoints));
    }

    [Theory]
    [InlineData("cache:6379")]
    [InlineData("cache")]
    [InlineData("redis:")]
    [InlineData("redis://")]
    [InlineData("redis://:hunter2@")]
    [InlineData("redis://:hunter2@:6379")]
    [InlineData("redis://:hunter2@cache:port")]
    [InlineData("redis://:hunter2@cache:0")]
    [InlineData("redis://:hunter2@cache:65536")]
    [InlineData("redis://:hunter2@cache:6379/one")]
    [InlineData("redis://:hunter2@cache:6379/-1")]
    [InlineData("redis://:hunter2@cache:6379/99999999999")]
    [InlineData("redis://:hunter2@cache:6379/1/2")]
    [InlineData("redis://:hunter2@cache:6379?ssl=true")]
    [InlineData("redis://:hunter2@cache:6379#1")]
    [InlineData("redis://:hunt#er2@cache:6379")]
    [InlineData("redis://:hunt/er2@cache:6379")]
    [InlineData("redis://admin:hunter2@cache:6379")]
    [InlineData("redis://hunter2@cache:6379")]
    [InlineData("rediss://:hunter2@cache:6379")]
    [InlineData("http://:hunter2@cache:6379")]
    [InlineData("cache:6379,password=hunter2")]
    public void Anything_else_is_refused_with_what_is_allowed_and_without_the_password(string text)
    {
        var result = new RealtimeOptionsValidator().Validate(null, new RealtimeOptions { RedisUrl = text });

        Assert.True(result.Failed);
        Assert.StartsWith("REDIS_URL: ", result.FailureMessage, StringComparison.Ordinal);
        Assert.Contains("redis://[:password@]host:port[/database]", result.FailureMessage, StringComparison.Ordinal);
        Assert.DoesNotContain("hunt", result.FailureMessage, StringComparison.Ordinal);
        Assert.DoesNotContain("er2", result.FailureMessage, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_means_no_cache() => Assert.True(new RealtimeOptionsValidator().Validate(null, new RealtimeOptions()).Succeeded);

    [Theory]
    [InlineData(0)]
    [InlineData(60_000)]
    public void A_time_out_that_would_hold_up_ingest_or_never_let_Redis_answer_is_refused(int milliseconds)
    {
        RealtimeOptions options = new() { RedisTimeout = TimeSpan.FromMilliseconds(milliseconds) };

        var result = new RealtimeOptionsValidator().Validate(null, options);

        Assert.True(result.Failed);
        Assert.StartsWith("Realtime__RedisTimeout is '", result.FailureMessage, StringComparison.Ordinal);
    }
}
