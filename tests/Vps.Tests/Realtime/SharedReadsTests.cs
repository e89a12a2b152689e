using System.Collections.Concurrent;
using Sungrow.TestServers;
using Sungrow.Vps.Realtime;
using Xunit;

namespace Sungrow.Vps.Tests.Realtime;

public class SharedReadsTests
{
    private readonly ConcurrentQueue<(string Key, TaskCompletionSource<int> Answer)> _asked = new();
    private readonly SharedReads<int> _reads;

    public SharedReadsTests() => _reads = new(key =>
    {
        TaskCompletionSource<int> answer = new();
        _asked.Enqueue((key, answer));
        return answer.Task;
    });

    [Fact]
    public async Task Who_comes_while_a_read_is_under_way_gets_one_that_began_after_he_came()
    {
        var first = _reads.ReadAsync("a");
        Task<int>[] later = [.. Enumerable.Range(0, 100).Select(_ => _reads.ReadAsync("a"))];
        Assert.Single(_asked);

        (await NextAsync()).SetResult(1);
        Assert.Equal(1, await first);
        var second = await NextAsync();
        Assert.DoesNotContain(later, read => read.IsCompleted);
        var last = _reads.ReadAsync("a");
        second.SetResult(2);

        Assert.All(await Task.WhenAll(later), value => Assert.Equal(2, value));
        (await NextAsync()).SetResult(3);
        Assert.Equal(3, await last);
        Assert.Empty(_asked);
    }

    [Fact]
    public async Task Keys_do_not_wait_for_each_other()
    {
        var one = _reads.ReadAsync("a");
        var other = _reads.ReadAsync("b");
        await NextAsync();

        (await NextAsync()).SetResult(2);

        Assert.Equal(2, await other);
        Assert.False(one.IsCompleted);
    }

    [Fact]
    public async Task A_failure_reaches_all_who_waited_and_nobody_else()
    {
        var first = _reads.ReadAsync("a");
        Task<int>[] later = [_reads.ReadAsync("a"), _reads.ReadAsync("a")];
        (await NextAsync()).SetResult(1);
        (await NextAsync()).SetException(new InvalidOperationException("no"));

        Assert.Equal(1, await first);
        foreach (var read in later)
        {
            await Assert.ThrowsAsync<InvalidOperationException>(() => read);
        }

        var next = _reads.ReadAsync("a");
        (await NextAsync()).SetResult(3);
        Assert.Equal(3, await next);
    }

    private async Task<TaskCompletionSource<int>> NextAsync()
    {
        (string, TaskCompletionSource<int> Answer) asked = default;
        await Until.TrueAsync(() => _asked.TryDequeue(out asked));
        return asked.Answer!;
    }
}
