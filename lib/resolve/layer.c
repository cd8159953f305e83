/*
 * layer.c: one layer, and what becomes of it.
 *
 * A layer is what one tier says about an attribute, or about one element or member of it. Its fate
 * is the first that holds of
 *
 *     DENIED     its purpose is not granted           } no layer at all, except for a privileged
 *     MASKED     its source class may not be used     } inspection: not even its presence shows
 *     EXPIRED    it, or what is kept for so long, is over
 *     FUTURE     its claimed time is still to come
 *     UNCERTAIN  a host's confidence is below the threshold
 *     MODE       MANUAL or OFF takes its tier away
 *     REJECTED   the person does not want this value
 *     BOUNDED    a policy, or the catalog of today, does not allow the value
 *     USED       it answers
 *     SHADOWED   it could answer, but something stronger does
 *
 * Which tiers are denied, masked or removed is worked out once for an attribute, as bits. Choices
 * need no consent and are of no class; what is recorded is of class `declared`, what is inferred of
 * the attribute's class, the group's of class `peers`. The class `cross-channel` is not of tiers
 * but of single guesses: those that were gathered in another channel than the one that asks.
 *
 * A value of the catalog was checked when the catalog was compiled; one that was stored earlier is
 * held against the catalog of today, and returns with a catalog that allows it again.
 */
#include "resolve/evidence.h"
#include "resolve/tiers.h"

/* What is said about the person: needs consent. The group is not the person. */
#define OF_PERSON (PZ__TIER_BIT(PZ__TIER_DECLARED) | PZ__TIER_BIT(PZ__TIER_INFERRED))
#define REMOVED_BY_MANUAL                                                                          \
    (OF_PERSON | PZ__TIER_BIT(PZ__TIER_GROUP) | PZ__TIER_BIT(PZ__TIER_RECOMMENDED))
#define REMOVED_BY_OFF                                                                             \
    (REMOVED_BY_MANUAL | PZ__TIER_BIT(PZ__TIER_CHOICE) | PZ__TIER_BIT(PZ__TIER_ACCOUNT_CHOICE))

/* ---- tiers ---- */

/* The newest word on the mode counts until it expires, also when its claimed time is still to come:
 * who switches something off is not to wait for it. Anything else is AUTO. */
static void read_mode(pz__walk *w)
{
    const pz__claims modes = pz__claims_of_slot(w->claims, PZ__SLOT_MODE);
    if (modes.count == 0 || modes.list[0].is_cleared)
        return;
    if (pz__fate_of_claim(w, &modes.list[0], PZ__TIER_CHOICE) == PZ__FATE_EXPIRED)
        return;
    const pz_str mode = pz_value_text(modes.list[0].value);
    w->is_off = pz__str_equal(mode, PZ__STR("OFF"));
    if (w->is_off)
        w->removed = REMOVED_BY_OFF;
    else if (pz__str_equal(mode, PZ__STR("MANUAL")))
        w->removed = REMOVED_BY_MANUAL;
}

void pz__walk_read_tiers(pz__walk *w)
{
    const uint32_t masked = w->view->masked;
    if (!pz__is_granted(w->view, w->attribute))
        w->denied = OF_PERSON;
    if (masked & PZ__CLASS_BIT(PZ__CLASS_DECLARED))
        w->masked |= PZ__TIER_BIT(PZ__TIER_DECLARED);
    if (masked & PZ__CLASS_BIT(PZ__CLASS_PEERS))
        w->masked |= PZ__TIER_BIT(PZ__TIER_GROUP);
    if (pz__is_class_masked(w->view, w->attribute))
        w->masked |= PZ__TIER_BIT(PZ__TIER_INFERRED);
    read_mode(w);
}

/* ---- claims ---- */

