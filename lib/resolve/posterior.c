/*
 * posterior.c: prior shares and decayed weight become one Beta distribution per node.
 *
 * For a node n of a domain with prior share pi(n), and s the strength of the prior:
 *
 *     a = s * pi(n)       + P(subtree of n)
 *     b = s * (1 - pi(n)) + P(outside n, but not its ancestors) + N(n and its ancestors)
 *
 * P and N are the decayed weights for and against. What was seen of an ancestor is no case against
 * the node (interest in gardens does not speak against roses), and what is held against an ancestor
 * is held against all below it. What lies outside n splits at each step down: outside its parent,
 * and inside the parent but in another child. Nodes stand in preorder, so one walk from the last
 * node to the first adds up the subtrees and one from the first to the last carries the outside and
 * the case against downwards.
 *
 * A node is asserted when the probability that its share exceeds the threshold is at least 95 %.
 * The test costs one incomplete beta function, hundreds of times the rest, so two cheap facts come
 * first: too little personal weight, and a mean too low to be certain. A variable between 0 and 1
 * that exceeds t with probability 0.95 has a mean of at least 0.95 t, so a lower mean decides
 * without asking. And the nodes are asked from the last to the first: what lies below a node comes
 * before it, and once something is certain only what is deeper is still of interest.
 *
 * In a set each element has a Beta of its own: a = s * pi + P, b = s * (1 - pi) + N.
 *
 * Not here: where the weights come from (evidence.c); who may not be answered (reject.c).
 */
#include "resolve/posterior.h"

#include "base/special.h"
#include "resolve/evidence.h"

#define CERTAINTY 0.95
/* A little below CERTAINTY, so that rounding in the cheap test can never overrule the true one. */
#define CERTAINTY_OF_MEAN 0.9499

static double not_negative(double x)
{
    return x > 0.0 ? x : 0.0;
}

/* Weight for whole subtrees, from the leaves up; siblings are added last to first. */
static void add_subtrees(const pz__domain *domain, const pz__weights *weights, pz__belief *beliefs)
{
    for (uint32_t n = 0; n < domain->count; n++)
        beliefs[n].personal = weights->for_node[n];
    for (uint32_t n = domain->count; n-- > 1;)
        beliefs[domain->nodes[n].parent].personal += beliefs[n].personal;
}

/* `b` of the evidence alone. The differences are of sums over the same terms, so what is left over
 * by rounding is at most an ulp of the whole; when nothing lies outside it is exactly 0. */
static void carry_down(const pz__domain *domain, const pz__weights *weights, pz__belief *beliefs,
                       double *outside, double *against)
{
    outside[0] = 0.0;
    against[0] = weights->against_node[0];
    for (uint32_t n = 1; n < domain->count; n++) {
        uint32_t parent = domain->nodes[n].parent;
        double below_parent = not_negative(beliefs[parent].personal - weights->for_node[parent]);
        outside[n] = outside[parent] + not_negative(below_parent - beliefs[n].personal);
        against[n] = against[parent] + weights->against_node[n];
    }
}

/* Elements of a set are independent: what was seen of one is no case against another. */
static void add_elements(const pz__domain *domain, const pz__weights *weights, pz__belief *beliefs,
                         double *outside, double *against)
{
    for (uint32_t n = 0; n < domain->count; n++) {
        beliefs[n].personal = weights->for_node[n];
        against[n] = weights->against_node[n];
        outside[n] = 0.0;
    }
}

