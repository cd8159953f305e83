/*
 * compile.c: from the text of a document to a catalog, or to all its mistakes.
 *
 * The order of work: read the JSON (a syntax error is the only mistake that ends the work at once);
 * look for members that stand twice; read the sections in the order of the table below, in which
 * every section stands behind those it refers to; compile the segments, once attributes, context
 * and all segments have their slots; look for circles among attributes, segments and policies; put
 * the counters in order. If a mistake was found the half-made catalog is dropped.
 *
 * A catalog lives in one arena together with a copy of its document: names, texts and default
 * values borrow from it. References are counted by an atomic number; the last one frees the arena.
 */
#include "catalog/build.h"

#include "base/error.h"

/* ---- members of the document ---- */

static void read_name(pz__build *build, void *into, const pz__node *node)
{
    (void)into;
    build->catalog->name = pz_value_text(node->value);
    pz__name_check(build, build->catalog->name, node->start, node->end, "a catalog");
}

static void read_horizon(pz__build *build, void *into, const pz__node *node)
{
    (void)into;
    int64_t ms = pz__read_span(build, node);
    if (ms > 0)
        build->catalog->horizon_ms = ms;
}

static void read_erasure_horizon(pz__build *build, void *into, const pz__node *node)
{
    (void)into;
    int64_t ms = pz__read_span(build, node);
    if (ms > 0)
        build->catalog->erasure_horizon_ms = ms;
}

static void read_level(pz__build *build, void *into, const pz__node *node)
{
    (void)into;
    build->catalog->level = pz_value_text(node->value);
    build->catalog->masked |= pz__read_level(build, node);
}

static void read_mask(pz__build *build, void *into, const pz__node *node)
{
    (void)into;
    build->catalog->mask_masked = pz__read_mask(build, node);
    build->catalog->masked |= build->catalog->mask_masked;
}

/* A member that is a section of its own. */
#define SECTION(name, read)                                                                        \
    static void name(pz__build *build, void *into, const pz__node *node)                           \
    {                                                                                              \
        (void)into;                                                                                \
        read(build, node);                                                                         \
    }
SECTION(read_taxonomies, pz__read_taxonomies)
SECTION(read_context, pz__read_context)
SECTION(read_events, pz__read_events)
SECTION(read_attributes, pz__read_attributes)
SECTION(declare_segments, pz__declare_segments)
SECTION(read_signals, pz__read_signals)
SECTION(read_decisions, pz__read_decisions)
SECTION(check_tests, pz__check_tests)
SECTION(read_purposes, pz__read_purposes)
SECTION(read_identifiers, pz__read_identifiers)
SECTION(read_policies, pz__read_policies)
SECTION(read_records, pz__read_records)
#undef SECTION

