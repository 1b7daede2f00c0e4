using System.Globalization;

namespace CloudPv.Dom0.Block;

/// <summary>The number of a block device by its name in the guest (docs/misc/vbd-interface of Xen).</summary>
public static class VirtualDisk
{
    /// <summary>xvda → 51712; also sd* and hd*, each with a partition.</summary>
    /// <returns>False where the name is none of these.</returns>
    public static bool TryParse(string name, out int number)
    {
        number = 0;
        string letters = name.TrimEnd(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']), digits = name[letters.Length..];
        int partition = 0;
        if (digits.StartsWith('0') || (digits.Length > 0 && !int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out partition)))
            return false;
        if (letters.StartsWith("xvd", StringComparison.Ordinal) && TryDisk(letters[3..], out int disk))
        {
            // The extended form holds more disks and partitions than the numbers of the old one.
            bool isExtended = disk > 15 || partition > 15;
            number = isExtended ? (1 << 28) | (disk << 8) | partition : (202 << 8) | (disk << 4) | partition;
            return disk < 1 << 20 && partition < 256;
        }
        if (letters.StartsWith("sd", StringComparison.Ordinal) && TryDisk(letters[2..], out disk))
        {
            number = (8 << 8) | (disk << 4) | partition;
            return disk < 16 && partition < 16;
        }
        if (letters.StartsWith("hd", StringComparison.Ordinal) && TryDisk(letters[2..], out disk))
        {
            number = (disk < 2 ? 3 << 8 : 22 << 8) | ((disk & 1) << 6) | partition;
            return disk < 4 && partition < 64;
        }
        return false;
    }

    // a … z, aa … zz, …
    private static bool TryDisk(string letters, out int disk)
    {
        disk = 0;
        if (letters.Length is 0 or > 4)
            return false;
        foreach (char letter in letters)
        {
            if (letter is < 'a' or > 'z')
                return false;
            disk = (disk * 26) + (letter - 'a' + 1);
        }
        disk--;
        return true;
    }
}
