/*
 * tiers.c: the walk over the layers of one attribute, strongest first.
 *
 * Each tier that has something to say offers it as a layer; the layer meets its fate (layer.c); a
 * sink takes it. There is one walk for both questions that are asked of it: `resolve` wants the
 * layer that is used and stops there, `inspect` wants them all. So an inspection cannot disagree
 * with an answer.
 *
 *     tier            offered by
 *     LOCK            the first policy in force that fixes the value
 *     CHOICE          the newest claim of the person's register
 *     ACCOUNT_CHOICE  the newest claim of each account's, unless that account has rejected its
 *                     value since, the nearest account first
 *     DECLARED        the recorded fact that ranks first
 *     INFERRED        the evidence, and one host's claim per channel, the surest first
 *     GROUP           the same posterior, without the demand for personal weight
 *     RECOMMENDED     the catalog
 *     DEFAULT         the catalog
 *
 * The newest claim of a register hides the older ones before anything else is asked of it. One that
 * has expired or lies in the future therefore reveals the tier beneath, never its predecessor.
 *
 * `max` and `min` differ in two tiers: every fact and every guess has a register of its own, and
 * the greatest (least) that may be used is the tier's one word.
 *
 * Here are also the opening of every walk and the laws of one value; sets and records are in
 * composed.c, layouts in layout.c. Scratch memory is the arena's; values are borrowed from profile
 * and catalog. Nothing is allocated for an attribute without inference and rejections.
 */
#include "resolve/tiers.h"

#include "resolve/evidence.h"

/* A layer of INFERRED before its place among the others is known. */
typedef struct candidate {
    pz__layer layer;
    pz__moment moment; /* of a host's claim */
    int8_t by_value;   /* 1: greater values first; -1: lesser ones; 0: the surer ones */
    bool is_host;
} candidate;

static int8_t direction_of(const pz__attribute *attribute)
{
    if (attribute->merge == PZ__MERGE_MAX)
        return 1;
    return attribute->merge == PZ__MERGE_MIN ? -1 : 0;
}

/* ---- choices and facts ---- */

/* The claim that ranks first of a slot with one register; none if it was emptied. */
static pz_status offer_first(pz__walk *w, pz__claims claims, pz__claim_slot slot, pz__tier tier)
{
    const pz__claims found = pz__claims_of_slot(claims, slot);
    if (found.count == 0 || found.list[0].is_cleared)
        return PZ_OK;
    pz__layer layer = pz__layer_of_claim(w, &found.list[0], tier);
    return pz__settle(w, &layer);
}

/* A clearing outlives the choice that took its place in the writer's own register, should that
 * choice be forgotten: the emptied register of rejections without a part still tells of it. */
static bool is_choice_cleared(pz__claims claims)
{
    const pz__claims choices = pz__claims_of_slot(claims, PZ__SLOT_CHOICE);
    const pz__claims rejects = pz__claims_of_slot(claims, PZ__SLOT_REJECT);
    return choices.count > 0 && rejects.count > 0 && rejects.list[0].part.len == 0 &&
           rejects.list[0].is_cleared &&
           pz__is_after(pz__moment_of(&rejects.list[0]), pz__moment_of(&choices.list[0]));
}

static pz_status offer_choice(pz__walk *w)
{
    if (is_choice_cleared(w->claims))
        return PZ_OK;
    return offer_first(w, w->claims, PZ__SLOT_CHOICE, PZ__TIER_CHOICE);
}

pz_status pz__account_claims(const pz__walk *w, uint32_t i, pz__claims *out)
{
    const pz__person account = {w->view->accounts.members + i, 1};
    return pz__person_claims(&account, w->attribute->name, w->view->arena, out);
}

/* An account's choice, which its own rejection ends; the person's rejections are met by all. */
static pz_status offer_account_choice(pz__walk *w, pz__claims claims)
{
    const pz__claims choices = pz__claims_of_slot(claims, PZ__SLOT_CHOICE);
    if (choices.count == 0 || choices.list[0].is_cleared || is_choice_cleared(claims))
        return PZ_OK;
    pz__rejections own;
    const pz_status status = pz__rejections_read(w->view, w->attribute, claims, &own);
    if (status != PZ_OK)
        return status;
    pz__layer layer = pz__layer_of_claim(w, &choices.list[0], PZ__TIER_ACCOUNT_CHOICE);
    if (layer.fate == PZ__FATE_USED && !(w->removed & PZ__TIER_BIT(PZ__TIER_ACCOUNT_CHOICE)) &&
        pz__rejects_value(&own, layer.answer.value))
        layer.fate = PZ__FATE_REJECTED;
    return pz__settle(w, &layer);
}

