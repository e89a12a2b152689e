using System.Net;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using Sungrow.Protocol;

namespace Sungrow.Vps.Devices;

/// <summary>Whose token a request carries, on device routes; <c>context.Device()</c>.</summary>
internal sealed record AuthenticatedDevice(
    string DeviceId, string Tenant, string Site, string TimeZone, bool Revoked, double PollIntervalS);

/// <summary>Who reads, on viewer routes; <c>context.Viewer()</c>.</summary>
/// <param name="Fleet">Also what other VPSs push to this one.</param>
internal sealed record AuthenticatedViewer(IReadOnlySet<string> Devices, bool Fleet = false)
{
    /// <summary>False also for a device that does not exist: both get the same answer.</summary>
    public bool MaySee(string deviceId) => Devices.Contains(deviceId);
}

/// <summary>Who calls. The refusals come before anything of the request's body is read.</summary>
internal static class Authentication
{
    private const string Scheme = "Bearer ";

    public static AuthenticatedDevice Device(this HttpContext context) => context.Features.GetRequiredFeature<AuthenticatedDevice>();

    public static AuthenticatedViewer Viewer(this HttpContext context) => context.Features.GetRequiredFeature<AuthenticatedViewer>();

    /// <summary>Only with a device's token; a revoked device is refused.</summary>
    public static TBuilder RequireDevice<TBuilder>(this TBuilder routes) where TBuilder : IEndpointConventionBuilder =>
        routes.Require(services => new DeviceGate(services.GetRequiredService<DeviceAuth>()))
            .WithMetadata(Refusal(401), Refusal(403), Refusal(429));

    /// <summary>Only with a viewer's token, or a session that one was traded for.</summary>
    public static TBuilder RequireViewer<TBuilder>(this TBuilder routes) where TBuilder : IEndpointConventionBuilder =>
        routes.Require(services => new ViewerGate(services.GetRequiredService<ViewerAuth>()))
            .WithMetadata(Refusal(401), Refusal(403), Refusal(429));

    /// <summary>Before the route binds or reads anything. Not an endpoint filter: that comes after the parameters are bound, and awaits
    /// every answer twice more.</summary>
    public static TBuilder Require<TBuilder>(this TBuilder routes, Func<IServiceProvider, IMiddleware> create)
        where TBuilder : IEndpointConventionBuilder
    {
        routes.Add(route =>
        {
            var (gate, answer) = (create(route.ApplicationServices), route.RequestDelegate!);
            route.RequestDelegate = context => gate.InvokeAsync(context, answer);
        });
        return routes;
    }

    private static ProducesResponseTypeMetadata Refusal(int status) => new(status, typeof(Problem), [Problem.ContentType]);

    /// <summary>The token of <c>Authorization: Bearer ..</c>; null without one.</summary>
    public static string? BearerToken(HttpRequest request)
    {
        StringValues header = request.Headers.Authorization;
        return header.Count == 1 && header[0] is { } value && value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && value[Scheme.Length..].Trim() is { Length: > 0 } token
            ? token
            : null;
    }

    private static ProblemResult Missing(HttpContext context)
    {
        context.Response.Headers.WWWAuthenticate = "Bearer";
        return Problems.Of(
            StatusCodes.Status401Unauthorized, ErrorCodes.TokenMissing, "This route needs the header Authorization: Bearer, and a token.");
    }

    private static ProblemResult Invalid(HttpContext context)
    {
        context.Response.Headers.WWWAuthenticate = "Bearer error=\"invalid_token\"";
        return Problems.Of(
            StatusCodes.Status401Unauthorized, ErrorCodes.TokenInvalid, "The token is unknown, expired, revoked or of another kind.");
    }

    /// <summary>Of a token that is not good, or that was not looked at.</summary>
    public static ProblemResult Refuse(HttpContext context, RateRefusal? refusal) =>
        refusal is null ? Invalid(context) : Problems.RateLimited(context, refusal);

    private sealed class DeviceGate(DeviceAuth devices) : IMiddleware
    {
        public Task InvokeAsync(HttpContext context, RequestDelegate next)
        {
            if (BearerToken(context.Request) is not { } token)
            {
                return Missing(context).ExecuteAsync(context);
            }

            var found = devices.FindAsync(token, context);
            return found.IsCompletedSuccessfully ? LetInAsync(context, next, found.Result) : LetInAsync(context, next, found);
        }

        private static async Task LetInAsync(
            HttpContext context, RequestDelegate next, ValueTask<Authenticated<AuthenticatedDevice>> found) =>
            await LetInAsync(context, next, await found);

        private static Task LetInAsync(HttpContext context, RequestDelegate next, Authenticated<AuthenticatedDevice> found)
        {
            if (found.Caller is not { } device)
            {
                return Refuse(context, found.Refusal).ExecuteAsync(context);
            }

            if (device.Revoked)
            {
                return Problems.Of(StatusCodes.Status403Forbidden, ErrorCodes.DeviceRevoked, $"The device {device.DeviceId} is revoked.")
                    .ExecuteAsync(context);
            }

            context.Features.Set(device);
            return next(context);
        }
    }

    private sealed class ViewerGate(ViewerAuth viewers) : IMiddleware
    {
        public async Task InvokeAsync(HttpContext context, RequestDelegate next)
        {
            // Who shows a token means it; the cookie comes with every request of its browser.
            var token = BearerToken(context.Request);
            var session = token is null && context.Request.Headers.Authorization.Count == 0 ? SessionEndpoints.IdOf(context.Request) : null;
            if ((token ?? session) is not { } shown)
            {
                await Missing(context).ExecuteAsync(context);
                return;
            }

            var (caller, refusal) = session is null
                ? await viewers.FindAsync(shown, context.Connection.RemoteIpAddress, context.RequestAborted)
                : await viewers.FindSessionAsync(shown, context.Connection.RemoteIpAddress, context.RequestAborted);
            if (caller is not { } viewer)
            {
                if (session is not null && refusal is null)
                {
                    SessionEndpoints.Forget(context.Response);
                }

                await Refuse(context, refusal).ExecuteAsync(context);
                return;
            }

            context.Features.Set(viewer);
            await next(context);
        }
    }
}

