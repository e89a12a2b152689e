using System.Net;

namespace Sungrow.Vps.Devices;

/// <summary>Who was found; or what refused to look.</summary>
internal readonly record struct Authenticated<T>(T? Caller, RateRefusal? Refusal) where T : class;

/// <summary>What a look-up in the registry costs whoever is nobody yet: a failure of his address, taken before it and given back when the
/// token was good, or the look-up failed. An address without any is refused before the registry is asked; a token that is known (see <see cref="KnownTokens"/>)
/// passes from there all the same. Cached tokens never come here.</summary>
internal sealed class TokenGate(RateLimits limits, VpsMetrics metrics)
{
    /// <param name="known">Worth a look-up from anywhere.</param>
    /// <param name="isGood">Whether what was found lets the caller in; where not, it counts as a failure.</param>
    public async ValueTask<Authenticated<T>> AskAsync<T>(IPAddress? from, bool known, Func<ValueTask<T?>> lookUp, Predicate<T?> isGood)
        where T : class
    {
        if (!known && limits.TakeFailure(from) is { } refusal)
        {
            return new(null, refusal);
        }

        var isNone = false; // Nor does he get it back who does not wait: his look-up goes on all the same.
        try
        {
            var found = await lookUp();
            isNone = isGood(found);
            if (!isNone)
            {
                metrics.AuthenticationFailed();
                if (known)
                {
                    limits.TakeFailure(from);
                }
            }

            return new(found, null);
        }
        catch (Exception ours) when (ours is not OperationCanceledException)
        {
            isNone = true; // A database that does not answer says nothing of the token.
            throw;
        }
        finally
        {
            if (isNone && !known)
            {
                limits.GiveBackFailure(from);
            }
        }
    }
}
