/*
 * purposes.c: options of purposes, and kinds of identifier.
 *
 *     "purposes":    {"ads": {"on_deny": "erase", "tcf": [3, 4], "gpc": true}},
 *     "identifiers": {"email": {"unique": true}, "cookie": {}}
 *
 * A purpose is an open name: attributes and consents may name any, and a purpose without options
 * need not stand here. So a purpose that is listed and that no attribute has is most likely spelled
 * wrong, and the options meant for another are lost: it is warned of. So is a purpose of one
 * attribute alone that is nearly one which is listed, or which several attributes have: what was
 * gathered for it would outlive the denial that erases the rest.
 *
 * An identifier declared unique belongs to one person: two profiles that hold different ones are
 * not seen as the same person, whatever links them.
 */
#include "catalog/build.h"

#define TCF_MOST 11

static void read_on_deny(pz__build *build, void *into, const pz__node *node)
{
    const pz_str text = pz_value_text(node->value), erase = PZ__STR("erase");
    ((pz__purpose *)into)->erases_on_deny = pz__str_equal(text, erase);
    if (!pz__str_equal(text, erase))
        pz__mistake(build, node->start, node->end, pz__nearest(text, &erase, 1),
                    "\"on_deny\" must be \"erase\", or left out: then a denial only masks");
}

static void read_gpc(pz__build *build, void *into, const pz__node *node)
{
    (void)build;
    ((pz__purpose *)into)->is_denied_by_gpc = node->value.as.b;
}

/* The number of a TCF purpose; 0 after a mistake. */
static uint8_t read_tcf_number(pz__build *build, const pz__node *node)
{
    const pz_value value = node->value;
    if (value.kind == PZ_INT && value.as.i >= 1 && value.as.i <= TCF_MOST)
        return (uint8_t)value.as.i;
    pz__mistake_at(build, node, "a purpose of IAB TCF v2 is a whole number from 1 to %d, not %s",
                   TCF_MOST, pz__shown(build, value));
    return 0;
}

static void read_tcf(pz__build *build, void *into, const pz__node *node)
{
    pz__purpose *purpose = into;
    if (node->child_count == 0)
        pz__mistake_at(build, node,
                       "\"tcf\" is empty: name the purposes of IAB TCF v2 that grant "
                       "this one together");
    if (!pz__check_count(build, node, TCF_MOST, "purposes of IAB TCF v2"))
        return;
    uint8_t *list = pz__keep(build, node->child_count, sizeof *list);
    uint32_t seen = 0;
    for (uint32_t i = 0; list && i < node->child_count && !pz__is_stopped(build); i++) {
        const uint8_t number = read_tcf_number(build, &node->children[i]);
        if (number && seen & 1u << number)
            pz__mistake_at(build, &node->children[i], "%u stands twice in \"tcf\"", number);
        seen |= 1u << number;
        list[i] = number;
    }
    purpose->tcf = list;
    purpose->tcf_count = list ? node->child_count : 0;
}

static const pz__member purpose_members[] = {
    {"about", PZ__OPTIONAL, PZ__WANT_TEXT, NULL, "a text", "What the purpose is, for people."},
    {"on_deny", PZ__OPTIONAL, PZ__WANT_TEXT, read_on_deny, "\"erase\"",
     "\"erase\": a denial erases what was gathered, guessed and recorded for the purpose."},
    {"tcf", PZ__OPTIONAL, PZ__WANT_LIST, read_tcf, "a list of numbers from 1 to 11",
     "The purposes of IAB TCF v2 which together grant this one."},
    {"gpc", PZ__OPTIONAL, PZ__WANT_BOOL, read_gpc, "true or false",
     "True: the Global Privacy Control signal denies the purpose."},
};
const pz__members pz__purpose_members = PZ__MEMBERS("a purpose", purpose_members);

static int compare_purposes(const void *self, uint32_t a, uint32_t b)
{
    const pz__purpose *list = self;
    return pz__str_compare(list[a].name, list[b].name);
}

void pz__read_purposes(pz__build *build, const pz__node *node)
{
    if (!pz__check_count(build, node, PZ__PURPOSES_MAX, "purposes"))
        return;
    const uint32_t count = node->child_count;
    pz__purpose *list = pz__work(build, count, sizeof *list);
    pz__purpose *sorted = pz__keep(build, count, sizeof *sorted);
    uint32_t *order = pz__work(build, count, sizeof *order);
    if (build->is_out_of_memory)
        return;
    for (uint32_t i = 0; i < count && !pz__is_stopped(build); i++) {
        const pz__node *child = &node->children[i];
        list[i].name = child->key;
        order[i] = i;
        pz__name_check(build, child->key, child->key_start, child->key_end, "a purpose");
        pz__read_members(build, child, &pz__purpose_members, &list[i]);
    }
    if (pz__is_stopped(build) || !pz__sort_numbers(build, order, count, compare_purposes, list))
        return;
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = list[order[i]];
    build->catalog->purposes = sorted;
    build->catalog->purpose_count = count;
    build->purposes = node;
}

/* The text of an attribute's "purpose"; "" if it has none. */
static pz_str purpose_of(const pz__node *attribute, const pz__node **at)
{
    *at = pz__node_get(attribute, "purpose");
    return *at ? pz_value_text((*at)->value) : (pz_str){NULL, 0};
}

/* The purposes of a catalog, and of how many attributes each is. */
typedef struct purposes {
    pz__names names;
    uint32_t *uses;
    uint32_t listed; /* the first are those of the section */
} purposes;

