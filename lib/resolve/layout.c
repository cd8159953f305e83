/*
 * layout.c: the order of a toolbar or a front page, out of a base, a ranking and edits.
 *
 * The base is the company's list, recommended or default, and may change any day; a customer's
 * edits are kept as registers of single items, never as a list, so they apply to whatever the base
 * is:
 *
 *     hidden   the item is not shown, or is shown although the account hides it
 *     place    {"pin": n} at index n, or {"after": item} directly behind another
 *
 * The answer is a pure function of them:
 *
 *     base                 search  orders  help  news  cart
 *     1. drop the hidden   search          help  news  cart      orders hidden
 *     2. rank, if ranked   news  search  help  cart              by decayed P - N, ties in base
 * order
 *     3. followers         news  search  cart  help              cart after search
 *     4. pins last         news  help  search  cart              help pinned at 1
 *
 * `after` edits are admitted the newest first, the person's before the account's; one that names an
 * item that is not shown or would close a circle is ignored. An item's followers come directly
 * behind it, the newest nearest, each with its own followers. Items then form a forest whose roots
 * stand in base order or by rank, and the order is that of a walk through it. Pins are taken out of
 * it and put in at the end, by index and then stamp, so the newer of two has its index.
 *
 * For each register of an item the person's word counts before the account's, each only while it is
 * in force. Moving an item does not unhide it. The answer bears the weakest tier that took part: an
 * edit that is ignored takes none, nor does showing what nobody hides; the ranking takes part if
 * any item shown has a score. It asserts nothing, so it has no threshold and no confidence.
 *
 * No item is lost or doubled: every base item is hidden, or a root, or follows exactly one other.
 */
#include "resolve/evidence.h"
#include "resolve/tiers.h"

#define NO_ITEM UINT32_MAX

/* One register about an item: the claim that counts, and whose it is. */
typedef struct word {
    const pz__claim *claim; /* NULL: nobody's */
    uint32_t place;         /* 0: the person's, then accounts */
} word;

typedef struct item {
    pz_value name;
    word hidden, placed;
    double score;
    uint32_t anchor; /* the item it follows */
    uint32_t first_follower, last_follower, next_follower;
    int64_t pin; /* its index; -1: none */
    bool is_hidden;
} item;

/* A register as it was met, for inspections. */
typedef struct edit {
    const pz__claim *claim;
    uint32_t place;
    uint32_t item; /* NO_ITEM: the base has no such item */
    pz__fate fate;
} edit;

typedef struct layout {
    pz__walk *w;
    const pz__domain *names; /* the base's items: node n + 1 of by_value order */
    item *items;             /* in base order */
    uint32_t count;
    uint32_t *of_node; /* from node to item */
    uint32_t *order;   /* items as they are shown */
    uint32_t shown;
    edit *edits;
    uint32_t edit_count;
    uint32_t used; /* tiers that took part */
    bool is_ranked;
} layout;

static pz__tier tier_of_place(uint32_t place)
{
    return place == 0 ? PZ__TIER_CHOICE : PZ__TIER_ACCOUNT_CHOICE;
}

/* ---- the base ---- */

static bool has_recommended(const pz__walk *w)
{
    return w->attribute->has_recommended && !(w->removed & PZ__TIER_BIT(PZ__TIER_RECOMMENDED));
}

/* The company's list, without what a policy does not allow. */
static pz_status read_base(layout *l, pz_value base)
{
    pz__arena *arena = l->w->view->arena;
    pz_value *names = pz__arena_array(arena, base.len, sizeof *names);
    l->items = pz__arena_zero(arena, base.len, sizeof *l->items);
    l->of_node = pz__arena_array(arena, (size_t)base.len + 1, sizeof *l->of_node);
    l->order = pz__arena_array(arena, base.len, sizeof *l->order);
    if (!names || !l->items || !l->of_node || !l->order)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < base.len; i++) {
        if (!pz__is_in_bounds(l->w->force, base.as.items[i]))
            continue;
        names[l->count] = base.as.items[i];
        l->items[l->count++] = (item){.name = base.as.items[i],
                                      .anchor = NO_ITEM,
                                      .first_follower = NO_ITEM,
                                      .last_follower = NO_ITEM,
                                      .next_follower = NO_ITEM,
                                      .pin = -1};
    }
    const pz_status status = pz__domain_of_items(l->w->view, names, l->count, &l->names);
    for (uint32_t i = 0; status == PZ_OK && i < l->count; i++)
        l->of_node[pz__domain_find(l->names, l->items[i].name)] = i;
    return status;
}

