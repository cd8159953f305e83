/*
 * questions.c: see questions.h.
 */
#include "resolve/questions.h"

#include "base/special.h"

/* 2^low to 2^high, every magnitude equally likely. */
static double draw_size(gen *g, double low, double high)
{
    return pz__exp2(low + (high - low) * gen_unit(g));
}

static question at_the_edge(gen *g)
{
    const double a = draw_size(g, -8, 24);
    const double b = draw_size(g, -8, 24);
    const double edge = pz__beta_quantile(a, b, 0.05);
    const double beside = draw_size(g, -44, -6) * (edge < 0.5 ? edge : 1.0 - edge);
    return (question){a, b, gen_bool(g) ? edge + beside : edge - beside};
}

static question of_whole_weights(gen *g)
{
    const double strength = (double)gen_range(g, 1, 20);
    const double share = gen_unit(g);
    const double a = strength * share + (double)gen_below(g, 400);
    const double b = strength * (1.0 - share) + (double)gen_below(g, 40);
    const double threshold = (double)gen_range(g, 51, 99) / 100.0;
    return (question){a, b, threshold};
}

static question at_the_ends(gen *g)
{
    static const double sizes[] = {0.0, 1e-300, 1e-30, 1e-9, 0.5, 1.0, 2.0, 1e4, 1e7, 1e9};
    static const double places[] = {1e-300, 1e-12, 0.01, 0.5, 0.75, 0.99, 1 - 1e-9, 1 - 1e-15};
    const double a = GEN_CHOICE(g, sizes);
    const double b = GEN_CHOICE(g, sizes);
    const double threshold = GEN_CHOICE(g, places);
    return (question){a > 0.0 || b > 0.0 ? a : 1.0, b, threshold};
}

static question of_any_size(gen *g)
{
    const double a = draw_size(g, -20, 30);
    const double b = draw_size(g, -20, 30);
    const double threshold = gen_unit(g);
    return (question){a, b, threshold};
}

static question draw_any(gen *g, uint64_t number)
{
    if (number % 2 == 0)
        return at_the_edge(g);
    if (number % 8 == 1)
        return at_the_ends(g);
    if (number % 8 == 3)
        return of_any_size(g);
    return of_whole_weights(g);
}

question question_draw(gen *g, uint64_t number)
{
    question q;
    do
        q = draw_any(g, number);
    while (!(q.threshold > 0.0 && q.threshold < 1.0));
    return q;
}
