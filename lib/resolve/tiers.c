/*
 * tiers.c: the walk over the layers of one attribute, strongest first.
 *
 * Each tier that has something to say offers it as a layer; the layer meets its fate; a sink takes
 * it. There is one walk for both questions that are asked of it: `resolve` wants the layer that is
 * used and stops there, `inspect` wants them all. So an inspection cannot disagree with an answer.
 *
 *     tier            offered by
 *     LOCK            (a policy; none exist yet)
 *     CHOICE          the newest claim of the person's register
 *     ACCOUNT_CHOICE  the newest claim of the account's
 *     DECLARED        the recorded fact that ranks first
 *     INFERRED        the evidence, and one host's claim per channel, the surest first
 *     GROUP           the same posterior, without the demand for personal weight
 *     RECOMMENDED     the catalog
 *     DEFAULT         the catalog
 *
 * The newest claim of a register hides the older ones before anything else is asked of it. One that
 * has expired or lies in the future therefore reveals the tier beneath, never its predecessor.
 *
 * The fate of a layer is the first that holds of EXPIRED, FUTURE, UNCERTAIN, MODE, REJECTED,
 * BOUNDED; the first layer that escapes them all is USED, the later ones are SHADOWED. BOUNDED also
 * meets a stored claim whose value the catalog of today does not allow: it is kept, and returns
 * with the catalog that allows it.
 *
 * What the person has not granted the purpose of is no layer at all: not even its presence shows.
 *
 * Scratch memory is the arena's and is given back by the callers; values are borrowed from the
 * profile and the catalog. Nothing is allocated for an attribute without inference and rejections.
 */
#include "resolve/tiers.h"

#include "resolve/evidence.h"
#include "resolve/posterior.h"
#include "resolve/reject.h"

typedef struct walk {
    const pz__view *view;
    const pz__attribute *attribute;
    const pz__sink *sink;
    pz__claims claims; /* the person's about the attribute */
    pz__rejections rejections;
    pz__beliefs beliefs; /* formed when first needed */
    uint32_t removed;    /* tiers that the mode removes, by bit */
    bool is_off;
    bool is_granted; /* facts and guesses may be used */
    bool has_beliefs;
    bool has_answer; /* a layer was used */
} walk;

/* A layer of INFERRED before its place among the others is known. */
typedef struct candidate {
    pz__layer layer;
    pz__moment moment; /* of a host's claim */
    bool is_host;
} candidate;

#define BIT(tier) (1u << (tier))
#define REMOVED_BY_MANUAL                                                                          \
    (BIT(PZ__TIER_DECLARED) | BIT(PZ__TIER_INFERRED) | BIT(PZ__TIER_GROUP) |                       \
     BIT(PZ__TIER_RECOMMENDED))
#define REMOVED_BY_OFF (REMOVED_BY_MANUAL | BIT(PZ__TIER_CHOICE) | BIT(PZ__TIER_ACCOUNT_CHOICE))

/* ---- one layer ---- */

