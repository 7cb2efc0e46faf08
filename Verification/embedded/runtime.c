// What the compiler and Embedded Swift ask of a system, for a module that has none: memory that grows and is given back in
// lists by size, and what the compiler calls by name.
#include <stddef.h>
#include <stdint.h>

extern unsigned char __heap_base;
static uintptr_t top = 0;
// Blocks that were given back, by the power of two that they hold.
static void *given_back[32];
uintptr_t __stack_chk_guard = 0x5AFE;

void __stack_chk_fail(void) { __builtin_trap(); }

static unsigned power(size_t size) {
    unsigned found = 4;
    while (((size_t)1 << found) < size) found++;
    return found;
}

// Each block has its power in the 16 bytes before it.
int posix_memalign(void **memory, size_t alignment, size_t size) {
    if (alignment > 16) return 22;
    unsigned found = power(size);
    if (found >= 32) return 12;
    if (given_back[found]) {
        *memory = given_back[found];
        given_back[found] = *(void **)*memory;
        return 0;
    }
    if (!top) top = ((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15;
    uintptr_t block = top + 16;
    top = block + ((size_t)1 << found);
    size_t pages = __builtin_wasm_memory_size(0), needed = (top + 65535) / 65536;
    if (needed > pages && __builtin_wasm_memory_grow(0, needed - pages) == (size_t)-1) return 12;
    *(unsigned *)(block - 16) = found;
    *memory = (void *)block;
    return 0;
}

void free(void *memory) {
    if (!memory) return;
    unsigned found = *(unsigned *)((uintptr_t)memory - 16);
    *(void **)memory = given_back[found];
    given_back[found] = memory;
}

void *memmove(void *to, const void *from, size_t count) {
    unsigned char *target = to;
    const unsigned char *source = from;
    if (target < source) for (size_t i = 0; i < count; i++) target[i] = source[i];
    else for (size_t i = count; i > 0; i--) target[i - 1] = source[i - 1];
    return to;
}

void *memcpy(void *to, const void *from, size_t count) { return memmove(to, from, count); }

void *memset(void *to, int byte, size_t count) {
    for (size_t i = 0; i < count; i++) ((unsigned char *)to)[i] = (unsigned char)byte;
    return to;
}

int memcmp(const void *left, const void *right, size_t count) {
    const unsigned char *one = left, *other = right;
    for (size_t i = 0; i < count; i++) if (one[i] != other[i]) return one[i] - other[i];
    return 0;
}

// Half away from zero, as C has it.
double round(double number) {
    double whole = __builtin_trunc(number);
    return __builtin_fabs(number - whole) < 0.5 ? whole : whole + __builtin_copysign(1, number);
}

// Nothing that is compared may depend on it: the seed of hash tables.
void arc4random_buf(void *to, size_t count) { memset(to, 0x2A, count); }

typedef union {
    __int128 whole;
    struct { uint64_t low, high; } half;
} wide;

__int128 __multi3(__int128 left, __int128 right) {
    wide a = {left}, b = {right}, product;
    uint64_t a0 = (uint32_t)a.half.low, a1 = a.half.low >> 32, b0 = (uint32_t)b.half.low, b1 = b.half.low >> 32;
    uint64_t low = a0 * b0, middle = a1 * b0 + (low >> 32), other = a0 * b1 + (uint32_t)middle;
    product.half.low = other << 32 | (uint32_t)low;
    product.half.high = a1 * b1 + (middle >> 32) + (other >> 32) + a.half.high * b.half.low + a.half.low * b.half.high;
    return product.whole;
}

static int is_less(wide left, wide right) {
    return left.half.high != right.half.high ? left.half.high < right.half.high : left.half.low < right.half.low;
}

static wide negated(wide number) {
    number.half.low = ~number.half.low + 1;
    number.half.high = ~number.half.high + (number.half.low == 0);
    return number;
}

// Bit by bit: a rate limiter divides once for each caller that has to wait.
__int128 __divti3(__int128 left, __int128 right) {
    wide rest = {left}, by = {right}, part = {0}, quotient = {0};
    int is_negative = (left < 0) != (right < 0);
    if (left < 0) rest = negated(rest);
    if (right < 0) by = negated(by);
    for (int bit = 127; bit >= 0; bit--) {
        uint64_t next = bit < 64 ? rest.half.low >> bit : rest.half.high >> (bit - 64);
        part.half.high = part.half.high << 1 | part.half.low >> 63;
        part.half.low = part.half.low << 1 | (next & 1);
        if (is_less(part, by)) continue;
        part.half.high -= by.half.high + (part.half.low < by.half.low);
        part.half.low -= by.half.low;
        if (bit < 64) quotient.half.low |= (uint64_t)1 << bit;
        else quotient.half.high |= (uint64_t)1 << (bit - 64);
    }
    return (is_negative ? negated(quotient) : quotient).whole;
}
