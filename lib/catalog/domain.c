/*
 * domain.c: the values that an inference may answer, as a tree in preorder.
 *
 * A taxonomy is written as nested objects; a flat domain is a tree of one level:
 *
 *     goods: {garden: {roses, tools}, home}        0 root   [0, 5)
 *                                                  1 garden [1, 4)
 *                                                  2 roses  [2, 3)
 *                                                  3 tools  [3, 4)
 *                                                  4 home   [4, 5)
 *
 * Preorder makes a subtree a range, and finding a value is a binary search in a second list, sorted
 * by the order of values. Prior shares are declared for leaves; the share of an inner node is the
 * sum over its leaves in preorder, always added in that order, so that it is the same double on
 * every machine. The root's share is 1 whatever rounding makes of the sum.
 *
 * Numbers match as they do in rules (3 is 3.0): the order of values puts those next to each other,
 * so the search looks at the two neighbours of where a value would stand.
 */
#include "catalog/build.h"

#include "base/number.h"

/* How far declared shares may be from adding to 1. */
#define SHARE_TOLERANCE 1e-9

/* Most domains are of texts, which are equal to themselves alone: the first that compares equal is
 * the one. */
static uint32_t find_text(const pz__domain *domain, pz_value value)
{
    const pz_str text = {value.as.text, value.len};
    uint32_t low = 0, high = domain->count - 1;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const pz_value here = domain->nodes[domain->by_value[middle]].value;
        const int by = here.kind == PZ_STRING
                           ? pz__str_compare((pz_str){here.as.text, here.len}, text)
                           : pz_value_compare(here, value);
        if (by == 0)
            return domain->by_value[middle];
        if (by < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return PZ__NODE_NONE;
}

uint32_t pz__domain_find(const pz__domain *domain, pz_value value)
{
    if (value.kind == PZ_STRING)
        return find_text(domain, value);
    uint32_t low = 0, high = domain->count - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (pz_value_compare(domain->nodes[domain->by_value[middle]].value, value) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    uint32_t from = low > 0 ? low - 1 : 0;
    for (uint32_t i = from; i <= low && i < domain->count - 1; i++)
        if (pz_value_equal(domain->nodes[domain->by_value[i]].value, value))
            return domain->by_value[i];
    return PZ__NODE_NONE;
}

pz_str pz__domain_nearest(const pz__domain *domain, pz_str text)
{
    pz__near best = {{NULL, 0}, 0};
    for (uint32_t i = 1; i < domain->count; i++)
        pz__nearer(&best, text, pz_value_text(domain->nodes[i].value));
    return best.name;
}

static int compare_nodes(const void *self, uint32_t a, uint32_t b)
{
    const pz__domain_node *nodes = self;
    return pz_value_compare(nodes[a].value, nodes[b].value);
}

/* Make the second list of a domain whose nodes are all there. */
static bool index_values(pz__build *build, pz__domain *domain)
{
    uint32_t count = domain->count - 1;
    uint32_t *list = pz__keep(build, count, sizeof *list);
    if (!list)
        return false;
    for (uint32_t i = 0; i < count; i++)
        list[i] = i + 1;
    domain->by_value = list;
    return pz__sort_numbers(build, list, count, compare_nodes, domain->nodes);
}

static bool is_leaf(const pz__domain_node *nodes, uint32_t i)
{
    return nodes[i].end == i + 1;
}

/* Shares of inner nodes from those of the leaves, each summed in preorder. */
static void sum_shares(pz__domain_node *nodes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (is_leaf(nodes, i) && i > 0)
            continue;
        double sum = 0;
        for (uint32_t leaf = i + 1; leaf < nodes[i].end; leaf++)
            if (is_leaf(nodes, leaf))
                sum += nodes[leaf].share;
        nodes[i].share = sum;
    }
    nodes[0].share = 1;
}

static void share_equally(pz__domain_node *nodes, uint32_t count)
{
    uint32_t leaves = 0;
    for (uint32_t i = 1; i < count; i++)
        leaves += is_leaf(nodes, i);
    for (uint32_t i = 1; i < count; i++)
        if (is_leaf(nodes, i))
            nodes[i].share = 1.0 / leaves;
    sum_shares(nodes, count);
}

pz__domain *pz__domain_flat(pz__build *build, const pz_value *values, uint32_t count)
{
    pz__domain *domain = pz__keep(build, 1, sizeof *domain);
    pz__domain_node *nodes = pz__keep(build, (size_t)count + 1, sizeof *nodes);
    if (!domain || !nodes)
        return NULL;
    nodes[0] = (pz__domain_node){.end = count + 1};
    for (uint32_t i = 0; i < count; i++)
        nodes[i + 1] = (pz__domain_node){.value = values[i], .end = i + 2, .depth = 1};
    share_equally(nodes, count + 1);
    *domain = (pz__domain){.nodes = nodes, .count = count + 1};
    return index_values(build, domain) ? domain : NULL;
}

/* ---- taxonomies ---- */

static uint64_t count_nodes(const pz__node *node)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < node->child_count; i++)
        count += 1 + count_nodes(&node->children[i]);
    return count;
}

