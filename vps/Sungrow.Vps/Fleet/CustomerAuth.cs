using System.Net;
using System.Security.Cryptography;
using Npgsql;
using Sungrow.Protocol;
using Sungrow.Vps.Devices;
using Sungrow.Vps.Storage;

namespace Sungrow.Vps.Fleet;

/// <summary>Whose VPS pushes; <c>context.Features</c> on fleet routes.</summary>
internal sealed record AuthenticatedCustomer(string CustomerId);

/// <summary>The customer of a token, through the cache of the devices: one size, one set of figures, one way to forget.</summary>
internal sealed class CustomerAuth(DeviceAuthCache cache, KnownTokens known, TokenGate gate, Database database)
{
    /// <summary>In the cache, where a device's tenant stands; no tenant has such a name.</summary>
    public const string Tenant = "~customers";

    public async ValueTask<Authenticated<AuthenticatedCustomer>> FindAsync(
        string token, IPAddress? from, CancellationToken cancellationToken)
    {
        var digest = Tokens.Digest(token);
        // A digest of the digest: no route of devices finds a customer by it, whatever header the token came in.
        var key = SHA256.HashData(digest);
        if (cache.Get(key) is { } cached)
        {
            return new(new(cached.Device.DeviceId), null);
        }

        var found = await gate.AskAsync(
            from,
            known.Contains(TokenKind.Customer, digest),
            async () => Tokens.IsWellFormed(token)
                ? await cache.AskAsync(key, () => FindAsync(digest), cancellationToken)
                : null,
            isGood: customer => customer is not null);
        if (found is { Caller: null, Refusal: null })
        {
            known.Forget(TokenKind.Customer, digest);
        }

        return new(found.Caller is { } customer ? new(customer.Device.DeviceId) : null, found.Refusal);
    }

    private async Task<RegisteredDevice?> FindAsync(byte[] digest)
    {
        await using var connection = await database.ConnectAsync(CancellationToken.None);
        await using var command = new NpgsqlCommand(
            """
            SELECT customer_id, digest, CASE WHEN old_not_after > now() THEN old_digest END, old_not_after FROM fleet.customers
            WHERE status = 'ACTIVE' AND (digest = $1 OR (old_digest = $1 AND old_not_after > now()))
            """,
            connection)
        {
            Parameters = { new() { Value = digest } },
        };
        await using var row = await command.ExecuteReaderAsync(CancellationToken.None);
        if (!await row.ReadAsync(CancellationToken.None))
        {
            return null;
        }

        List<GoodToken> tokens = [new(SHA256.HashData(row.GetFieldValue<byte[]>(1)), NotAfter: null)];
        if (!row.IsDBNull(2))
        {
            tokens.Add(new(SHA256.HashData(row.GetFieldValue<byte[]>(2)), row.GetFieldValue<DateTimeOffset>(3)));
        }

        return new(new(row.GetString(0), Tenant, Site: "", TimeZone: "UTC", Revoked: false, PollIntervalS: 0), [.. tokens]);
    }
}

/// <summary>Only with a customer's token; before anything of the body is read.</summary>
internal sealed class CustomerGate(CustomerAuth customers) : IMiddleware
{
    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        var header = context.Request.Headers[BatchTypes.CustomerHeader];
        if (header.Count != 1 || string.IsNullOrWhiteSpace(header[0]))
        {
            await Invalid().ExecuteAsync(context);
            return;
        }

        var (customer, refusal) = await customers.FindAsync(header[0]!.Trim(), context.Connection.RemoteIpAddress, context.RequestAborted);
        if (customer is null)
        {
            await (refusal is null ? Invalid() : Problems.RateLimited(context, refusal)).ExecuteAsync(context);
            return;
        }

        context.Features.Set(customer);
        await next(context);
    }

    private static ProblemResult Invalid() => Problems.Of(
        StatusCodes.Status401Unauthorized, ErrorCodes.CustomerTokenInvalid,
        $"This route needs the header {BatchTypes.CustomerHeader}, with the token of a customer; this one is missing, unknown, expired or revoked.");
}
