namespace Sungrow.Vps.Realtime;

/// <summary>The lease, as Redis executes it: each script is one step that nothing else comes between.
/// A value is believed only if it begins with the current generation, so that one SET disowns every value at once. A reader that found
/// nothing may fill only while the nonce it was given still stands; whoever writes to the database changes the nonce afterwards. The nonce
/// stands beside the value, at its key and <c>:lease</c>, which the scripts name themselves: one Redis, and no cluster of them. Keys of
/// another type, or too long to be ours, are as good as missing, and are overwritten.</summary>
internal static class RealtimeScripts
{
    // A nonce and a generation are 32 characters, a value below 400 bytes.
    private const string Text = """
        local function text(key)
          local length = redis.pcall('STRLEN', key)
          if type(length) == 'number' and length > 0 and length <= 4096 then return redis.call('GET', key) end
          return nil
        end

        """;

    /// <summary>KEYS: value, generation. ARGV: a new random text, the lease's milliseconds.
    /// Returns one element, the value, or two: generation and nonce.</summary>
    public const string Read = Text + """
        local generation = text(KEYS[2])
        if not generation then
          generation = ARGV[1]
          redis.call('SET', KEYS[2], generation)
        end
        local value = text(KEYS[1])
        if value and string.sub(value, 1, #generation) == generation then return {string.sub(value, #generation + 1)} end
        local lease = KEYS[1] .. ':lease'
        local nonce = text(lease)
        if not nonce then
          nonce = ARGV[1]
          redis.call('SET', lease, nonce, 'PX', ARGV[2])
        end
        return {generation, nonce}
        """;

    /// <summary>KEYS: value. ARGV: the generation and nonce that the read gave, the value, its milliseconds.</summary>
    public const string Fill = Text + """
        if text(KEYS[1] .. ':lease') ~= ARGV[2] then return 0 end
        redis.call('SET', KEYS[1], ARGV[1] .. ARGV[3], 'PX', ARGV[4])
        return 1
        """;

    /// <summary>KEYS: the value of each device. ARGV: a new random text, the leases' milliseconds. Most devices are watched by nobody and
    /// have neither value nor lease. Who listens to a device, on a channel named as its value, is told when all is done; where that is
    /// forbidden, he looks by himself.</summary>
    public const string Invalidate = """
        local leases = {}
        for i = 1, #KEYS do leases[i] = KEYS[i] .. ':lease' end
        if redis.call('EXISTS', unpack(KEYS)) + redis.call('EXISTS', unpack(leases)) > 0 then
          redis.call('DEL', unpack(KEYS))
          for i = 1, #leases do redis.call('SET', leases[i], ARGV[1], 'XX', 'PX', ARGV[2]) end
        end
        local listeners = redis.pcall('PUBSUB', 'NUMSUB', unpack(KEYS))
        for i = 1, #listeners, 2 do
          if listeners[i + 1] > 0 then redis.pcall('PUBLISH', listeners[i], '') end
        end
        return 1
        """;

    /// <summary>KEYS: generation. ARGV: a new random text.</summary>
    public const string NewGeneration = """
        redis.call('SET', KEYS[1], ARGV[1])
        return 1
        """;
}
