using Iced.Intel;

namespace CloudPv.X86.Tests.Oracle;

/// <summary>Follows the flags that instructions leave undefined through code whose branches name their targets by place, from 1 on.</summary>
internal static class UndefinedFlags
{
    /// <summary>
    /// Puts NOPs for instructions that may find a flag undefined, which needn't be the same twice. Returns the flags that may be undefined at the end.
    /// </summary>
    public static ulong RemoveReaders(List<Instruction> code)
    {
        var undefined = new ulong[code.Count + 1];
        for (var changed = true; changed;)
        {
            changed = false;
            for (var i = 0; i < code.Count; i++)
            {
                var instruction = code[i];
                if ((Flags.Read(in instruction) & undefined[i]) != 0)
                {
                    code[i] = Instruction.Create(Code.Nopd) with { IP = instruction.IP };
                    Array.Clear(undefined);
                    changed = true;
                    break;
                }

                var behind = (undefined[i] & ~Flags.Defined(in instruction)) | Flags.Undefined(in instruction);
                changed |= Flow(undefined, i + 1, behind);
                if (instruction.Op0Kind == OpKind.NearBranch64)
                    changed |= Flow(undefined, (int)instruction.NearBranch64 - 1, behind);
            }
        }

        return undefined[code.Count - 1];
    }

    private static bool Flow(ulong[] undefined, int to, ulong flags)
    {
        var before = undefined[to];
        undefined[to] |= flags;
        return undefined[to] != before;
    }
}
