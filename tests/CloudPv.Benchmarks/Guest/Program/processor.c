/* Computing: integers, branches, scalar and packed floating point. */
#include "bench.h"

#include <emmintrin.h>
#include <math.h>

/* ---- int: what CoreMark does: sort a list, multiply matrices, walk a state machine, sum up by CRC ---- */

struct node {
    struct node *next;
    int key;
};

static struct node *merge_sort(struct node *list)
{
    if (!list || !list->next)
        return list;
    struct node *middle = list, *end = list->next;
    while (end && end->next) {
        middle = middle->next;
        end = end->next->next;
    }
    struct node *right = middle->next, head, *tail = &head;
    middle->next = NULL;
    list = merge_sort(list);
    right = merge_sort(right);
    while (list && right) {
        struct node **least = list->key <= right->key ? &list : &right;
        tail = tail->next = *least;
        *least = (*least)->next;
    }
    tail->next = list ? list : right;
    return head.next;
}

static uint32_t crc32(uint32_t crc, uint32_t value)
{
    crc ^= value;
    for (int bit = 0; bit < 32; bit++)
        crc = (crc >> 1) ^ (0xedb88320u & -(crc & 1));
    return crc;
}

static int is_digit(char c) { return c >= '0' && c <= '9'; }

/* Weighs the numbers of a list: 1 for an integer, 2 with a fraction, 3 with an exponent. */
static int weigh_numbers(const char *text)
{
    enum { START, SIGN, INTEGER, FRACTION, EXPONENT, INVALID } state = START;
    int weight = 0;
    for (; *text; text++) {
        char c = *text;
        switch (state) {
        case START: state = c == '-' || c == '+' ? SIGN : is_digit(c) ? INTEGER : c == ',' ? START : INVALID; break;
        case SIGN: state = is_digit(c) ? INTEGER : INVALID; break;
        case INTEGER: state = c == '.' ? FRACTION : c == ',' ? (weight++, START) : is_digit(c) ? INTEGER : INVALID; break;
        case FRACTION: state = c == 'e' ? EXPONENT : c == ',' ? (weight += 2, START) : is_digit(c) ? FRACTION : INVALID; break;
        case EXPONENT: state = c == '-' ? EXPONENT : c == ',' ? (weight += 3, START) : is_digit(c) ? EXPONENT : INVALID; break;
        default: if (c == ',') state = START;
        }
    }
    return weight;
}

static void integers(uint64_t rounds)
{
    enum { NODES = 256, SIDE = 24, TEXTS = 16, CRCS = 256 };
    static struct node nodes[NODES];
    static short a[SIDE][SIDE], b[SIDE][SIDE];
    uint32_t random = 1, sum = 0;

    while (rounds--) {
        for (int i = 0; i < NODES; i++)
            nodes[i] = (struct node){ i < NODES - 1 ? &nodes[i + 1] : NULL, (int)(next_random(&random) & 0xffff) };
        for (struct node *node = merge_sort(nodes); node; node = node->next)
            sum = sum * 31 + (uint32_t)node->key;

        for (int i = 0; i < SIDE; i++)
            for (int j = 0; j < SIDE; j++) {
                a[i][j] = (short)next_random(&random);
                b[i][j] = (short)(i ^ j);
            }
        for (int i = 0; i < SIDE; i++)
            for (int j = 0; j < SIDE; j++) {
                int product = 0;
                for (int k = 0; k < SIDE; k++)
                    product += a[i][k] * b[k][j];
                sum += (uint32_t)(product >> 3);
            }

        for (int i = 0; i < TEXTS; i++)
            sum += (uint32_t)weigh_numbers("5012,1234,-874,+122,35.54400,.1234500,-110.700,+0.64400,"
                                           "5.500e-3,-.123e-2,-87e+832,+0.6e-12,T0.3e-1F,-T.T++Tq,1T3.4e4z,34.0e-T^,");
        for (uint32_t i = 0; i < CRCS; i++)
            sum = crc32(sum, i);
    }
    sink = sum;
}

/* ---- branch: a byte-code interpreter, calls through pointers, recursion ---- */

static __attribute__((noinline)) int count_queens(uint32_t board, uint32_t columns, uint32_t left, uint32_t right)
{
    int count = 0;
    if (columns == board)
        return 1;
    for (uint32_t free = board & ~(columns | left | right); free; free &= free - 1) {
        uint32_t place = free & -free;
        count += count_queens(board, columns | place, (left | place) << 1, (right | place) >> 1);
    }
    return count;
}