/// <summary>The device of a token: the environment's first, then those we issued.</summary>
internal sealed class DeviceAuth(
    IOptions<DevicesOptions> options, DeviceAuthCache cache, KnownTokens known, TokenGate gate, DeviceRegistry registry, TimeProvider time)
{
    private readonly EnvironmentTokens _environment = EnvironmentTokens.Parse(options.Value.DeviceTokens, oneDevicePerToken: true);

    /// <returns>No caller for a token that is not good; a revoked device is found, and says so.</returns>
    public ValueTask<Authenticated<AuthenticatedDevice>> FindAsync(string token, HttpContext context)
    {
        var digest = Tokens.Digest(token);
        return cache.Get(digest) is { } cached ? new(new Authenticated<AuthenticatedDevice>(cached.Device, null))
            : LookUpAsync(token, digest, context.Connection.RemoteIpAddress, context.RequestAborted);
    }

    private async ValueTask<Authenticated<AuthenticatedDevice>> LookUpAsync(
        string token, byte[] digest, IPAddress? from, CancellationToken cancellationToken)
    {
        var fromEnvironment = _environment.Find(digest)?.Single();
        var found = await gate.AskAsync(
            from,
            fromEnvironment is not null || known.Contains(TokenKind.Device, digest),
            async () => fromEnvironment is not null
                    ? await AskAsync(() => registry.FindEnvironmentDeviceAsync(fromEnvironment, CancellationToken.None))
                : Tokens.IsWellFormed(token) ? await AskAsync(() => registry.FindByTokenAsync(digest, CancellationToken.None))
                : null, // Not worth a look-up.
            isGood: device => device is not null);
        if (found is { Caller: null, Refusal: null })
        {
            known.Forget(TokenKind.Device, digest);
        }

        return found;

        async Task<AuthenticatedDevice?> AskAsync(Func<Task<RegisteredDevice?>> ask) =>
            (await cache.AskAsync(digest, ask, cancellationToken))?.Device;
    }

    /// <summary>The device that a route names. The caller asks what it finds whether it accepts the token: one that is not accepted, or
    /// names no device, has been counted as a failure of its address.</summary>
    public async ValueTask<Authenticated<RegisteredDevice>> FindAsync(
        string tenant, string deviceId, string? token, IPAddress? from, CancellationToken cancellationToken)
    {
        var digest = token is null ? null : Tokens.Digest(token);
        if (cache.Get(tenant, deviceId) is { } cached && IsGood(cached))
        {
            return new(cached, null);
        }

        var found = await gate.AskAsync(
            from,
            digest is not null && (_environment.Find(digest)?.Contains(deviceId) is true || known.Contains(TokenKind.Device, digest)),
            async () => await cache.AskAsync(
                tenant, deviceId, digest, () => registry.FindByNameAsync(tenant, deviceId, CancellationToken.None), cancellationToken),
            IsGood);
        if (digest is not null && found.Refusal is null && !IsGood(found.Caller))
        {
            known.Forget(TokenKind.Device, digest);
        }

        return found;

        bool IsGood(RegisteredDevice? device) => device is not null && (digest is null || device.Accepts(digest, time.GetUtcNow()));
    }
}

/// <summary>The viewer of a token: the environment's first, then those we issued.</summary>
internal sealed class ViewerAuth(
    IOptions<DevicesOptions> options, ViewerAuthCache cache, KnownTokens known, TokenGate gate, DeviceRegistry registry,
    ViewerSessions sessions)
{
    private readonly EnvironmentTokens _environment = EnvironmentTokens.Parse(options.Value.ViewerTokens, oneDevicePerToken: false);

    public async ValueTask<Authenticated<AuthenticatedViewer>> FindAsync(
        string token, IPAddress? from, CancellationToken cancellationToken)
    {
        var digest = Tokens.Digest(token);
        if (_environment.Find(digest) is { } devices)
        {
            return new(new AuthenticatedViewer(devices), null);
        }

        return await LookUpAsync(
            TokenKind.Viewer, digest, from,
            () => Tokens.IsWellFormed(token) ? registry.FindViewerAsync(digest, cancellationToken) : Task.FromResult<GoodViewer?>(null));
    }

    /// <param name="id">As the cookie holds it.</param>
    public ValueTask<Authenticated<AuthenticatedViewer>> FindSessionAsync(string id, IPAddress? from, CancellationToken cancellationToken)
    {
        var digest = Tokens.Digest(id);
        return LookUpAsync(
            TokenKind.Session, digest, from, () => sessions.FindAsync(digest, token => _environment.Find(token), cancellationToken));
    }

    private async ValueTask<Authenticated<AuthenticatedViewer>> LookUpAsync(
        TokenKind kind, byte[] digest, IPAddress? from, Func<Task<GoodViewer?>> ask)
    {
        if (cache.Get(digest) is { } cached)
        {
            return new(cached, null);
        }

        var found = await gate.AskAsync(
            from, known.Contains(kind, digest), () => cache.AskAsync(digest, ask), isGood: viewer => viewer is not null);
        if (found is { Caller: null, Refusal: null })
        {
            known.Forget(kind, digest);
        }

        return found;
    }
}