static bool count_purposes(pz__build *build, purposes *all, const pz__node *attributes)
{
    const pz__node *section = build->purposes, *at;
    const uint32_t count = attributes ? attributes->child_count : 0;
    pz__names_init(&all->names, build->scratch);
    all->uses = pz__work(build, count + (section ? section->child_count : 0), sizeof *all->uses);
    for (uint32_t i = 0; section && i < section->child_count; i++)
        pz__names_put(&all->names, section->children[i].key);
    all->listed = all->names.count;
    for (uint32_t i = 0; all->uses && i < count; i++) {
        const pz_str purpose = purpose_of(&attributes->children[i], &at);
        const uint32_t number = purpose.len ? pz__names_put(&all->names, purpose) : PZ__NAME_NONE;
        if (number != PZ__NAME_NONE)
            all->uses[number]++;
    }
    /* A section whose names do not all have a number ran out of memory. */
    build->is_out_of_memory |= section && all->listed < section->child_count;
    return !build->is_out_of_memory;
}

/* A listed purpose that no attribute has, with the one that attributes have and that is nearly so.
 */
static void warn_of_unused(pz__build *build, const purposes *all)
{
    for (uint32_t i = 0; i < all->listed && !pz__is_warned_enough(build); i++) {
        const pz__node *child = &build->purposes->children[i];
        pz__near best = {{NULL, 0}, 0};
        for (uint32_t other = 0; !all->uses[i] && other < all->names.count; other++)
            if (all->uses[other])
                pz__nearer(&best, child->key, all->names.list[other]);
        if (!all->uses[i])
            pz__warning_near(build, child->key_start, child->key_end, best.name,
                             "no attribute has the purpose %s", pz__quoted(build, child->key));
    }
}

/* The purpose that was meant: one that attributes have, and that is listed or of more than one. */
static pz_str purpose_meant(const purposes *all, uint32_t number)
{
    pz__near best = {{NULL, 0}, 0};
    if (number < all->listed || all->uses[number] > 1)
        return best.name;
    for (uint32_t i = 0; i < all->names.count; i++)
        if (all->uses[i] > (i >= all->listed))
            pz__nearer(&best, all->names.list[number], all->names.list[i]);
    return best.name;
}

static void warn_of_slips(pz__build *build, const purposes *all, const pz__node *attributes)
{
    const pz__node *at;
    for (uint32_t i = 0; i < attributes->child_count && !pz__is_warned_enough(build); i++) {
        const pz_str purpose = purpose_of(&attributes->children[i], &at);
        const uint32_t number = pz__names_find(&all->names, purpose);
        if (!purpose.len || number == PZ__NAME_NONE)
            continue;
        const pz_str meant = purpose_meant(all, number);
        if (meant.len)
            pz__warning_near(
                build, at->start, at->end, meant,
                "no other attribute has the purpose %s, and \"purposes\" does not list "
                "it",
                pz__quoted(build, purpose));
    }
}

void pz__check_purposes(pz__build *build)
{
    purposes all;
    const pz__node *attributes = build->root ? pz__node_get(build->root, "attributes") : NULL;
    if (!count_purposes(build, &all, attributes))
        return;
    warn_of_unused(build, &all);
    if (attributes)
        warn_of_slips(build, &all, attributes);
}

/* ---- identifiers ---- */

static void read_unique(pz__build *build, void *into, const pz__node *node)
{
    (void)build;
    *(bool *)into = node->value.as.b;
}

static const pz__member identifier_members[] = {
    {"about", PZ__OPTIONAL, PZ__WANT_TEXT, NULL, "a text", "What identifies, for people."},
    {"unique", PZ__OPTIONAL, PZ__WANT_BOOL, read_unique, "true or false",
     "True: profiles that hold different ones are never one person."},
};
const pz__members pz__identifier_members = PZ__MEMBERS("a kind of identifier", identifier_members);

static int compare_names(const void *self, uint32_t a, uint32_t b)
{
    const pz_str *list = self;
    return pz__str_compare(list[a], list[b]);
}

static void check_kind(pz__build *build, const pz__node *node)
{
    if (!pz__name_check(build, node->key, node->key_start, node->key_end, "a kind of identifier"))
        return;
    if (node->key.len > PZ__IDENTIFIER_KIND_MAX)
        pz__mistake_in_name(build, node,
                            "the name of a kind of identifier has %zu bytes; at most %u are "
                            "allowed",
                            node->key.len, PZ__IDENTIFIER_KIND_MAX);
}

void pz__read_identifiers(pz__build *build, const pz__node *node)
{
    if (!pz__check_count(build, node, PZ__IDENTIFIERS_MAX, "kinds of identifier"))
        return;
    pz_str *list = pz__work(build, node->child_count, sizeof *list);
    uint32_t *order = pz__work(build, node->child_count, sizeof *order);
    pz_str *sorted = pz__keep(build, node->child_count, sizeof *sorted);
    uint32_t count = 0;
    for (uint32_t i = 0; sorted && i < node->child_count && !pz__is_stopped(build); i++) {
        bool is_unique = false;
        check_kind(build, &node->children[i]);
        pz__read_members(build, &node->children[i], &pz__identifier_members, &is_unique);
        if (!is_unique)
            continue;
        order[count] = count;
        list[count++] = node->children[i].key;
    }
    if (pz__is_stopped(build) || !pz__sort_numbers(build, order, count, compare_names, list))
        return;
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = list[order[i]];
    build->catalog->unique_identifiers = sorted;
    build->catalog->unique_identifier_count = count;
}
