/*
 * calls.c: the functions that only a catalog can answer, and the counters they need.
 *
 *     count('purchase', duration('24h'))           how many events, in whole buckets
 *     sum('purchase', 'total', duration('720h'))   what a member of them adds to
 *     last('visit')                                when the newest was
 *     confidence(profile.x)  tier(profile.x)       of the answer to an attribute
 *     consent('ads')                               whether a purpose is granted
 *
 * Their arguments are constants or names, so each call becomes a slot when the rule is compiled;
 * the same call is the same slot. Without a window count and sum reach back for ever. What the
 * rules ask for decides which counters a profile keeps, and how finely: a bucket is at most a
 * sixteenth of the shortest window asked, from one second to 65,536 s; for `last` at most 4,096 s.
 *
 * While rules are compiled a slot holds a counter's number in the order of first use; at the end
 * counters are put in the order of their names, and the slots mended.
 */
#include "catalog/build.h"

#include "base/error.h"
#include "base/time.h"

#define BUCKETS_PER_WINDOW 16
#define WINDOW_NONE_MS (INT64_C(65536000) * BUCKETS_PER_WINDOW)
#define WINDOW_LAST_MS (INT64_C(4096000) * BUCKETS_PER_WINDOW)
#define NS_PER_MS INT64_C(1000000)
#define SPELLING_MAX ((size_t)1024)

/* One call while it is taken apart. */
typedef struct call {
    pz__build *build;
    const pz__call_arg *args;
    uint32_t count;
    pz__slot *out;
    pz_error *err;
} call;

/* Fail about argument `index` (PZ__CALL for the call itself). */
#define PZ__CALL UINT32_MAX
#define fail_about(c, index, ...)                                                                  \
    (pz__fail((c)->err, PZ_ERR_TYPE, __VA_ARGS__), type_error_at((c), (index)))

static pz_status type_error_at(const call *c, uint32_t index)
{
    if (c->err)
        c->err->column = index == PZ__CALL ? 0 : index + 1;
    return PZ_ERR_TYPE;
}

/* ", did you mean ...?" for the end of a message. */
static const char *meant(pz__build *build, pz_str nearest)
{
    if (!nearest.len)
        return "";
    pz__buf buf;
    pz__buf_init(&buf, &build->alloc, 256);
    pz__buf_format(&buf, "; did you mean \"%.*s\"?", PZ__STR_ARG(nearest));
    const char *text = pz__arena_text(build->scratch, buf.data ? buf.data : "", buf.len);
    if (!text || buf.status == PZ_ERR_NOMEM)
        build->is_out_of_memory = true;
    pz__buf_clear(&buf);
    return text ? text : "";
}

/* ---- arguments ---- */

static pz_status text_argument(const call *c, uint32_t index, const char *what, const char *example,
                               pz_str *out)
{
    const pz__call_arg *arg = &c->args[index];
    if (!arg->is_constant || arg->constant.kind != PZ_STRING)
        return fail_about(c, index, "%s must be a constant text, such as '%s'", what, example);
    *out = pz_value_text(arg->constant);
    if (out->len == 0 || out->len > PZ__NAME_MAX / 2)
        return fail_about(c, index, "%s must have 1 to %u bytes", what, PZ__NAME_MAX / 2);
    for (size_t i = 0; i < out->len; i++)
        if ((unsigned char)out->data[i] < 0x20 || strchr("'\"\\()", out->data[i]))
            return fail_about(c, index, "%s cannot contain quotes, brackets and control characters",
                              what);
    return PZ_OK;
}

static pz_status kind_argument(const call *c, pz_str *out)
{
    pz_status status = text_argument(c, 0, "the kind of event", "purchase", out);
    if (status || !c->build->has_events || pz__event_kind_of(c->build, *out))
        return status;
    return fail_about(c, 0, "there is no event %s in \"events\"%s", pz__quoted(c->build, *out),
                      meant(c->build, pz__nearest_event_kind(c->build, *out)));
}

