using System.Buffers.Binary;
using System.Text;
using CloudPv.Dom0.Console;
using CloudPv.Dom0.Tests.Fakes;
using CloudPv.Xen;

namespace CloudPv.Dom0.Tests.Console;

public sealed class GuestConsoleTests : IDisposable
{
    private const int Out = 1024, InCons = 3072, InProd = 3076, OutCons = 3080, OutProd = 3084;

    private readonly FakeGuest _guest = new();
    private readonly Mfn _frame;
    private readonly EventPort _port;
    private readonly SemaphoreSlim _event = new(0);
    private readonly GuestConsole _console = new(logPath: null);

    public GuestConsoleTests()
    {
        _frame = _guest.AllocateFrame();
        _port = _guest.AllocatePort(() => _event.Release());
    }

    public void Dispose()
    {
        _console.Dispose();
        _event.Dispose();
    }

    private void Connect() => _console.Connect(_guest, _frame, _port);

    private uint Get(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_guest.Frame(_frame)[offset..]);

    private void Set(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(_guest.Frame(_frame)[offset..], value);

    private void Print(string text)
    {
        foreach (byte one in Encoding.Latin1.GetBytes(text))
        {
            while (Get(OutProd) - Get(OutCons) == 2048)
                _event.Wait(TimeSpan.FromSeconds(20)).ShouldBeTrue("dom0 made no room");
            _guest.Frame(_frame)[Out + (int)(Get(OutProd) % 2048)] = one;
            Set(OutProd, Get(OutProd) + 1);
            if (Get(OutProd) - Get(OutCons) == 2048)
                _guest.Notify(_port);
        }
        _guest.Notify(_port);
    }

    private string TakeInput()
    {
        var taken = new StringBuilder();
        for (uint at = Get(InCons), end = Get(InProd); at != end; at++)
            taken.Append((char)_guest.Frame(_frame)[(int)(at % 1024)]);
        Set(InCons, Get(InProd));
        return taken.ToString();
    }

    private static async Task<string> ReadAsync(ConsoleWatcher watcher, int length)
    {
        var read = new StringBuilder();
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await foreach (ReadOnlyMemory<byte> output in watcher.Output(deadline.Token))
        {
            read.Append(Encoding.Latin1.GetString(output.Span));
            if (read.Length >= length)
                break;
        }
        return read.ToString();
    }

    [Fact]
    public async Task A_watcher_sees_the_scrollback_and_then_what_comes()
    {
        Connect();
        Print("before ");
        _console.Drain();
        using ConsoleWatcher watcher = _console.Watch();
        Print("after");
        (await ReadAsync(watcher, 12)).ShouldBe("before after");
    }

    [Fact]
    public async Task Output_larger_than_the_ring_comes_whole_and_in_order()
    {
        Connect();
        using ConsoleWatcher watcher = _console.Watch();
        string text = string.Concat(Enumerable.Range(0, 5000).Select(i => $"{i} "));
        Task printing = Task.Run(() => Print(text), TestContext.Current.CancellationToken);
        (await ReadAsync(watcher, text.Length)).ShouldBe(text);
        await printing;
    }

    [Fact]
    public void Output_printed_before_anyone_listened_is_kept()
    {
        Print("early");
        Connect();
        _console.Drain();
        _console.ReadScrollback().ShouldBe("early"u8.ToArray());
    }

    [Fact]
    public void The_last_words_are_taken_when_the_domain_goes()
    {
        Connect();
        Encoding.Latin1.GetBytes("panic").CopyTo(_guest.Frame(_frame)[Out..]);
        Set(OutProd, 5);
        _console.Disconnect();
        _console.ReadScrollback().ShouldBe("panic"u8.ToArray());
        _guest.BoundPorts.ShouldBe(0);
    }

    [Fact]
    public void Input_waits_for_room_in_the_ring()
    {
        Connect();
        string typed = string.Concat(Enumerable.Range(0, 500).Select(i => $"{i} "));
        _console.Input(Encoding.Latin1.GetBytes(typed));
        string taken = TakeInput();
        taken.Length.ShouldBe(1024);
        while (taken.Length < typed.Length)
        {
            _console.Drain();
            taken += TakeInput();
        }
        taken.ShouldBe(typed);
    }

    [Fact]
    public async Task A_watcher_that_does_not_read_is_let_go_and_the_guest_is_not_held_up()
    {
        Connect();
        using ConsoleWatcher slow = _console.Watch();
        for (int i = 0; i < 4200; i++)
            Print(new string('x', 1024));
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        int seen = 0;
        await foreach (ReadOnlyMemory<byte> output in slow.Output(deadline.Token))
            seen += output.Length;
        seen.ShouldBeInRange(4 << 20, (4 << 20) + 4096);
    }

    [Fact]
    public void The_scrollback_survives_in_its_file_and_stays_bounded()
    {
        string path = Path.GetTempFileName();
        using (var scrollback = new Scrollback(path))
        {
            byte[] line = new byte[1000];
            for (int i = 0; i < 2500; i++)
            {
                line.AsSpan().Fill((byte)i);
                scrollback.Append(line);
            }
        }
        new FileInfo(path).Length.ShouldBeInRange(Scrollback.Limit, 2 * Scrollback.Limit);
        using (var again = new Scrollback(path))
            again.Read()[^1].ShouldBe((byte)(2499 & 0xff));
        File.Delete(path);
    }

    [Theory]
    [InlineData(OutProd, 0x8000_0000)]
    [InlineData(InCons, 0x8000_0000)]
    [InlineData(OutCons, 77)]
    [InlineData(InProd, 0xffff_ffff)]
    public void Impossible_indexes_are_tolerated(int index, uint value)
    {
        Connect();
        Set(index, value);
        _console.Input("typed"u8);
        _console.Drain();
        _console.Drain();
    }

    [Fact]
    public void A_reboot_goes_on_in_the_same_console()
    {
        Connect();
        Print("first ");
        _console.Disconnect();
        Mfn frame = _guest.AllocateFrame();
        "second"u8.CopyTo(_guest.Frame(frame)[Out..]);
        BinaryPrimitives.WriteUInt32LittleEndian(_guest.Frame(frame)[OutProd..], 6);
        _console.Connect(_guest, frame, _guest.AllocatePort(static () => { }));
        _console.Drain();
        Encoding.Latin1.GetString(_console.ReadScrollback()).ShouldBe("first second");
    }
}