static uint32_t find_item(const layout *l, pz_str name)
{
    if (l->count == 0)
        return NO_ITEM;
    const uint32_t node = pz__domain_find(l->names, pz__value_of_str(name));
    return node == PZ__NODE_NONE ? NO_ITEM : l->of_node[node];
}

/* ---- edits ---- */

static pz__moment later(pz__moment a, pz__moment b)
{
    return pz__is_after(b, a) ? b : a;
}

/* The newest clearing of the whole attribute among somebody's claims. */
static pz__moment newest_clearing(pz__claims claims)
{
    static const pz__claim_slot slots[] = {PZ__SLOT_CHOICE, PZ__SLOT_REJECT, PZ__SLOT_EDIT_HIDDEN,
                                           PZ__SLOT_EDIT_PLACE};
    pz__moment newest = PZ__MOMENT_NEVER;
    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        const pz__claims found = pz__claims_of_slot(claims, slots[i]);
        if (found.count > 0 && found.list[0].part.len == 0 && found.list[0].is_cleared)
            newest = later(newest, pz__moment_of(&found.list[0]));
    }
    return newest;
}

/* What time and mode make of an edit. */
static pz__fate fate_of_edit(const layout *l, const edit *e)
{
    const pz__tier tier = tier_of_place(e->place);
    const pz__fate fate = pz__fate_of_claim(l->w, e->claim, tier);
    if (fate != PZ__FATE_USED)
        return fate;
    if (l->w->removed & PZ__TIER_BIT(tier))
        return PZ__FATE_MODE;
    return e->item == NO_ITEM ? PZ__FATE_BOUNDED : PZ__FATE_SHADOWED;
}

/* Note an edit; the first that counts for its register is the item's word. */
static void take_edit(layout *l, const pz__claim *claim, uint32_t place)
{
    edit *e = &l->edits[l->edit_count++];
    *e = (edit){.claim = claim, .place = place, .item = find_item(l, claim->part)};
    e->fate = fate_of_edit(l, e);
    if (e->fate != PZ__FATE_SHADOWED)
        return;
    item *about = &l->items[e->item];
    word *w = claim->slot == PZ__SLOT_EDIT_HIDDEN ? &about->hidden : &about->placed;
    if (!w->claim)
        *w = (word){claim, place};
}

static void take_edits_of(layout *l, pz__claims claims, uint32_t place)
{
    static const pz__claim_slot slots[] = {PZ__SLOT_EDIT_HIDDEN, PZ__SLOT_EDIT_PLACE};
    const pz__moment cleared = newest_clearing(claims);
    for (size_t s = 0; s < 2; s++) {
        const pz__claims found = pz__claims_of_slot(claims, slots[s]);
        for (uint32_t i = 0; i < found.count; i++)
            if (pz__is_speaking(found, i) && pz__is_after(pz__moment_of(&found.list[i]), cleared))
                take_edit(l, &found.list[i], place);
    }
}

static uint32_t count_edits(pz__claims claims)
{
    return pz__claims_of_slot(claims, PZ__SLOT_EDIT_HIDDEN).count +
           pz__claims_of_slot(claims, PZ__SLOT_EDIT_PLACE).count;
}

/* The person's edits first, then the nearest account's. */
static pz_status take_edits(layout *l)
{
    const pz__walk *w = l->w;
    const pz__person *accounts = &w->view->accounts;
    pz__claims *said = pz__arena_array(w->view->arena, accounts->count, sizeof *said);
    if (!said)
        return PZ_ERR_NOMEM;
    size_t most = count_edits(w->claims);
    for (uint32_t i = 0; i < accounts->count; i++) {
        const pz_status status = pz__account_claims(w, i, &said[i]);
        if (status != PZ_OK)
            return status;
        most += count_edits(said[i]);
    }
    l->edits = pz__arena_array(w->view->arena, most, sizeof *l->edits);
    if (!l->edits)
        return PZ_ERR_NOMEM;
    take_edits_of(l, w->claims, 0);
    for (uint32_t i = 0; i < accounts->count; i++)
        take_edits_of(l, said[i], i + 1);
    return PZ_OK;
}

/* An edit took part in the answer. */
static void use(layout *l, const word *w)
{
    l->used |= PZ__TIER_BIT(tier_of_place(w->place));
    for (uint32_t i = 0; l->w->sink && i < l->edit_count; i++)
        if (l->edits[i].claim == w->claim)
            l->edits[i].fate = PZ__FATE_USED;
}

/* ---- 1. what is hidden ---- */

static bool is_true(pz_value value)
{
    return value.kind == PZ_BOOL && value.as.b;
}