static pz_status member_argument(const call *c, pz_str kind_name, pz_str *out, int64_t *scale)
{
    *scale = 1;
    pz_status status = text_argument(c, 1, "the member to add up", "purchase", out);
    const pz__event_kind *kind = pz__event_kind_of(c->build, kind_name);
    if (!status && memchr(out->data, '.', out->len))
        return fail_about(c, 1, "only a member of the event itself adds up: no dots");
    if (status || !kind)
        return status;
    const pz__event_member *member = pz__event_member_of(kind, *out);
    if (!member)
        return fail_about(c, 1, "the event %s has no member %s%s", pz__quoted(c->build, kind_name),
                          pz__quoted(c->build, *out),
                          meant(c->build, pz__nearest_event_member(c->build, kind, *out)));
    bool is_number = member->type->kind == PZ__T_INT || member->type->kind == PZ__T_UINT ||
                     member->type->kind == PZ__T_DOUBLE || member->type->kind == PZ__T_DYN;
    if (!is_number)
        return fail_about(c, 1, "the member %s is of type %s; only numbers add up",
                          pz__quoted(c->build, *out), pz__type_text(c->build, member->type));
    if (member->scale == 0)
        return fail_about(c, 1,
                          "sums keep whole numbers and %s is a double: declare its \"scale\" in "
                          "\"events\", such as 100 for cents",
                          pz__quoted(c->build, *out));
    *scale = member->scale;
    return PZ_OK;
}

/* The window of count and sum: argument `index`, or none. */
static pz_status window_argument(const call *c, uint32_t index, int64_t *ms)
{
    *ms = 0;
    if (index >= c->count)
        return PZ_OK;
    const pz__call_arg *arg = &c->args[index];
    if (!arg->is_constant || arg->constant.kind != PZ_DURATION)
        return fail_about(c, index,
                          "the window must be a constant duration in hours, minutes and seconds, "
                          "such as duration('24h'); 30 days are duration('720h')");
    *ms = arg->constant.as.i / NS_PER_MS;
    if (*ms < 1000)
        return fail_about(c, index, "the window must be at least a second");
    return PZ_OK;
}

static pz_status attribute_argument(const call *c, uint32_t *index)
{
    const pz__call_arg *arg = &c->args[0];
    const pz__build *build = c->build;
    const pz_str prefix = PZ__STR("profile.");
    bool is_profile = arg->is_name && arg->name.len > prefix.len &&
                      memcmp(arg->name.data, prefix.data, prefix.len) == 0;
    if (!is_profile)
        return fail_about(c, 0, "the argument must be an attribute, such as profile.language");
    pz_str name = {arg->name.data + prefix.len, arg->name.len - prefix.len};
    *index = pz__names_find(&build->shared->attributes, name);
    if (*index != PZ__NAME_NONE)
        return PZ_OK;
    return fail_about(c, 0, "there is no attribute %s%s", pz__quoted(c->build, name),
                      meant(c->build, pz__nearest_in(&build->shared->attributes, name)));
}

/* ---- slots and counters ---- */

/* The slot of a call by its spelling; made if it is new. */
static pz_status give_call(const call *c, pz__buf *spelling, pz__slot_use use, uint32_t index,
                           const pz__type *type, int64_t window_ms)
{
    pz__build *build = c->build;
    pz_str name = {spelling->data, spelling->len};
    uint32_t known = build->slot_names.count;
    uint32_t number = spelling->status ? PZ__NAME_NONE : pz__names_put(&build->slot_names, name);
    void *list = build->slot_of_name;
    bool has_room =
        number != PZ__NAME_NONE &&
        pz__more(build, &list, known, &build->slot_of_name_cap, sizeof *build->slot_of_name);
    if (!has_room) {
        build->is_out_of_memory = true;
        return PZ_ERR_NOMEM;
    }
    build->slot_of_name = list;
    if (number == known)
        build->slot_of_name[number] = pz__slot_new(build, use, index, name, type, window_ms);
    if (build->is_out_of_memory)
        return PZ_ERR_NOMEM;
    uint32_t slot = build->slot_of_name[number];
    *c->out = (pz__slot){.index = slot, .type = build->slots[slot].type};
    return PZ_OK;
}

