/*
 * verbs_choice.c: the customer's own path: choosing, rejecting, arranging, taking back.
 *
 * What a choice is depends on the merge law. A scalar is one register; of a set each element is one
 * (an addition or, rejected, a removal); of a record each member; of a layout each item has two,
 * hidden and place. Registers are small so that two devices that change different elements at once
 * both have their way.
 *
 *     choose    sets the choice, and lifts a rejection of the same value for good
 *     reject    "not this value", one register a value
 *     clear     empties choices, rejections and edits written before, by whichever writer: one
 *               emptied register without a part stands for all, known here or not
 *     edit      hides, shows, pins or places one item of a layout
 *     set_mode  AUTO, MANUAL, OFF; OFF forgets what was gathered
 *     undo      puts back what the last of these verbs found
 *
 * Each is one entry of history.
 */
#include "decide/verbs.h"

#define PIN_MAX 9999 /* beyond any layout: pins beyond the end stand at the end */

/* ---- choose and reject ---- */

/*
 * A choice lifts the rejections of its value that were written before it, also those that this
 * writer has not heard of yet. While the choice stands in its register that can be read off it;
 * when another choice takes its place that is noted, with the stamp that the choice had. Where the
 * time of the choice is forgotten, what it lifted unheard of is as it was.
 */
static pz_status remember_lift(pz__writer *w)
{
    const pz__claim *old = pz__profile_own(w->profile, w->write->writer, PZ__SLOT_CHOICE,
                                           w->attribute->name, PZ__STR(""));
    if (!old || old->is_cleared)
        return PZ_OK;
    pz__claim lift = {.slot = PZ__SLOT_LIFT,
                      .attribute = w->attribute->name,
                      .value = old->value,
                      .stamp = old->stamp};
    pz__write then = *w->write;
    then.at_ms = old->at_ms;
    then.now_ms = then.at_ms > then.now_ms ? then.at_ms : then.now_ms;
    then.channel = then.who = PZ__STR("");
    then.expires_ms = 0;
    const pz_status status = pz__part(w, PZ__SLOT_LIFT, old->value, 0, &lift.part);
    return status == PZ_OK ? pz__profile_put_lift(w->profile, &then, &lift, w->err) : status;
}

/* One value or element: its choice, and no rejection of it any more. */
static pz_status choose_one(pz__writer *w, pz_value value)
{
    pz_str part;
    pz_status status = pz__part(w, PZ__SLOT_REJECT, value, 0, &part);
    if (status != PZ_OK)
        return status;
    const pz__claim *rejection =
        pz__profile_newest(w->profile, PZ__SLOT_REJECT, w->attribute->name, part);
    if (rejection && !rejection->is_cleared)
        status = pz__put_cleared(w, PZ__SLOT_REJECT, part);
    if (status == PZ_OK && w->attribute->merge != PZ__MERGE_SET)
        status = remember_lift(w);
    return status == PZ_OK ? pz__put(w, PZ__SLOT_CHOICE, value, value, 0) : status;
}

static pz_status choose_elements(pz__writer *w, pz_value value)
{
    if (value.kind != PZ_LIST)
        return choose_one(w, value);
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < value.len && status == PZ_OK; i++)
        status = choose_one(w, value.as.items[i]);
    return status;
}

static pz_status choose_members(pz__writer *w, pz_value value)
{
    const pz_entry *members = pz__members(w, value);
    pz_status status = members ? PZ_OK : PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < value.len && status == PZ_OK; i++)
        status = pz__put(w, PZ__SLOT_CHOICE, members[i].key, members[i].value, 0);
    return status;
}

static pz_status edit_instead(pz__writer *w, const char *verb)
{
    return pz__fail(w->err, PZ_ERR_TYPE,
                    "'%.*s' is a layout: it is not %s as a whole; edit its items, or set its base "
                    "in the catalog",
                    PZ__STR_ARG(w->attribute->name), verb);
}

