namespace Sungrow.Vps.Realtime;

/// <summary>One read for all who want the same at the same time. Who comes while one is under way waits for the next, and never joins one
/// that began before he came: what he gets is no older than what a read of his own would have found. Of each key at most one is under
/// way, however many wait. A read belongs to nobody, so that who leaves does not end it for the others; it must end by itself.</summary>
internal sealed class SharedReads<T>(Func<string, Task<T>> read)
{
    private readonly Lock _lock = new();

    // Of the keys that are being read: the read after this one, once somebody waits for it.
    private readonly Dictionary<string, TaskCompletionSource<T>?> _next = new(StringComparer.Ordinal);

    public Task<T> ReadAsync(string key)
    {
        TaskCompletionSource<T> mine;
        lock (_lock)
        {
            if (_next.TryGetValue(key, out var next))
            {
                return (next ?? (_next[key] = New())!).Task;
            }

            _next.Add(key, null);
            mine = New();
        }

        _ = RunAsync(key, mine);
        return mine.Task;
    }

    private static TaskCompletionSource<T> New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task RunAsync(string key, TaskCompletionSource<T>? asked)
    {
        for (; asked is not null; asked = TakeNext(key))
        {
            try
            {
                asked.SetResult(await read(key));
            }
            catch (Exception failure)
            {
                asked.SetException(failure); // Thrown where it is awaited.
            }
        }
    }

    private TaskCompletionSource<T>? TakeNext(string key)
    {
        lock (_lock)
        {
            var next = _next[key];
            if (next is null)
            {
                _next.Remove(key);
            }
            else
            {
                _next[key] = null;
            }

            return next;
        }
    }
}
