using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;

namespace Sungrow.Vps.Devices;

/// <param name="Limit">Which one, as the answer names it.</param>
/// <param name="RetryAfter">When the same request can pass.</param>
internal sealed record RateRefusal(string Limit, TimeSpan RetryAfter);

/// <summary>Who asks how often. What a device may is its own, taken from after authentication: nobody without its token can drain it.
/// Failed authentication is counted by address, and never against a token.</summary>
internal sealed class RateLimits(IOptions<LimitsOptions> options, TimeProvider time)
{
    public const string Samples = "samples";
    public const string Requests = "requests";
    public const string FailedAuthentication = "failed_authentication";

    /// <summary>Up to here a batch is a live one: it costs one request and no samples, so that a backlog never starves it.</summary>
    public const int LargestLiveBatch = 10;

    // Some 200 bytes each. Who is forgotten beyond that begins with a full bucket.
    private const int MostBuckets = 100_000;

    private readonly TokenBuckets<string>? _samples =
        Buckets<string>(options.Value.SamplesPerSecond, options.Value.BurstSamples, time);

    private readonly TokenBuckets<string>? _requests =
        Buckets<string>(options.Value.RequestsPerSecond, options.Value.BurstRequests, time);

    private readonly TokenBuckets<Origin>? _failures =
        Buckets<Origin>(options.Value.FailedAuthPerMinute / 60, options.Value.FailedAuthPerMinute, time);

    /// <summary>Takes one request of an authenticated device from its bucket.</summary>
    /// <param name="samples">In its batch; 0 for a request that carries none.</param>
    /// <returns>Null when it may pass.</returns>
    public RateRefusal? Take(string deviceId, int samples) =>
        samples <= LargestLiveBatch
            ? Refusal(Requests, _requests?.TryTake(deviceId, 1))
            : Refusal(Samples, _samples?.TryTake(deviceId, samples));

    /// <summary>Takes one failure before it has happened, so that many at once cannot all pass; given back when it was none.</summary>
    public RateRefusal? TakeFailure(IPAddress? address) => Refusal(FailedAuthentication, _failures?.TryTake(Origin.Of(address), 1));

    public void GiveBackFailure(IPAddress? address) => _failures?.GiveBack(Origin.Of(address), 1);

    /// <summary>Forgets what has refilled.</summary>
    public void RemoveFull()
    {
        _samples?.RemoveFull();
        _requests?.RemoveFull();
        _failures?.RemoveFull();
    }

    private static RateRefusal? Refusal(string limit, TimeSpan? wait) => wait is { } after ? new(limit, after) : null;

    private static TokenBuckets<TKey>? Buckets<TKey>(double perSecond, double burst, TimeProvider time) where TKey : notnull =>
        perSecond > 0 && burst > 0 ? new(perSecond, burst, MostBuckets, time) : null;
}

/// <summary>Where a request comes from: an IPv4 address, or the /64 of an IPv6 address, as whoever has one of them has them all.</summary>
internal readonly record struct Origin(ulong Prefix, AddressFamily Family)
{
    /// <param name="address">None for a request over a Unix socket.</param>
    public static Origin Of(IPAddress? address)
    {
        if (address is null)
        {
            return default;
        }

        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        Span<byte> bytes = stackalloc byte[16];
        plain.TryWriteBytes(bytes, out _);
        return new(BinaryPrimitives.ReadUInt64BigEndian(bytes), plain.AddressFamily);
    }
}
