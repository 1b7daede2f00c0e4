namespace CloudPv.Cloud;

/// <summary>EC2's instance states with EC2's codes (InstanceState.Code).</summary>
public enum InstanceState
{
    Pending = 0,
    Running = 16,
    ShuttingDown = 32,
    Terminated = 48,
    Stopping = 64,
    Stopped = 80,
}