pz_status pz__do_choose(pz__writer *w, pz__verb *verb)
{
    switch (w->attribute->merge) {
    case PZ__MERGE_SET:
        return choose_elements(w, verb->value);
    case PZ__MERGE_RECORD:
        return choose_members(w, verb->value);
    case PZ__MERGE_LAYOUT:
        return edit_instead(w, "chosen");
    default:
        return choose_one(w, verb->value);
    }
}

pz_status pz__do_reject(pz__writer *w, pz__verb *verb)
{
    if (w->attribute->merge == PZ__MERGE_LAYOUT)
        return edit_instead(w, "rejected");
    if (w->attribute->merge == PZ__MERGE_RECORD)
        return pz__fail(w->err, PZ_ERR_TYPE,
                        "'%.*s' is a record: its values cannot be rejected; choose other members, "
                        "or clear them",
                        PZ__STR_ARG(w->attribute->name));
    if (w->attribute->merge != PZ__MERGE_SET || verb->value.kind != PZ_LIST)
        return pz__put(w, PZ__SLOT_REJECT, verb->value, verb->value, 0);
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < verb->value.len && status == PZ_OK; i++)
        status = pz__put(w, PZ__SLOT_REJECT, verb->value.as.items[i], verb->value.as.items[i], 0);
    return status;
}

/* ---- clear ---- */

static pz_status clear_member(pz__writer *w, pz_str member)
{
    pz_str part;
    if (w->attribute->merge != PZ__MERGE_RECORD)
        return pz__fail(w->err, PZ_ERR_TYPE, "'%.*s' is no record and has no member '%.*s'",
                        PZ__STR_ARG(w->attribute->name), PZ__STR_ARG(member));
    const pz_status status = pz__part(w, PZ__SLOT_CHOICE, pz__value_of_str(member), 0, &part);
    return status == PZ_OK ? pz__put_cleared(w, PZ__SLOT_CHOICE, part) : status;
}

static bool is_emptied(unsigned slot)
{
    return slot == PZ__SLOT_CHOICE || slot == PZ__SLOT_REJECT || slot == PZ__SLOT_EDIT_HIDDEN ||
           slot == PZ__SLOT_EDIT_PLACE;
}

static bool is_same_register(const pz__claim *a, const pz__claim *b)
{
    return a->slot == b->slot && pz__str_equal(a->part, b->part);
}

/* The registers with a part that hold something. Their parts are copied: a put moves claims. */
static pz_status list_parts(pz__writer *w, pz__claim **out, uint32_t *count)
{
    *count = 0;
    pz_status status = pz__profile_seal(w->profile);
    if (status != PZ_OK)
        return status;
    const pz__claims claims = pz__profile_claims(w->profile, w->attribute->name);
    pz__claim *list = pz__arena_array(w->scratch, claims.count, sizeof *list);
    *out = list;
    if (!list)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < claims.count; i++) {
        const pz__claim *claim = &claims.list[i];
        const bool is_first = i == 0 || !is_same_register(claim, claim - 1);
        if (!is_first || claim->is_cleared || claim->part.len == 0 || !is_emptied(claim->slot))
            continue;
        const char *part = pz__arena_text(w->scratch, claim->part.data, claim->part.len);
        if (!part)
            return PZ_ERR_NOMEM;
        list[(*count)++] = (pz__claim){.slot = claim->slot, .part = {part, claim->part.len}};
    }
    return PZ_OK;
}

/* The register without a part (of a scalar the choice itself) clears what any writer said before.
 * What is known to be set is emptied one by one besides, so that the history knows what it was. */
pz_status pz__do_clear(pz__writer *w, pz__verb *verb)
{
    if (verb->is_of_member)
        return clear_member(w, verb->part);
    pz__claim *parts;
    uint32_t count;
    pz_status status = list_parts(w, &parts, &count);
    if (status != PZ_OK)
        return pz__fail(w->err, status, "%s", pz_status_text(status));
    status = pz__put_cleared(w, PZ__SLOT_CHOICE, PZ__STR(""));
    if (status == PZ_OK)
        status = pz__put_cleared(w, PZ__SLOT_REJECT, PZ__STR(""));
    for (uint32_t i = 0; i < count && status == PZ_OK; i++)
        status = pz__put_cleared(w, parts[i].slot, parts[i].part);
    return status;
}

