/*
 * attributes.c: the questions about a customer that may be asked, each with its type, its domain
 * and how its answers are inferred.
 *
 * An attribute is read in two steps: its members one by one, in the order of the table, so that the
 * type is known before the values that must fit it; then what the members say together. A threshold
 * above one half is demanded of categories because at most one value of a category can then pass
 * the test; without a domain only a host's own model can infer, and its confidence is held to any
 * threshold. The merge law says what type the attribute must have, and of a set the domain is that
 * of its elements.
 *
 * An attribute with mistakes stays in the list, marked as broken, so that rules and signals that
 * name it are still checked and say nothing more about it.
 */
#include "catalog/build.h"

/* No bucket is wider than 2^30 seconds, 34 years, whatever the half-life. */
#define WIDTH_MAX 30u
#define BUCKETS_PER_HALF_LIFE 16
#define MIN_EVIDENCE_DEFAULT 1024

/* An attribute being read: where its members stand, for what is checked when all are known. */
typedef struct reading {
    pz__attribute *attribute;
    const pz__node *name;
    const pz__node *one_of, *taxonomy, *threshold, *min_evidence, *half_life, *saturation, *prior,
        *shares, *group, *ranked, *min, *max, *recommended, *fallback, *width;
    const pz__node *merge;
    const pz__type *value_type; /* of one value of the domain: of a set, of its elements */
    bool is_merge_unknown;
    bool is_type_known; /* else it is dyn, and nothing more is said about it */
} reading;

static bool is_scalar(const pz__type *type)
{
    return type->kind >= PZ__T_BOOL && type->kind <= PZ__T_DURATION;
}

bool pz__is_ordered(const pz__type *type)
{
    return is_scalar(type) && type->kind != PZ__T_BOOL && type->kind != PZ__T_BYTES;
}

/* ---- members ---- */

static void read_attribute_type(pz__build *build, void *into, const pz__node *node)
{
    reading *r = into;
    uint32_t errors = build->error_count;
    r->attribute->type = pz__read_type(build, node);
    r->is_type_known = build->error_count == errors;
}

static void read_merge(pz__build *build, void *into, const pz__node *node)
{
    static const pz_str laws[] = {{"replace", 7}, {"set", 3}, {"layout", 6},
                                  {"record", 6},  {"max", 3}, {"min", 3}};
    const uint32_t count = sizeof laws / sizeof *laws;
    reading *r = into;
    const pz_str law = pz_value_text(node->value);
    r->merge = node;
    for (uint32_t i = 0; i < count; i++) {
        if (pz__str_equal(laws[i], law)) {
            r->attribute->merge = (pz__merge_law)i;
            return;
        }
    }
    r->is_merge_unknown = true;
    pz__mistake(build, node->start, node->end, pz__nearest(law, laws, count),
                "there is no merge law %s: there are replace, set, layout, record, max and min",
                pz__quoted(build, law));
}

static void read_class(pz__build *build, void *into, const pz__node *node)
{
    pz__read_class(build, node, &((reading *)into)->attribute->source_class);
}

static void read_purpose(pz__build *build, void *into, const pz__node *node)
{
    reading *r = into;
    r->attribute->purpose = pz_value_text(node->value);
    pz__name_check(build, r->attribute->purpose, node->start, node->end, "a purpose");
}

static void read_threshold(pz__build *build, void *into, const pz__node *node)
{
    (void)build;
    reading *r = into;
    r->threshold = node;
    r->attribute->threshold = pz__number_of(node->value);
}

/* A weight that must be positive, in 1/1024ths. */
static int64_t read_positive_weight(pz__build *build, const pz__node *node, const char *what)
{
    int64_t weight = 0;
    if (pz__weight_of(node->value, &weight) && weight > 0)
        return weight;
    pz__mistake_at(build, node,
                   "%s is a weight: a number of at least 1/1024 and at most 1000000000, not %s",
                   what, pz__shown(build, node->value));
    return 0;
}

static void read_min_evidence(pz__build *build, void *into, const pz__node *node)
{
    reading *r = into;
    r->min_evidence = node;
    r->attribute->min_evidence = read_positive_weight(build, node, "\"min_evidence\"");
}

static void read_saturation(pz__build *build, void *into, const pz__node *node)
{
    reading *r = into;
    r->saturation = node;
    r->attribute->saturation = read_positive_weight(build, node, "\"saturation\"");
}

