/*
 * graph.c: which attributes, segments and policies read which, and that none reads itself.
 *
 * The nodes of the graph, in the order of their numbers, and what each reads:
 *
 *     attribute   the policies that lock or bound it, and the masks
 *     input       an attribute as policy input: the policies that lock it
 *     segment     what its rule names
 *     policy      what its rule names
 *     masks       one node: all policies that set a mask
 *
 * A depth-first walk without recursion: a node on the stack that is met again closes a circle, and
 * the stack from there up is how it goes, so it can be named in full:
 *
 *     segments read one another in a circle: a -> b -> a
 *
 * Evaluation follows the same edges with the machine's stack, so the longest chain of rules is
 * bounded too.
 */
#include "catalog/build.h"

#include <stdio.h>

typedef enum colour { UNSEEN, OPEN, DONE } colour;

/* A node on the way down: which of its edges is looked at next. */
typedef struct step {
    uint32_t node;
    uint32_t next;
} step;

typedef struct walk {
    pz__build *build;
    uint32_t inputs, segments, policies, masks; /* first number of each sort */
    uint8_t *colours;                           /* by node */
    uint32_t *chains;                           /* by node: how many rules its longest chain has */
    step *stack;
    uint32_t depth;
    bool is_told; /* that a chain is too long */
} walk;

/* ---- names ---- */

static bool is_segment(const walk *w, uint32_t node)
{
    return node >= w->segments && node < w->policies;
}

static bool is_policy(const walk *w, uint32_t node)
{
    return node >= w->policies && node < w->masks;
}

/* A segment, in a circle that has nothing else, stands without its prefix. */
static void put_name(const walk *w, pz__buf *out, uint32_t node, bool is_mixed)
{
    const pz__build *build = w->build;
    if (is_policy(w, node)) {
        const pz_str id = build->catalog->policies[node - w->policies].id;
        pz__buf_format(out, "policy %.*s", PZ__STR_ARG(id));
    } else if (is_segment(w, node)) {
        const pz_str name = build->segments[node - w->segments].name;
        pz__buf_format(out, "%s%.*s", is_mixed ? "segment." : "", PZ__STR_ARG(name));
    } else {
        const pz_str name = build->attributes[node < w->inputs ? node : node - w->inputs].name;
        pz__buf_format(out, "profile.%.*s", PZ__STR_ARG(name));
    }
}

/* A mistake about a node: in the name of a segment, at the rule of a policy. */
static void tell(walk *w, uint32_t node, const char *message, pz_str detail)
{
    pz__build *build = w->build;
    if (is_segment(w, node))
        pz__mistake_in_name(build, build->segment_nodes[node - w->segments], "%s%.*s", message,
                            PZ__STR_ARG(detail));
    else
        pz__mistake_at(build, build->rule_nodes[node - w->policies], "%s%.*s", message,
                       PZ__STR_ARG(detail));
}

/* Where the stack holds a node. */
static uint32_t place_of(const walk *w, uint32_t node)
{
    uint32_t at = w->depth;
    while (w->stack[at - 1].node != node)
        at--;
    return at - 1;
}

/* How a circle through `node` goes, as "a -> b -> a"; cut when it grows too long. The masks have no
 * name of their own: what stands around them says enough. */
static void tell_circle(walk *w, uint32_t node)
{
    pz__build *build = w->build;
    pz__buf way;
    pz__buf_init(&way, &build->alloc, 900);
    const uint32_t from = place_of(w, node);
    uint32_t policy = UINT32_MAX;
    for (uint32_t i = from; i < w->depth; i++)
        if (policy == UINT32_MAX && is_policy(w, w->stack[i].node))
            policy = w->stack[i].node;
    const bool is_mixed = policy != UINT32_MAX;
    for (uint32_t i = from; i < w->depth && way.len < 500; i++) {
        if (w->stack[i].node == w->masks)
            continue;
        put_name(w, &way, w->stack[i].node, is_mixed);
        pz__buf_text(&way, " \xe2\x86\x92 ");
    }
    if (way.len >= 500)
        pz__buf_text(&way, "... \xe2\x86\x92 ");
    put_name(w, &way, node == w->masks ? w->stack[from + 1].node : node, is_mixed);
    if (way.status == PZ_ERR_NOMEM)
        build->is_out_of_memory = true;
    else
        tell(w, is_mixed ? policy : node,
             is_mixed ? "attributes, segments and policies read one another in a circle: "
                      : "segments read one another in a circle: ",
             (pz_str){way.data, way.len});
    pz__buf_clear(&way);
}

/* ---- edges ---- */

static uint32_t node_of_slot(const walk *w, uint32_t slot)
{
    const pz__slot_info *info = &w->build->slots[slot];
    switch (info->use) {
    case PZ__USE_ATTRIBUTE:
    case PZ__USE_CONFIDENCE:
    case PZ__USE_TIER:
        return info->index;
    case PZ__USE_INPUT:
        return w->inputs + info->index;
    case PZ__USE_SEGMENT:
        return w->segments + info->index;
    case PZ__USE_COUNT:
    case PZ__USE_SUM:
    case PZ__USE_LAST:
        return w->masks;
    case PZ__USE_CONTEXT:
    case PZ__USE_NOW:
    case PZ__USE_CONSENT:
        break;
    }
    return PZ__NAME_NONE;
}

