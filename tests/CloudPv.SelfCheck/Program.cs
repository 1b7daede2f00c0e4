using CloudPv.SelfCheck;

return await SelfCheckCommand.Create().Parse(args).InvokeAsync();