static void read_half_life(pz__build *build, void *into, const pz__node *node)
{
    reading *r = into;
    r->half_life = node;
    r->attribute->half_life_ms = pz__read_span(build, node);
    if (r->attribute->half_life_ms > 0 &&
        r->attribute->half_life_ms < INT64_C(1000) * BUCKETS_PER_HALF_LIFE)
        pz__mistake_at(build, node,
                       "a half-life must be at least 16s: a bucket of time is a sixteenth of it "
                       "and at least a second");
}

static void read_retention(pz__build *build, void *into, const pz__node *node)
{
    reading *r = into;
    r->attribute->retention_ms = pz__read_span(build, node);
}

static void read_strength(pz__build *build, void *into, const pz__node *node)
{
    reading *r = into;
    double strength = pz__number_of(node->value);
    if (strength >= 0 && strength <= 1e9)
        r->attribute->strength = strength;
    else
        pz__mistake_at(build, node, "the strength of a prior must be from 0 to 1000000000, not %s",
                       pz__shown(build, node->value));
}

static void keep_shares(pz__build *build, void *into, const pz__node *node)
{
    (void)build;
    ((reading *)into)->shares = node;
}

static const pz__member prior_members[] = {
    {"strength", PZ__OPTIONAL, PZ__WANT_NUMBER, read_strength, "a number such as 2",
     "How many observations the prior is worth."},
    {"shares", PZ__OPTIONAL, PZ__WANT_OBJECT, keep_shares, "an object of shares by value",
     "The population's share of each leaf; they add to 1. Absent: equal shares."},
};
const pz__members pz__prior_members = PZ__MEMBERS("a prior", prior_members);

static void read_prior(pz__build *build, void *into, const pz__node *node)
{
    reading *r = into;
    r->prior = node;
    pz__read_members(build, node, &pz__prior_members, into);
}

static void read_group(pz__build *build, void *into, const pz__node *node)
{
    (void)build;
    reading *r = into;
    r->group = node;
    r->attribute->is_group = node->value.as.b;
}

static void read_policy_input(pz__build *build, void *into, const pz__node *node)
{
    (void)build;
    ((reading *)into)->attribute->is_policy_input = node->value.as.b;
}

static void read_ranked(pz__build *build, void *into, const pz__node *node)
{
    reading *r = into;
    r->ranked = node;
    r->attribute->is_ranked = node->value.as.b;
    if (node->value.as.b && r->attribute->merge != PZ__MERGE_LAYOUT)
        pz__mistake_at(build, node, "only a layout can be ranked");
}

/* Members that are only kept until all are known. */
#define KEEP(member)                                                                               \
    static void keep_##member(pz__build *build, void *into, const pz__node *node)                  \
    {                                                                                              \
        (void)build;                                                                               \
        ((reading *)into)->member = node;                                                          \
    }
KEEP(one_of)
KEEP(taxonomy)
KEEP(min)
KEEP(max)
KEEP(fallback)
KEEP(recommended)
KEEP(width)
#undef KEEP

