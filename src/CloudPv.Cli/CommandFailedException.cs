namespace CloudPv.Cli;

/// <summary>What the user asked for can't be done. The message is for the user and goes to stderr without a stack trace.</summary>
public sealed class CommandFailedException(string message) : Exception(message);
