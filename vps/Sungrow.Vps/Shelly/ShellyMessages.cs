using System.Text.Json;
using System.Text.Json.Serialization;
using Sungrow.Protocol;

namespace Sungrow.Vps.Shelly;

/// <summary>The shape of a batch, for those who write a worker; <see cref="ShellyBatchReader"/> reads it.</summary>
internal sealed record ShellyMessages(IReadOnlyList<ShellyMessage> Messages);

/// <param name="Src">The device, as it names itself.</param>
/// <param name="Timestamp">Seconds since 1970 in UTC. May be left out where <c>params.ts</c> says it, as in the device's own messages.</param>
/// <param name="Params">The status; of it <c>switch:0</c> to <c>switch:3</c> are read: <c>apower</c> (W), <c>voltage</c> (V),
/// <c>current</c> (A).</param>
internal sealed record ShellyMessage(string Src, decimal? Timestamp, IReadOnlyDictionary<string, JsonElement> Params);

/// <summary>What became of a batch, in readings: one for each device, channel and minute.</summary>
/// <param name="Errors">Readings whose values are no numbers.</param>
/// <param name="TotalMessages">In the batch, whatever they held.</param>
/// <param name="Devices">Different ones among them.</param>
/// <param name="ProcessingTime">Seconds.</param>
internal sealed record ShellyAnswer(int Inserted, int Duplicates, int Errors, int TotalMessages, int Devices, double ProcessingTime);

/// <param name="TotalLogs">Readings of the period.</param>
/// <param name="FromQueue">Those of them that came in a batch.</param>
/// <param name="Devices">How many they are of.</param>
/// <param name="LastInsert">The newest one's time; null where there is none.</param>
internal sealed record QueueAnswer(string Period, long TotalLogs, long FromQueue, long Devices, DateTimeOffset? LastInsert);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, Converters = [typeof(Rfc3339Converter)])]
[JsonSerializable(typeof(ShellyMessages))]
[JsonSerializable(typeof(ShellyAnswer))]
[JsonSerializable(typeof(QueueAnswer))]
[JsonSerializable(typeof(LoadsAnswer))]
internal sealed partial class ShellyJson : JsonSerializerContext;