static const pz__member attribute_members[] = {
    {"type", PZ__REQUIRED, PZ__WANT_TEXT, read_attribute_type,
     "the name of a type such as \"string\"", "The type of every value of the attribute."},
    {"about", PZ__OPTIONAL, PZ__WANT_TEXT, NULL, "a text", "What the attribute means, for people."},
    {"one_of", PZ__OPTIONAL, PZ__WANT_LIST, keep_one_of, "a list of values",
     "All values there are; anything else is refused."},
    {"taxonomy", PZ__OPTIONAL, PZ__WANT_TEXT, keep_taxonomy, "the name of a taxonomy",
     "The taxonomy whose nodes are the values."},
    {"min", PZ__OPTIONAL, PZ__WANT_ANY, keep_min, "a value", "The least value allowed."},
    {"max", PZ__OPTIONAL, PZ__WANT_ANY, keep_max, "a value", "The greatest value allowed."},
    {"merge", PZ__OPTIONAL, PZ__WANT_TEXT, read_merge,
     "the name of a merge law such as \"replace\"",
     "How claims come together: replace, set, layout, record, max or min."},
    {"default", PZ__OPTIONAL, PZ__WANT_ANY, keep_fallback, "a value",
     "The answer when nothing else answers."},
    {"recommended", PZ__OPTIONAL, PZ__WANT_ANY, keep_recommended, "a value",
     "What the company suggests; stands before the default, behind everything known."},
    {"class", PZ__OPTIONAL, PZ__WANT_TEXT, read_class, "a source class such as \"behaviour\"",
     "The source class of the attribute's inferences."},
    {"purpose", PZ__OPTIONAL, PZ__WANT_TEXT, read_purpose, "the name of a purpose",
     "The purpose that the customer must have granted for this data to be used."},
    {"half_life", PZ__OPTIONAL, PZ__WANT_TEXT, read_half_life, "a span such as \"30d\"",
     "After this time evidence counts half. Absent: it never fades."},
    {"threshold", PZ__OPTIONAL, PZ__WANT_NUMBER, read_threshold, "a number such as 0.75",
     "How probable a value must be before it is asserted. Absent: nothing is inferred."},
    {"min_evidence", PZ__OPTIONAL, PZ__WANT_NUMBER, read_min_evidence, "a number such as 3",
     "The least weight of the customer's own evidence for an inference; 1 unless declared."},
    {"prior", PZ__OPTIONAL, PZ__WANT_OBJECT, read_prior, "an object of \"strength\" and \"shares\"",
     "What is expected of a customer of whom nothing is known."},
    {"saturation", PZ__OPTIONAL, PZ__WANT_NUMBER, read_saturation, "a number such as 5",
     "The most weight that one value gathers on one UTC day."},
    {"retention", PZ__OPTIONAL, PZ__WANT_TEXT, read_retention, "a span such as \"90d\"",
     "How long facts and evidence are kept. Choices stay."},
    {"group", PZ__OPTIONAL, PZ__WANT_BOOL, read_group, "true or false",
     "True: the group may answer where the customer's own evidence does not."},
    {"policy_input", PZ__OPTIONAL, PZ__WANT_BOOL, read_policy_input, "true or false",
     "True: rules that set masks may read the declared fact."},
    {"ranked", PZ__OPTIONAL, PZ__WANT_BOOL, read_ranked, "true or false",
     "True: a layout is ordered by evidence. Only of layouts."},
    {"width", PZ__OPTIONAL, PZ__WANT_TEXT, keep_width, "a span such as \"64s\"",
     "The width of a bucket of evidence: a power of two of seconds."},
    {"pattern", PZ__LATER, 0, NULL, "", "A pattern that texts must match."},
    {"was", PZ__LATER, 0, NULL, "", "The attribute's earlier name."},
    {"aliases", PZ__LATER, 0, NULL, "", "Other spellings of values."},
    {"level", PZ__LATER, 0, NULL, "", "The level below which the attribute is not used."},
    {"mask", PZ__LATER, 0, NULL, "", "Source classes that are not used."},
};
const pz__members pz__attribute_members = PZ__MEMBERS("an attribute", attribute_members);

/* ---- the merge law ---- */

/* Whether values of the type can come together by the law; also learns the type of one value. */
static bool fits_law(reading *r)
{
    const pz__type *type = r->attribute->type;
    switch (r->attribute->merge) {
    case PZ__MERGE_SET:
        r->value_type = type->kind == PZ__T_LIST ? type->args[0] : &pz__type_dyn;
        return type->kind == PZ__T_LIST && is_scalar(type->args[0]);
    case PZ__MERGE_LAYOUT:
        return type->kind == PZ__T_LIST && type->args[0]->kind == PZ__T_STRING;
    case PZ__MERGE_RECORD:
        return type->kind == PZ__T_MAP && type->args[0]->kind == PZ__T_STRING;
    case PZ__MERGE_MAX:
    case PZ__MERGE_MIN:
        return pz__is_ordered(type);
    default:
        return true;
    }
}

static void check_law(pz__build *build, reading *r)
{
    static const char *const wanted[] = {
        [PZ__MERGE_REPLACE] = "",
        [PZ__MERGE_SET] = "a list of single values such as \"list<string>\"",
        [PZ__MERGE_LAYOUT] = "\"list<string>\", the names of its items",
        [PZ__MERGE_RECORD] = "a map from text such as \"map<string, string>\"",
        [PZ__MERGE_MAX] = "a type that has an order, such as \"int\"",
        [PZ__MERGE_MIN] = "a type that has an order, such as \"int\"",
    };
    const bool is_known = r->is_type_known;
    r->value_type = r->attribute->type;
    if (r->is_merge_unknown)
        r->is_type_known = false; /* nor is that of an element, then */
    if (r->is_merge_unknown || fits_law(r) || !is_known)
        return;
    r->is_type_known = false;
    pz__mistake_at(build, r->merge, "the merge law %s needs %s, not %s",
                   pz__quoted(build, pz_value_text(r->merge->value)), wanted[r->attribute->merge],
                   pz__type_text(build, r->attribute->type));
}

