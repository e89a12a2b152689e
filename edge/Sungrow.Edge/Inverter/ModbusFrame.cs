using System.Buffers.Binary;

namespace Sungrow.Edge.Inverter;

/// <param name="Function">3 or 4: nothing here can write to an inverter.</param>
internal readonly record struct ModbusRequest(ushort Transaction, byte Unit, byte Function, ushort Start, ushort Points);

/// <summary>Modbus TCP as bytes: writes a request, judges a reply. Every field that a reply carries is compared with what was asked.
/// Source: Modbus Messaging on TCP/IP V1.0b, 3.1; Modbus Application Protocol V1.1b3, 6.3, 6.4 and 7.</summary>
internal static class ModbusFrame
{
    public const byte ReadHoldingRegisters = 3;
    public const byte ReadInputRegisters = 4;

    /// <summary>Registers that one request may ask for.</summary>
    public const int MaxPoints = 125;

    public const int RequestBytes = 12;

    /// <summary>Transaction, protocol, length, unit. The length counts from the unit on.</summary>
    public const int HeaderBytes = 7;

    /// <summary>Function, byte count and as many registers as fit.</summary>
    public const int MaxBodyBytes = 2 + (2 * MaxPoints);

    private const byte ExceptionFlag = 0x80;
    private const int ExceptionBodyBytes = 2;

    public static void Write(in ModbusRequest request, Span<byte> frame)
    {
        BinaryPrimitives.WriteUInt16BigEndian(frame, request.Transaction);
        BinaryPrimitives.WriteUInt16BigEndian(frame[2..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(frame[4..], RequestBytes - 6);
        frame[6] = request.Unit;
        frame[7] = request.Function;
        BinaryPrimitives.WriteUInt16BigEndian(frame[8..], request.Start);
        BinaryPrimitives.WriteUInt16BigEndian(frame[10..], request.Points);
    }

    /// <summary>What is wrong with a reply's header, or null. <paramref name="bodyBytes"/> follow a good one.</summary>
    public static string? Judge(in ModbusRequest request, ReadOnlySpan<byte> header, out int bodyBytes)
    {
        var transaction = BinaryPrimitives.ReadUInt16BigEndian(header);
        var protocol = BinaryPrimitives.ReadUInt16BigEndian(header[2..]);
        var length = BinaryPrimitives.ReadUInt16BigEndian(header[4..]);
        var unit = header[6];
        bodyBytes = length - 1;

        return transaction != request.Transaction ? $"transaction {transaction} where {request.Transaction} was asked"
            : protocol != 0 ? $"protocol {protocol} where Modbus is 0"
            : bodyBytes != ExceptionBodyBytes && bodyBytes != 2 + (2 * request.Points)
                ? $"length {length} where {1 + ExceptionBodyBytes} or {3 + (2 * request.Points)} is possible"
            : unit != request.Unit ? $"unit {unit} where {request.Unit} was asked"
            : null;
    }

    /// <summary>What is wrong with the body of a reply whose header is good, or null.</summary>
    /// <param name="exceptionCode">The device's refusal; null when <paramref name="body"/> carries registers.</param>
    public static string? Judge(in ModbusRequest request, ReadOnlySpan<byte> body, out byte? exceptionCode)
    {
        exceptionCode = null;
        var function = body[0];
        if (body.Length == ExceptionBodyBytes)
        {
            exceptionCode = body[1];
            return function == (request.Function | ExceptionFlag) ? null : $"function {function} in an exception to {request.Function}";
        }

        return function != request.Function ? $"function {function} where {request.Function} was asked"
            : body[1] != 2 * request.Points ? $"{body[1]} bytes counted where {2 * request.Points} were asked"
            : null;
    }

    /// <summary>The registers of a good body.</summary>
    public static ushort[] Words(ReadOnlySpan<byte> body)
    {
        var words = new ushort[(body.Length - 2) / 2];
        for (var i = 0; i < words.Length; i++)
        {
            words[i] = BinaryPrimitives.ReadUInt16BigEndian(body[(2 + (2 * i))..]);
        }

        return words;
    }
}
