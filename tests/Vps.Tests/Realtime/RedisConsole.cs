using StackExchange.Redis;
using Sungrow.TestServers;

namespace Sungrow.Vps.Tests.Realtime;

/// <summary>What an operator, or another program in the same Redis, does to our keys.</summary>
internal sealed class RedisConsole : IAsyncDisposable
{
    private readonly ConnectionMultiplexer _connection;
    private readonly string _address;

    private RedisConsole(ConnectionMultiplexer connection, string address)
    {
        _connection = connection;
        _address = address;
    }

    private IDatabase Database => _connection.GetDatabase();

    private IServer Server => _connection.GetServer(_address);

    public static RedisConsole Open(RedisServer redis)
    {
        var address = $"127.0.0.1:{redis.Port}";
        return new RedisConsole(ConnectionMultiplexer.Connect(address + ",allowAdmin=true"), address);
    }

    public Task FlushAsync() => Server.FlushAllDatabasesAsync();

    public Task ForgetScriptsAsync() => Server.ScriptFlushAsync();

    public Task SetAsync(string key, string value) => Database.StringSetAsync(key, value);

    public async Task<string?> GetAsync(string key) => await Database.StringGetAsync(key);

    public Task<TimeSpan?> LifeOfAsync(string key) => Database.KeyTimeToLiveAsync(key);

    public Task MakeListAsync(string key) => Database.ListRightPushAsync(key, "x");

    public Task MakeHashAsync(string key) => Database.HashIncrementAsync(key, "x");

    public Task<long> SubscribersAsync(string channel) => Server.SubscriptionSubscriberCountAsync(channel);

    public ValueTask DisposeAsync()
    {
        _connection.Dispose();
        return ValueTask.CompletedTask;
    }
}
