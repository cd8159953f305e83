/*
 * many.c: questions about many customers in one call, answered as JSON Lines.
 *
 * A host that crosses a border for every call (a scripting language, a database) pays for crossing
 * more than for deciding. Here it crosses once: customers come in as one run of texts with their
 * ends, answers go out as one text.
 *
 * Each customer is opened, asked and let go before the next one, and what the answers took of the
 * request's arena is given back with it, so a million customers need no more memory than one, the
 * text aside. The lines of one customer are written behind a mark in the buffer: what cannot be
 * said takes them back and an error stands there instead. Only what would befall every customer
 * (no memory, a store that fails) ends the call.
 *
 * Few answers are unlike: a host that turns each line into an object would read the same text over
 * and over. Where the caller wants numbers, a line leaves its customer out, is interned, and stands
 * once in the text, however many customers have it. A decision whose value stands in the catalog is
 * known by its rule and what else its line says, before the line is written.
 *
 * Not here: how an answer comes about (context.c), many events (batch.c).
 */
#include "engine/engine.h"

#include "base/utf8.h"

typedef struct run run;

/* One sort of question: what it is called in a line, and the line about one name. */
typedef struct question {
    const char *about; /* "decision"; NULL: there are no names, and one line */
    pz_status (*check)(const pz_context *context, const char *name, pz_error *err);
    pz_status (*tell)(run *r, const pz_profile *profile, const char *name, pz_error *why);
} question;

/* A line about a decision whose value stands in the catalog: all that it says, and its number. */
typedef struct known_line {
    const pz__decision_def *def; /* NULL: a free place */
    const pz__rule *rule;
    uint32_t outcome, confidence;
    bool is_new, is_impure;
    uint32_t number;
} known_line;

#define KNOWN_LINES 64u /* a power of two: kept by rule, the latest of each place */

struct run {
    const question *question;
    pz_context *context;
    pz_engine *engine;
    const pz_many *many;
    pz__buf out;
    pz_str customer; /* what stands in its lines; NULL: nobody */
    bool is_new;     /* nobody has its identifier yet */
    bool is_first;   /* no member stands in the line yet */
    pz__arena arena; /* of the */
    pz__names lines; /* that are unlike, where numbers are wanted, */
    known_line known[KNOWN_LINES];
    known_line now;  /* of the line in the making; no `def`: its value is not the catalog's */
    uint32_t number; /* of the line in the making, where known */
    uint32_t *next;  /* where its number goes */
};

/* ---- lines ---- */

static void put_name(run *r, const char *name)
{
    pz__buf_text(&r->out, r->is_first ? "\"" : ",\"");
    r->is_first = false;
    pz__buf_text(&r->out, name);
    pz__buf_text(&r->out, "\":");
}

static void put_text(run *r, const char *name, pz_str text)
{
    put_name(r, name);
    pz__json_write_text(&r->out, text);
}

static void put_value(run *r, const char *name, pz_value value, pz_status *status)
{
    put_name(r, name);
    const pz_status told = pz__json_write(&r->out, value, 0);
    if (*status == PZ_OK)
        *status = told;
}

static void begin_line(run *r, const char *name)
{
    pz__buf_byte(&r->out, '{');
    r->is_first = true;
    if (!r->many->numbers && r->customer.data)
        put_text(r, "customer", r->customer);
    else if (!r->many->numbers) {
        put_name(r, "customer");
        pz__buf_text(&r->out, "null");
    }
    if (name)
        put_text(r, r->question->about, pz_str_of(name));
}

static void end_line(run *r)
{
    pz__buf_text(&r->out, "}\n");
}

/* A value that JSON has no word for: everything else was fine. */
static pz_status unsayable(pz_status status, pz_error *why)
{
    if (status == PZ_ERR_DOMAIN)
        pz__fail(why, status, "the value is not a finite number, and JSON has no word for it");
    return status;
}

/* ---- questions ---- */

