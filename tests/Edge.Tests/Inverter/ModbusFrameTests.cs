using Sungrow.Edge.Inverter;
using Xunit;

namespace Sungrow.Edge.Tests.Inverter;

public class ModbusFrameTests
{
    private static readonly ModbusRequest Request = new(Transaction: 0x1234, Unit: 1, Function: 4, Start: 5016, Points: 2);

    private static bool Accepted(byte[] reply) =>
        ModbusFrame.Judge(Request, reply.AsSpan(0, 7), out int bodyBytes) is null
        && reply.Length == 7 + bodyBytes
        && ModbusFrame.Judge(Request, reply.AsSpan(7), out byte? _) is null;

    [Fact]
    public void A_reply_with_any_one_bit_flipped_before_its_registers_is_refused()
    {
        var request = new byte[ModbusFrame.RequestBytes];
        ModbusFrame.Write(Request, request);
        var good = Frames.Reply(request, 1201, 0);
        Assert.True(Accepted(good));

        for (var bit = 0; bit < 8 * 9; bit++)
        {
            var bad = (byte[])good.Clone();
            bad[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(Accepted(bad), $"byte {bit / 8}, bit {bit % 8}");
        }
    }

    [Fact]
    public void A_refusal_with_any_one_bit_flipped_before_its_code_is_refused()
    {
        var request = new byte[ModbusFrame.RequestBytes];
        ModbusFrame.Write(Request, request);
        var good = Frames.Refusal(request, 2);
        Assert.True(Accepted(good));

        for (var bit = 0; bit < 8 * 8; bit++)
        {
            var bad = (byte[])good.Clone();
            bad[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(Accepted(bad), $"byte {bit / 8}, bit {bit % 8}");
        }
    }
}
