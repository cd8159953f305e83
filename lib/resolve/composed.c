/*
 * composed.c: sets and records, whose answer is put together from many small ones.
 *
 * What anybody says about one element (of a set) or member (of a record) is a statement: key, tier,
 * and where it comes from. All statements about the attribute are gathered in one list and sorted
 * by key, then tier, then rank; after that each key is a run in which the strongest comes first,
 * and resolving it is a walk along the run, as along the tiers of an attribute of one value:
 *
 *     key      statements, strongest first                          comes to
 *     email    CHOICE removes it, DEFAULT adds it                   not in the set
 *     push     INFERRED 0.93                                        in, INFERRED
 *     sms      ACCOUNT_CHOICE adds it, INFERRED 0.81                in, ACCOUNT_CHOICE
 *
 * Of one key the person has one word in CHOICE: the newest of her adds and removals, or of a
 * member's choices; it hides the older ones, in force or not. So has each account, whose removals
 * only take back its own adds. A clearing of the whole attribute empties all registers older than
 * it. In a taxonomy the removal of a node is inherited by every node below it that was not added
 * later (reject.c), for as long as the removal itself is in force.
 *
 * The answer bears the weakest tier that took part, a removal included; what the catalog recommends
 * or declares as default counts only if nothing else took part. A list of the catalog that is empty
 * answers with the empty set. The confidence is the least among the guesses used.
 *
 * Elements are independent: each has a Beta of its own (posterior.c). Without a domain, the
 * elements that were seen are asked about. Records know no evidence.
 *
 * Not here: what becomes of a statement (layer.c).
 */
#include "resolve/evidence.h"
#include "resolve/posterior.h"
#include "resolve/tiers.h"

/* What one source says about one element or member. */
typedef struct statement {
    pz_value key;
    pz_value value;         /* where no claim stands behind it */
    const pz__claim *claim; /* NULL: evidence, group, catalog */
    double weight;          /* of evidence */
    uint32_t confidence;    /* of a guess */
    uint32_t place;         /* among sources of one tier: an account's nearness */
    uint8_t tier;
    bool is_removal;
    bool is_inherited; /* a removal: of an ancestor */
    bool is_hidden;    /* of evidence: masked or denied, for privileged inspections */
} statement;

typedef struct gathering {
    const pz__walk *w;
    statement *list;
    uint32_t count, cap;
} gathering;

/* The answer in the making. */
typedef struct composition {
    pz__member *members;
    pz_value *values; /* of the members, in their order */
    uint32_t count;
    uint32_t used; /* tiers that took part, by bit */
    uint32_t confidence;
    bool has_confidence;
} composition;

static bool is_set(const pz__walk *w)
{
    return w->attribute->merge == PZ__MERGE_SET;
}

/* ---- gathering ---- */

static pz_status state(gathering *g, const statement *said)
{
    if (g->count == g->cap) {
        const uint32_t cap = g->cap ? g->cap * 2 : 32;
        statement *list = pz__arena_array(g->w->view->arena, cap, sizeof *list);
        if (!list || cap < g->cap)
            return PZ_ERR_NOMEM;
        if (g->count > 0)
            memcpy(list, g->list, g->count * sizeof *list);
        g->list = list;
        g->cap = cap;
    }
    g->list[g->count++] = *said;
    return PZ_OK;
}

/* The newest clearing of the whole attribute in somebody's profile. */
static pz__moment newest_clearing(pz__claims claims)
{
    static const pz__claim_slot slots[] = {PZ__SLOT_CHOICE, PZ__SLOT_REJECT};
    pz__moment newest = PZ__MOMENT_NEVER;
    for (size_t i = 0; i < 2; i++) {
        const pz__claims found = pz__claims_of_slot(claims, slots[i]);
        if (found.count == 0 || found.list[0].part.len > 0 || !found.list[0].is_cleared)
            continue;
        const pz__moment moment = pz__moment_of(&found.list[0]);
        newest = pz__is_after(moment, newest) ? moment : newest;
    }
    return newest;
}

/* Every register of a slot that speaks, as a statement of a tier. */
static pz_status gather_slot(gathering *g, pz__claims claims, pz__claim_slot slot, pz__tier tier,
                             pz__moment cleared, uint32_t place)
{
    const pz__claims found = pz__claims_of_slot(claims, slot);
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < found.count && status == PZ_OK; i++) {
        const pz__claim *claim = &found.list[i];
        if (!pz__is_speaking(found, i) || !pz__is_after(pz__moment_of(claim), cleared))
            continue;
        const statement said = {.key = is_set(g->w) ? claim->value
                                                    : pz__value_of_str(pz__claim_member(claim)),
                                .claim = claim,
                                .confidence = pz__confidence_told(claim->confidence),
                                .place = place,
                                .tier = (uint8_t)tier,
                                .is_removal = slot == PZ__SLOT_REJECT};
        status = state(g, &said);
    }
    return status;
}