static pz_status offer_accounts(pz__walk *w)
{
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < w->view->accounts.count && status == PZ_OK; i++) {
        pz__claims claims;
        status = pz__account_claims(w, i, &claims);
        if (status == PZ_OK)
            status = offer_account_choice(w, claims);
        if (pz__is_settled(w))
            break;
    }
    return status;
}

/* Of max and min only what time allows is in question; what is hidden is hidden with its tier. */
static bool is_in_question(const pz__layer *layer)
{
    return layer->fate == PZ__FATE_USED || layer->fate == PZ__FATE_MASKED ||
           layer->fate == PZ__FATE_DENIED;
}

/* Whether fact `a` goes before `b`: usable, then greater (lesser), then the one that ranks first.
 */
static bool goes_before(const pz__walk *w, const pz__layer *a, pz__moment a_at, const pz__layer *b,
                        pz__moment b_at)
{
    const bool is_usable = a->fate == PZ__FATE_USED;
    if (is_usable != (b->fate == PZ__FATE_USED))
        return is_usable;
    const int by = direction_of(w->attribute) * pz_value_compare(a->answer.value, b->answer.value);
    if (by != 0)
        return by > 0;
    if (a->answer.at_ms != b->answer.at_ms)
        return a->answer.at_ms > b->answer.at_ms;
    return pz__is_after(a_at, b_at);
}

/* Of max and min: the fact that is the tier's word. */
static pz_status offer_greatest(pz__walk *w, pz__claims facts)
{
    const pz__claim *best = NULL;
    pz__layer layer = {.fate = PZ__FATE_USED};
    for (uint32_t i = 0; i < facts.count; i++) {
        if (!pz__is_speaking(facts, i))
            continue;
        const pz__claim *claim = &facts.list[i];
        pz__layer other = pz__layer_of_claim(w, claim, PZ__TIER_DECLARED);
        if (!is_in_question(&other))
            continue;
        if (other.fate == PZ__FATE_USED)
            other.fate = pz__fate_of_value(w, &other);
        if (best && !goes_before(w, &other, pz__moment_of(claim), &layer, pz__moment_of(best)))
            continue;
        best = claim;
        layer = other;
    }
    return best ? pz__settle(w, &layer) : PZ_OK;
}

static pz_status offer_declared(pz__walk *w)
{
    if (direction_of(w->attribute) == 0)
        return offer_first(w, w->claims, PZ__SLOT_DECLARED, PZ__TIER_DECLARED);
    return offer_greatest(w, pz__claims_of_slot(w->claims, PZ__SLOT_DECLARED));
}

/* ---- what evidence says ---- */

static bool bar_unwanted(const void *self, uint32_t node)
{
    const pz__walk *w = self;
    return pz__rejects_node(&w->rejections, node) ||
           !pz__is_in_bounds(w->force, w->attribute->domain->nodes[node].value);
}

/* The layer of the node that the posterior answers; *has_any is false if there is none. */
static void believe(const pz__walk *w, const pz__beliefs *beliefs, pz__tier tier, pz__layer *out,
                    bool *has_any)
{
    const bool has_bars = w->rejections.strikes || w->force->has_one_of;
    const int64_t enough = tier == PZ__TIER_GROUP ? 0 : w->attribute->min_evidence;
    const uint32_t node =
        pz__beliefs_answer(beliefs, w->attribute, enough, has_bars ? bar_unwanted : NULL, w);
    *has_any = node != PZ__NODE_NONE;
    if (*has_any)
        *out = pz__layer_of_guess(w, w->attribute->domain->nodes[node].value, tier,
                                  pz__belief_confidence(&beliefs->nodes[node]),
                                  beliefs->nodes[node].personal);
}

