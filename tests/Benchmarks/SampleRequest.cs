using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Sungrow.Protocol;

namespace Sungrow.Benchmarks;

/// <summary>The bytes of one device's request, made once; only times and numbers are written anew for each send, as a load generator shares
/// its processors with what it measures.</summary>
internal sealed class SampleRequest
{
    private const long FirstSeq = 1_000_000_000;

    // 2026-11-21T04:37:26.123000Z, of which the time of day is written anew.
    private const int TimeOfDay = 11;

    private readonly byte[] _bytes;
    private readonly int[] _times;
    private readonly int[] _numbers;

    public SampleRequest(string deviceId, string token, int rows)
    {
        Rows = rows;
        SungrowSample[] samples = [.. Enumerable.Range(0, rows).Select(i => Sample(deviceId, i))];
        var body = JsonSerializer.SerializeToUtf8Bytes(new IngestBatch(Guid.NewGuid(), samples), ProtocolJson.Default.IngestBatch);
        var head = Encoding.ASCII.GetBytes(
            $"POST /v1/ingest HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
            + $"Content-Length: {body.Length}\r\n\r\n");
        _bytes = [.. head, .. body];
        _times = Find("\"ts\":\""u8, TimeOfDay);
        _numbers = Find("\"seq\":"u8, 0);
    }

    public int Rows { get; }

    /// <summary>Times are this and the milliseconds after it: yesterday.</summary>
    public static DateTimeOffset Day { get; } = new(TimeProvider.System.GetUtcNow().UtcDateTime.Date.AddDays(-1), TimeSpan.Zero);

    public static SungrowSample Sample(string deviceId, long number) => new()
    {
        DeviceId = deviceId,
        // Written with six decimals, the last of which is never 0.
        Ts = Day.AddMilliseconds(number).AddMicroseconds(1),
        PvPowerW = 4200.5 + (number % 1000),
        PvDailyKwh = 12.25,
        BatteryPowerW = -1500.25,
        BatterySocPct = 62.5,
        BatteryTempC = 24.1,
        LoadPowerW = 800.75,
        ExportPowerW = 1900.5,
        IntervalS = 10,
        Seq = FirstSeq + number,
    };

    /// <summary>The request with the samples <paramref name="first"/> and after.</summary>
    public ReadOnlyMemory<byte> At(long first)
    {
        for (var i = 0; i < Rows; i++)
        {
            WriteTime(_bytes.AsSpan(_times[i]), first + i);
            Utf8Formatter.TryFormat(FirstSeq + first + i, _bytes.AsSpan(_numbers[i]), out _);
        }

        return _bytes;
    }

    private static void WriteTime(Span<byte> to, long milliseconds)
    {
        var seconds = milliseconds / 1000;
        Write(to, seconds / 3600, 2);
        Write(to[3..], seconds / 60 % 60, 2);
        Write(to[6..], seconds % 60, 2);
        Write(to[9..], milliseconds % 1000, 3);
    }

    private static void Write(Span<byte> to, long value, int digits)
    {
        for (var i = digits - 1; i >= 0; i--, value /= 10)
        {
            to[i] = (byte)('0' + (value % 10));
        }
    }

    private int[] Find(ReadOnlySpan<byte> member, int offset)
    {
        var found = new int[Rows];
        var from = 0;
        for (var i = 0; i < Rows; i++)
        {
            var at = _bytes.AsSpan(from).IndexOf(member);
            if (at < 0)
            {
                throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"The body has only {i} such members."));
            }

            from += at + member.Length;
            found[i] = from + offset;
        }

        return found;
    }
}
