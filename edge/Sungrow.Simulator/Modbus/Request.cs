using System.Buffers.Binary;

namespace Sungrow.Simulator.Modbus;

/// <summary>One Modbus request.</summary>
/// <param name="Start">First wire address; 0 unless <see cref="IsRead"/>.</param>
/// <param name="Count">Registers asked for; 0 also for a read of the wrong length, which is refused like a read of nothing.</param>
internal readonly record struct Request(ushort Transaction, byte Unit, byte Function, ushort Start, ushort Count)
{
    public const byte ReadHoldingRegisters = 3;
    public const byte ReadInputRegisters = 4;

    public bool Reaches(int wire) => Start <= wire && wire < Start + Count;

    public bool IsRead => Function is ReadHoldingRegisters or ReadInputRegisters;

    /// <param name="pdu">Function code and what follows it; at least one byte.</param>
    public static Request Parse(ushort transaction, byte unit, ReadOnlySpan<byte> pdu)
    {
        var request = new Request(transaction, unit, pdu[0], 0, 0);
        if (!request.IsRead || pdu.Length != 5)
        {
            return request;
        }

        return request with
        {
            Start = BinaryPrimitives.ReadUInt16BigEndian(pdu[1..]),
            Count = BinaryPrimitives.ReadUInt16BigEndian(pdu[3..]),
        };
    }

    /// <summary>The whole frame that answers this request.</summary>
    public byte[] Frame(Answer answer)
    {
        var refused = answer.Exception != ExceptionCode.None;
        var frame = new byte[9 + (2 * answer.Words.Length) + answer.PaddingBytes];
        BinaryPrimitives.WriteUInt16BigEndian(frame, Transaction);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(4), (ushort)(frame.Length - 6));
        frame[6] = Unit;
        frame[7] = refused ? (byte)(Function | 0x80) : Function;
        frame[8] = refused ? (byte)answer.Exception : (byte)(2 * answer.Words.Length);
        for (var i = 0; i < answer.Words.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(9 + (2 * i)), answer.Words[i]);
        }

        return frame;
    }
}
