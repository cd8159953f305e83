/*
 * component.c: the person that a profile belongs to.
 *
 * Kruskal's algorithm over a disjoint-set forest. Every candidate begins as a person of its own;
 * the links that stand are taken in their total order, and each either joins two persons or is
 * refused for good:
 *
 *     node      parent, size, and for each kind of unique identifier what its person holds:
 *               nothing, one value, or several (which only a single profile can bring)
 *
 * Two persons conflict in a kind iff both hold values of it and these are not one and the same. A
 * person only ever gains members and values, so a link that was refused would be refused later too:
 * going through the order once is enough, and the outcome depends on nothing but the set of links.
 * A link inside one person changes nothing and stands.
 *
 * All candidates are joined, not only those around the one that is asked about; that is what makes
 * every member give the same answer.
 */
#include "identity/link.h"

#include <assert.h>

typedef enum holding { HOLDS_NONE, HOLDS_ONE, HOLDS_SEVERAL } holding;

/* What a person holds of one unique kind. */
typedef struct held {
    holding how;
    pz_str value; /* of HOLDS_ONE */
} held;

typedef struct node {
    uint32_t parent;
    uint32_t size; /* of a root: members of its person */
    held *held;    /* of a root: by kind */
} node;

typedef struct forest {
    node *nodes;
    const pz__identity_rules *rules;
} forest;

/* ---- unique identifiers ---- */

static held unite(held a, held b)
{
    if (a.how == HOLDS_NONE)
        return b;
    if (b.how == HOLDS_NONE)
        return a;
    const bool is_one = a.how == HOLDS_ONE && b.how == HOLDS_ONE && pz__str_equal(a.value, b.value);
    return is_one ? a : (held){.how = HOLDS_SEVERAL};
}

/* What one profile holds of a kind: of each register the claim that ranks first. */
static held held_by(const pz__profile *profile, pz_str kind, int64_t now_ms)
{
    const pz__claims claims = pz__profile_claims(profile, kind);
    held found = {.how = HOLDS_NONE};
    for (uint32_t i = 0; i < claims.count; i++) {
        const pz__claim *claim = &claims.list[i];
        const bool is_first = i == 0 || claims.list[i - 1].slot != claim->slot ||
                              !pz__str_equal(claims.list[i - 1].part, claim->part);
        if (claim->slot == PZ__SLOT_IDENTIFIER && is_first && pz__claim_is_live(claim, now_ms))
            found = unite(found, (held){HOLDS_ONE, claim->part});
    }
    return found;
}

/* The first unique kind in which two persons conflict; {NULL, 0} if there is none. */
static pz_str conflict(const forest *f, const node *a, const node *b)
{
    for (uint32_t k = 0; k < f->rules->unique_count; k++) {
        const bool both = a->held[k].how != HOLDS_NONE && b->held[k].how != HOLDS_NONE;
        if (both && unite(a->held[k], b->held[k]).how == HOLDS_SEVERAL)
            return f->rules->unique[k];
    }
    return (pz_str){NULL, 0};
}

/* ---- the forest ---- */

static pz_status plant(forest *f, const pz__person *candidates, const pz__identity_rules *rules,
                       pz__arena *arena)
{
    const uint32_t kinds = rules->unique_count;
    f->rules = rules;
    f->nodes = pz__arena_array(arena, candidates->count, sizeof *f->nodes);
    held *all = pz__arena_array(arena, (size_t)candidates->count * kinds, sizeof *all);
    if (!f->nodes || !all)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < candidates->count; i++) {
        f->nodes[i] = (node){.parent = i, .size = 1, .held = all + (size_t)i * kinds};
        for (uint32_t k = 0; k < kinds; k++)
            f->nodes[i].held[k] = held_by(candidates->members[i], rules->unique[k], rules->now_ms);
    }
    return PZ_OK;
}

static uint32_t root_of(forest *f, uint32_t place)
{
    while (f->nodes[place].parent != place) {
        node *n = &f->nodes[place];
        n->parent = f->nodes[n->parent].parent;
        place = n->parent;
    }
    return place;
}

static void join_roots(forest *f, uint32_t a, uint32_t b)
{
    const bool is_smaller = f->nodes[a].size < f->nodes[b].size;
    node *keeps = &f->nodes[is_smaller ? b : a];
    node *goes = &f->nodes[is_smaller ? a : b];
    goes->parent = is_smaller ? b : a;
    keeps->size += goes->size;
    for (uint32_t k = 0; k < f->rules->unique_count; k++)
        keeps->held[k] = unite(keeps->held[k], goes->held[k]);
}

static void admit(forest *f, pz__link *link)
{
    const uint32_t a = root_of(f, link->one), b = root_of(f, link->other);
    if (a == b)
        return;
    const pz_str kind = conflict(f, &f->nodes[a], &f->nodes[b]);
    if (kind.data) {
        link->edge.fate = PZ__EDGE_UNIQUE;
        link->edge.kind = kind;
    } else if (f->nodes[a].size + f->nodes[b].size > PZ__PERSON_MEMBERS_MAX) {
        link->edge.fate = PZ__EDGE_LIMIT;
    } else {
        join_roots(f, a, b);
    }
}

/* ---- the answer ---- */

static int order_by_fate(const pz__link *a, const pz__link *b)
{
    if (a->edge.fate != b->edge.fate)
        return a->edge.fate < b->edge.fate ? -1 : 1;
    return pz__link_order(a, b);
}

static bool touches(forest *f, const pz__link *link, uint32_t root)
{
    return root_of(f, link->one) == root ||
           (link->other != PZ__NOBODY && root_of(f, link->other) == root);
}

/* The members of the person under `root`, who stand as the candidates do. */
static pz_status list_members(forest *f, const pz__person *candidates, uint32_t root,
                              pz__arena *arena, pz__component *out)
{
    const pz__profile **members =
        pz__arena_array(arena, f->nodes[root].size, sizeof(const pz__profile *));
    if (!members)
        return PZ_ERR_NOMEM;
    uint32_t count = 0;
    for (uint32_t i = 0; i < candidates->count; i++)
        if (root_of(f, i) == root)
            members[count++] = candidates->members[i];
    out->person = (pz__person){members, count};
    return PZ_OK;
}

static pz_status list_edges(forest *f, pz__link *links, uint32_t count, uint32_t root,
                            pz__arena *arena, pz__component *out)
{
    pz__links_sort(links, count, order_by_fate);
    pz__edge *edges = pz__arena_array(arena, count, sizeof *edges);
    if (!edges)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        if (touches(f, &links[i], root))
            edges[out->edge_count++] = links[i].edge;
    out->edges = edges;
    return PZ_OK;
}

pz_status pz__identity_component(const pz__person *candidates, uint32_t of,
                                 const pz__identity_rules *rules, pz__arena *arena,
                                 pz__component *out)
{
    assert(of < candidates->count && candidates->count <= PZ__CANDIDATES_MAX);
    *out = (pz__component){.person = {candidates->members + of, 1}};
    pz__link *links;
    uint32_t count;
    forest f;
    pz_status status = pz__links_collect(candidates, rules->now_ms, arena, &links, &count);
    if (status != PZ_OK || count == 0)
        return status;
    status = plant(&f, candidates, rules, arena);
    if (status != PZ_OK)
        return status;
    for (uint32_t i = 0; i < count; i++)
        if (links[i].edge.fate == PZ__EDGE_STANDS)
            admit(&f, &links[i]);
    const uint32_t root = root_of(&f, of);
    status = list_members(&f, candidates, root, arena, out);
    return status == PZ_OK ? list_edges(&f, links, count, root, arena, out) : status;
}