/* Somebody weaker hides an item that a stronger word shows. */
static bool is_hidden_beneath(const layout *l, uint32_t n)
{
    for (uint32_t i = 0; i < l->edit_count; i++) {
        const edit *e = &l->edits[i];
        if (e->item == n && e->fate == PZ__FATE_SHADOWED &&
            e->claim->slot == PZ__SLOT_EDIT_HIDDEN && e->claim != l->items[n].hidden.claim)
            return is_true(e->claim->value);
    }
    return false;
}

static void hide(layout *l)
{
    for (uint32_t n = 0; n < l->count; n++) {
        item *i = &l->items[n];
        if (!i->hidden.claim)
            continue;
        i->is_hidden = is_true(i->hidden.claim->value);
        if (i->is_hidden || is_hidden_beneath(l, n))
            use(l, &i->hidden);
    }
}

/* ---- 2. ranking ---- */

/* A sortable item: the greater score first, then as the base has it. */
typedef struct ranked {
    double score;
    uint32_t item;
} ranked;

static int compare_ranked(const void *left, const void *right)
{
    const ranked *a = left, *b = right;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return (a->item > b->item) - (a->item < b->item);
}

/* Scores of the items, if the ranking may be used; whether any has one. */
static pz_status score(layout *l)
{
    pz__walk *w = l->w;
    const uint32_t hidden = w->removed | w->denied | w->masked;
    if (!w->attribute->is_ranked || l->count == 0 || (hidden & PZ__TIER_BIT(PZ__TIER_INFERRED)))
        return PZ_OK;
    pz__attribute attribute = *w->attribute;
    attribute.domain = l->names;
    pz__weights weights;
    const pz_status status = pz__evidence_weigh(w->view, &attribute, &weights);
    if (status != PZ_OK)
        return status;
    for (uint32_t node = 1; node <= l->count; node++) {
        item *i = &l->items[l->of_node[node]];
        i->score = weights.for_node[node] - weights.against_node[node];
        l->is_ranked = l->is_ranked || i->score != 0.0;
    }
    return PZ_OK;
}

/* The items shown, in base order or by rank. */
static pz_status line_up(layout *l)
{
    ranked *list = pz__arena_array(l->w->view->arena, l->count, sizeof *list);
    if (!list)
        return PZ_ERR_NOMEM;
    for (uint32_t n = 0; n < l->count; n++)
        if (!l->items[n].is_hidden)
            list[l->shown++] = (ranked){l->items[n].score, n};
    pz_status status = PZ_OK;
    if (l->is_ranked) {
        l->used |= PZ__TIER_BIT(PZ__TIER_INFERRED);
        status = pz__sort_stable(l->w->view->arena, list, l->shown, sizeof *list, compare_ranked);
    }
    for (uint32_t i = 0; i < l->shown; i++)
        l->order[i] = list[i].item;
    return status;
}

/* ---- 3. followers ---- */

/* An edit of place, to be put in order. */
typedef struct move {
    word placed;
    int64_t index; /* of a pin */
    uint32_t item, anchor;
} move;

/* The newest first, the person's before the account's. */
static int compare_afters(const void *left, const void *right)
{
    const move *a = left, *b = right;
    if (a->placed.place != b->placed.place)
        return a->placed.place < b->placed.place ? -1 : 1;
    return pz__moment_order(pz__moment_of(b->placed.claim), pz__moment_of(a->placed.claim));
}

/* By index; where two want one, the account's first, then the older: the last one put in has it. */
static int compare_pins(const void *left, const void *right)
{
    const move *a = left, *b = right;
    if (a->index != b->index)
        return a->index < b->index ? -1 : 1;
    return -compare_afters(a, b);
}

static bool closes_circle(const layout *l, uint32_t n, uint32_t anchor)
{
    for (uint32_t i = anchor; i != NO_ITEM; i = l->items[i].anchor)
        if (i == n)
            return true;
    return false;
}

static void admit(layout *l, const move *m)
{
    if (m->anchor == NO_ITEM || l->items[m->anchor].is_hidden ||
        closes_circle(l, m->item, m->anchor))
        return;
    item *anchor = &l->items[m->anchor];
    l->items[m->item].anchor = m->anchor;
    if (anchor->last_follower == NO_ITEM)
        anchor->first_follower = m->item;
    else
        l->items[anchor->last_follower].next_follower = m->item;
    anchor->last_follower = m->item;
    use(l, &m->placed);
}