static bool add_counter(pz__build *build, pz_str name, const pz__counter *like)
{
    uint32_t cap = build->counter_cap;
    void *list = build->counters, *windows = build->counter_windows;
    if (!pz__more(build, &list, build->counter_count, &build->counter_cap,
                  sizeof *build->counters) ||
        !pz__more(build, &windows, build->counter_count, &cap, sizeof *build->counter_windows))
        return false;
    build->counters = list;
    build->counter_windows = windows;
    pz__counter *counter = &build->counters[build->counter_count];
    *counter = *like;
    char *texts[3] = {
        pz__arena_text(build->arena, name.data, name.len),
        pz__arena_text(build->arena, like->kind.data, like->kind.len),
        pz__arena_text(build->arena, like->member.len ? like->member.data : "", like->member.len)};
    if (!texts[0] || !texts[1] || !texts[2])
        return false;
    counter->name = (pz_str){texts[0], name.len};
    counter->kind.data = texts[1];
    counter->member.data = texts[2];
    build->counter_windows[build->counter_count++] = WINDOW_NONE_MS;
    return true;
}

/* The number of a counter, made if it is new; its shortest window is noted. */
static pz_status need_counter(const call *c, const pz__counter *like, int64_t window_ms,
                              uint32_t *number)
{
    pz__build *build = c->build;
    pz__buf name;
    pz__buf_init(&name, &build->alloc, SPELLING_MAX);
    pz__buf_format(&name, "%s(%.*s", like->member.len ? "sum" : "count", PZ__STR_ARG(like->kind));
    if (like->member.len)
        pz__buf_format(&name, ".%.*s", PZ__STR_ARG(like->member));
    pz__buf_byte(&name, ')');
    pz_str text = {name.data, name.len};
    pz_status status = PZ_OK;
    if (build->counter_count >= PZ__COUNTERS_MAX &&
        pz__names_find(&build->counter_names, text) == PZ__NAME_NONE)
        status = fail_about(c, PZ__CALL, "the rules need more than %u counters", PZ__COUNTERS_MAX);
    else if (name.status ||
             (*number = pz__names_put(&build->counter_names, text)) == PZ__NAME_NONE ||
             (*number == build->counter_count && !add_counter(build, text, like)))
        status = PZ_ERR_NOMEM;
    pz__buf_clear(&name);
    build->is_out_of_memory |= status == PZ_ERR_NOMEM;
    if (!status && window_ms > 0 && window_ms < build->counter_windows[*number])
        build->counter_windows[*number] = window_ms;
    return status;
}

static void spell_window(pz__buf *out, int64_t window_ms)
{
    char text[PZ__DURATION_MAX];
    if (window_ms == 0)
        return;
    pz__duration_print(window_ms * NS_PER_MS, text);
    pz__buf_format(out, ", duration('%s')", text);
}

/* ---- the functions ---- */

static pz_status derive_count(const call *c, pz__buf *spelling)
{
    pz__counter like = {.scale = 1};
    int64_t window_ms;
    uint32_t counter;
    pz_status status = kind_argument(c, &like.kind);
    if (!status)
        status = window_argument(c, 1, &window_ms);
    if (!status)
        status = need_counter(c, &like, window_ms, &counter);
    if (status)
        return status;
    pz__buf_format(spelling, "count('%.*s'", PZ__STR_ARG(like.kind));
    spell_window(spelling, window_ms);
    pz__buf_byte(spelling, ')');
    return give_call(c, spelling, PZ__USE_COUNT, counter, &pz__type_int, window_ms);
}

