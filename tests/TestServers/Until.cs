using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Sungrow.TestServers;

/// <summary>Waits for a condition. The deadline is generous, as only a defect meets it: a slow machine waits longer.</summary>
public static class Until
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    public static Task TrueAsync(
        Func<bool> condition, TimeSpan? deadline = null, CancellationToken cancellationToken = default,
        [CallerArgumentExpression(nameof(condition))] string what = "") =>
        TrueAsync(() => Task.FromResult(condition()), deadline, cancellationToken, what);

    /// <exception cref="TimeoutException">Names <paramref name="what"/>, which is the condition's own text unless given.</exception>
    public static async Task TrueAsync(
        Func<Task<bool>> condition, TimeSpan? deadline = null, CancellationToken cancellationToken = default,
        [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        var started = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            var waited = Stopwatch.GetElapsedTime(started);
            if (waited > (deadline ?? Deadline))
            {
                throw new TimeoutException($"Not so after {waited.TotalSeconds:F0} s: {what}");
            }

            await Task.Delay(Poll, TimeProvider.System, cancellationToken);
        }
    }
}
