namespace Sungrow.Edge.Tests.Inverter;

/// <summary>Garbage, short frames, stale replies, exceptions, silence and resets, in an order that its seed decides.</summary>
internal static class Chaos
{
    /// <param name="silence">Called when a request stays without an answer.</param>
    public static Func<ScriptedClient, byte[], Task<bool>> Script(RegisterServer server, int seed, Action silence)
    {
        var chaos = new Random(seed);
        byte[]? stale = null;
        return async (client, request) =>
        {
            var good = Frames.Reply(request, server.Words.Read(Frames.Start(request), Frames.Points(request)));
            switch (chaos.Next(24))
            {
                case 0: // Garbage.
                    chaos.NextBytes(good);
                    await client.SendAsync(good);
                    return true;
                case 1: // A short frame, then the end.
                    await client.SendAsync(good[..chaos.Next(good.Length)]);
                    client.Reset();
                    return true;
                case 2: // An earlier reply, alone or in front of the right one.
                    await client.SendAsync([.. stale ?? good, .. chaos.Next(2) == 0 ? good : []]);
                    return true;
                case 3:
                    await client.SendAsync(Frames.Refusal(request, (byte)chaos.Next(1, 12)));
                    return true;
                case 4:
                    silence();
                    return true;
                case 5:
                    client.Reset();
                    return true;
                case 6: // The right reply twice.
                    await client.SendAsync([.. good, .. good]);
                    return true;
                default:
                    stale = good;
                    return false;
            }
        };
    }
}