/* The next node that a rule reads. */
static uint32_t next_of_rule(const walk *w, step *top, const pz__program *program)
{
    uint32_t count = 0, read = PZ__NAME_NONE;
    const uint32_t *slots = program ? pz__program_slots(program, &count) : NULL;
    while (top->next < count && read == PZ__NAME_NONE)
        read = node_of_slot(w, slots[top->next++]);
    return read;
}

/* The next policy on an attribute, of locks only for an input; then, for answers, the masks. */
static uint32_t next_of_attribute(const walk *w, step *top, uint32_t attribute, bool is_input)
{
    const pz__catalog *catalog = w->build->catalog;
    const pz__attribute_effects *effects = catalog->effects ? &catalog->effects[attribute] : NULL;
    const uint32_t count = effects ? effects->count : 0;
    while (top->next < count) {
        const pz__attribute_effect *one = &effects->list[top->next++];
        if (!is_input || one->effect->is_lock)
            return w->policies + one->policy;
    }
    if (is_input || top->next > count)
        return PZ__NAME_NONE;
    top->next++;
    return w->masks;
}

static uint32_t next_of_masks(const walk *w, step *top)
{
    const pz__catalog *catalog = w->build->catalog;
    while (top->next < catalog->policy_count) {
        const uint32_t policy = top->next++;
        if (catalog->policies[policy].sets_mask)
            return w->policies + policy;
    }
    return PZ__NAME_NONE;
}

/* The next node that the top of the stack reads, or PZ__NAME_NONE. */
static uint32_t next_read(walk *w)
{
    step *top = &w->stack[w->depth - 1];
    const uint32_t node = top->node;
    const pz__catalog *catalog = w->build->catalog;
    if (node == w->masks)
        return next_of_masks(w, top);
    if (is_policy(w, node))
        return next_of_rule(w, top, catalog->policies[node - w->policies].when);
    if (is_segment(w, node))
        return next_of_rule(w, top, w->build->segments[node - w->segments].program);
    const bool is_input = node >= w->inputs;
    return next_of_attribute(w, top, is_input ? node - w->inputs : node, is_input);
}

/* ---- the walk ---- */

static void enter(walk *w, uint32_t node)
{
    w->colours[node] = OPEN;
    w->chains[node] = is_segment(w, node) || is_policy(w, node);
    w->stack[w->depth++] = (step){node, 0};
}

/* The chain of `reader` is at least that of what it reads, and one more if it has a rule. */
static void lengthen(walk *w, uint32_t reader, uint32_t read)
{
    const bool has_rule = is_segment(w, reader) || is_policy(w, reader);
    const uint32_t chain = w->chains[read] + has_rule;
    if (w->chains[reader] < chain)
        w->chains[reader] = chain;
    if (w->chains[reader] <= PZ__SEGMENT_CHAIN_MAX || w->is_told || !has_rule)
        return;
    w->is_told = true;
    pz__buf name;
    pz__buf_init(&name, &w->build->alloc, 400);
    put_name(w, &name, reader, is_policy(w, reader));
    const char *quoted = pz__quoted(w->build, (pz_str){name.data, name.len});
    pz__buf_clear(&name);
    char text[96];
    (void)snprintf(text, sizeof text, " heads a chain of more than %u %s that read one another",
                   PZ__SEGMENT_CHAIN_MAX,
                   w->build->catalog->policy_count ? "segments and policies" : "segments");
    tell(w, reader, quoted, pz_str_of(text));
}

static void leave(walk *w)
{
    const uint32_t node = w->stack[--w->depth].node;
    w->colours[node] = DONE;
    if (w->depth > 0)
        lengthen(w, w->stack[w->depth - 1].node, node);
}

static void walk_from(walk *w, uint32_t node)
{
    enter(w, node);
    while (w->depth > 0) {
        const uint32_t read = next_read(w);
        if (read == PZ__NAME_NONE)
            leave(w);
        else if (w->colours[read] == UNSEEN)
            enter(w, read);
        else if (w->colours[read] == OPEN)
            tell_circle(w, read);
        else
            lengthen(w, w->stack[w->depth - 1].node, read);
    }
}

void pz__check_graph(pz__build *build)
{
    const pz__catalog *catalog = build->catalog;
    walk w = {.build = build, .inputs = catalog->attribute_count};
    w.segments = w.inputs + catalog->attribute_count;
    w.policies = w.segments + catalog->segment_count;
    w.masks = w.policies + catalog->policy_count;
    w.colours = pz__work(build, w.masks + 1, sizeof *w.colours);
    w.chains = pz__work(build, w.masks + 1, sizeof *w.chains);
    w.stack = pz__work(build, w.masks + 1, sizeof *w.stack);
    /* Every circle has a rule in it, and every rule is a segment's or a policy's. */
    for (uint32_t node = w.segments; node < w.masks && !pz__is_stopped(build); node++)
        if (w.colours[node] == UNSEEN)
            walk_from(&w, node);
}
