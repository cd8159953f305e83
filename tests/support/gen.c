/*
 * gen.c: xoshiro256** streams and the values that tests draw from them.
 *
 * The seed of a case is a splitmix64 hash of the run's seed, the name of the test function and the
 * number of the case. A case therefore does not depend on how much the cases before it drew, and
 * adding a test to a file does not change the data of its neighbours.
 *
 * A CMocka assertion that fails leaves the test by longjmp, and so leaves a GEN_CASES loop without
 * running its end. The loop that is open is remembered here; when another one opens, or the
 * program exits, and it is still open, its seed and case are printed. Test programs run loops one
 * after another, on one thread.
 *
 * The distributions favour edges, because that is where mistakes live: half of the integers lie
 * next to a power of two, texts are often empty and mix planes.
 */
#include "support/gen.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SEED 1u
#define FULL_CASES 1000000u
#define LARGEST_SHUFFLED 256u

static gen open_loop;
static bool is_loop_open;
static bool is_exit_hooked;

static bool env_number(const char *name, uint64_t *out)
{
    const char *text = getenv(name);
    if (!text || !*text)
        return false;
    char *end;
    *out = strtoull(text, &end, 0);
    if (*end) {
        fprintf(stderr, "%s=%s is not a number\n", name, text);
        exit(2);
    }
    return true;
}

bool gen_is_full(void)
{
    uint64_t full = 0;
    return env_number("PZ_FULL", &full) && full != 0;
}

uint64_t gen_seed(void)
{
    uint64_t seed = DEFAULT_SEED;
    env_number("PZ_SEED", &seed);
    return seed;
}

size_t gen_cases_full(size_t quick, size_t full)
{
    uint64_t most = full, cases = quick;
    env_number("PZ_FULL_CASES", &most);
    if (gen_is_full() && full > quick)
        cases = most >= full ? full : most > quick ? most : quick;
    env_number("PZ_CASES", &cases);
    return (size_t)cases;
}

size_t gen_cases(size_t quick)
{
    return gen_cases_full(quick, FULL_CASES);
}

/* splitmix64: the next of a stream, and a good mixer of one word. */
static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void fill_state(gen *g, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++)
        g->state[i] = splitmix(&seed);
}

gen gen_from(uint64_t seed)
{
    gen g = {.loop = "stream"};
    fill_state(&g, seed);
    return g;
}

static void seed_case(gen *g)
{
    uint64_t mixed = gen_seed();
    for (const char *c = g->loop; *c; c++)
        mixed = splitmix(&mixed) ^ (unsigned char)*c;
    mixed = splitmix(&mixed) ^ g->case_number;
    fill_state(g, mixed);
}

const char *gen_place(const gen *g)
{
    static char text[96];
    snprintf(text, sizeof text, "PZ_SEED=%" PRIu64 " PZ_CASE=%" PRIu64, gen_seed(), g->case_number);
    return text;
}

static void report_open_loop(void)
{
    if (!is_loop_open)
        return;
    is_loop_open = false;
    fprintf(stderr, "%s stopped in case %" PRIu64 " of %" PRIu64 "; replay with %s\n",
            open_loop.loop, open_loop.case_number, open_loop.case_count, gen_place(&open_loop));
}

gen gen_loop_start(const char *loop, size_t count)
{
    report_open_loop();
    if (!is_exit_hooked)
        is_exit_hooked = atexit(report_open_loop) == 0;

    gen g = {.loop = loop, .case_count = count};
    uint64_t only;
    if (env_number("PZ_CASE", &only)) {
        g.case_number = only;
        g.case_count = only + 1;
    }
    seed_case(&g);
    return g;
}

void gen_loop_end(gen *g)
{
    (void)g;
    is_loop_open = false;
}

bool gen_loop_more(gen *g)
{
    if (g->case_number >= g->case_count) {
        gen_loop_end(g);
        return false;
    }
    open_loop = *g;
    is_loop_open = true;
    return true;
}

void gen_loop_next(gen *g)
{
    g->case_number++;
    seed_case(g);
}

static uint64_t rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