/* In the order in which they are read. */
static const pz__member document_members[] = {
    {"catalog", PZ__OPTIONAL, PZ__WANT_TEXT, read_name, "a name", "The catalog's name."},
    {"about", PZ__OPTIONAL, PZ__WANT_TEXT, NULL, "a text", "What the catalog is for, for people."},
    {"horizon", PZ__OPTIONAL, PZ__WANT_TEXT, read_horizon, "a span such as \"90d\"",
     "Events older than this are refused as late; 90 days unless declared."},
    {"erasure_horizon", PZ__OPTIONAL, PZ__WANT_TEXT, read_erasure_horizon,
     "a span such as \"400d\"",
     "How long an erased person is remembered, to refuse what is older; 400 days."},
    {"taxonomies", PZ__OPTIONAL, PZ__WANT_OBJECT, read_taxonomies, "an object of taxonomies",
     "Trees of values, as nested objects."},
    {"context", PZ__OPTIONAL, PZ__WANT_OBJECT, read_context, "an object of context keys",
     "What a decision may depend on beside the customer; closes the set."},
    {"events", PZ__OPTIONAL, PZ__WANT_OBJECT, read_events, "an object of events",
     "The kinds of event and their members; closes the set."},
    {"attributes", PZ__OPTIONAL, PZ__WANT_OBJECT, read_attributes, "an object of attributes",
     "The questions about a customer."},
    {"segments", PZ__OPTIONAL, PZ__WANT_OBJECT, declare_segments, "an object of rules",
     "Named rules about a customer."},
    {"signals", PZ__OPTIONAL, PZ__WANT_LIST, read_signals, "a list of signals",
     "What events say about attributes."},
    {"decisions", PZ__OPTIONAL, PZ__WANT_OBJECT, read_decisions, "an object of decisions",
     "What is decided, by which rules."},
    {"purposes", PZ__OPTIONAL, PZ__WANT_OBJECT, read_purposes, "an object of purposes",
     "Options of purposes: what a denial does, which signals grant and deny."},
    {"identifiers", PZ__OPTIONAL, PZ__WANT_OBJECT, read_identifiers,
     "an object of kinds of identifier", "Kinds of identifier and what they say."},
    {"level", PZ__OPTIONAL, PZ__WANT_TEXT, read_level, "a level such as \"self-service\"",
     "The level of the whole catalog; policies, host and customer may be stricter."},
    {"mask", PZ__OPTIONAL, PZ__WANT_LIST, read_mask, "a list of source classes",
     "Source classes that are not used."},
    {"policies", PZ__OPTIONAL, PZ__WANT_LIST, read_policies, "a list of policies",
     "Rules with force: they lock, bound and mask."},
    {"records", PZ__OPTIONAL, PZ__WANT_OBJECT, read_records,
     "an object such as {\"retention\": \"90d\"}", "What becomes of decision records."},
    {"tests", PZ__OPTIONAL, PZ__WANT_LIST, check_tests, "a list of tests",
     "What is expected of the catalog."},
    {"offers", PZ__LATER, 0, NULL, "", "What can be put before a customer."},
    {"products", PZ__LATER, 0, NULL, "", "Products with options and constraints."},
    {"experiments", PZ__LATER, 0, NULL, "", "Tests, rollouts, holdouts."},
    {"journeys", PZ__LATER, 0, NULL, "", "Scripts and funnels."},
    {"templates", PZ__LATER, 0, NULL, "", "Wordings of messages."},
    {"measures", PZ__LATER, 0, NULL, "", "Statistics."},
    {"include", PZ__LATER, 0, NULL, "", "Other files."},
    {"was", PZ__LATER, 0, NULL, "", "Earlier names."},
};
const pz__members pz__document_members = PZ__MEMBERS("the document", document_members);

const pz__members *const *pz__catalog_members(uint32_t *count)
{
    static const pz__members *const all[] = {
        &pz__document_members, &pz__attribute_members, &pz__prior_members,
        &pz__context_members,  &pz__event_members,     &pz__signal_members,
        &pz__segment_members,  &pz__decision_members,  &pz__rule_members,
        &pz__test_members,     &pz__purpose_members,   &pz__identifier_members,
        &pz__policy_members,   &pz__bound_members,     &pz__record_members,
    };
    *count = sizeof all / sizeof *all;
    return all;
}

/* ---- reading the text ---- */

/* The byte at a line and a column, both 1-based, the column in characters. */
static uint32_t offset_of(pz_str text, uint32_t line, uint32_t column)
{
    size_t at = 0;
    for (uint32_t l = 1; l < line && at < text.len; at++) {
        bool is_pair = text.data[at] == '\r' && at + 1 < text.len && text.data[at + 1] == '\n';
        l += (text.data[at] == '\n' || text.data[at] == '\r') && !is_pair;
    }
    for (uint32_t c = 1; c < column && at < text.len; c++) {
        at++;
        while (at < text.len && ((unsigned char)text.data[at] & 0xc0) == 0x80)
            at++;
    }
    return (uint32_t)at;
}

static pz__node *read_document(pz__build *build, pz_str source)
{
    pz_error err = PZ_ERROR_INIT;
    pz__node *root = pz__keep(build, 1, sizeof *root);
    if (!root)
        return NULL;
    pz_status status =
        pz__json_read_node(build->arena, root, source.data, source.len, PZ_JSON_RELAXED, &err);
    if (status == PZ_OK)
        return root;
    if (status == PZ_ERR_NOMEM) {
        build->is_out_of_memory = true;
        return NULL;
    }
    uint32_t at = offset_of(source, err.line, err.column);
    pz__mistake(build, at, at + 1, (pz_str){NULL, 0}, "%s", err.message);
    return NULL;
}

/* Members that stand twice in one object, anywhere. The document bounds the depth. */
static void tell_repeated(pz__build *build, const pz__node *node)
{
    pz__mark mark = pz__arena_mark(build->scratch);
    pz__names seen;
    pz__names_init(&seen, build->scratch);
    bool is_object = node->value.kind == PZ_MAP &&
                     pz__check_count(build, node, PZ__NAMES_MAX, "members of an object");
    for (uint32_t i = 0; is_object && i < node->child_count && !pz__is_stopped(build); i++) {
        const pz__node *child = &node->children[i];
        uint32_t count = seen.count;
        uint32_t number = pz__names_put(&seen, child->key);
        if (number == PZ__NAME_NONE)
            build->is_out_of_memory = true;
        else if (number < count)
            pz__mistake_in_name(build, child, "%s stands twice in this object",
                                pz__quoted(build, child->key));
    }
    pz__arena_return(build->scratch, mark);
    for (uint32_t i = 0; i < node->child_count && !pz__is_stopped(build); i++)
        if (node->children[i].child_count)
            tell_repeated(build, &node->children[i]);
}