/* A tree being filled in. Nesting is bounded by that of the document. */
typedef struct planting {
    pz__build *build;
    pz__domain_node *nodes;
    uint32_t count;
    pz__names seen;
    bool is_wrong;
} planting;

/* Check one node's name and what it holds; true if it may be planted. */
static bool check_taxon(planting *p, const pz__node *node)
{
    bool is_new = pz__names_find(&p->seen, node->key) == PZ__NAME_NONE;
    if (!is_new)
        pz__mistake_in_name(p->build, node,
                            "%s stands twice in this taxonomy: every name has one place",
                            pz__quoted(p->build, node->key));
    bool is_object = node->value.kind == PZ_MAP;
    if (!is_object)
        pz__mistake_at(p->build, node,
                       "a node of a taxonomy must be an object of the nodes below it ({} for "
                       "none), not %s",
                       pz__found(p->build, node->value));
    bool is_named =
        pz__name_check(p->build, node->key, node->key_start, node->key_end, "a taxonomy's node");
    if (!is_new || !is_object || !is_named)
        p->is_wrong = true;
    if (is_new && pz__names_put(&p->seen, node->key) == PZ__NAME_NONE)
        p->build->is_out_of_memory = true;
    return is_object;
}

static void plant(planting *p, const pz__node *node, uint32_t parent, uint32_t depth)
{
    for (uint32_t i = 0; i < node->child_count && !pz__is_stopped(p->build); i++) {
        const pz__node *child = &node->children[i];
        if (!check_taxon(p, child))
            continue;
        uint32_t self = p->count++;
        p->nodes[self] = (pz__domain_node){
            .value = pz__value_of_str(child->key), .parent = parent, .depth = depth};
        plant(p, child, self, depth + 1);
        p->nodes[self].end = p->count;
    }
}

pz__domain *pz__domain_tree(pz__build *build, const pz__node *node)
{
    uint64_t count = count_nodes(node) + 1;
    if (count > PZ__DOMAIN_MAX || count < 2) {
        if (count < 2)
            pz__mistake_at(build, node, "a taxonomy needs at least one node");
        else
            pz__mistake_in_name(build, node, "a taxonomy of %u nodes; at most %u are allowed",
                                (uint32_t)(count - 1), PZ__DOMAIN_MAX - 1);
        return NULL;
    }
    pz__domain *domain = pz__keep(build, 1, sizeof *domain);
    planting p = {.build = build, .nodes = pz__keep(build, count, sizeof *p.nodes), .count = 1};
    if (!domain || !p.nodes)
        return NULL;
    pz__names_init(&p.seen, build->scratch);
    plant(&p, node, 0, 1);
    if (p.is_wrong || pz__is_stopped(build))
        return NULL;
    p.nodes[0].end = p.count;
    share_equally(p.nodes, p.count);
    *domain = (pz__domain){.nodes = p.nodes, .count = p.count};
    return index_values(build, domain) ? domain : NULL;
}

/* ---- declared shares ---- */

/* The number or truth value that a member's name spells; null if it spells none. */
static pz_value spelled(pz_str name)
{
    int64_t i;
    uint64_t u;
    double d;
    if (pz__str_equal(name, PZ__STR("true")) || pz__str_equal(name, PZ__STR("false")))
        return pz_value_bool(name.len == 4);
    if (pz__int_parse(name.data, name.len, &i))
        return pz_value_int(i);
    if (pz__uint_parse(name.data, name.len, &u))
        return pz_value_uint(u);
    return pz__double_parse(name.data, name.len, &d) ? pz_value_double(d) : pz_value_null();
}

/* The node that the name of a share means: a text itself, a number or a bool as JSON writes it. */
static uint32_t node_spelled(const pz__domain *domain, pz_str name)
{
    uint32_t found = pz__domain_find(domain, pz__value_of_str(name));
    return found == PZ__NODE_NONE ? pz__domain_find(domain, spelled(name)) : found;
}