static pz_status tell_more(run *r, const pz_decision *decision, pz_error *why)
{
    pz_str text;
    pz_status status = PZ_OK;
    if (r->many->flags & PZ_MANY_ID) {
        status = pz_decision_id(&text, r->context, decision, why);
        if (status == PZ_OK)
            put_text(r, "id", text);
    }
    if (status == PZ_OK && r->many->flags & PZ_MANY_WHY) {
        status = pz_explain_text(&text, r->context, decision, why);
        if (status == PZ_OK)
            put_text(r, "why", text);
    }
    return status;
}

static known_line *place_of(run *r, const known_line *line)
{
    const uintptr_t at = line->rule ? (uintptr_t)line->rule : (uintptr_t)line->def;
    return &r->known[(at >> 5) % KNOWN_LINES];
}

/* Whether the line of a decision has a number already, which `number` then is. */
static bool is_numbered(run *r, const pz_decision *decision)
{
    if (!r->many->numbers || r->many->flags || (decision->rule && decision->rule->expr))
        return false;
    r->now = (known_line){.def = decision->def,
                          .rule = decision->rule,
                          .outcome = (uint32_t)decision->outcome,
                          .confidence = decision->confidence,
                          .is_new = r->is_new,
                          .is_impure = decision->is_impure};
    const known_line *known = place_of(r, &r->now);
    r->number = known->number;
    return known->def == r->now.def && known->rule == r->now.rule &&
           known->outcome == r->now.outcome && known->confidence == r->now.confidence &&
           known->is_new == r->now.is_new && known->is_impure == r->now.is_impure;
}

static pz_status tell_decision(run *r, const pz_profile *profile, const char *name, pz_error *why)
{
    const pz_decision *decision;
    pz_status status = pz_decide(&decision, r->context, profile, name, why);
    if (status != PZ_OK || is_numbered(r, decision))
        return status;
    begin_line(r, name);
    put_value(r, "value", pz_decision_value(decision), &status);
    put_text(r, "reason", pz_str_of(pz_decision_reason(decision)));
    put_text(r, "rule", pz_str_of(pz_decision_rule(decision)));
    put_value(r, "confidence", pz_value_double(pz_decision_confidence(decision)), &status);
    if (r->is_new)
        pz__buf_text(&r->out, ",\"is_new\":true");
    if (pz_decision_is_impure(decision))
        pz__buf_text(&r->out, ",\"impure\":true");
    if (status != PZ_OK)
        return unsayable(status, why);
    status = tell_more(r, decision, why);
    end_line(r);
    return status;
}

static pz_status tell_answer(run *r, const pz_profile *profile, const char *name, pz_error *why)
{
    pz_resolution found = {PZ_RESOLUTION};
    pz_status status = pz_resolve(&found, r->context, profile, name, why);
    if (status != PZ_OK)
        return status;
    begin_line(r, name);
    put_value(r, "value", found.value, &status);
    put_text(r, "tier", pz_str_of(found.tier));
    put_text(r, "reason", pz_str_of(found.reason));
    if (found.has_confidence)
        put_value(r, "confidence", pz_value_double(found.confidence), &status);
    if (found.channel.len)
        put_text(r, "channel", found.channel);
    if (found.who.len)
        put_text(r, "who", found.who);
    if (found.at_ms)
        put_value(r, "at", pz_value_time_ms(found.at_ms), &status);
    if (r->is_new)
        pz__buf_text(&r->out, ",\"is_new\":true");
    end_line(r);
    return unsayable(status, why);
}

static pz_status tell_segments(run *r, const pz_profile *profile, const char *name, pz_error *why)
{
    pz_value list;
    pz_status status = pz_segments(&list, r->context, profile, why);
    if (status != PZ_OK)
        return status;
    begin_line(r, name);
    put_value(r, "segments", list, &status);
    if (r->is_new)
        pz__buf_text(&r->out, ",\"is_new\":true");
    end_line(r);
    return status;
}

/* ---- customers ---- */