/* ---- the work ---- */

/* What is known before the document is read: slot 0 is the moment; `channel` is a string. */
static void begin(pz__build *build)
{
    pz__slot_new(build, PZ__USE_NOW, 0, PZ__STR("now"), &pz__type_timestamp, 0);
    if (!build->is_out_of_memory)
        pz__context_add(build, PZ__STR("channel"), &pz__type_string);
}

/* Whether some policy that locks or bounds asks a function of the host, itself or by a segment. It
 * is said of all as soon as one does: which policies bear on an answer is known too late. */
static bool asks_host(const pz__build *build)
{
    bool by_segment = false;
    for (uint32_t i = 0; i < build->catalog->segment_count; i++)
        by_segment |= pz__program_calls_host(build->segments[i].program);
    for (uint32_t i = 0; i < build->catalog->policy_count; i++) {
        const pz__program *when = build->catalog->policies[i].when;
        uint32_t count = 0;
        const uint32_t *slots = when ? pz__program_slots(when, &count) : NULL;
        if (when && pz__program_calls_host(when))
            return true;
        for (uint32_t k = 0; by_segment && k < count; k++)
            if (build->slots[slots[k]].use == PZ__USE_SEGMENT)
                return true;
    }
    return false;
}

/* Move what grew in scratch into the catalog. */
static void finish(pz__build *build)
{
    pz__catalog *catalog = build->catalog;
    pz__finish_counters(build);
    pz__slot_info *slots = pz__keep(build, build->slot_count, sizeof *slots);
    pz__context_key *context = pz__keep(build, build->context_count, sizeof *context);
    pz_status status = PZ_OK;
    if (!build->is_out_of_memory)
        status = pz__value_digest(&build->alloc, build->root->value, &catalog->digest);
    if (build->is_out_of_memory || status) {
        build->is_out_of_memory = true;
        return;
    }
    catalog->digest = pz__digest_with_zones(build->shared, catalog->digest);
    memcpy(slots, build->slots, build->slot_count * sizeof *slots);
    memcpy(context, build->context, build->context_count * sizeof *context);
    catalog->consents = build->shared->consents.list;
    catalog->consent_count = build->shared->consents.count;
    catalog->has_impure_policies = asks_host(build);
    catalog->slots = slots;
    catalog->slot_count = build->slot_count;
    catalog->context = context;
    catalog->context_count = build->context_count;
}

static void compile(pz__build *build)
{
    begin(build);
    if (build->is_out_of_memory)
        return;
    build->root = read_document(build, build->catalog->source);
    if (!build->root)
        return;
    tell_repeated(build, build->root);
    if (!pz__is_stopped(build))
        pz__read_members(build, build->root, &pz__document_members, build);
    if (!pz__is_stopped(build))
        pz__compile_segments(build);
    if (!pz__is_stopped(build))
        pz__check_graph(build);
    if (!pz__is_stopped(build))
        pz__check_purposes(build);
    if (!pz__is_stopped(build) && build->error_count == 0)
        finish(build);
}

/* ---- references ---- */

static void free_shared(pz__shared *shared)
{
    pz_alloc alloc = shared->alloc;
    pz__arena_clear(&shared->arena);
    pz__mem_free(&alloc, shared, 1, sizeof *shared);
}

static pz__shared *new_shared(const pz_alloc *alloc)
{
    pz__shared *shared = pz__mem_zero(alloc, 1, sizeof *shared);
    if (!shared)
        return NULL;
    shared->alloc = *alloc;
    shared->refs = 1;
    pz__arena_init(&shared->arena, alloc, 0);
    pz__names_init(&shared->attributes, &shared->arena);
    pz__names_init(&shared->decisions, &shared->arena);
    pz__names_init(&shared->context, &shared->arena);
    pz__names_init(&shared->segments, &shared->arena);
    pz__names_init(&shared->consents, &shared->arena);
    shared->zones.arena = &shared->arena;
    return shared;
}

