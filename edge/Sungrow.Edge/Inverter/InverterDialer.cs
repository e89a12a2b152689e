using Polly;
using Polly.Retry;
using Polly.Timeout;

namespace Sungrow.Edge.Inverter;

/// <summary>Opens the one connection. An inverter that serves a single session refuses until it has noticed that the last one is
/// gone, so a refusal is tried twice more. Anything slower is the next poll's
/// business; all of it ends within the request timeout.</summary>
internal sealed class InverterDialer(InverterOptions options, TimeProvider time)
{
    private readonly ResiliencePipeline _pipeline = new ResiliencePipelineBuilder { TimeProvider = time }
        .AddTimeout(options.RequestTimeout)
        .AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = new PredicateBuilder().Handle<ModbusConnectionException>(
                static failure => failure.Reason is UnreachableReason.Refused or UnreachableReason.Closed),
            MaxRetryAttempts = 2,
            BackoffType = DelayBackoffType.Constant,
            Delay = TimeSpan.FromMilliseconds(250),
        })
        .Build();

    /// <exception cref="ModbusConnectionException">There is no connection, and why.</exception>
    public async Task<ModbusTcpMaster> DialAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _pipeline.ExecuteAsync(
                async token => await ModbusTcpMaster.OpenAsync(options.Host, options.Port, options.RequestTimeout, time, token),
                cancellationToken);
        }
        catch (TimeoutRejectedException late)
        {
            throw new ModbusConnectionException(UnreachableReason.NoAnswer, cause: late);
        }
    }
}
