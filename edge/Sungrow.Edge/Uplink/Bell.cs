namespace Sungrow.Edge.Uplink;

/// <summary>Wakes a lane that has nothing to do. <see cref="Next"/> is taken before looking for work, so that what arrives in between is
/// not slept over.</summary>
internal sealed class Bell(TimeProvider time)
{
    private TaskCompletionSource _next = New();

    public Task Next => Volatile.Read(ref _next).Task;

    public void Ring() => Interlocked.Exchange(ref _next, New()).SetResult();

    /// <summary>Until <paramref name="rung"/>, or <paramref name="atMost"/> has passed.</summary>
    public async Task WaitAsync(Task rung, TimeSpan atMost, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAny(rung, Task.Delay(atMost, time, either.Token));
        await either.CancelAsync();
        cancellationToken.ThrowIfCancellationRequested();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