static pz_status derive_sum(const call *c, pz__buf *spelling)
{
    pz__counter like = {.scale = 1};
    int64_t window_ms;
    uint32_t counter;
    pz_status status = kind_argument(c, &like.kind);
    if (!status)
        status = member_argument(c, like.kind, &like.member, &like.scale);
    if (!status)
        status = window_argument(c, 2, &window_ms);
    if (!status)
        status = need_counter(c, &like, window_ms, &counter);
    if (status)
        return status;
    pz__buf_format(spelling, "sum('%.*s', '%.*s'", PZ__STR_ARG(like.kind),
                   PZ__STR_ARG(like.member));
    spell_window(spelling, window_ms);
    pz__buf_byte(spelling, ')');
    return give_call(c, spelling, PZ__USE_SUM, counter,
                     like.scale == 1 ? &pz__type_int : &pz__type_double, window_ms);
}

static pz_status derive_last(const call *c, pz__buf *spelling)
{
    pz__counter like = {.scale = 1};
    uint32_t counter;
    pz_status status = kind_argument(c, &like.kind);
    if (!status)
        status = need_counter(c, &like, WINDOW_LAST_MS, &counter);
    if (status)
        return status;
    pz__buf_format(spelling, "last('%.*s')", PZ__STR_ARG(like.kind));
    return give_call(c, spelling, PZ__USE_LAST, counter, &pz__type_timestamp, 0);
}

static pz_status derive_about(const call *c, pz__buf *spelling, const char *function,
                              pz__slot_use use, const pz__type *type)
{
    uint32_t attribute;
    pz_status status = attribute_argument(c, &attribute);
    if (status)
        return status;
    pz__buf_format(spelling, "%s(%.*s)", function, PZ__STR_ARG(c->args[0].name));
    return give_call(c, spelling, use, attribute, type, 0);
}

static pz_status derive_confidence(const call *c, pz__buf *spelling)
{
    return derive_about(c, spelling, "confidence", PZ__USE_CONFIDENCE, &pz__type_double);
}

static pz_status derive_tier(const call *c, pz__buf *spelling)
{
    return derive_about(c, spelling, "tier", PZ__USE_TIER, &pz__type_string);
}

/* Purposes are open names: what nobody ever granted is not granted. */
/* A purpose is an open name, but one that is nearly another is a slip: the rule would never see the
 * consent that is meant. */
static void warn_of_purpose(const call *c, pz_str purpose)
{
    const pz__build *build = c->build;
    const uint32_t attribute_count = build->catalog->attribute_count;
    pz_str pair[2] = {{NULL, 0}, {NULL, 0}};
    for (uint32_t i = 0; i < attribute_count + build->catalog->purpose_count; i++) {
        pair[1] = i < attribute_count ? build->attributes[i].purpose
                                      : build->catalog->purposes[i - attribute_count].name;
        if (pz__str_equal(pair[1], purpose))
            return;
        if (pair[1].len)
            pair[0] = pz__nearest(purpose, pair[0].len ? pair : pair + 1, pair[0].len ? 2 : 1);
    }
    if (pair[0].len)
        pz__warning_near(c->build, pz__place_in_text(build, build->rule, c->args[0].start),
                         pz__place_in_text(build, build->rule, c->args[0].end), pair[0],
                         "nothing has the purpose %s", pz__quoted(c->build, purpose));
}

static pz_status derive_consent(const call *c, pz__buf *spelling)
{
    pz_str purpose;
    const pz_status status = text_argument(c, 0, "the purpose", "ads", &purpose);
    if (status)
        return status;
    warn_of_purpose(c, purpose);
    pz__names *consents = &c->build->shared->consents;
    if (consents->count >= PZ__CONSENTS_MAX && pz__names_find(consents, purpose) == PZ__NAME_NONE)
        return fail_about(c, PZ__CALL, "the rules ask for more than %u purposes", PZ__CONSENTS_MAX);
    const uint32_t number = pz__names_put(consents, purpose);
    c->build->is_out_of_memory |= number == PZ__NAME_NONE;
    if (number == PZ__NAME_NONE)
        return PZ_ERR_NOMEM;
    pz__buf_format(spelling, "consent('%.*s')", PZ__STR_ARG(purpose));
    return give_call(c, spelling, PZ__USE_CONSENT, number, &pz__type_bool, 0);
}

