/*
 * reference.c: the definition, word by word. See reference.h.
 *
 *     I_x(a, b) = x^a (1-x)^b / (a B(a, b)) * sum over k of (a+b)(a+b+1)... / ((a+1)(a+2)...) x^k
 *
 * (DLMF 8.17.8 with Euler's transformation.) All terms are positive, so nothing cancels; what is
 * above x is one minus it, to about 1e-16, which is plenty beside 95 %.
 */
#include "resolve/reference.h"

#include <math.h>

#define DAY_MS INT64_C(86400000)

uint32_t reference_add(reference_tree *tree, uint32_t parent)
{
    const uint32_t n = tree->count++;
    const uint32_t depth = n == 0 ? 0 : tree->nodes[parent].depth + 1;
    tree->nodes[n] = (reference_node){parent, n + 1, depth, 0.0};
    for (uint32_t above = n; above > 0; above = tree->nodes[above].parent)
        tree->nodes[tree->nodes[above].parent].end = n + 1;
    return n;
}

void reference_close(reference_tree *tree)
{
    uint32_t leaves = 0;
    for (uint32_t n = 1; n < tree->count; n++)
        leaves += tree->nodes[n].end == n + 1;
    for (uint32_t n = 0; n < tree->count; n++) {
        uint32_t below = 0;
        for (uint32_t m = n > 0 ? n : 1; m < tree->nodes[n].end; m++)
            below += tree->nodes[m].end == m + 1;
        tree->nodes[n].share = (double)below / (double)leaves;
    }
}

long double reference_above(long double a, long double b, long double x)
{
    if (a <= 0.0L)
        return 0.0L;
    if (b <= 0.0L)
        return 1.0L;
    long double term = 1.0L, sum = 1.0L;
    for (long double k = 0.0L; term > 1e-22L * sum; k += 1.0L) {
        term *= (a + b + k) / (a + 1.0L + k) * x;
        sum += term;
    }
    const long double log_lead =
        a * logl(x) + b * log1pl(-x) - logl(a) + lgammal(a + b) - lgammal(a) - lgammal(b);
    return 1.0L - expl(log_lead) * sum;
}

static int64_t bucket_start(int64_t at_ms, unsigned width)
{
    const int64_t bucket_ms = (INT64_C(1) << width) * 1000;
    return at_ms / bucket_ms * bucket_ms; /* of moments after 1970 */
}

/* Whether the sight's bucket has begun and is still kept. */
static bool is_counted(const reference_rules *rules, int64_t at_ms, int64_t now_ms)
{
    const int64_t start = bucket_start(at_ms, rules->width);
    return start <= now_ms && (rules->retention_ms == 0 || now_ms - start < rules->retention_ms);
}

/* What the day of sight `i` weighs, of the same node and side. */
static int64_t weight_of_day(const reference_rules *rules, const reference_sight *sights,
                             size_t count, size_t i, int64_t now_ms)
{
    const int64_t day = bucket_start(sights[i].at_ms, rules->width) / DAY_MS;
    int64_t weight = 0;
    for (size_t j = 0; j < count; j++) {
        const bool is_alike = sights[j].node == sights[i].node &&
                              sights[j].is_against == sights[i].is_against &&
                              bucket_start(sights[j].at_ms, rules->width) / DAY_MS == day;
        if (is_alike && is_counted(rules, sights[j].at_ms, now_ms))
            weight += sights[j].weight;
    }
    return weight;
}

/* A sight's weight after its day was scaled down and its age was taken off. */
static long double weight_of(const reference_rules *rules, const reference_sight *sights,
                             size_t count, size_t i, int64_t now_ms)
{
    if (!is_counted(rules, sights[i].at_ms, now_ms))
        return 0.0L;
    long double weight = (long double)sights[i].weight / 1024.0L;
    if (rules->saturation > 0) {
        const int64_t day = weight_of_day(rules, sights, count, i, now_ms);
        if (day > rules->saturation)
            weight *= (long double)rules->saturation / (long double)day;
    }
    if (rules->half_life_ms > 0) {
        const int64_t age_ms =
            bucket_start(now_ms, rules->width) - bucket_start(sights[i].at_ms, rules->width);
        weight *= exp2l(-(long double)age_ms / (long double)rules->half_life_ms);
    }
    return weight;
}

static bool is_within(const reference_tree *tree, uint32_t node, uint32_t subtree)
{
    return node >= subtree && node < tree->nodes[subtree].end;
}

static reference_belief believe(const reference_tree *tree, const reference_rules *rules,
                                const long double *support, const long double *against, uint32_t n)
{
    reference_belief belief = {0.0L, 0.0L, 0.0L, 0.0L};
    for (uint32_t m = 1; m < tree->count; m++) {
        const bool is_above = is_within(tree, n, m); /* m is n or an ancestor */
        if (is_within(tree, m, n))
            belief.personal += support[m];
        else if (!is_above)
            belief.b += support[m];
        if (is_above)
            belief.b += against[m];
    }
    const long double share = tree->nodes[n].share;
    belief.a = rules->strength * share + belief.personal;
    belief.b += rules->strength * (1.0L - share);
    return belief;
}

void reference_believe(const reference_tree *tree, const reference_rules *rules,
                       const reference_sight *sights, size_t count, int64_t now_ms, int64_t least,
                       reference_belief *out)
{
    long double support[REFERENCE_NODES_MAX] = {0}, against[REFERENCE_NODES_MAX] = {0};
    for (size_t i = 0; i < count; i++) {
        long double *side = sights[i].is_against ? against : support;
        side[sights[i].node] += weight_of(rules, sights, count, i, now_ms);
    }
    for (uint32_t n = 1; n < tree->count; n++) {
        out[n] = believe(tree, rules, support, against, n);
        if (out[n].personal > (long double)least / 1024.0L - 1e-9L)
            out[n].above = reference_above(out[n].a, out[n].b, rules->threshold);
    }
}

uint32_t reference_answer(const reference_tree *tree, const reference_belief *beliefs,
                          int64_t least, bool *is_near)
{
    const long double enough = (long double)least / 1024.0L;
    uint32_t best = 0;
    *is_near = false;
    for (uint32_t n = 1; n < tree->count; n++) {
        const reference_belief *belief = &beliefs[n];
        const bool is_edge = fabsl(belief->above - 0.95L) < 1e-9L;
        const bool is_scarce = least > 0 && fabsl(belief->personal - enough) < 1e-9L;
        *is_near = *is_near || is_edge || (is_scarce && belief->above > 0.9L);
        if (belief->personal < enough || belief->above < 0.95L)
            continue;
        if (tree->nodes[n].depth > tree->nodes[best].depth)
            best = n;
    }
    return best;
}