static pz_str text_of(const pz_many *many, uint32_t i)
{
    const uint64_t start = i ? many->ends[i - 1] : 0;
    return (pz_str){many->texts + start, (size_t)(many->ends[i] - start)};
}

/* Open whom `quest` names, if the store knows anybody by that. */
static pz_status open_quest(run *r, const pz__quest *quest, pz_profile **out, pz_error *why)
{
    pz_profile *profile;
    pz_status status = pz__handle_new(&profile, r->engine, why);
    if (status != PZ_OK)
        return status;
    status = pz__handle_find(profile, quest, why);
    if (status == PZ_OK)
        *out = profile;
    else
        pz_profile_free(profile);
    return status;
}

static pz_status open_id(run *r, pz_str id, pz_profile **out, pz_error *why)
{
    const pz__quest quest = {.value = id};
    const pz_status status = open_quest(r, &quest, out, why);
    if (status == PZ_ERR_NOT_FOUND)
        pz__fail(why, status, "the store holds no profile '%.*s'",
                 PZ__STR_ARG(pz__told(r->engine, id)));
    return status;
}

static pz_status open_identifier(run *r, pz_str value, pz_profile **out, pz_error *why)
{
    const pz__quest quest = {pz_str_of(r->many->kind), value};
    pz_status status = pz__identifier_check(quest.kind, value, why);
    if (status == PZ_OK)
        status = open_quest(r, &quest, out, why);
    r->is_new = status == PZ_ERR_NOT_FOUND;
    return r->is_new ? PZ_OK : status;
}

/* Open customer i. *out is the caller's to free, unless it came as a handle. */
static pz_status open_customer(run *r, uint32_t i, pz_profile **out, pz_error *why)
{
    const pz_str text = text_of(r->many, i);
    r->customer = text;
    switch ((pz_many_by)r->many->by) {
    case PZ_BY_ID:
        return open_id(r, text, out, why);
    case PZ_BY_IDENTIFIER:
        return open_identifier(r, text, out, why);
    case PZ_BY_BYTES:
        r->customer = (pz_str){NULL, 0};
        return pz_profile_view(out, r->engine, text.data, text.len, why);
    case PZ_BY_HANDLE:
        break;
    }
    return PZ_OK;
}

/* ---- the run ---- */

static uint32_t lines_of(const run *r)
{
    return r->question->about ? r->many->name_count : 1;
}

static const char *name_of(const run *r, uint32_t i)
{
    return r->question->about ? r->many->names[i] : NULL;
}

/* What befalls one customer would befall all of them. */
static bool is_fatal(pz_status status)
{
    return status == PZ_ERR_NOMEM || status == PZ_ERR_IO || status == PZ_ERR_BUSY ||
           status == PZ_ERR_ARG || status == PZ_ERR_STATE;
}

/* The line that was told becomes a number, and leaves the buffer. */
static pz_status number_line(run *r)
{
    if (r->out.len) {
        r->number = pz__names_put(&r->lines, (pz_str){r->out.data, r->out.len});
        if (r->number == PZ__NAME_NONE)
            return PZ_ERR_NOMEM;
        r->now.number = r->number;
        if (r->now.def)
            *place_of(r, &r->now) = r->now;
        pz__buf_reset(&r->out);
    }
    *r->next++ = r->number;
    return PZ_OK;
}

/* One line has been told. */
static pz_status told(run *r)
{
    const bool is_numbered = r->many->numbers && r->out.status == PZ_OK;
    const pz_status status = is_numbered ? number_line(r) : PZ_OK;
    r->now.def = NULL;
    return status;
}

static pz_status tell_failure(run *r, pz_status failure, const pz_error *why)
{
    pz_status status = PZ_OK;
    r->now.def = NULL;
    for (uint32_t i = 0; i < lines_of(r) && status == PZ_OK; i++) {
        begin_line(r, name_of(r, i));
        put_text(r, "error", pz_str_of(why->message[0] ? why->message : pz_status_text(failure)));
        put_text(r, "status", pz_str_of(pz_status_name(failure)));
        end_line(r);
        status = told(r);
    }
    return status;
}