/* ---- layouts ---- */

static pz_status unknown_edit(pz__writer *w)
{
    return pz__fail(w->err, PZ_ERR_TYPE,
                    "an edit is \"hide\", \"show\", {\"pin\": index}, {\"after\": item} or "
                    "\"unplace\"");
}

static pz_status check_place(pz__writer *w, const pz__verb *verb)
{
    const pz_value what = verb->value;
    bool has_pin, has_after;
    const pz_value pin = pz_value_get(what, "pin", 3, &has_pin);
    const pz_value after = pz_value_get(what, "after", 5, &has_after);
    if (what.kind != PZ_MAP || what.len != 1 || has_pin == has_after)
        return unknown_edit(w);
    if (has_pin && (pin.kind != PZ_INT || pin.as.i < 0 || pin.as.i > PIN_MAX))
        return pz__fail(w->err, PZ_ERR_DOMAIN, "a pin is a place from 0 to %d", PIN_MAX);
    if (has_after && (after.kind != PZ_STRING || after.len == 0))
        return pz__fail(w->err, PZ_ERR_TYPE, "\"after\" names another item");
    return PZ_OK;
}

static bool is_word(pz_value value, const char *word)
{
    return value.kind == PZ_STRING && pz__str_equal(pz_value_text(value), pz_str_of(word));
}

pz_status pz__do_edit(pz__writer *w, pz__verb *verb)
{
    if (w->attribute->merge != PZ__MERGE_LAYOUT)
        return pz__fail(w->err, PZ_ERR_TYPE,
                        "'%.*s' is no layout: choose or reject its values instead",
                        PZ__STR_ARG(w->attribute->name));
    if (verb->part.len == 0)
        return pz__fail(w->err, PZ_ERR_ARG, "an edit names the item of the layout");
    const bool is_hide = is_word(verb->value, "hide");
    if (is_hide || is_word(verb->value, "show"))
        return pz__put_part(w, PZ__SLOT_EDIT_HIDDEN, verb->part, pz_value_bool(is_hide));
    if (is_word(verb->value, "unplace"))
        return pz__put_cleared(w, PZ__SLOT_EDIT_PLACE, verb->part);
    const pz_status status = check_place(w, verb);
    return status == PZ_OK ? pz__put_part(w, PZ__SLOT_EDIT_PLACE, verb->part, verb->value) : status;
}

/* ---- modes and levels ---- */

pz_status pz__do_set_mode(pz__writer *w, pz__verb *verb)
{
    const bool is_off = is_word(verb->value, "OFF");
    if (!is_off && !is_word(verb->value, "AUTO") && !is_word(verb->value, "MANUAL"))
        return pz__fail(w->err, PZ_ERR_DOMAIN, "a mode is \"AUTO\", \"MANUAL\" or \"OFF\"");
    const pz_status status = pz__put_part(w, PZ__SLOT_MODE, PZ__STR(""), verb->value);
    if (status != PZ_OK || !is_off)
        return status;
    const pz__forgetting gathered = {w->attribute->name, INT64_MIN, INT64_MAX, PZ__FORGET_GATHERED};
    return pz__forget(w, &gathered);
}

pz_status pz__do_set_level(pz__writer *w, pz__verb *verb)
{
    uint32_t masked;
    if (!pz__level_find(verb->name, &masked))
        return pz__fail(w->err, PZ_ERR_DOMAIN,
                        "there is no level '%.*s'; there are \"basic\", \"demographic\", "
                        "\"self-service\" and \"deep\"",
                        PZ__STR_ARG(verb->name));
    const pz__claim claim = {
        .attribute = PZ__OF_SUBJECT, .slot = PZ__SLOT_LEVEL, .value = pz__value_of_str(verb->name)};
    return pz__profile_put(w->profile, w->write, &claim, w->err);
}

pz_status pz__do_undo(pz__writer *w, pz__verb *verb)
{
    const bool is_any = pz__str_equal(verb->name, PZ__STR("*"));
    return pz__profile_undo(w->profile, w->write, is_any ? PZ__STR("") : verb->name, w->err);
}
