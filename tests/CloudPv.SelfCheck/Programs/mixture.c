/* A little of everything that compilers make code of: what it prints is the same on every x86-64. */
#include <math.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 88172645463325252u;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static uint64_t sort(void)
{
    static uint64_t values[20000];
    for (int i = 0; i < 20000; i++)
        values[i] = next();
    qsort(values, 20000, sizeof *values, compare);
    uint64_t sum = 0;
    for (int i = 0; i < 20000; i++)
        sum = sum * 31 + values[i];
    return sum;
}

static double matrices(void)
{
    static double a[64][64], b[64][64], c[64][64];
    for (int i = 0; i < 64; i++)
        for (int j = 0; j < 64; j++) {
            a[i][j] = (double)(next() % 1000) / 7;
            b[i][j] = (double)(next() % 1000) / 11;
        }
    for (int i = 0; i < 64; i++)
        for (int j = 0; j < 64; j++)
            for (int k = 0; k < 64; k++)
                c[i][j] += a[i][k] * b[k][j];
    return c[17][42] + sin(c[3][5]) + sqrt(c[1][1]);
}

static long double x87(void)
{
    long double sum = 0;
    for (int i = 1; i < 20000; i++)
        sum += 1.0L / i - (long double)(i % 3) / 7;
    return sum;
}

/* Indirect jumps, as interpreters have them. */
static uint64_t interpret(int rounds)
{
    static const void *const ops[] = {&&add, &&rotate, &&multiply, &&swap, &&branch, &&end};
    static const unsigned char program[] = {0, 1, 2, 3, 0, 4, 1, 2, 5};
    uint64_t a = 1, b = 2;
    int at = 0;
#define NEXT goto *ops[program[at++]]
    NEXT;
add: a += b; NEXT;
rotate: b = (b << 13) | (b >> 51); NEXT;
multiply: a = (uint64_t)(((unsigned __int128)a * (b | 1)) >> 32) ^ a; NEXT;
swap: { uint64_t t = a; a = b; b = t; } NEXT;
branch: if (a & 1) b ^= a; else b += 3; NEXT;
end: at = 0; if (rounds-- > 0) NEXT;
    return a ^ b;
}

static unsigned fibonacci(unsigned n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

/* Strings at every alignment, and over the edges of pages. */
static uint64_t strings(void)
{
    char *text = malloc(3 * 4096), *copy = malloc(3 * 4096);
    uint64_t sum = 0;
    for (int i = 0; i < 2000; i++) {
        size_t length = next() % 5000, from = next() % 4000, to = next() % 4000;
        memset(text + from, 'a' + (int)(next() % 26), length);
        text[from + length] = 0;
        memmove(copy + to, text + from, length + 1);
        memmove(copy + to + 3, copy + to, length / 2);
        sum += strlen(copy + to) + (uint64_t)memcmp(copy + to, text + from, length ? 1 : 0) + (uint64_t)(strchr(copy + to, 0) - copy);
    }
    free(text);
    free(copy);
    return sum;
}

static jmp_buf back;

static void jumpBack(int depth)
{
    if (depth == 0)
        longjmp(back, 7);
    jumpBack(depth - 1);
}

static uint64_t divisions(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < 30000; i++) {
        uint64_t a = next(), b = next() | 1;
        sum += a / (b >> (a & 31) | 1) + a % (b >> 40 | 1) + (uint64_t)((int64_t)a / (int32_t)(b >> 33 | 1));
        sum ^= (uint64_t)__builtin_popcountll(a) << __builtin_ctzll(b | 256) | (uint64_t)__builtin_clzll(a | 1);
    }
    return sum;
}

static uint64_t heap(void)
{
    static char *blocks[500];
    uint64_t sum = 0;
    for (int i = 0; i < 30000; i++) {
        size_t at = next() % 500, size = next() % 6000 + 1;
        if (blocks[at])
            sum += (unsigned char)blocks[at][0];
        free(blocks[at]);
        blocks[at] = malloc(size);
        memset(blocks[at], (int)i, size);
    }
    return sum;
}

int main(void)
{
    printf("sort %llx\n", (unsigned long long)sort());
    printf("matrices %.17g\n", matrices());
    printf("x87 %.20Lg\n", x87());
    printf("interpret %llx\n", (unsigned long long)interpret(200000));
    printf("fibonacci %u\n", fibonacci(24));
    printf("strings %llu\n", (unsigned long long)strings());
    printf("divisions %llx\n", (unsigned long long)divisions());
    printf("heap %llu\n", (unsigned long long)heap());
    int jumped = setjmp(back);
    if (!jumped)
        jumpBack(100);
    printf("longjmp %d\n", jumped);
    return 0;
}