/* ---- the domain ---- */

static void tell_repeated(pz__build *build, const pz__domain *domain, const pz__node *one_of)
{
    for (uint32_t i = 0; i + 2 < domain->count; i++) {
        uint32_t a = domain->by_value[i], b = domain->by_value[i + 1];
        if (!pz_value_equal(domain->nodes[a].value, domain->nodes[b].value))
            continue;
        const pz__node *second = &one_of->children[(a > b ? a : b) - 1];
        pz__mistake_at(build, second, "%s stands twice in \"one_of\"",
                       pz__shown(build, second->value));
    }
}

static const pz__domain *read_one_of(pz__build *build, reading *r)
{
    pz__attribute *attribute = r->attribute;
    const pz__node *node = r->one_of;
    if (!is_scalar(r->value_type)) {
        if (r->is_type_known)
            pz__mistake_in_name(build, node,
                                "\"one_of\" needs an attribute of single values%s, not of type %s",
                                attribute->merge == PZ__MERGE_REPLACE ? ", or a set of them" : "",
                                pz__type_text(build, attribute->type));
        return NULL;
    }
    if (node->child_count == 0) {
        pz__mistake_at(build, node, "\"one_of\" is empty: no value could ever be given");
        return NULL;
    }
    if (!pz__check_count(build, node, PZ__DOMAIN_MAX - 1, "values"))
        return NULL;
    pz_value *values = pz__keep(build, node->child_count, sizeof *values);
    bool is_right = values != NULL;
    for (uint32_t i = 0; values && i < node->child_count && !pz__is_stopped(build); i++)
        is_right &= pz__fit_seen(build, &node->children[i], r->value_type, "a value of \"one_of\"",
                                 &values[i]);
    if (!is_right || pz__is_stopped(build))
        return NULL;
    pz__domain *domain = pz__domain_flat(build, values, node->child_count);
    if (!domain)
        return NULL;
    tell_repeated(build, domain, node);
    attribute->one_of = values;
    attribute->one_of_count = node->child_count;
    return domain;
}

static const pz__domain *find_taxonomy(pz__build *build, reading *r)
{
    const pz__node *node = r->taxonomy;
    pz_str name = pz_value_text(node->value);
    pz_str *names = pz__work(build, build->taxonomy_count, sizeof *names);
    r->attribute->is_taxonomy = true;
    if (!names)
        return NULL;
    for (uint32_t i = 0; i < build->taxonomy_count; i++) {
        if (pz__str_equal(build->taxonomies[i].name, name))
            return build->taxonomies[i].domain;
        names[i] = build->taxonomies[i].name;
    }
    pz__mistake(build, node->start, node->end, pz__nearest(name, names, build->taxonomy_count),
                "there is no taxonomy %s", pz__quoted(build, name));
    return NULL;
}

static const pz__domain *read_taxonomy(pz__build *build, reading *r)
{
    const pz__type *type = r->value_type;
    if (type->kind != PZ__T_STRING && r->is_type_known)
        pz__mistake_at(build, r->taxonomy,
                       "the values of a taxonomy are of type string, those of this attribute of "
                       "type %s",
                       pz__type_text(build, type));
    if (r->one_of)
        pz__mistake_in_name(build, r->one_of,
                            "\"one_of\" and \"taxonomy\" both say what values there are: keep one");
    return find_taxonomy(build, r);
}

static const pz__domain *read_domain(pz__build *build, reading *r)
{
    if (r->taxonomy)
        return read_taxonomy(build, r);
    if (r->one_of)
        return read_one_of(build, r);
    if (r->attribute->type->kind != PZ__T_BOOL)
        return NULL;
    const pz_value both[] = {pz_value_bool(false), pz_value_bool(true)};
    return pz__domain_flat(build, both, 2);
}

static void take_domain(pz__build *build, reading *r)
{
    const pz__domain *domain = read_domain(build, r);
    const bool is_set = r->attribute->merge == PZ__MERGE_SET;
    if (domain)
        r->attribute->domain = is_set ? pz__domain_elements(build, domain, r->shares)
                                      : pz__domain_shared(build, domain, r->shares);
    else if (r->shares && !r->one_of && !r->taxonomy && r->is_type_known)
        pz__mistake_in_name(build, r->shares,
                            "shares need a domain: declare \"one_of\" or \"taxonomy\"");
}