/* What removals of nodes say of the nodes below them. */
static pz_status gather_inherited(gathering *g, pz__claims claims, pz__tier tier, uint32_t place)
{
    const pz__domain *domain = g->w->attribute->domain;
    pz__rejections removals = {.domain = domain};
    pz_status status = PZ_OK;
    if (domain)
        status = pz__rejections_read(g->w->view, g->w->attribute, claims, &removals);
    for (uint32_t n = 1; removals.strikes && n < domain->count && status == PZ_OK; n++) {
        const pz__claim *claim = removals.strikes[n];
        const pz_value element = domain->nodes[n].value;
        if (claim && !pz_value_equal(claim->value, element))
            status = state(g, &(statement){.key = element,
                                           .claim = claim,
                                           .place = place,
                                           .tier = (uint8_t)tier,
                                           .is_removal = true,
                                           .is_inherited = true});
    }
    return status;
}

/* What a profile's own choices say. */
static pz_status gather_choices(gathering *g, pz__claims claims, pz__tier tier, uint32_t place)
{
    const pz__moment cleared = newest_clearing(claims);
    pz_status status = gather_slot(g, claims, PZ__SLOT_CHOICE, tier, cleared, place);
    if (status == PZ_OK && is_set(g->w))
        status = gather_slot(g, claims, PZ__SLOT_REJECT, tier, cleared, place);
    if (status == PZ_OK && is_set(g->w))
        status = gather_inherited(g, claims, tier, place);
    return status;
}

static pz_status gather_claims(gathering *g)
{
    const pz__walk *w = g->w;
    pz_status status = gather_choices(g, w->claims, PZ__TIER_CHOICE, 0);
    for (uint32_t i = 0; i < w->view->accounts.count && status == PZ_OK; i++) {
        pz__claims claims;
        status = pz__account_claims(w, i, &claims);
        if (status == PZ_OK)
            status = gather_choices(g, claims, PZ__TIER_ACCOUNT_CHOICE, i);
    }
    if (status == PZ_OK)
        status =
            gather_slot(g, w->claims, PZ__SLOT_DECLARED, PZ__TIER_DECLARED, PZ__MOMENT_NEVER, 0);
    if (status == PZ_OK)
        status =
            gather_slot(g, w->claims, PZ__SLOT_INFERRED, PZ__TIER_INFERRED, PZ__MOMENT_NEVER, 0);
    return status;
}

static pz_status gather_list(gathering *g, bool has_it, pz_value value, pz__tier tier)
{
    pz_status status = PZ_OK;
    for (uint32_t i = 0; has_it && i < value.len && status == PZ_OK; i++) {
        statement said = {.tier = (uint8_t)tier};
        if (is_set(g->w)) {
            said.key = said.value = pz_value_item(value, i);
        } else {
            said.key = pz_value_entry(value, i).key;
            said.value = pz_value_entry(value, i).value;
        }
        status = state(g, &said);
    }
    return status;
}

/* ---- evidence of elements ---- */

static pz_status gather_guesses(gathering *g, const pz__attribute *attribute,
                                const pz__beliefs *beliefs, pz__tier tier, bool is_hidden)
{
    const double enough = (double)attribute->min_evidence / 1024.0;
    pz_status status = PZ_OK;
    for (uint32_t n = 1; n < beliefs->count && status == PZ_OK; n++) {
        const pz__belief *belief = &beliefs->nodes[n];
        if (tier == PZ__TIER_INFERRED && belief->personal < enough)
            continue;
        if (!pz__belief_is_certain(belief, attribute->threshold))
            continue;
        const pz_value element = attribute->domain->nodes[n].value;
        status = state(g, &(statement){.key = element,
                                       .value = element,
                                       .weight = belief->personal,
                                       .confidence = pz__belief_confidence(belief),
                                       .tier = (uint8_t)tier,
                                       .is_hidden = is_hidden});
    }
    return status;
}

/* What evidence says to a view, in the tiers that `wanted` has. */
static pz_status gather_evidence_of(gathering *g, const pz__view *view,
                                    const pz__attribute *declared, uint32_t wanted, bool is_hidden)
{
    pz__attribute attribute = *declared;
    if (wanted == 0 || attribute.threshold <= 0.0)
        return PZ_OK;
    pz_status status = PZ_OK;
    if (!attribute.domain)
        status = pz__domain_of_seen(view, &attribute, &attribute.domain);
    pz__beliefs beliefs = {NULL, 0};
    if (status == PZ_OK)
        status = pz__beliefs_form(view, &attribute, &beliefs);
    if (status == PZ_OK && (wanted & PZ__TIER_BIT(PZ__TIER_INFERRED)))
        status = gather_guesses(g, &attribute, &beliefs, PZ__TIER_INFERRED, is_hidden);
    if (status == PZ_OK && (wanted & PZ__TIER_BIT(PZ__TIER_GROUP)))
        status = gather_guesses(g, &attribute, &beliefs, PZ__TIER_GROUP, is_hidden);
    return status;
}