static uint32_t add_seven(uint32_t x) { return x + 7; }
static uint32_t flip(uint32_t x) { return x ^ 0x55; }
static uint32_t times_five(uint32_t x) { return x * 5; }
static uint32_t half(uint32_t x) { return x >> 1; }
static uint32_t (*volatile const functions[4])(uint32_t) = { add_seven, flip, times_five, half };

static void branches(uint64_t rounds)
{
    enum { LENGTH = 1024 };
    static uint8_t code[LENGTH];
    uint32_t random = 7, registers[8] = { 0 };

    for (int i = 0; i < LENGTH; i++)
        code[i] = (uint8_t)next_random(&random);
    while (rounds--) {
        for (int pc = 0; pc < LENGTH; pc++) {
            uint32_t op = code[pc], *a = &registers[op & 7], *b = &registers[op >> 5];
            switch (op >> 2 & 15) {
            case 0: *a += *b; break;
            case 1: *a -= *b; break;
            case 2: *a ^= *b + 1; break;
            case 3: *a *= 3; break;
            case 4: *a = *b; break;
            case 5: if (*a & 1) pc++; break;
            case 6: if (*a > *b) *a = *b / 3; break;
            case 7: *a = *a << 3 | *a >> 29; break;
            case 8: case 9: *a = functions[*b & 3](*a); break;
            case 10: *a = (uint32_t)__builtin_popcount(*b); break;
            case 11: if (*b & 2) *a = ~*b; else *b = *a + 1; break;
            case 12: *a += (uint32_t)pc; break;
            case 13: *a = *b > 1000 ? *b - 1000 : *b + 77; break;
            case 14: *b += op; break;
            default: *a = 17; break;
            }
        }
        registers[0] += (uint32_t)count_queens(0x7f, 0, registers[1] & 1, registers[2] & 64);
    }
    sink = registers[0] + registers[3];
}

/* ---- nbody: steps of five bodies under gravity, scalar double ---- */

static void bodies(uint64_t rounds)
{
    enum { BODIES = 5 };
    static double position[BODIES][3], velocity[BODIES][3], mass[BODIES];
    for (int i = 0; i < BODIES; i++) {
        mass[i] = 1.0 / (i + 1);
        for (int k = 0; k < 3; k++) {
            position[i][k] = i * 1.7 + k * (i + 0.3);
            velocity[i][k] = 0.1 * (k - i);
        }
    }
    while (rounds--) {
        for (int i = 0; i < BODIES; i++)
            for (int j = i + 1; j < BODIES; j++) {
                double distance[3], square = 0.01;
                for (int k = 0; k < 3; k++) {
                    distance[k] = position[i][k] - position[j][k];
                    square += distance[k] * distance[k];
                }
                double force = 1e-3 / (square * sqrt(square));
                for (int k = 0; k < 3; k++) {
                    velocity[i][k] -= distance[k] * mass[j] * force;
                    velocity[j][k] += distance[k] * mass[i] * force;
                }
            }
        for (int i = 0; i < BODIES; i++)
            for (int k = 0; k < 3; k++)
                position[i][k] += 1e-3 * velocity[i][k];
    }
    sink = (uint64_t)(int64_t)position[0][0];
}

/* ---- matmul: 128 x 128 floats by SSE, 2 * 128^3 operations a round ---- */

enum { SIDE = 128 };

static void matrices(uint64_t rounds)
{
    static float a[SIDE][SIDE], b[SIDE][SIDE], product[SIDE][SIDE];
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            a[i][j] = (float)(i + j);
            b[i][j] = (float)(i - j);
        }
    while (rounds--) {
        for (int i = 0; i < SIDE; i++)
            for (int j = 0; j < SIDE; j += 8) {
                __m128 left = _mm_setzero_ps(), right = left;
                for (int k = 0; k < SIDE; k++) {
                    __m128 factor = _mm_set1_ps(a[i][k]);
                    left = _mm_add_ps(left, _mm_mul_ps(factor, _mm_loadu_ps(&b[k][j])));
                    right = _mm_add_ps(right, _mm_mul_ps(factor, _mm_loadu_ps(&b[k][j + 4])));
                }
                _mm_storeu_ps(&product[i][j], left);
                _mm_storeu_ps(&product[i][j + 4], right);
            }
    }
    sink = (uint64_t)(int64_t)product[5][7];
}

const struct benchmark processor_benchmarks[] = {
    { .name = "int", .run = integers, .work = 1 },
    { .name = "branch", .run = branches, .work = 1 },
    { .name = "nbody", .run = bodies, .work = 1e-3 },
    { .name = "matmul", .run = matrices, .work = 2.0 * SIDE * SIDE * SIDE * 1e-6 },
    { 0 },
};