uint64_t gen_u64(gen *g)
{
    uint64_t *s = g->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t gen_below(gen *g, uint64_t bound)
{
    if (bound == 0)
        return 0;
    /* Refuse the first 2^64 mod bound draws: what is left divides evenly. */
    uint64_t refused = (0 - bound) % bound;
    uint64_t x;
    do {
        x = gen_u64(g);
    } while (x < refused);
    return x % bound;
}

int64_t gen_range(gen *g, int64_t low, int64_t high)
{
    uint64_t span = (uint64_t)high - (uint64_t)low + 1;
    uint64_t offset = span == 0 ? gen_u64(g) : gen_below(g, span);
    return (int64_t)((uint64_t)low + offset);
}

bool gen_chance(gen *g, unsigned of, unsigned out_of)
{
    return gen_below(g, out_of) < of;
}

int64_t gen_i64(gen *g)
{
    if (gen_bool(g))
        return (int64_t)(gen_u64(g) >> gen_below(g, 64));
    uint64_t edge = (uint64_t)1 << gen_below(g, 64);
    edge += (uint64_t)gen_range(g, -2, 2);
    return (int64_t)(gen_bool(g) ? 0 - edge : edge);
}

double gen_unit(gen *g)
{
    return (double)(gen_u64(g) >> 11) * 0x1p-53;
}

static double from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

double gen_double(gen *g)
{
    static const double edges[] = {
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.1,
        0.5,
        0x1p53,
        -0x1p53,
        0x1p63,
        -0x1p63,
        0x1p64,
        0x1p-1074,
        0x1.fffffffffffffp-1023,
        0x1p-1022,
        0x1.fffffffffffffp1023,
        -0x1.fffffffffffffp1023,
    };
    switch (gen_below(g, 4)) {
    case 0:
        return GEN_CHOICE(g, edges);
    case 1:
        return (double)gen_i64(g);
    case 2:
        return gen_unit(g) * (double)gen_range(g, -1000, 1000);
    default:
        for (;;) {
            uint64_t bits = gen_u64(g);
            if ((bits >> 52 & 0x7ff) != 0x7ff) /* an exponent of all ones is no finite number */
                return from_bits(bits);
        }
    }
}

void gen_shuffle(gen *g, void *base, size_t count, size_t size)
{
    unsigned char spare[LARGEST_SHUFFLED];
    unsigned char *bytes = base;
    if (size > sizeof spare)
        abort();
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)gen_below(g, i);
        memcpy(spare, bytes + (i - 1) * size, size);
        memmove(bytes + (i - 1) * size, bytes + j * size, size);
        memcpy(bytes + j * size, spare, size);
    }
}

void gen_bytes(gen *g, void *out, size_t len)
{
    unsigned char *bytes = out;
    for (size_t i = 0; i < len; i++)
        bytes[i] = (unsigned char)(gen_u64(g) >> 56);
}

size_t gen_len(gen *g, size_t max)
{
    return (size_t)gen_below(g, gen_below(g, (uint64_t)max + 1) + 1);
}

uint32_t gen_char(gen *g)
{
    /* Ranges by how their UTF-8 looks and by what tends to break: controls, two, three and four
     * bytes, combining marks, right-to-left, emoji, noncharacters, the ends. */
    static const struct {
        uint32_t low, high;
    } ranges[] = {
        {' ', '~'},         {' ', '~'},       {'a', 'z'},           {'a', 'z'},
        {0, 0x1f},          {0x7f, 0x9f},     {0xa0, 0x24f},        {0x300, 0x36f},
        {0x5d0, 0x6ff},     {0x2000, 0x206f}, {0x4e00, 0x9fff},     {0xd7fe, 0xd7ff},
        {0xe000, 0xe001},   {0xfefe, 0xfeff}, {0xfffc, 0xffff},     {0x10000, 0x1ffff},
        {0x1f600, 0x1f64f}, {0x7fe, 0x801},   {0x10fffe, 0x10ffff},
    };
    size_t i = (size_t)gen_below(g, sizeof ranges / sizeof ranges[0]);
    return (uint32_t)gen_range(g, ranges[i].low, ranges[i].high);
}

static size_t put_char(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

size_t gen_text(gen *g, char *out, size_t max_chars)
{
    size_t chars = gen_len(g, max_chars), len = 0;
    for (size_t i = 0; i < chars; i++)
        len += put_char(out + len, gen_char(g));
    out[len] = '\0';
    return len;
}

size_t gen_ascii(gen *g, char *out, size_t max_chars)
{
    size_t len = gen_len(g, max_chars);
    for (size_t i = 0; i < len; i++)
        out[i] = (char)gen_range(g, ' ', '~');
    out[len] = '\0';
    return len;
}

size_t gen_name(gen *g, char *out, size_t max_chars)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    size_t len = 1 + gen_len(g, max_chars - 1);
    out[0] = letters[gen_below(g, 26)];
    for (size_t i = 1; i < len; i++)
        out[i] = letters[gen_below(g, sizeof letters - 1)];
    out[len] = '\0';
    return len;
}