/* What an operator may see besides: the evidence as if nothing hid it. */
static pz_status gather_hidden(gathering *g, uint32_t tiers)
{
    const pz__walk *w = g->w;
    const bool has_hidden = w->denied != 0 || w->view->masked != 0;
    if (!w->sink || !w->sink->is_privileged || !has_hidden)
        return PZ_OK;
    pz__view bare = *w->view;
    pz__attribute attribute = *w->attribute;
    bare.masked = 0;
    attribute.purpose = PZ__STR("");
    return gather_evidence_of(g, &bare, &attribute, tiers, true);
}

static pz_status gather_evidence(gathering *g)
{
    const pz__walk *w = g->w;
    uint32_t tiers = PZ__TIER_BIT(PZ__TIER_INFERRED);
    if (w->attribute->is_group)
        tiers |= PZ__TIER_BIT(PZ__TIER_GROUP);
    uint32_t open = tiers & ~(w->denied | w->masked);
    if (!w->sink)
        open &= ~w->removed;
    const pz_status status = gather_evidence_of(g, w->view, w->attribute, open, false);
    return status == PZ_OK ? gather_hidden(g, tiers) : status;
}

static pz_status gather(gathering *g)
{
    const pz__attribute *attribute = g->w->attribute;
    pz_status status = gather_claims(g);
    if (status == PZ_OK && is_set(g->w))
        status = gather_evidence(g);
    if (status == PZ_OK)
        status = gather_list(g, attribute->has_recommended, attribute->recommended,
                             PZ__TIER_RECOMMENDED);
    if (status == PZ_OK)
        status = gather_list(g, attribute->has_default, attribute->default_value, PZ__TIER_DEFAULT);
    return status;
}

/* ---- order ---- */

/* By key, the strongest tier first, the nearest account first, the surest first, evidence before a
 * host's claim when equal, the newest first. */
static int compare_statements(const void *left, const void *right)
{
    const statement *a = left, *b = right;
    const int by = pz_value_compare(a->key, b->key);
    if (by != 0)
        return by;
    if (a->tier != b->tier)
        return a->tier < b->tier ? -1 : 1;
    if (a->place != b->place)
        return a->place < b->place ? -1 : 1;
    if (a->confidence != b->confidence)
        return a->confidence > b->confidence ? -1 : 1;
    if (!a->claim || !b->claim)
        return (a->claim != NULL) - (b->claim != NULL);
    return pz__moment_order(pz__moment_of(b->claim), pz__moment_of(a->claim));
}

/* An older word of the same person or account about the same key. What is inherited is no word
 * about the key itself, and is not gathered where an add came later. */
static bool is_outdated(const statement *list, uint32_t i)
{
    if (i == 0 || list[i].tier > PZ__TIER_ACCOUNT_CHOICE || list[i].is_inherited)
        return false;
    return list[i - 1].tier == list[i].tier && list[i - 1].place == list[i].place &&
           pz_value_compare(list[i - 1].key, list[i].key) == 0;
}

/* Hidden evidence that says no more than what is open. */
static bool is_repeated(const statement *list, uint32_t i)
{
    for (uint32_t j = 0; list[i].is_hidden && j < i; j++)
        if (!list[j].claim && list[j].tier == list[i].tier && list[j].weight == list[i].weight)
            return true;
    return false;
}

/* ---- one key ---- */

static pz__layer layer_of(const pz__walk *w, const statement *said)
{
    pz__layer layer;
    if (said->tier == PZ__TIER_INFERRED && said->claim)
        layer = pz__layer_of_host(w, said->claim);
    else if (said->claim)
        layer = pz__layer_of_claim(w, said->claim, (pz__tier)said->tier);
    else if (said->tier == PZ__TIER_INFERRED || said->tier == PZ__TIER_GROUP)
        layer = pz__layer_of_guess(w, said->value, (pz__tier)said->tier, said->confidence,
                                   said->weight);
    else
        layer = pz__layer_of_tier(w, said->value, (pz__tier)said->tier);
    layer.is_removal = said->is_removal;
    if (said->is_inherited)
        layer.answer.value = said->key;
    if (said->is_hidden && layer.fate == PZ__FATE_USED)
        layer.fate = PZ__FATE_MASKED;
    return layer;
}