pz_status pz__beliefs_form(const pz__view *view, const pz__attribute *attribute, pz__beliefs *out)
{
    *out = (pz__beliefs){NULL, 0};
    const pz__domain *domain = attribute->domain;
    if (!domain)
        return PZ_OK;
    pz__belief *beliefs = pz__arena_array(view->arena, domain->count, sizeof *beliefs);
    double *outside = pz__arena_array(view->arena, domain->count, sizeof *outside);
    double *against = pz__arena_array(view->arena, domain->count, sizeof *against);
    if (!beliefs || !outside || !against)
        return PZ_ERR_NOMEM;
    pz__weights weights;
    pz_status status = pz__evidence_weigh(view, attribute, &weights);
    if (status != PZ_OK)
        return status;

    if (attribute->merge == PZ__MERGE_SET) {
        add_elements(domain, &weights, beliefs, outside, against);
    } else {
        add_subtrees(domain, &weights, beliefs);
        carry_down(domain, &weights, beliefs, outside, against);
    }
    double strength = attribute->strength;
    for (uint32_t n = 0; n < domain->count; n++) {
        double share = domain->nodes[n].share;
        beliefs[n].a = strength * share + beliefs[n].personal;
        beliefs[n].b = strength * not_negative(1.0 - share) + outside[n] + against[n];
    }
    *out = (pz__beliefs){beliefs, domain->count};
    return PZ_OK;
}

/* P(Beta(a, b) > threshold), with the two ends that are no Beta: a = 0 never, b = 0 always. */
static double probability_above(const pz__belief *belief, double threshold)
{
    if (!(belief->a > 0.0))
        return 0.0;
    if (!(belief->b > 0.0))
        return 1.0;
    return pz__beta_above(belief->a, belief->b, threshold);
}

bool pz__belief_is_certain(const pz__belief *belief, double threshold)
{
    if (belief->a < CERTAINTY_OF_MEAN * threshold * (belief->a + belief->b))
        return false;
    return probability_above(belief, threshold) >= CERTAINTY;
}

uint32_t pz__belief_confidence(const pz__belief *belief)
{
    double sum = belief->a + belief->b;
    if (!(sum > 0.0))
        return 0;
    return (uint32_t)(belief->a / sum * 65536.0 + 0.5);
}

/* Whether node n would be a better answer than `best`, which stands behind it: deeper, then surer,
 * then first. */
static bool is_better(const pz__domain *domain, const pz__beliefs *beliefs, uint32_t n,
                      uint32_t best)
{
    if (best == PZ__NODE_NONE)
        return true;
    if (domain->nodes[n].depth != domain->nodes[best].depth)
        return domain->nodes[n].depth > domain->nodes[best].depth;
    const pz__belief *x = &beliefs->nodes[n], *y = &beliefs->nodes[best];
    return x->a / (x->a + x->b) >= y->a / (y->a + y->b);
}

uint32_t pz__beliefs_answer(const pz__beliefs *beliefs, const pz__attribute *attribute,
                            int64_t min_evidence, pz__node_filter is_barred, const void *self)
{
    if (attribute->threshold <= 0.0)
        return PZ__NODE_NONE;
    double enough = (double)min_evidence / 1024.0;
    uint32_t best = PZ__NODE_NONE;
    for (uint32_t n = beliefs->count; n-- > 1;) {
        const pz__belief *belief = &beliefs->nodes[n];
        if (belief->personal < enough || !is_better(attribute->domain, beliefs, n, best))
            continue;
        if (is_barred && is_barred(self, n))
            continue;
        if (pz__belief_is_certain(belief, attribute->threshold))
            best = n;
    }
    return best;
}

pz_status pz__posteriors(const pz__view *view, const pz__attribute *attribute, pz__posterior **out)
{
    *out = NULL;
    pz__beliefs beliefs;
    pz_status status = pz__beliefs_form(view, attribute, &beliefs);
    if (status != PZ_OK || beliefs.count == 0)
        return status;
    pz__posterior *list = pz__arena_array(view->arena, beliefs.count, sizeof *list);
    if (!list)
        return PZ_ERR_NOMEM;
    double enough = (double)attribute->min_evidence / 1024.0;
    for (uint32_t n = 0; n < beliefs.count; n++) {
        const pz__belief *belief = &beliefs.nodes[n];
        double above = probability_above(belief, attribute->threshold);
        bool is_certain =
            n > 0 && attribute->threshold > 0.0 && above >= CERTAINTY && belief->personal >= enough;
        list[n] = (pz__posterior){
            belief->a, belief->b, belief->personal, above, pz__belief_confidence(belief),
            is_certain};
    }
    *out = list;
    return PZ_OK;
}
