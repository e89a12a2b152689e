using System.Text.Json.Serialization;

namespace Sungrow.Protocol;

/// <summary>The body of <c>POST /v1/ingest</c> as it is written; <see cref="IngestBatchReader"/> reads it. One batch, one transaction, one
/// answer.</summary>
/// <param name="BufferId">The edge's buffer, written first; null from a client that keeps none.</param>
public sealed record IngestBatch(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Guid? BufferId,
    IReadOnlyList<SungrowSample> Samples);

/// <summary>The answer 200 of <c>POST /v1/ingest</c>; the three add up to the samples sent.</summary>
/// <param name="Duplicates">The key was stored with the same values.</param>
/// <param name="Conflicts">The key was stored with other values: the stored row stays, the refused one is in quarantine.</param>
public sealed record IngestAnswer(int Inserted, int Duplicates, int Conflicts)
{
    /// <summary>Whether these counts can be the answer to a batch of <paramref name="samples"/>.</summary>
    public bool Covers(int samples) =>
        Inserted >= 0 && Duplicates >= 0 && Conflicts >= 0 && (long)Inserted + Duplicates + Conflicts == samples;
}
