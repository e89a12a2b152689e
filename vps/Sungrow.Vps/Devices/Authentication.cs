using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using Sungrow.Protocol;

namespace Sungrow.Vps.Devices;

/// <summary>Whose token a request carries, on device routes; <c>context.Device()</c>.</summary>
internal sealed record AuthenticatedDevice(
    string DeviceId, string Tenant, string Site, string TimeZone, bool Revoked, double PollIntervalS);

/// <summary>Who reads, on viewer routes; <c>context.Viewer()</c>.</summary>
internal sealed record AuthenticatedViewer(IReadOnlySet<string> Devices)
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
        routes.AddEndpointFilter<TBuilder, DeviceFilter>().WithMetadata(Refusal(401), Refusal(403));

    /// <summary>Only with a viewer's token.</summary>
    public static TBuilder RequireViewer<TBuilder>(this TBuilder routes) where TBuilder : IEndpointConventionBuilder =>
        routes.AddEndpointFilter<TBuilder, ViewerFilter>().WithMetadata(Refusal(401), Refusal(403));

    private static ProducesResponseTypeMetadata Refusal(int status) => new(status, typeof(Problem), [Problem.ContentType]);

    /// <summary>The token of <c>Authorization: Bearer ..</c>; null without one.</summary>
    private static string? BearerToken(HttpRequest request)
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

    private sealed class DeviceFilter(DeviceAuth devices) : IEndpointFilter
    {
        public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
        {
            var http = context.HttpContext;
            if (BearerToken(http.Request) is not { } token)
            {
                return Missing(http);
            }

            if (await devices.FindAsync(token, http.RequestAborted) is not { } device)
            {
                return Invalid(http);
            }

            if (device.Revoked)
            {
                return Problems.Of(StatusCodes.Status403Forbidden, ErrorCodes.DeviceRevoked, $"The device {device.DeviceId} is revoked.");
            }

            http.Features.Set(device);
            return await next(context);
        }
    }

    private sealed class ViewerFilter(ViewerAuth viewers) : IEndpointFilter
    {
        public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
        {
            var http = context.HttpContext;
            if (BearerToken(http.Request) is not { } token)
            {
                return Missing(http);
            }

            if (await viewers.FindAsync(token, http.RequestAborted) is not { } viewer)
            {
                return Invalid(http);
            }

            http.Features.Set(viewer);
            return await next(context);
        }
    }
}

/// <summary>The device of a token: the environment's first, then those we issued.</summary>
internal sealed class DeviceAuth(IOptions<DevicesOptions> options, DeviceAuthCache cache, DeviceRegistry registry)
{
    private readonly EnvironmentTokens _environment = EnvironmentTokens.Parse(options.Value.DeviceTokens, oneDevicePerToken: true);

    /// <returns>Null for a token that is not good; a revoked device is found, and says so.</returns>
    public async ValueTask<AuthenticatedDevice?> FindAsync(string token, CancellationToken cancellationToken)
    {
        var digest = Tokens.Digest(token);
        var fromEnvironment = _environment.Find(digest)?.Single();
        if (fromEnvironment is null && !Tokens.IsWellFormed(token))
        {
            return null; // Not worth a look-up.
        }

        if (cache.Get(digest) is { } known)
        {
            return known;
        }

        var device = fromEnvironment is null
            ? await registry.FindByTokenAsync(digest, cancellationToken)
            : await registry.FindEnvironmentDeviceAsync(fromEnvironment, cancellationToken);
        if (device is not null)
        {
            cache.Put(digest, device);
        }

        return device;
    }
}

/// <summary>The viewer of a token: the environment's first, then those we issued.</summary>
internal sealed class ViewerAuth(IOptions<DevicesOptions> options, DeviceRegistry registry)
{
    private readonly EnvironmentTokens _environment = EnvironmentTokens.Parse(options.Value.ViewerTokens, oneDevicePerToken: false);

    public async ValueTask<AuthenticatedViewer?> FindAsync(string token, CancellationToken cancellationToken)
    {
        var digest = Tokens.Digest(token);
        return _environment.Find(digest) is { } devices ? new AuthenticatedViewer(devices)
            : Tokens.IsWellFormed(token) ? await registry.FindViewerAsync(digest, cancellationToken)
            : null;
    }
}