/* Where a place says an item goes. A place that says neither says nothing. */
static bool read_move(const layout *l, uint32_t n, move *out, bool *is_pin)
{
    const pz_value place = l->items[n].placed.claim->value;
    const pz_value pin = pz_value_get(place, "pin", 3, is_pin);
    bool is_after;
    const pz_value after = pz_value_get(place, "after", 5, &is_after);
    *out = (move){.placed = l->items[n].placed, .item = n, .anchor = NO_ITEM};
    if (*is_pin && pin.kind == PZ_INT)
        out->index = pin.as.i > 0 ? pin.as.i : 0;
    else if (*is_pin && pin.kind == PZ_UINT)
        out->index = pin.as.u < INT64_MAX ? (int64_t)pin.as.u : INT64_MAX;
    else if (!*is_pin && is_after && after.kind == PZ_STRING)
        out->anchor = find_item(l, pz_value_text(after));
    else
        return false;
    return true;
}

/* The moves of the items shown: followers into `afters`, pins into `pins`. */
static void list_moves(layout *l, move *afters, uint32_t *after_count, move *pins,
                       uint32_t *pin_count)
{
    for (uint32_t n = 0; n < l->count; n++) {
        bool is_pin;
        move m;
        if (l->items[n].is_hidden || !l->items[n].placed.claim || !read_move(l, n, &m, &is_pin))
            continue;
        if (is_pin)
            pins[(*pin_count)++] = m;
        else
            afters[(*after_count)++] = m;
    }
}

/* Put an item and all that follow it behind what stands in `order`; a walk without a stack. */
static void put_tree(const layout *l, uint32_t root, uint32_t *order, uint32_t *count)
{
    uint32_t n = root;
    while (n != NO_ITEM) {
        order[(*count)++] = n;
        if (l->items[n].first_follower != NO_ITEM) {
            n = l->items[n].first_follower;
            continue;
        }
        while (n != root && l->items[n].next_follower == NO_ITEM)
            n = l->items[n].anchor;
        n = n == root ? NO_ITEM : l->items[n].next_follower;
    }
}

static pz_status follow(layout *l, move *afters, uint32_t count)
{
    if (count == 0)
        return PZ_OK;
    pz__arena *arena = l->w->view->arena;
    uint32_t *order = pz__arena_array(arena, l->shown, sizeof *order);
    if (!order)
        return PZ_ERR_NOMEM;
    const pz_status status = pz__sort_stable(arena, afters, count, sizeof *afters, compare_afters);
    if (status != PZ_OK)
        return status;
    for (uint32_t i = 0; i < count; i++)
        admit(l, &afters[i]);
    uint32_t put = 0;
    for (uint32_t i = 0; i < l->shown; i++)
        if (l->items[l->order[i]].anchor == NO_ITEM)
            put_tree(l, l->order[i], order, &put);
    l->order = order;
    return PZ_OK;
}

/* ---- 4. pins ---- */

static pz_status pin(layout *l, move *pins, uint32_t count)
{
    const pz_status status =
        pz__sort_stable(l->w->view->arena, pins, count, sizeof *pins, compare_pins);
    if (status != PZ_OK || count == 0)
        return status;
    for (uint32_t i = 0; i < count; i++)
        l->items[pins[i].item].pin = pins[i].index;
    uint32_t left = 0;
    for (uint32_t i = 0; i < l->shown; i++)
        if (l->items[l->order[i]].pin < 0)
            l->order[left++] = l->order[i];
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = pins[i].index < (int64_t)left ? (uint32_t)pins[i].index : left;
        memmove(&l->order[at + 1], &l->order[at], (left - at) * sizeof *l->order);
        l->order[at] = pins[i].item;
        left++;
        use(l, &pins[i].placed);
    }
    return PZ_OK;
}

static pz_status place(layout *l)
{
    pz__arena *arena = l->w->view->arena;
    move *afters = pz__arena_array(arena, l->count, sizeof *afters);
    move *pins = pz__arena_array(arena, l->count, sizeof *pins);
    if (!afters || !pins)
        return PZ_ERR_NOMEM;
    uint32_t after_count = 0, pin_count = 0;
    list_moves(l, afters, &after_count, pins, &pin_count);
    const pz_status status = follow(l, afters, after_count);
    return status == PZ_OK ? pin(l, pins, pin_count) : status;
}

/* ---- the answer ---- */

static pz__tier tier_of_whole(const layout *l)
{
    static const uint8_t by_weakness[] = {PZ__TIER_INFERRED, PZ__TIER_ACCOUNT_CHOICE,
                                          PZ__TIER_CHOICE};
    for (size_t i = 0; i < sizeof by_weakness; i++)
        if (l->used & PZ__TIER_BIT(by_weakness[i]))
            return (pz__tier)by_weakness[i];
    return has_recommended(l->w) ? PZ__TIER_RECOMMENDED : PZ__TIER_DEFAULT;
}

