namespace Sungrow.Edge.Tests.Inverter;

/// <summary>An inverter on loopback that serves <see cref="Words"/>, refuses what it is told to, and otherwise follows a script.</summary>
internal sealed class RegisterServer : IAsyncDisposable
{
    private readonly ScriptedServer _server;

    public RegisterServer(Words words, int port = 0)
    {
        Words = words;
        _server = new(ServeAsync, port);
    }

    public Words Words { get; set; }

    /// <summary>Wire address of a block's start, and the exception code it is answered with.</summary>
    public Dictionary<int, byte> Refuse { get; } = [];

    /// <summary>Called before a request is answered; true: the script has dealt with it.</summary>
    public Func<ScriptedClient, byte[], Task<bool>>? Script { get; set; }

    /// <summary>The only unit that answers.</summary>
    public byte Unit { get; init; } = 1;

    public int Port => _server.Port;

    public int Connections => _server.Connections;

    /// <summary>Start addresses asked for so far, then forgotten.</summary>
    public int[] TakeAsked()
    {
        List<int> asked = [];
        while (_server.Requests.TryDequeue(out var request))
        {
            asked.Add(Frames.Start(request));
        }

        return [.. asked];
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task ServeAsync(ScriptedClient client)
    {
        while (true)
        {
            var request = await client.RequestAsync();
            var start = Frames.Start(request);
            if (request[6] != Unit || (Script is { } script && await script(client, request)))
            {
                continue;
            }

            await client.SendAsync(Refuse.TryGetValue(start, out var code)
                ? Frames.Refusal(request, code)
                : Frames.Reply(request, Words.Read(start, Frames.Points(request))));
        }
    }
}
