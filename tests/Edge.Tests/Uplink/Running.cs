using Microsoft.Extensions.Hosting;
using Xunit;

namespace Sungrow.Edge.Tests.Uplink;

/// <summary>A loop that runs until disposed, and must not have broken by then.</summary>
internal sealed class Running : IAsyncDisposable
{
    private readonly BackgroundService _loop;
    private readonly IDisposable _api;

    private Running(BackgroundService loop, IDisposable api)
    {
        _loop = loop;
        _api = api;
    }

    public static Running Start(BackgroundService loop, IDisposable api)
    {
        Assert.True(loop.StartAsync(TestContext.Current.CancellationToken).IsCompletedSuccessfully);
        return new(loop, api);
    }

    public async ValueTask DisposeAsync()
    {
        await _loop.StopAsync(TestContext.Current.CancellationToken);
        Assert.False(_loop.ExecuteTask!.IsFaulted, _loop.ExecuteTask.Exception?.ToString());
        _loop.Dispose();
        _api.Dispose();
    }
}