/* The share that one member declares; false after a mistake. */
static bool read_share(pz__build *build, const pz__domain *domain, pz__domain_node *nodes,
                       const pz__node *member, bool is_any_node)
{
    uint32_t i = node_spelled(domain, member->key);
    if (i == PZ__NODE_NONE) {
        pz__mistake(build, member->key_start, member->key_end,
                    pz__domain_nearest(domain, member->key),
                    "%s is no value of this attribute's domain", pz__quoted(build, member->key));
        return false;
    }
    if (!is_any_node && !is_leaf(nodes, i)) {
        pz__mistake_in_name(build, member,
                            "%s is no leaf: shares are declared for leaves and add up the tree",
                            pz__quoted(build, member->key));
        return false;
    }
    bool is_number = PZ__WANT(member->value.kind) & PZ__WANT_NUMBER;
    double share = pz__number_of(member->value);
    if (!is_number || !(share >= 0 && share <= 1)) {
        pz__mistake_at(build, member, "a share must be a number from 0 to 1, not %s",
                       pz__found(build, member->value));
        return false;
    }
    nodes[i].share = share;
    return true;
}

static void read_shares(pz__build *build, const pz__domain *domain, pz__domain_node *nodes,
                        const pz__node *shares)
{
    bool is_right = true;
    double sum = 0;
    for (uint32_t i = 1; i < domain->count; i++)
        nodes[i].share = 0;
    for (uint32_t i = 0; i < shares->child_count && !pz__is_stopped(build); i++)
        is_right &= read_share(build, domain, nodes, &shares->children[i], false);
    for (uint32_t i = 1; i < domain->count; i++)
        sum += is_leaf(nodes, i) ? nodes[i].share : 0;
    if (is_right && !(sum >= 1 - SHARE_TOLERANCE && sum <= 1 + SHARE_TOLERANCE)) {
        char text[PZ__DOUBLE_TEXT_MAX];
        pz__double_print(sum, text);
        pz__mistake_in_name(build, shares, "the shares of the leaves add to %s; they must add to 1",
                            text);
    }
}

/* A copy whose nodes may be changed; NULL out of memory. */
static pz__domain *copy_domain(pz__build *build, const pz__domain *domain, pz__domain_node **nodes)
{
    pz__domain *copy = pz__keep(build, 1, sizeof *copy);
    *nodes = pz__keep(build, domain->count, sizeof **nodes);
    if (!copy || !*nodes)
        return NULL;
    memcpy(*nodes, domain->nodes, domain->count * sizeof **nodes);
    *copy = (pz__domain){.nodes = *nodes, .count = domain->count, .by_value = domain->by_value};
    return copy;
}

pz__domain *pz__domain_shared(pz__build *build, const pz__domain *domain, const pz__node *shares)
{
    pz__domain_node *nodes;
    pz__domain *copy = copy_domain(build, domain, &nodes);
    if (copy && shares) {
        read_shares(build, domain, nodes, shares);
        sum_shares(nodes, domain->count);
    }
    return copy;
}

pz__domain *pz__domain_elements(pz__build *build, const pz__domain *domain, const pz__node *shares)
{
    pz__domain_node *nodes;
    pz__domain *copy = copy_domain(build, domain, &nodes);
    for (uint32_t i = 1; copy && i < domain->count; i++)
        nodes[i].share = PZ__ELEMENT_SHARE;
    for (uint32_t i = 0; copy && shares && i < shares->child_count && !pz__is_stopped(build); i++)
        read_share(build, domain, nodes, &shares->children[i], true);
    return copy;
}

void pz__read_taxonomies(pz__build *build, const pz__node *node)
{
    build->taxonomies = pz__work(build, node->child_count, sizeof *build->taxonomies);
    if (!build->taxonomies)
        return;
    for (uint32_t i = 0; i < node->child_count && !pz__is_stopped(build); i++) {
        const pz__node *child = &node->children[i];
        pz__taxonomy *taxonomy = &build->taxonomies[build->taxonomy_count++];
        *taxonomy = (pz__taxonomy){.name = child->key, .node = child};
        pz__name_check(build, child->key, child->key_start, child->key_end, "a taxonomy");
        if (child->value.kind == PZ_MAP)
            taxonomy->domain = pz__domain_tree(build, child);
        else
            pz__mistake_at(build, child, "a taxonomy must be an object of nodes, not %s",
                           pz__found(build, child->value));
    }
}