static int64_t add_saturating(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* The first moment a claim is no longer in force; INT64_MAX: never. Retention ends what was
 * recorded or inferred, never a choice. */
static int64_t end_of_claim(const pz__attribute *attribute, const pz__claim *claim)
{
    int64_t end = claim->expires_ms ? claim->expires_ms : INT64_MAX;
    bool is_retained = claim->slot == PZ__SLOT_DECLARED || claim->slot == PZ__SLOT_INFERRED;
    if (attribute->retention_ms > 0 && is_retained) {
        int64_t retained = add_saturating(claim->at_ms, attribute->retention_ms);
        end = retained < end ? retained : end;
    }
    return end;
}

/* What time alone makes of a claim: EXPIRED, FUTURE, or USED for "nothing yet". */
static pz__fate fate_in_time(const walk *w, const pz__claim *claim)
{
    if (w->view->now_ms >= end_of_claim(w->attribute, claim))
        return PZ__FATE_EXPIRED;
    return claim->at_ms > w->view->now_ms ? PZ__FATE_FUTURE : PZ__FATE_USED;
}

static pz__layer layer_of_claim(const walk *w, const pz__claim *claim, pz__tier tier,
                                pz__reason reason)
{
    return (pz__layer){.answer = {.value = claim->value,
                                  .tier = tier,
                                  .reason = reason,
                                  .channel = claim->channel,
                                  .who = claim->who,
                                  .writer = claim->writer,
                                  .at_ms = claim->at_ms},
                       .fate = fate_in_time(w, claim)};
}

/* Only what was stored earlier can be outside today's domain; the catalog's own values were
 * checked when it was compiled, and the nodes of an inference are its domain. */
static bool is_outside(const walk *w, const pz__layer *layer)
{
    bool is_stored = layer->answer.writer.len > 0;
    return is_stored && pz__attribute_check(w->attribute, layer->answer.value, NULL) != PZ_OK;
}

/* What stands against a layer that is in force and certain; USED if nothing does. */
static pz__fate fate_of_value(const walk *w, const pz__layer *layer)
{
    if (w->removed & BIT(layer->answer.tier))
        return PZ__FATE_MODE;
    if (pz__rejects_value(&w->rejections, layer->answer.value))
        return PZ__FATE_REJECTED;
    return is_outside(w, layer) ? PZ__FATE_BOUNDED : PZ__FATE_USED;
}

/* Decide what becomes of a layer and hand it on. */
static pz_status settle(walk *w, pz__layer *layer)
{
    if (layer->fate == PZ__FATE_USED)
        layer->fate = fate_of_value(w, layer);
    if (layer->fate == PZ__FATE_USED && w->has_answer)
        layer->fate = PZ__FATE_SHADOWED;
    w->has_answer = w->has_answer || layer->fate == PZ__FATE_USED;
    return w->sink->put(w->sink->self, layer);
}

static bool is_done(const walk *w)
{
    return w->has_answer && w->sink->is_brief;
}

/* The claim that ranks first of a slot with one register; none if it was emptied. */
static pz_status offer_first(walk *w, pz__claims claims, pz__claim_slot slot, pz__tier tier,
                             pz__reason reason)
{
    pz__claims found = pz__claims_of_slot(claims, slot);
    if (found.count == 0 || found.list[0].is_cleared)
        return PZ_OK;
    pz__layer layer = layer_of_claim(w, &found.list[0], tier, reason);
    return settle(w, &layer);
}

/* ---- the tiers ---- */

static pz_status offer_choice(walk *w)
{
    return offer_first(w, w->claims, PZ__SLOT_CHOICE, PZ__TIER_CHOICE, PZ__REASON_EXPLICIT);
}

static pz_status offer_account(walk *w)
{
    if (w->view->accounts.count == 0)
        return PZ_OK;
    pz__claims claims = pz__profile_claims(w->view->accounts.members[0], w->attribute->name);
    return offer_first(w, claims, PZ__SLOT_CHOICE, PZ__TIER_ACCOUNT_CHOICE, PZ__REASON_EXPLICIT);
}

static pz_status offer_declared(walk *w)
{
    if (!w->is_granted)
        return PZ_OK;
    return offer_first(w, w->claims, PZ__SLOT_DECLARED, PZ__TIER_DECLARED, PZ__REASON_DECLARED);
}

static bool bar_rejected(const void *self, uint32_t node)
{
    return pz__rejects_node(self, node);
}

/* The node that the posterior answers, or PZ__NODE_NONE. */
static pz_status believe(walk *w, int64_t min_evidence, uint32_t *node)
{
    *node = PZ__NODE_NONE;
    if (w->attribute->threshold <= 0.0 || !w->attribute->domain)
        return PZ_OK;
    if (!w->has_beliefs) {
        pz_status status = pz__beliefs_form(w->view, w->attribute, &w->beliefs);
        if (status != PZ_OK)
            return status;
        w->has_beliefs = true;
    }
    *node = pz__beliefs_answer(&w->beliefs, w->attribute, min_evidence,
                               w->rejections.strikes ? bar_rejected : NULL, &w->rejections);
    return PZ_OK;
}

static int64_t weight_units(double weight)
{
    double units = weight * 1024.0 + 0.5;
    return units < 9.0e18 ? (int64_t)units : INT64_MAX;
}

static pz__layer layer_of_node(const walk *w, uint32_t node, pz__tier tier, pz__reason reason)
{
    const pz__belief *belief = &w->beliefs.nodes[node];
    pz__layer layer = {.answer = {.value = w->attribute->domain->nodes[node].value,
                                  .tier = tier,
                                  .reason = reason,
                                  .has_confidence = true,
                                  .confidence = pz__belief_confidence(belief)}};
    if (tier == PZ__TIER_INFERRED)
        layer.answer.evidence = weight_units(belief->personal);
    return layer;
}

/* Claims keep 65536ths of a confidence, so the threshold is met in the same measure: a stated 0.9
 * reaches a threshold of 0.9. */
static bool reaches_threshold(const pz__attribute *attribute, uint32_t confidence)
{
    return attribute->threshold > 0.0 &&
           confidence >= (uint32_t)(attribute->threshold * 65536.0 + 0.5);
}

static candidate candidate_of_claim(const walk *w, const pz__claim *claim)
{
    candidate c = {.layer = layer_of_claim(w, claim, PZ__TIER_INFERRED, PZ__REASON_INFERRED),
                   .moment = pz__moment_of(claim),
                   .is_host = true};
    c.layer.answer.has_confidence = true;
    c.layer.answer.confidence = claim->confidence;
    if (c.layer.fate == PZ__FATE_USED && !reaches_threshold(w->attribute, claim->confidence))
        c.layer.fate = PZ__FATE_UNCERTAIN;
    return c;
}

/* The surest first, evidence before a host's claim when equal, then the newest. */
static int compare_candidates(const void *left, const void *right)
{
    const candidate *a = left, *b = right;
    if (a->layer.answer.confidence != b->layer.answer.confidence)
        return a->layer.answer.confidence > b->layer.answer.confidence ? -1 : 1;
    if (a->is_host != b->is_host)
        return a->is_host ? 1 : -1;
    return pz__is_after(a->moment, b->moment) ? -1 : pz__is_after(b->moment, a->moment);
}

/* Claim i ranks first in its register, the channel's, and was not emptied. */
static bool is_speaking(pz__claims claims, uint32_t i)
{
    bool is_first = i == 0 || !pz__str_equal(claims.list[i - 1].part, claims.list[i].part);
    return is_first && !claims.list[i].is_cleared;
}

static candidate candidate_of_node(const walk *w, uint32_t node)
{
    return (candidate){.layer = layer_of_node(w, node, PZ__TIER_INFERRED, PZ__REASON_INFERRED)};
}

/* Only the surest that nothing stands against: no list, however many channels a profile names. */
static pz_status offer_surest(walk *w, pz__claims claims, uint32_t node)
{
    bool has_best = node != PZ__NODE_NONE;
    candidate best = has_best ? candidate_of_node(w, node) : (candidate){.is_host = false};
    for (uint32_t i = 0; i < claims.count; i++) {
        if (!is_speaking(claims, i))
            continue;
        const candidate c = candidate_of_claim(w, &claims.list[i]);
        if (c.layer.fate != PZ__FATE_USED || (has_best && compare_candidates(&best, &c) <= 0))
            continue;
        if (fate_of_value(w, &c.layer) != PZ__FATE_USED)
            continue;
        best = c;
        has_best = true;
    }
    return has_best ? settle(w, &best.layer) : PZ_OK;
}

static pz_status offer_by_confidence(walk *w, pz__claims claims, uint32_t node)
{
    candidate *list = pz__arena_array(w->view->arena, (size_t)claims.count + 1, sizeof *list);
    if (!list)
        return PZ_ERR_NOMEM;
    uint32_t count = 0;
    if (node != PZ__NODE_NONE)
        list[count++] = candidate_of_node(w, node);
    for (uint32_t i = 0; i < claims.count; i++)
        if (is_speaking(claims, i))
            list[count++] = candidate_of_claim(w, &claims.list[i]);
    pz_status status =
        pz__sort_stable(w->view->arena, list, count, sizeof *list, compare_candidates);
    for (uint32_t i = 0; i < count && status == PZ_OK; i++)
        status = settle(w, &list[i].layer);
    return status;
}

static pz_status offer_inferred(walk *w)
{
    if (!w->is_granted)
        return PZ_OK;
    const pz__claims claims = pz__claims_of_slot(w->claims, PZ__SLOT_INFERRED);
    uint32_t node;
    const pz_status status = believe(w, w->attribute->min_evidence, &node);
    if (status != PZ_OK)
        return status;
    return w->sink->is_brief ? offer_surest(w, claims, node) : offer_by_confidence(w, claims, node);
}

static pz_status offer_group(walk *w)
{
    if (!w->attribute->is_group)
        return PZ_OK;
    uint32_t node;
    pz_status status = believe(w, 0, &node);
    if (status != PZ_OK || node == PZ__NODE_NONE)
        return status;
    pz__layer layer = layer_of_node(w, node, PZ__TIER_GROUP, PZ__REASON_GROUP);
    return settle(w, &layer);
}

static pz_status offer_recommended(walk *w)
{
    if (!w->attribute->has_recommended)
        return PZ_OK;
    pz__layer layer = {.answer = {.value = w->attribute->recommended,
                                  .tier = PZ__TIER_RECOMMENDED,
                                  .reason = PZ__REASON_RECOMMENDED}};
    return settle(w, &layer);
}

static pz_status offer_default(walk *w)
{
    if (!w->attribute->has_default)
        return PZ_OK;
    pz__layer layer = {.answer = {.value = w->attribute->default_value,
                                  .tier = PZ__TIER_DEFAULT,
                                  .reason = w->is_off ? PZ__REASON_DISABLED : PZ__REASON_DEFAULT}};
    return settle(w, &layer);
}

static const struct {
    pz__tier tier;
    pz_status (*offer)(walk *w);
} tiers[] = {
    {PZ__TIER_CHOICE, offer_choice},     {PZ__TIER_ACCOUNT_CHOICE, offer_account},
    {PZ__TIER_DECLARED, offer_declared}, {PZ__TIER_INFERRED, offer_inferred},
    {PZ__TIER_GROUP, offer_group},       {PZ__TIER_RECOMMENDED, offer_recommended},
    {PZ__TIER_DEFAULT, offer_default},
};

/* ---- the walk ---- */

/* The newest word on the mode counts while it is in force; anything else is AUTO. */
static void read_mode(walk *w)
{
    pz__claims modes = pz__claims_of_slot(w->claims, PZ__SLOT_MODE);
    if (modes.count == 0 || modes.list[0].is_cleared)
        return;
    if (fate_in_time(w, &modes.list[0]) != PZ__FATE_USED)
        return;
    pz_str mode = pz_value_text(modes.list[0].value);
    w->is_off = pz__str_equal(mode, PZ__STR("OFF"));
    if (w->is_off)
        w->removed = REMOVED_BY_OFF;
    else if (pz__str_equal(mode, PZ__STR("MANUAL")))
        w->removed = REMOVED_BY_MANUAL;
}

pz_status pz__layers_walk(const pz__view *view, const pz__attribute *attribute,
                          const pz__force *force, const pz__sink *sink)
{
    if (attribute->merge != PZ__MERGE_REPLACE)
        return PZ_ERR_UNSUPPORTED;
    walk w = {.view = view, .attribute = attribute, .sink = sink};
    (void)force;
    pz_status status = pz__person_claims(&view->person, attribute->name, view->arena, &w.claims);
    if (status != PZ_OK)
        return status;
    w.is_granted = pz__is_granted(view, attribute);
    read_mode(&w);
    status = pz__rejections_read(view, attribute, w.claims, &w.rejections);
    for (size_t i = 0; i < sizeof tiers / sizeof tiers[0] && status == PZ_OK; i++) {
        bool is_idle = sink->is_brief && (w.removed & BIT(tiers[i].tier));
        if (!is_idle)
            status = tiers[i].offer(&w);
        if (is_done(&w))
            break;
    }
    return status;
}

/* Keeps the layer that is used. */
static pz_status keep_answer(void *self, const pz__layer *layer)
{
    if (layer->fate == PZ__FATE_USED)
        *(pz__resolution *)self = layer->answer;
    return PZ_OK;
}

pz_status pz__resolve(const pz__view *view, const pz__attribute *attribute, const pz__force *force,
                      pz__resolution *out)
{
    *out = (pz__resolution){.tier = PZ__TIER_NONE, .reason = PZ__REASON_UNRESOLVED};
    const pz__mark mark = pz__arena_mark(view->arena);
    const pz__sink sink = {out, keep_answer, true};
    pz_status status = pz__layers_walk(view, attribute, force, &sink);
    pz__arena_return(view->arena, mark);
    if (status != PZ_OK)
        *out = (pz__resolution){.tier = PZ__TIER_NONE, .reason = PZ__REASON_UNRESOLVED};
    return status;
}