/* An empty catalog that holds copies of its texts. */
static pz__owner *new_owner(pz__shared *shared, pz_str file, pz_str source)
{
    pz__owner *owner = pz__arena_zero(&shared->arena, 1, sizeof *owner);
    char *file_copy = pz__arena_text(&shared->arena, file.data ? file.data : "", file.len);
    char *copy = pz__arena_text(&shared->arena, source.data ? source.data : "", source.len);
    if (!owner || !file_copy || !copy)
        return NULL;
    owner->shared = shared;
    owner->catalog.file = (pz_str){file_copy, file.len};
    owner->catalog.source = (pz_str){copy, source.len};
    owner->catalog.horizon_ms = PZ__HORIZON_DEFAULT_MS;
    owner->catalog.erasure_horizon_ms = PZ__ERASURE_HORIZON_DEFAULT_MS;
    return owner;
}

const pz__catalog *pz__catalog_ref(const pz__catalog *catalog)
{
    pz__shared *shared = ((const pz__owner *)catalog)->shared;
    __atomic_fetch_add(&shared->refs, 1, __ATOMIC_RELAXED);
    return catalog;
}

void pz__catalog_unref(const pz__catalog *catalog)
{
    if (!catalog)
        return;
    pz__shared *shared = ((const pz__owner *)catalog)->shared;
    if (__atomic_fetch_sub(&shared->refs, 1, __ATOMIC_ACQ_REL) == 1)
        free_shared(shared);
}

/* ---- the door ---- */

/* The first error of the report, and how many more there are. */
static pz_status tell_first(const pz_report *report, uint32_t errors, pz_error *err)
{
    for (uint32_t i = 0; i < pz_report_count(report); i++) {
        pz_diagnostic one = {.size = sizeof one};
        if (pz_report_get(report, i, &one) || one.severity != PZ_ERROR)
            continue;
        bool has_hint = one.suggestion[0] != '\0';
        return pz__fail_at(err, PZ_ERR_CATALOG, one.line, one.column, "%s:%u:%u: %s%s%s%s%s",
                           one.file, one.line, one.column, one.message,
                           has_hint ? "; did you mean \"" : "", one.suggestion,
                           has_hint ? "\"?" : "", errors > 1 ? " (and more mistakes)" : "");
    }
    return pz__fail(err, PZ_ERR_CATALOG, "the catalog has mistakes");
}

static pz_status compile_into(pz__owner *owner, const pz__surroundings *around, pz_report *report,
                              uint32_t *errors)
{
    pz__arena scratch;
    pz__shared *shared = owner->shared;
    pz__arena_init(&scratch, &shared->alloc, 0);
    pz__build build = {.alloc = shared->alloc,
                       .arena = &shared->arena,
                       .scratch = &scratch,
                       .catalog = &owner->catalog,
                       .shared = shared,
                       .report = report,
                       .zones = around->zones,
                       .functions = around->functions};
    pz__names_init(&build.slot_names, &scratch);
    pz__names_init(&build.counter_names, &scratch);
    compile(&build);
    pz__arena_clear(&scratch);
    *errors = build.error_count;
    bool is_out = build.is_out_of_memory || pz__report_status(report) == PZ_ERR_NOMEM;
    return is_out ? PZ_ERR_NOMEM : build.error_count ? PZ_ERR_CATALOG : PZ_OK;
}

pz_status pz__catalog_compile(const pz__catalog **out, const pz_alloc *alloc, pz_str file,
                              pz_str source, pz_report *report, pz_error *err)
{
    const pz__surroundings nothing = {.zones = NULL};
    return pz__catalog_compile_with(out, alloc, file, source, &nothing, report, err);
}

pz_status pz__catalog_compile_with(const pz__catalog **out, const pz_alloc *alloc, pz_str file,
                                   pz_str source, const pz__surroundings *around, pz_report *report,
                                   pz_error *err)
{
    *out = NULL;
    if (source.len > PZ__CATALOG_BYTES_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "the document has %zu bytes; at most %u are allowed",
                        source.len, PZ__CATALOG_BYTES_MAX);
    pz_alloc used = pz__alloc_or_default(alloc);
    pz_report *own = NULL;
    pz_status status = report ? PZ_OK : pz__report_new(&own, &used);
    pz__shared *shared = status ? NULL : new_shared(&used);
    pz__owner *owner = shared ? new_owner(shared, file, source) : NULL;
    uint32_t errors = 0;
    status = owner ? compile_into(owner, around, report ? report : own, &errors) : PZ_ERR_NOMEM;
    if (status == PZ_OK)
        *out = &owner->catalog;
    else if (status == PZ_ERR_CATALOG)
        tell_first(report ? report : own, errors, err);
    else
        pz__fail(err, status, "out of memory");
    if (status && shared)
        free_shared(shared);
    pz_report_free(own);
    return status;
}