/* What the evidence says to this view. */
static pz_status believe_open(pz__walk *w, pz__tier tier, pz__layer *out, bool *has_any)
{
    *has_any = false;
    if (w->attribute->threshold <= 0.0 || ((w->denied | w->masked) & PZ__TIER_BIT(tier)))
        return PZ_OK;
    if (!w->has_beliefs) {
        const pz_status status = pz__beliefs_form(w->view, w->attribute, &w->beliefs);
        if (status != PZ_OK)
            return status;
        w->has_beliefs = true;
    }
    believe(w, &w->beliefs, tier, out, has_any);
    return PZ_OK;
}

/* For privileged inspections: what it would say if nothing were denied or masked; none if that is
 * what it says anyway. */
static pz_status believe_bare(const pz__walk *w, pz__tier tier, const pz__layer *open,
                              bool has_open, pz__layer *out, bool *has_any)
{
    *has_any = false;
    const bool is_hiding = w->view->masked != 0 || w->denied != 0;
    if (!w->sink || !w->sink->is_privileged || !is_hiding || w->attribute->threshold <= 0.0)
        return PZ_OK;
    pz__view view = *w->view;
    pz__attribute attribute = *w->attribute;
    view.masked = 0;
    attribute.purpose = PZ__STR("");
    pz__beliefs beliefs;
    const pz_status status = pz__beliefs_form(&view, &attribute, &beliefs);
    if (status != PZ_OK)
        return status;
    believe(w, &beliefs, tier, out, has_any);
    if (!*has_any)
        return PZ_OK;
    if (out->fate == PZ__FATE_USED) /* the tier is open: cells of other channels are hidden */
        out->fate = PZ__FATE_MASKED;
    if (has_open && pz_value_equal(open->answer.value, out->answer.value) &&
        open->answer.evidence == out->answer.evidence)
        *has_any = false;
    return PZ_OK;
}

/* ---- inferences ---- */

static candidate candidate_of_claim(const pz__walk *w, const pz__claim *claim)
{
    return (candidate){.layer = pz__layer_of_host(w, claim),
                       .moment = pz__moment_of(claim),
                       .by_value = direction_of(w->attribute),
                       .is_host = true};
}

/* The greater (lesser) first where the law asks for it; the surest first, evidence before a host's
 * claim when equal, then the newest. */
static int compare_candidates(const void *left, const void *right)
{
    const candidate *a = left, *b = right;
    const int by = a->by_value * pz_value_compare(a->layer.answer.value, b->layer.answer.value);
    if (by != 0)
        return by > 0 ? -1 : 1;
    if (a->layer.answer.confidence != b->layer.answer.confidence)
        return a->layer.answer.confidence > b->layer.answer.confidence ? -1 : 1;
    if (a->is_host != b->is_host)
        return a->is_host ? 1 : -1;
    return pz__moment_order(b->moment, a->moment);
}

/* Only the surest that nothing stands against: no list, however many channels a profile names. */
static pz_status offer_surest(pz__walk *w, pz__claims claims, const pz__layer *evidence)
{
    candidate best = {.by_value = direction_of(w->attribute)};
    const bool has_evidence = evidence && pz__fate_of_value(w, evidence) == PZ__FATE_USED;
    bool has_best = has_evidence;
    if (has_evidence)
        best.layer = *evidence;
    for (uint32_t i = 0; i < claims.count; i++) {
        if (!pz__is_speaking(claims, i))
            continue;
        const candidate c = candidate_of_claim(w, &claims.list[i]);
        if (c.layer.fate != PZ__FATE_USED || (has_best && compare_candidates(&best, &c) <= 0))
            continue;
        if (pz__fate_of_value(w, &c.layer) != PZ__FATE_USED)
            continue;
        best = c;
        has_best = true;
    }
    return has_best ? pz__settle(w, &best.layer) : PZ_OK;
}

/* How far a guess in question comes: what may be used before what something stands against, and
 * that before what a mask or a missing consent hides. */
static unsigned reach_of(const pz__walk *w, const pz__layer *guess)
{
    if (guess->fate != PZ__FATE_USED)
        return 0;
    return pz__fate_of_value(w, guess) == PZ__FATE_USED ? 2 : 1;
}