/* Let the first of a key's statements that can answer do so. */
static pz_status resolve_key(pz__walk *w, const statement *list, uint32_t count, bool *is_removed)
{
    pz_status status = PZ_OK;
    *is_removed = false;
    w->has_answer = false;
    w->key = list[0].key;
    for (uint32_t i = 0; i < count && status == PZ_OK && !pz__is_settled(w); i++) {
        const bool is_of_account = list[i].tier == PZ__TIER_ACCOUNT_CHOICE;
        if (is_outdated(list, i) || is_repeated(list, i) || (is_of_account && list[i].is_removal))
            continue;
        pz__layer layer = layer_of(w, &list[i]);
        status = pz__settle(w, &layer);
        if (layer.fate == PZ__FATE_USED)
            *is_removed = list[i].is_removal;
    }
    return status;
}

static void compose(composition *c, const pz__walk *w, bool is_removed)
{
    const pz__resolution *answer = &w->answer;
    if (!(is_removed && w->is_off)) /* OFF lets the default answer, without what was rejected */
        c->used |= PZ__TIER_BIT(answer->tier);
    if (is_removed)
        return;
    if (answer->has_confidence && (!c->has_confidence || answer->confidence < c->confidence)) {
        c->has_confidence = true;
        c->confidence = answer->confidence;
    }
    c->members[c->count] = (pz__member){.key = w->key, .tier = answer->tier};
    c->values[c->count++] = answer->value;
}

/* ---- the whole ---- */

/* The weakest tier that took part, the catalog's only if alone; NONE if nothing did. */
static pz__tier tier_of_whole(const pz__walk *w, const composition *c)
{
    static const uint8_t by_weakness[] = {PZ__TIER_GROUP, PZ__TIER_INFERRED, PZ__TIER_DECLARED,
                                          PZ__TIER_ACCOUNT_CHOICE, PZ__TIER_CHOICE};
    for (size_t i = 0; i < sizeof by_weakness; i++)
        if (c->used & PZ__TIER_BIT(by_weakness[i]))
            return (pz__tier)by_weakness[i];
    if (c->used & PZ__TIER_BIT(PZ__TIER_DEFAULT))
        return PZ__TIER_DEFAULT;
    if (w->attribute->has_recommended && !(w->removed & PZ__TIER_BIT(PZ__TIER_RECOMMENDED)))
        return PZ__TIER_RECOMMENDED;
    return w->attribute->has_default ? PZ__TIER_DEFAULT : PZ__TIER_NONE;
}

static pz_status value_of_whole(const pz__walk *w, const composition *c, pz_value *out)
{
    *out = pz__value_of_items(c->values, c->count);
    if (is_set(w))
        return PZ_OK;
    pz_entry *entries = pz__arena_array(w->view->arena, c->count, sizeof *entries);
    if (!entries)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < c->count; i++)
        entries[i] = (pz_entry){c->members[i].key, c->values[i]};
    return pz__value_of_entries(w->view->arena, out, entries, c->count, PZ__DUP_FIRST);
}

static pz_status finish(pz__walk *w, const composition *c)
{
    const pz__tier tier = tier_of_whole(w, c);
    w->answer = (pz__resolution){.tier = PZ__TIER_NONE};
    if (tier == PZ__TIER_NONE)
        return PZ_OK;
    pz_value value;
    const pz_status status = value_of_whole(w, c, &value);
    w->key = pz_value_null();
    w->answer = pz__layer_of_tier(w, value, tier).answer;
    w->answer.has_confidence = c->has_confidence;
    w->answer.confidence = c->confidence;
    w->answer.members = c->members;
    w->answer.member_count = c->count;
    return status;
}

/* One past the last statement about the key of the first. */
static uint32_t end_of_key(const statement *list, uint32_t count, uint32_t first)
{
    uint32_t end = first + 1;
    while (end < count && pz_value_compare(list[first].key, list[end].key) == 0)
        end++;
    return end;
}

pz_status pz__walk_composed(pz__walk *w)
{
    gathering g = {.w = w};
    pz_status status = gather(&g);
    pz__arena *arena = w->view->arena;
    composition c = {.members = pz__arena_array(arena, g.count, sizeof *c.members),
                     .values = pz__arena_array(arena, g.count, sizeof *c.values)};
    if (status == PZ_OK && (!c.members || !c.values))
        status = PZ_ERR_NOMEM;
    if (status == PZ_OK)
        status = pz__sort_stable(arena, g.list, g.count, sizeof *g.list, compare_statements);
    for (uint32_t first = 0, end; first < g.count && status == PZ_OK; first = end) {
        end = end_of_key(g.list, g.count, first);
        bool is_removed;
        status = resolve_key(w, &g.list[first], end - first, &is_removed);
        if (w->has_answer)
            compose(&c, w, is_removed);
    }
    return status == PZ_OK && !w->is_locked ? finish(w, &c) : status;
}