static pz_status answer(layout *l)
{
    pz_value *values = pz__arena_array(l->w->view->arena, l->shown, sizeof *values);
    if (!values)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < l->shown; i++)
        values[i] = l->items[l->order[i]].name;
    const pz_value list = pz__value_of_items(values, l->shown);
    l->w->answer = pz__layer_of_tier(l->w, list, tier_of_whole(l)).answer;
    return PZ_OK;
}

/* ---- layers ---- */

static pz_status hand_edits_on(const layout *l)
{
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < l->edit_count && status == PZ_OK; i++) {
        const edit *e = &l->edits[i];
        pz__layer layer = pz__layer_of_claim(l->w, e->claim, tier_of_place(e->place));
        layer.key = pz__value_of_str(e->claim->part);
        layer.fate = e->fate;
        if (l->w->is_locked && layer.fate == PZ__FATE_USED)
            layer.fate = PZ__FATE_SHADOWED;
        status = pz__hand_on(l->w, &layer);
    }
    return status;
}

/* The ranking as a layer: the items by their scores. */
static pz_status hand_ranking_on(const layout *l)
{
    if (!l->is_ranked)
        return PZ_OK;
    pz__arena *arena = l->w->view->arena;
    ranked *list = pz__arena_array(arena, l->count, sizeof *list);
    pz_value *values = pz__arena_array(arena, l->count, sizeof *values);
    if (!list || !values)
        return PZ_ERR_NOMEM;
    for (uint32_t n = 0; n < l->count; n++)
        list[n] = (ranked){l->items[n].score, n};
    pz_status status = pz__sort_stable(arena, list, l->count, sizeof *list, compare_ranked);
    for (uint32_t n = 0; n < l->count; n++)
        values[n] = l->items[list[n].item].name;
    pz__layer layer =
        pz__layer_of_tier(l->w, pz__value_of_items(values, l->count), PZ__TIER_INFERRED);
    if (l->w->is_locked && layer.fate == PZ__FATE_USED)
        layer.fate = PZ__FATE_SHADOWED;
    if (status == PZ_OK)
        status = pz__hand_on(l->w, &layer);
    return status;
}

/* The lists of the catalog: the first that its tier may give is the base. */
static pz_status hand_base_on(pz__walk *w, bool has_it, pz_value list, pz__tier tier)
{
    if (!has_it)
        return PZ_OK;
    pz__layer layer = pz__layer_of_tier(w, list, tier);
    if (w->removed & PZ__TIER_BIT(tier))
        layer.fate = PZ__FATE_MODE;
    else if (w->has_answer || w->is_locked)
        layer.fate = PZ__FATE_SHADOWED;
    else
        w->has_answer = true;
    return pz__hand_on(w, &layer);
}

static pz_status hand_bases_on(pz__walk *w)
{
    const pz__attribute *a = w->attribute;
    const pz_status status =
        hand_base_on(w, a->has_recommended, a->recommended, PZ__TIER_RECOMMENDED);
    if (status != PZ_OK)
        return status;
    return hand_base_on(w, a->has_default, a->default_value, PZ__TIER_DEFAULT);
}

static pz_status hand_layers_on(const layout *l)
{
    if (!l->w->sink)
        return PZ_OK;
    pz_status status = hand_edits_on(l);
    if (status == PZ_OK)
        status = hand_ranking_on(l);
    return status == PZ_OK ? hand_bases_on(l->w) : status;
}

/* ---- the walk ---- */

static pz_status arrange(layout *l, pz_value base)
{
    pz_status status = read_base(l, base);
    if (status == PZ_OK)
        status = take_edits(l);
    if (status != PZ_OK)
        return status;
    hide(l);
    status = score(l);
    if (status == PZ_OK)
        status = line_up(l);
    return status == PZ_OK ? place(l) : status;
}

pz_status pz__walk_layout(pz__walk *w)
{
    layout l = {.w = w};
    const pz__attribute *a = w->attribute;
    const bool has_base = has_recommended(w) || a->has_default;
    const pz_value nothing = pz__value_of_items(NULL, 0);
    const pz_value base = has_recommended(w) ? a->recommended : a->default_value;
    pz_status status = arrange(&l, has_base ? base : nothing);
    if (status == PZ_OK && has_base && !w->is_locked)
        status = answer(&l);
    return status == PZ_OK ? hand_layers_on(&l) : status;
}