typedef struct function {
    pz_str name;
    uint32_t least, most; /* arguments */
    const char *usage;
    pz_status (*derive)(const call *c, pz__buf *spelling);
} function;

static const function functions[] = {
    {{"count", 5}, 1, 2, "count('purchase', duration('24h'))", derive_count},
    {{"sum", 3}, 2, 3, "sum('purchase', 'total', duration('24h'))", derive_sum},
    {{"last", 4}, 1, 1, "last('visit')", derive_last},
    {{"confidence", 10}, 1, 1, "confidence(profile.language)", derive_confidence},
    {{"tier", 4}, 1, 1, "tier(profile.language)", derive_tier},
    {{"consent", 7}, 1, 1, "consent('ads')", derive_consent},
};

static const function *function_named(pz_str name)
{
    for (uint32_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (pz__str_equal(functions[i].name, name))
            return &functions[i];
    return NULL;
}

pz_status pz__derive_call(void *self, pz_str name, const pz__call_arg *args, uint32_t count,
                          pz__slot *out, pz_error *err)
{
    call c = {.build = self, .args = args, .count = count, .out = out, .err = err};
    const function *f = function_named(name);
    if (!f)
        return PZ_ERR_NOT_FOUND;
    if (count < f->least || count > f->most)
        return fail_about(&c, PZ__CALL, "%s is called so: %s", f->name.data, f->usage);
    pz__buf spelling;
    pz__buf_init(&spelling, &c.build->alloc, SPELLING_MAX);
    pz_status status = f->derive(&c, &spelling);
    pz__buf_clear(&spelling);
    return c.build->is_out_of_memory ? PZ_ERR_NOMEM : status;
}

pz_status pz__derive_input_call(void *self, pz_str name, const pz__call_arg *args, uint32_t count,
                                pz__slot *out, pz_error *err)
{
    const call c = {.build = self, .args = args, .count = count, .out = out, .err = err};
    const function *f = function_named(name);
    if (!f || f->derive == derive_consent)
        return pz__derive_call(self, name, args, count, out, err);
    return fail_about(&c, PZ__CALL,
                      "a rule that sets a level or a mask cannot ask for %s: what it says depends "
                      "on masks; it reads context, consents, locks and declared facts marked "
                      "\"policy_input\"",
                      f->name.data);
}

/* ---- the end ---- */

static int compare_counters(const void *self, uint32_t a, uint32_t b)
{
    const pz__counter *counters = self;
    return pz__str_compare(counters[a].name, counters[b].name);
}

void pz__finish_counters(pz__build *build)
{
    uint32_t count = build->counter_count;
    uint32_t *order = pz__work(build, count, sizeof *order);
    uint32_t *place = pz__work(build, count, sizeof *place);
    pz__counter *sorted = pz__keep(build, count, sizeof *sorted);
    pz_str *names = pz__keep(build, count, sizeof *names);
    for (uint32_t i = 0; order && i < count; i++)
        order[i] = i;
    if (!order || build->is_out_of_memory ||
        !pz__sort_numbers(build, order, count, compare_counters, build->counters))
        return;
    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = build->counters[order[i]];
        sorted[i].width =
            pz__width_of(build->counter_windows[order[i]] / BUCKETS_PER_WINDOW, PZ__WIDTH_PLAIN);
        names[i] = sorted[i].name;
        place[order[i]] = i;
    }
    for (uint32_t i = 0; i < build->slot_count; i++) {
        pz__slot_use use = build->slots[i].use;
        if (use == PZ__USE_COUNT || use == PZ__USE_SUM || use == PZ__USE_LAST)
            build->slots[i].index = place[build->slots[i].index];
    }
    build->catalog->counters = sorted;
    build->catalog->counter_names = names;
    build->catalog->counter_count = count;
}