static pz_status ask(run *r, const pz_profile *profile, pz_error *why)
{
    if (profile && r->many->by != PZ_BY_ID && r->many->by != PZ_BY_IDENTIFIER)
        r->customer = pz_profile_id(profile);
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < lines_of(r) && status == PZ_OK; i++) {
        status = r->question->tell(r, profile, name_of(r, i), why);
        if (status == PZ_OK)
            status = told(r);
    }
    return status;
}

/* A text that no id or identifier can be is the customer's own, though its status is that of a bad
 * call. */
static bool is_own(bool is_open, pz_status status)
{
    return !is_fatal(status) || (!is_open && status == PZ_ERR_ARG);
}

static pz_status run_one(run *r, uint32_t i, pz_error *err)
{
    const bool is_handle = r->many->by == PZ_BY_HANDLE;
    pz__request *request = pz__context_request(r->context);
    const pz__mark mark = pz__arena_mark(&request->arena);
    const size_t len = r->out.len;
    uint32_t *next = r->next;
    pz_error why = PZ_ERROR_INIT;
    pz_profile *opened = NULL;
    r->is_new = false;
    r->customer = (pz_str){NULL, 0};
    pz_status status = is_handle ? PZ_OK : open_customer(r, i, &opened, &why);
    const bool is_open = status == PZ_OK;
    if (is_open)
        status = ask(r, is_handle ? r->many->profiles[i] : opened, &why);
    if (status != PZ_OK && is_own(is_open, status) && r->out.status == PZ_OK) {
        r->out.len = len;
        r->next = next;
        status = tell_failure(r, status, &why);
    }
    pz__context_leave(r->context, mark);
    pz_profile_free(opened);
    if (status != PZ_OK)
        pz__fail(err, status, "%s", why.message[0] ? why.message : pz_status_text(status));
    else if (r->out.status != PZ_OK)
        status = pz__fail(err, r->out.status, "the answers are too long together: ask about fewer");
    return status;
}

/* ---- what is asked ---- */

static bool are_ends_sound(const pz_many *many)
{
    uint64_t last = 0;
    for (uint32_t i = 0; i < many->count; i++) {
        if (many->ends[i] < last || many->ends[i] > PZ_VALUE_LEN_MAX)
            return false;
        last = many->ends[i];
    }
    return true;
}

static pz_status check_customers(const pz_many *many, pz_error *err)
{
    if (many->count > PZ_MANY_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "more than %u customers in one call", PZ_MANY_MAX);
    if (many->by > PZ_BY_BYTES)
        return pz__fail(err, PZ_ERR_ARG, "customers are named by handle, id, identifier or bytes");
    if (many->count == 0)
        return PZ_OK;
    if (many->by == PZ_BY_HANDLE)
        return many->profiles ? PZ_OK : pz__fail(err, PZ_ERR_ARG, "the handles are missing");
    if (!many->texts || !many->ends || !are_ends_sound(many))
        return pz__fail(err, PZ_ERR_ARG, "texts and the ascending ends of each are needed");
    if (many->by == PZ_BY_IDENTIFIER && !many->kind)
        return pz__fail(err, PZ_ERR_ARG, "the kind of the identifiers is missing");
    for (uint32_t i = 0; many->by != PZ_BY_BYTES && i < many->count; i++) {
        const pz_str text = text_of(many, i);
        if (!pz__utf8_valid(text.data, text.len))
            return pz__fail(err, PZ_ERR_PARSE, "the text of customer %u is not UTF-8", i);
    }
    return PZ_OK;
}

static pz_status check_names(const question *asked, const pz_context *context, const pz_many *many,
                             pz_error *err)
{
    if (!asked->about)
        return PZ_OK;
    if (!many->names && many->name_count)
        return pz__fail(err, PZ_ERR_ARG, "the names are missing");
    for (uint32_t i = 0; i < many->name_count; i++) {
        if (!many->names[i])
            return pz__fail(err, PZ_ERR_ARG, "the name of %s %u is missing", asked->about, i);
        const pz_status status = asked->check(context, many->names[i], err);
        if (status != PZ_OK)
            return status;
    }
    return PZ_OK;
}

