using CloudPv.Stress;

return await StressCommand.Create().Parse(args).InvokeAsync();
