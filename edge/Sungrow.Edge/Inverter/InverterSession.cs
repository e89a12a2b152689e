namespace Sungrow.Edge.Inverter;

/// <summary>One connection and what was learnt on it: who is there, and which blocks it does not serve. All of it is forgotten with the
/// connection: the next one may lead to another inverter, or to the same with new firmware.</summary>
internal sealed class InverterSession : IDisposable
{
    private readonly ModbusTcpMaster _master;
    private readonly InverterOptions _options;
    private readonly TimeProvider _time;
    private readonly HashSet<RegisterBlock> _refused = [];
    private long? _lastReply;

    private InverterSession(ModbusTcpMaster master, InverterOptions options, TimeProvider time)
    {
        _master = master;
        _options = options;
        _time = time;
    }

    public InverterIdentity Identity { get; private set; } = null!;

    public bool IsOpen => _master.IsOpen;

    /// <summary>Connects and identifies.</summary>
    /// <exception cref="ModbusConnectionException">No connection, or nobody we know behind it.</exception>
    public static async Task<InverterSession> OpenAsync(
        InverterDialer dialer, InverterOptions options, TimeProvider time, List<BlockAnswer> answers, CancellationToken cancellationToken)
    {
        var session = new InverterSession(await dialer.DialAsync(cancellationToken), options, time);
        try
        {
            session.Identity = await session.IdentifyAsync(answers, cancellationToken);
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
        foreach (var block in Identity.Family == InverterFamily.Hybrid ? HybridMap.Blocks : StringMap.Blocks)
        {
            if (!_refused.Contains(block) && await AskAsync(block, answers, cancellationToken) is { } words)
            {
                served.Add(block, words);
            }
        }

        return served;
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

    // Null: refused. "Illegal data address" is a definite answer and is not asked for again; any other refusal may pass.
    private async Task<ushort[]?> AskAsync(RegisterBlock block, List<BlockAnswer> answers, CancellationToken cancellationToken)
    {
        await KeepGapAsync(cancellationToken);
        var asked = _time.GetTimestamp();
        byte? refusal = null;
        UnreachableReason? failure = null;
        try
        {
            return await _master.ReadInputRegistersAsync((byte)_options.UnitId, block.Start, block.Count, cancellationToken);
        }
        catch (ModbusException refused)
        {
            refusal = refused.Code;
            if (refused.Code == ModbusException.IllegalDataAddress)
            {
                _refused.Add(block);
            }

            return null;
        }
        catch (ModbusConnectionException broken)
        {
            failure = broken.Reason;
            throw;
        }
        finally
        {
            _lastReply = _time.GetTimestamp();
            answers.Add(new(block, _time.GetElapsedTime(asked), refusal, failure));
        }
    }

    private async Task KeepGapAsync(CancellationToken cancellationToken)
    {
        if (_lastReply is { } last && _options.RequestGap - _time.GetElapsedTime(last) is { } rest && rest > TimeSpan.Zero)
        {
            await Task.Delay(rest, _time, cancellationToken);
        }
    }
}