/* ---- bounds and values ---- */

/* One of "min" and "max". */
static bool read_bound(pz__build *build, reading *r, const pz__node *node, const char *what,
                       pz_value *out)
{
    const pz__type *type = r->attribute->type;
    if (!node || !r->is_type_known)
        return false;
    if (!pz__is_ordered(type)) {
        pz__mistake_in_name(build, node, "%s needs a type that has an order, not %s", what,
                            pz__type_text(build, type));
        return false;
    }
    return pz__fit(build, node, type, what, out);
}

static void read_bounds(pz__build *build, reading *r)
{
    pz__attribute *a = r->attribute;
    a->has_min = read_bound(build, r, r->min, "\"min\"", &a->min);
    a->has_max = read_bound(build, r, r->max, "\"max\"", &a->max);
    if (a->has_min && a->has_max && pz_value_compare(a->min, a->max) > 0)
        pz__mistake_at(build, r->max, "\"max\" is less than \"min\": no value could ever be given");
}

/* A value of the document that must be one of the attribute: "default", "recommended". */
static bool read_own_value(pz__build *build, reading *r, const pz__node *node, const char *what,
                           pz_value *out)
{
    if (!node || !pz__fit_seen(build, node, r->attribute->type, what, out))
        return false;
    return pz__check_own_value(build, r->attribute, *out, node, "");
}

/* Every value of "one_of" must be within "min" and "max". */
static void check_values_in_bounds(pz__build *build, reading *r)
{
    const pz__attribute *a = r->attribute;
    for (uint32_t i = 0; i < a->one_of_count; i++) {
        bool is_below = a->has_min && pz_value_compare(a->one_of[i], a->min) < 0;
        bool is_above = a->has_max && pz_value_compare(a->one_of[i], a->max) > 0;
        if (is_below || is_above)
            pz__mistake_at(build, &r->one_of->children[i], "%s is %s, so it could never be given",
                           pz__shown(build, a->one_of[i]),
                           is_below ? "less than \"min\"" : "greater than \"max\"");
    }
}

/* ---- inference ---- */

static void check_threshold(pz__build *build, reading *r)
{
    if (!r->threshold)
        return;
    const pz__attribute *a = r->attribute;
    bool is_category = a->domain != NULL || r->one_of || r->taxonomy || a->merge == PZ__MERGE_SET;
    double least = is_category ? 0.5 : 0;
    if (a->threshold > least && a->threshold < 1)
        return;
    pz__mistake_at(build, r->threshold, "a threshold %s must be above %s and below 1, not %s",
                   is_category ? "of categories" : "", is_category ? "0.5" : "0",
                   pz__shown(build, r->threshold->value));
}

/* Where a member that steers inferences has no effect, and why. */
static void warn_idle(pz__build *build, const pz__node *member, const char *why)
{
    if (member)
        pz__warning(build, member->key_start, member->key_end, "%s has no effect: %s",
                    pz__quoted(build, member->key), why);
}

/* Members that only steer inferences from evidence, where there can be none. */
static void check_inference(pz__build *build, reading *r)
{
    const pz__attribute *a = r->attribute;
    const bool is_layout = a->merge == PZ__MERGE_LAYOUT;
    const bool is_open =
        !a->domain && !r->one_of && !r->taxonomy && r->is_type_known && a->merge != PZ__MERGE_SET;
    const pz__node *const weighing[] = {r->half_life, r->saturation, r->width};
    for (uint32_t i = 0; is_open && i < sizeof weighing / sizeof *weighing; i++)
        if (!is_layout || !a->is_ranked)
            warn_idle(build, weighing[i],
                      is_layout
                          ? "only a ranked layout uses evidence"
                          : "evidence needs a domain (\"one_of\", \"taxonomy\" or type bool)");
    if (is_open && !is_layout)
        warn_idle(build, r->min_evidence,
                  "evidence needs a domain (\"one_of\", \"taxonomy\" or type bool)");
    if (is_layout)
        warn_idle(build, r->min_evidence, "a layout asserts nothing");
    if (is_layout)
        warn_idle(build, r->threshold, "a layout asserts nothing");
    if (r->group && a->is_group && (is_open || !r->threshold))
        pz__mistake_at(build, r->group, "a group can only answer for an attribute with %s",
                       is_open ? "a domain: \"one_of\", \"taxonomy\" or type bool"
                               : "a \"threshold\"");
}