/* Of max and min the tier has one word: of those in force and certain that come as far as any, the
 * greatest (least). */
static pz_status offer_greatest_guess(pz__walk *w, pz__claims claims, const pz__layer *evidence)
{
    candidate best = {.by_value = direction_of(w->attribute)};
    bool has_best = evidence != NULL;
    unsigned best_reach = 0;
    if (evidence) {
        best.layer = *evidence;
        best_reach = reach_of(w, evidence);
    }
    for (uint32_t i = 0; i < claims.count; i++) {
        if (!pz__is_speaking(claims, i))
            continue;
        const candidate c = candidate_of_claim(w, &claims.list[i]);
        if (!is_in_question(&c.layer))
            continue;
        const unsigned reach = reach_of(w, &c.layer);
        if (has_best &&
            (reach < best_reach || (reach == best_reach && compare_candidates(&best, &c) <= 0)))
            continue;
        best = c;
        has_best = true;
        best_reach = reach;
    }
    return has_best ? pz__settle(w, &best.layer) : PZ_OK;
}

static pz_status offer_in_order(pz__walk *w, pz__claims claims, const pz__layer *evidence,
                                const pz__layer *hidden)
{
    if (claims.count == 0 && !evidence && !hidden)
        return PZ_OK;
    candidate *list = pz__arena_array(w->view->arena, (size_t)claims.count + 2, sizeof *list);
    if (!list)
        return PZ_ERR_NOMEM;
    uint32_t count = 0;
    const pz__layer *const from_evidence[] = {evidence, hidden};
    for (uint32_t i = 0; i < 2; i++)
        if (from_evidence[i])
            list[count++] =
                (candidate){.layer = *from_evidence[i], .by_value = direction_of(w->attribute)};
    for (uint32_t i = 0; i < claims.count; i++)
        if (pz__is_speaking(claims, i))
            list[count++] = candidate_of_claim(w, &claims.list[i]);
    pz_status status =
        pz__sort_stable(w->view->arena, list, count, sizeof *list, compare_candidates);
    for (uint32_t i = 0; i < count && status == PZ_OK; i++)
        status = pz__settle(w, &list[i].layer);
    return status;
}

static pz_status offer_inferred(pz__walk *w)
{
    const pz__claims claims = pz__claims_of_slot(w->claims, PZ__SLOT_INFERRED);
    pz__layer open = {.fate = PZ__FATE_USED}, bare = open;
    bool has_open, has_bare;
    pz_status status = believe_open(w, PZ__TIER_INFERRED, &open, &has_open);
    if (status == PZ_OK)
        status = believe_bare(w, PZ__TIER_INFERRED, &open, has_open, &bare, &has_bare);
    if (status != PZ_OK)
        return status;
    if (direction_of(w->attribute) != 0)
        return offer_greatest_guess(w, claims, has_open ? &open : has_bare ? &bare : NULL);
    if (!w->sink)
        return offer_surest(w, claims, has_open ? &open : NULL);
    return offer_in_order(w, claims, has_open ? &open : NULL, has_bare ? &bare : NULL);
}

static pz_status offer_group(pz__walk *w)
{
    if (!w->attribute->is_group)
        return PZ_OK;
    pz__layer open = {.fate = PZ__FATE_USED}, bare = open;
    bool has_open, has_bare;
    pz_status status = believe_open(w, PZ__TIER_GROUP, &open, &has_open);
    if (status == PZ_OK)
        status = believe_bare(w, PZ__TIER_GROUP, &open, has_open, &bare, &has_bare);
    if (status == PZ_OK && has_open)
        status = pz__settle(w, &open);
    if (status == PZ_OK && has_bare)
        status = pz__settle(w, &bare);
    return status;
}

/* ---- the catalog ---- */

static pz_status offer_recommended(pz__walk *w)
{
    if (!w->attribute->has_recommended)
        return PZ_OK;
    pz__layer layer = pz__layer_of_tier(w, w->attribute->recommended, PZ__TIER_RECOMMENDED);
    return pz__settle(w, &layer);
}

static pz_status offer_default(pz__walk *w)
{
    if (!w->attribute->has_default)
        return PZ_OK;
    pz__layer layer = pz__layer_of_tier(w, w->attribute->default_value, PZ__TIER_DEFAULT);
    return pz__settle(w, &layer);
}