static int64_t add_saturating(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* The first moment a claim is no longer in force; INT64_MAX: never. Retention ends what was
 * recorded or inferred, never a choice. */
static int64_t end_of_claim(const pz__attribute *attribute, const pz__claim *claim)
{
    int64_t end = claim->expires_ms ? claim->expires_ms : INT64_MAX;
    const bool is_kept = claim->slot == PZ__SLOT_DECLARED || claim->slot == PZ__SLOT_INFERRED;
    if (attribute->retention_ms > 0 && is_kept) {
        const int64_t kept = add_saturating(claim->at_ms, attribute->retention_ms);
        end = kept < end ? kept : end;
    }
    return end;
}

/* What hides a whole tier. */
static pz__fate fate_of_tier(const pz__walk *w, pz__tier tier)
{
    if (w->denied & PZ__TIER_BIT(tier))
        return PZ__FATE_DENIED;
    return w->masked & PZ__TIER_BIT(tier) ? PZ__FATE_MASKED : PZ__FATE_USED;
}

pz__fate pz__fate_of_claim(const pz__walk *w, const pz__claim *claim, pz__tier tier)
{
    const pz__fate of_tier = fate_of_tier(w, tier);
    if (of_tier != PZ__FATE_USED)
        return of_tier;
    if (tier == PZ__TIER_INFERRED && pz__is_channel_masked(w->view, claim->channel))
        return PZ__FATE_MASKED;
    if (w->view->now_ms >= end_of_claim(w->attribute, claim))
        return PZ__FATE_EXPIRED;
    return claim->at_ms > w->view->now_ms ? PZ__FATE_FUTURE : PZ__FATE_USED;
}

/* ---- layers ---- */

static pz__reason reason_of(const pz__walk *w, pz__tier tier)
{
    static const uint8_t reasons[] = {
        [PZ__TIER_NONE] = PZ__REASON_UNRESOLVED,   [PZ__TIER_LOCK] = PZ__REASON_LOCKED,
        [PZ__TIER_CHOICE] = PZ__REASON_EXPLICIT,   [PZ__TIER_ACCOUNT_CHOICE] = PZ__REASON_EXPLICIT,
        [PZ__TIER_DECLARED] = PZ__REASON_DECLARED, [PZ__TIER_INFERRED] = PZ__REASON_INFERRED,
        [PZ__TIER_GROUP] = PZ__REASON_GROUP,       [PZ__TIER_RECOMMENDED] = PZ__REASON_RECOMMENDED,
        [PZ__TIER_DEFAULT] = PZ__REASON_DEFAULT,
    };
    if (tier == PZ__TIER_DEFAULT && w->is_off)
        return PZ__REASON_DISABLED;
    return (pz__reason)reasons[tier];
}

pz__layer pz__layer_of_tier(const pz__walk *w, pz_value value, pz__tier tier)
{
    return (pz__layer){.answer = {.value = value, .tier = tier, .reason = reason_of(w, tier)},
                       .key = w->key,
                       .fate = fate_of_tier(w, tier)};
}

pz__layer pz__layer_of_claim(const pz__walk *w, const pz__claim *claim, pz__tier tier)
{
    return (pz__layer){.answer = {.value = claim->value,
                                  .tier = tier,
                                  .reason = reason_of(w, tier),
                                  .channel = claim->channel,
                                  .who = claim->who,
                                  .writer = claim->writer,
                                  .at_ms = claim->at_ms},
                       .key = w->key,
                       .fate = pz__fate_of_claim(w, claim, tier)};
}

static int64_t weight_units(double weight)
{
    const double units = weight * 1024.0 + 0.5;
    return units < 9.0e18 ? (int64_t)units : INT64_MAX;
}

pz__layer pz__layer_of_guess(const pz__walk *w, pz_value value, pz__tier tier, uint32_t confidence,
                             double weight)
{
    pz__layer layer = pz__layer_of_tier(w, value, tier);
    layer.answer.has_confidence = true;
    layer.answer.confidence = confidence;
    if (tier == PZ__TIER_INFERRED)
        layer.answer.evidence = weight_units(weight);
    return layer;
}

/* What is stated is held against the threshold before it is rounded to be told: a stated 0.9
 * reaches a threshold of 0.9, and the number below it does not. */
static bool reaches_threshold(const pz__attribute *attribute, double confidence)
{
    return attribute->threshold > 0.0 && confidence >= attribute->threshold;
}

uint32_t pz__confidence_told(double confidence)
{
    return (uint32_t)(confidence * 65536.0 + 0.5);
}

pz__layer pz__layer_of_host(const pz__walk *w, const pz__claim *claim)
{
    pz__layer layer = pz__layer_of_claim(w, claim, PZ__TIER_INFERRED);
    layer.answer.has_confidence = true;
    layer.answer.confidence = pz__confidence_told(claim->confidence);
    if (layer.fate == PZ__FATE_USED && !reaches_threshold(w->attribute, claim->confidence))
        layer.fate = PZ__FATE_UNCERTAIN;
    return layer;
}

bool pz__is_speaking(pz__claims claims, uint32_t i)
{
    const bool is_first = i == 0 || !pz__str_equal(claims.list[i - 1].part, claims.list[i].part);
    return is_first && !claims.list[i].is_cleared;
}

/* ---- fates ---- */

static bool is_outside(const pz__walk *w, const pz__layer *layer)
{
    const bool is_stored = layer->answer.writer.len > 0;
    if (is_stored && pz__attribute_check_part(w->attribute, layer->answer.value, NULL) != PZ_OK)
        return true;
    return !pz__is_in_bounds(w->force, layer->answer.value);
}

/* A mode takes tiers away, but no rejections: the removal of an element is one. */
pz__fate pz__fate_of_value(const pz__walk *w, const pz__layer *layer)
{
    if (!layer->is_removal && (w->removed & PZ__TIER_BIT(layer->answer.tier)))
        return PZ__FATE_MODE;
    if (pz__rejects_value(&w->rejections, layer->answer.value))
        return PZ__FATE_REJECTED;
    return is_outside(w, layer) ? PZ__FATE_BOUNDED : PZ__FATE_USED;
}

pz_status pz__hand_on(const pz__walk *w, const pz__layer *layer)
{
    const bool is_hidden = layer->fate == PZ__FATE_DENIED || layer->fate == PZ__FATE_MASKED;
    if (!w->sink || (is_hidden && !w->sink->is_privileged))
        return PZ_OK;
    return w->sink->put(w->sink->self, layer);
}

pz_status pz__settle(pz__walk *w, pz__layer *layer)
{
    const bool is_lock = layer->answer.tier == PZ__TIER_LOCK;
    if (layer->fate == PZ__FATE_USED && !is_lock)
        layer->fate = pz__fate_of_value(w, layer);
    if (layer->fate == PZ__FATE_USED && (w->has_answer || (w->is_locked && !is_lock)))
        layer->fate = PZ__FATE_SHADOWED;
    if (layer->fate == PZ__FATE_USED) {
        w->has_answer = true;
        w->answer = layer->answer;
    }
    return pz__hand_on(w, layer);
}
