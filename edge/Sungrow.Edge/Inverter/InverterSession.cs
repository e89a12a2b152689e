namespace Sungrow.Edge.Inverter;

/// <summary>One connection and who is there. That is forgotten with it: the next one may lead to another inverter.</summary>
internal sealed class InverterSession : IDisposable
{
    // Some firmware is silent for 10 s at a register that it does not like, and then closes: with a longer timeout it closes first.
    private static readonly TimeSpan LongSilence = TimeSpan.FromSeconds(5);

    private readonly ModbusTcpMaster _master;
    private readonly InverterOptions _options;
    private readonly TimeProvider _time;
    private readonly BlockMemory _memory;
    private long? _lastReply;

    private InverterSession(ModbusTcpMaster master, InverterOptions options, BlockMemory memory, TimeProvider time)
    {
        _memory = memory;
        _master = master;
        _options = options;
        _time = time;
    }

    public InverterIdentity Identity { get; private set; } = null!;

    /// <summary>What this connection has shown of a string inverter's meter.</summary>
    public MeterSeen Meter { get; } = new();

    /// <summary>What this connection has shown of the sign of a hybrid's battery power.</summary>
    public BatterySign BatterySign { get; } = new();

    /// <summary>As far as it is known: it sets the pace.</summary>
    public ConnectionPath Path { get; set; }

    public bool IsOpen => _master.IsOpen;

    /// <summary>Connects and identifies.</summary>
    /// <exception cref="ModbusConnectionException">No connection, or nobody we know behind it.</exception>
    public static async Task<InverterSession> OpenAsync(
        InverterDialer dialer, InverterOptions options, BlockMemory memory, TimeProvider time, List<BlockAnswer> answers,
        CancellationToken cancellationToken)
    {
        var session = new InverterSession(await dialer.DialAsync(cancellationToken), options, memory, time);
        try
        {
            session.Identity = await session.IdentifyAsync(answers, cancellationToken);
            memory.Connected(session.Identity.Serial);
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Reads the family's blocks back to back. A refused block is left out of what is returned.</summary>
    /// <param name="answers">Gets one entry per request, also of the one that fails.</param>
    /// <exception cref="ModbusConnectionException">The session is over.</exception>
    public async Task<ServedWords> ReadAsync(List<BlockAnswer> answers, CancellationToken cancellationToken)
    {
        var served = new ServedWords();
        var blocks = Identity.Family == InverterFamily.Hybrid ? HybridMap.Blocks : StringMap.Blocks;
        foreach (var block in blocks)
        {
            // The first one every model has: whatever it answered before, without it there is nothing to wait for.
            var isMain = block == blocks[0];
            if (block == HybridMap.Battery && !HybridReading.HasBattery(served))
            {
                continue;
            }

            if ((isMain || _memory.ShouldAsk(block, Uptime)) && await AskAsync(block, answers, cancellationToken) is { } words)
            {
                served.Add(block, words);
            }
        }

        return served;
    }

    /// <summary>Asks what tells the path, where it can be told.</summary>
    /// <exception cref="ModbusConnectionException">The session is over.</exception>
    public async Task<ConnectionPath> FindPathAsync(List<BlockAnswer> answers, CancellationToken cancellationToken)
    {
        if (!ConnectionPaths.CanBeTold(Identity))
        {
            return ConnectionPath.Unknown;
        }

        await AskAsync(ConnectionPaths.Tell, answers, cancellationToken);
        return ConnectionPaths.From(answers[^1]);
    }

    public void Dispose() => _master.Dispose();

    private async Task<InverterIdentity> IdentifyAsync(List<BlockAnswer> answers, CancellationToken cancellationToken)
    {
        var served = new ServedWords();
        if (await AskAsync(IdentityMap.Id, answers, cancellationToken) is not { } words)
        {
            var refusal = ModbusException.NameOf(answers[^1].Refusal ?? 0);
            throw new ModbusConnectionException(UnreachableReason.NotIdentified, $"it answered '{refusal}' where the serial number is");
        }

        served.Add(IdentityMap.Id, words);
        return InverterIdentity.From(served, words)
            ?? throw new ModbusConnectionException(
                UnreachableReason.NotIdentified, "it serves no device type; a dongle may not be linked yet");
    }

    // Null: refused. "Illegal data address" is a definite answer and is remembered; any other refusal may pass.
    private async Task<ushort[]?> AskAsync(RegisterBlock block, List<BlockAnswer> answers, CancellationToken cancellationToken)
    {
        await KeepGapAsync(cancellationToken);
        var asked = _time.GetTimestamp();
        byte? refusal = null;
        UnreachableReason? failure = null;
        try
        {
            var words = await _master.ReadInputRegistersAsync((byte)_options.UnitId, block.Start, block.Count, cancellationToken);
            _memory.Answered(block);
            return words;
        }
        catch (ModbusException refused)
        {
            refusal = refused.Code;
            if (refused.Code == ModbusException.IllegalDataAddress)
            {
                _memory.Refused(block, Uptime);
            }

            return null;
        }
        catch (ModbusConnectionException broken)
        {
            failure = broken.Reason;
            var waited = _time.GetElapsedTime(asked);
            if (broken.Reason == UnreachableReason.TimedOut || (broken.Reason == UnreachableReason.Closed && waited >= LongSilence))
            {
                _memory.TimedOut(block, Uptime);
            }

            throw;
        }
        finally
        {
            _lastReply = _time.GetTimestamp();
            answers.Add(new(block, _time.GetElapsedTime(asked), refusal, failure));
        }
    }

    private TimeSpan Uptime => _time.GetElapsedTime(startingTimestamp: 0);

    private async Task KeepGapAsync(CancellationToken cancellationToken)
    {
        var gap = _options.RequestGap > TimeSpan.Zero ? _options.RequestGap : ConnectionPaths.Gap(Path, Identity);
        if (_lastReply is { } last && gap - _time.GetElapsedTime(last) is { } rest && rest > TimeSpan.Zero)
        {
            await Task.Delay(rest, _time, cancellationToken);
        }
    }
}
