# What awk programs spend their time with: arithmetic, arrays, strings, regular expressions. 0.1 s natively.
BEGIN {
    for (i = 2; i < 40000; i++) {
        if (composite[i]) continue
        primes++
        for (j = i * 2; j < 40000; j += i) composite[j] = 1
    }
    for (i = 0; i < 20000; i++) {
        word = substr("abcdefghijklmnopqrstuvwxyz", i % 20 + 1, 5) (i * 7919 % 1000)
        if (word ~ /[c-f].*[0-4]$/) matches++
        seen[word]++
    }
    print primes, matches, length(seen)
}