static const struct {
    pz__tier tier;
    pz_status (*offer)(pz__walk *w);
} tiers[] = {
    {PZ__TIER_CHOICE, offer_choice},     {PZ__TIER_ACCOUNT_CHOICE, offer_accounts},
    {PZ__TIER_DECLARED, offer_declared}, {PZ__TIER_INFERRED, offer_inferred},
    {PZ__TIER_GROUP, offer_group},       {PZ__TIER_RECOMMENDED, offer_recommended},
    {PZ__TIER_DEFAULT, offer_default},
};

/* ---- the walk ---- */

pz_status pz__walk_scalar(pz__walk *w)
{
    pz_status status = pz__rejections_read(w->view, w->attribute, w->claims, &w->rejections);
    for (size_t i = 0; i < sizeof tiers / sizeof tiers[0] && status == PZ_OK; i++) {
        const bool is_idle =
            !w->sink && ((w->removed | w->denied | w->masked) & PZ__TIER_BIT(tiers[i].tier));
        if (!is_idle)
            status = tiers[i].offer(w);
        if (pz__is_settled(w))
            break;
    }
    return status;
}

static pz_status offer_lock(pz__walk *w)
{
    if (!w->force->has_lock)
        return PZ_OK;
    w->is_locked = true;
    pz__layer layer = pz__layer_of_tier(w, w->force->lock, PZ__TIER_LOCK);
    const pz_status status = pz__settle(w, &layer);
    if (w->sink)
        w->has_answer = false; /* each element and member is asked about anew */
    return status;
}

pz_status pz__layers_walk(const pz__view *view, const pz__attribute *attribute,
                          const pz__force *force, const pz__sink *sink, pz__walk *w)
{
    static const pz__force none = {.has_lock = false};
    static pz_status (*const laws[])(pz__walk *) = {
        [PZ__MERGE_REPLACE] = pz__walk_scalar, [PZ__MERGE_SET] = pz__walk_composed,
        [PZ__MERGE_LAYOUT] = pz__walk_layout,  [PZ__MERGE_RECORD] = pz__walk_composed,
        [PZ__MERGE_MAX] = pz__walk_scalar,     [PZ__MERGE_MIN] = pz__walk_scalar,
    };
    *w = (pz__walk){.view = view, .attribute = attribute, .sink = sink};
    w->force = force ? force : &none;
    pz_status status = offer_lock(w);
    if (status != PZ_OK || pz__is_settled(w))
        return status;
    status = pz__person_claims(&view->person, attribute->name, view->arena, &w->claims);
    if (status != PZ_OK)
        return status;
    pz__walk_read_tiers(w);
    return laws[attribute->merge](w);
}

static bool is_composed(const pz__attribute *attribute)
{
    return attribute->merge == PZ__MERGE_SET || attribute->merge == PZ__MERGE_RECORD ||
           attribute->merge == PZ__MERGE_LAYOUT;
}

pz_status pz__resolve(const pz__view *view, const pz__attribute *attribute, const pz__force *force,
                      pz__resolution *out)
{
    const pz__mark mark = pz__arena_mark(view->arena);
    pz__walk w;
    const pz_status status = pz__layers_walk(view, attribute, force, NULL, &w);
    /* A composed answer is itself in the arena, and so are the items of one read from bytes. */
    const bool is_kept = is_composed(attribute) || w.answer.value.kind >= PZ_LIST;
    if (!is_kept || status != PZ_OK)
        pz__arena_return(view->arena, mark);
    if (status != PZ_OK) {
        *out = (pz__resolution){.tier = PZ__TIER_NONE, .reason = PZ__REASON_UNRESOLVED};
        return status;
    }
    *out = w.answer;
    if (force && !is_composed(attribute))
        pz__clamp(force, out);
    return PZ_OK;
}

pz_status pz__resolve_all(const pz__view *view, const pz__question *questions, uint32_t count,
                          pz__resolution *out)
{
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < count && status == PZ_OK; i++)
        status = pz__resolve(view, questions[i].attribute, questions[i].force, &out[i]);
    return status;
}
