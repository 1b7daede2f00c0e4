namespace CloudPv.Web.Tests;

public sealed class OpenApiTests(FakeCloud service)
{
    /// <summary>The API's description is kept beside its code, so that each change of the API shows in its review.</summary>
    [Fact]
    public async Task The_api_is_the_one_that_was_reviewed()
    {
        var kept = Path.Combine(FakeCloud.Repository(), "src", "CloudPv.Web", "openapi.json");
        var served = await service.Client.GetStringAsync("/swagger/v1/swagger.json", TestContext.Current.CancellationToken);
        if (!File.Exists(kept) || (await File.ReadAllTextAsync(kept, TestContext.Current.CancellationToken)).TrimEnd() != served.TrimEnd())
        {
            await File.WriteAllTextAsync(kept + ".new", served + "\n", TestContext.Current.CancellationToken);
            Assert.Fail($"The API has changed. If it should have, take the new description: mv {kept}.new {kept}");
        }
    }
}