static pz_status check(const question *asked, const pz_str *out, pz_context *context,
                       const pz_pool *pool, const pz_many *many, bool is_known, pz_error *err)
{
    if (!out || !context || !pool || !is_known)
        return pz__fail(err, PZ_ERR_ARG,
                        "a result, a context, a pool and customers that begin with PZ_MANY are "
                        "needed");
    if (many->flags & ~(uint32_t)(PZ_MANY_WHY | PZ_MANY_ID))
        return pz__fail(err, PZ_ERR_ARG, "a flag is set that this version does not know");
    if (!pz__context_request(context)->catalog)
        return pz__fail(err, PZ_ERR_STATE, "begin the context with pz_context_begin() first");
    const pz_status status = check_customers(many, err);
    if (status != PZ_OK)
        return status;
    if (many->numbers && asked->about && (uint64_t)many->count * many->name_count > PZ__NAMES_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "more than %u answers to be numbered", PZ__NAMES_MAX);
    return check_names(asked, context, many, err);
}

/* The lines that are unlike, in the order of their numbers. */
static void put_lines(run *r)
{
    for (uint32_t i = 0; i < r->lines.count; i++)
        pz__buf_put(&r->out, r->lines.list[i].data, r->lines.list[i].len);
}

static pz_status run_all(const question *asked, pz_str *out, pz_context *context, pz_pool *pool,
                         const pz_many *given, pz_error *err)
{
    pz_many many = {PZ_MANY};
    const bool is_known = given && given->size >= PZ__RELEASED_SIZE(pz_many, numbers) &&
                          pz__take_sized(&many, sizeof many, given);
    if (out)
        *out = (pz_str){NULL, 0};
    pz_status status = check(asked, out, context, pool, &many, is_known, err);
    if (status != PZ_OK)
        return status;
    pz__arena *arena = pz__pool_arena(pool);
    run r = {.question = asked,
             .context = context,
             .engine = pz__context_engine(context),
             .many = &many,
             .next = many.numbers};
    pz__buf_init(&r.out, &arena->alloc, PZ_VALUE_LEN_MAX);
    pz__arena_init(&r.arena, &arena->alloc, 0);
    pz__names_init(&r.lines, &r.arena);
    for (uint32_t i = 0; i < many.count && status == PZ_OK; i++)
        status = run_one(&r, i, err);
    put_lines(&r);
    if (status == PZ_OK && r.out.status != PZ_OK)
        status = pz__fail(err, r.out.status, "%s", pz_status_text(r.out.status));
    const char *text =
        status == PZ_OK ? pz__arena_text(arena, r.out.data ? r.out.data : "", r.out.len) : NULL;
    if (text)
        *out = (pz_str){text, r.out.len};
    else if (status == PZ_OK)
        status = pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    pz__arena_clear(&r.arena);
    pz__buf_clear(&r.out);
    return status;
}

pz_status pz_decide_many(pz_str *out, pz_context *context, pz_pool *pool, const pz_many *many,
                         pz_error *err)
{
    static const question asked = {"decision", pz__context_decision, tell_decision};
    return run_all(&asked, out, context, pool, many, err);
}

pz_status pz_answer_many(pz_str *out, pz_context *context, pz_pool *pool, const pz_many *many,
                         pz_error *err)
{
    static const question asked = {"attribute", pz__context_attribute, tell_answer};
    return run_all(&asked, out, context, pool, many, err);
}

pz_status pz_segments_many(pz_str *out, pz_context *context, pz_pool *pool, const pz_many *many,
                           pz_error *err)
{
    static const question asked = {NULL, NULL, tell_segments};
    return run_all(&asked, out, context, pool, many, err);
}