uint8_t pz__width_of(int64_t ms, uint8_t most)
{
    uint8_t n = 0;
    while (n < most && (INT64_C(2000) << n) <= ms)
        n++;
    return n;
}

/* The widest bucket an attribute may have. */
static uint8_t widest_bucket(const pz__attribute *a)
{
    if (a->half_life_ms == 0)
        return PZ__WIDTH_PLAIN;
    return pz__width_of(a->half_life_ms / BUCKETS_PER_HALF_LIFE,
                        a->saturation ? PZ__WIDTH_PLAIN : WIDTH_MAX);
}

static void read_width(pz__build *build, reading *r)
{
    pz__attribute *a = r->attribute;
    uint8_t widest = widest_bucket(a);
    a->width = widest;
    if (!r->width)
        return;
    int64_t ms = pz__read_span(build, r->width);
    if (ms == 0)
        return;
    uint8_t width = pz__width_of(ms, WIDTH_MAX);
    if (ms != INT64_C(1000) << width)
        pz__mistake_at(build, r->width,
                       "a bucket's width must be a power of two of seconds; %us is one",
                       1u << width);
    else if (width > widest)
        pz__mistake_at(build, r->width, "a bucket of %us is too wide: at most %us%s", 1u << width,
                       1u << widest,
                       widest < PZ__WIDTH_PLAIN ? ", a sixteenth of the half-life" : "");
    else
        a->width = width;
}

/* ---- attributes ---- */

static void read_attribute(pz__build *build, pz__attribute *attribute, const pz__node *node)
{
    reading r = {.attribute = attribute, .name = node};
    uint32_t errors = build->error_count;
    pz__read_members(build, node, &pz__attribute_members, &r);
    if (!pz__is_stopped(build) && node->value.kind == PZ_MAP) {
        check_law(build, &r);
        read_bounds(build, &r);
        take_domain(build, &r);
        check_values_in_bounds(build, &r);
        attribute->has_default =
            read_own_value(build, &r, r.fallback, "the default", &attribute->default_value);
        attribute->has_recommended = read_own_value(
            build, &r, r.recommended, "the recommended value", &attribute->recommended);
        check_threshold(build, &r);
        check_inference(build, &r);
        read_width(build, &r);
    }
    /* Without the tree that it names, or with one that has mistakes, its values are not known. */
    const bool lacks_tree = r.taxonomy && !attribute->domain;
    build->is_broken[attribute->index] = build->error_count > errors || lacks_tree;
}

void pz__read_attributes(pz__build *build, const pz__node *node)
{
    if (!pz__check_count(build, node, PZ__ATTRIBUTES_MAX, "attributes"))
        return;
    build->attributes = pz__keep(build, node->child_count, sizeof *build->attributes);
    build->is_broken = pz__work(build, node->child_count, sizeof *build->is_broken);
    build->catalog->attributes = build->attributes;
    for (uint32_t i = 0; i < node->child_count && !pz__is_stopped(build); i++) {
        const pz__node *child = &node->children[i];
        if (pz__names_find(&build->shared->attributes, child->key) != PZ__NAME_NONE)
            continue;
        uint32_t index = build->catalog->attribute_count;
        pz__attribute *attribute = &build->attributes[index];
        *attribute = (pz__attribute){.name = child->key,
                                     .index = index,
                                     .type = &pz__type_dyn,
                                     .source_class = PZ__CLASS_BEHAVIOUR,
                                     .min_evidence = MIN_EVIDENCE_DEFAULT,
                                     .strength = 1,
                                     .start = child->key_start,
                                     .end = child->key_end};
        if (pz__names_put(&build->shared->attributes, child->key) == PZ__NAME_NONE) {
            build->is_out_of_memory = true;
            return;
        }
        build->catalog->attribute_count++;
        attribute->slot = pz__slot_new(build, PZ__USE_ATTRIBUTE, index, child->key, NULL, 0);
        bool is_named = pz__name_check_identifier(build, child, "an attribute");
        read_attribute(build, attribute, child);
        if (!build->is_out_of_memory)
            build->slots[attribute->slot].type = attribute->type;
        build->is_broken[index] |= !is_named;
    }
}
