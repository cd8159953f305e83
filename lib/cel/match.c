/*
 * match.c: regular expressions: matches, regex.extract, regex.extractAll, regex.replace.
 *
 * A pattern that is a constant is compiled when the rule is, takes the place of its text as a value
 * of a kind of its own (PZ__V_REGEX), and is told to be wrong there and then; it becomes machine
 * code where the system permits, and the program's arena owns it. Any other pattern is compiled
 * each time it is met, at a price in steps; it and all that matching needs are gone from the arena
 * when the call ends.
 *
 * What a search takes is counted by regex.h from pattern and text alone and paid in steps, so a
 * costly pair runs out of budget on every machine alike. Matching itself never goes back, whatever
 * the pattern.
 *
 * extract and extractAll give the whole match, or the pattern's one group; a group that took no
 * part, or matched nothing, gives nothing.
 */
#include "cel/match.h"

#include "cel/regex.h"
#include "cel/text.h"

/* Instructions of a search that one step pays for, as in pz__regex_cost. */
#define STEP_INSTRUCTIONS 64u
/* What compiling a pattern takes besides a step for each of its octets. */
#define COMPILE_STEPS 256u

/* One call at work. */
typedef struct search {
    pz__call *call;
    pz__mark mark; /* of the arena, before anything was made */
    const pz__regex *regex;
    pz__regex_scratch scratch;
    pz__regex_walk walk;
    uint64_t budget;  /* what the walk began with */
    pz_status status; /* PZ_ERR_LIMIT: out of steps */
    const char *why;  /* for PZ_ERR_EVAL */
    pz__regex_error error;
} search;

static void compile(search *s, pz_value pattern)
{
    if (!pz__call_charge(s->call, COMPILE_STEPS) || !pz__call_charge(s->call, pattern.len)) {
        s->status = PZ_ERR_LIMIT;
        return;
    }
    s->status = pz__regex_build(s->call->arena, &s->regex, pz_value_text(pattern), &s->error);
    if (s->status == PZ_ERR_PARSE || s->status == PZ_ERR_LIMIT) {
        s->status = PZ_ERR_EVAL;
        s->why = s->error.message;
    }
}

/* Always to be closed, whether it is true or false. */
static bool search_open(search *s, pz__call *call, pz_value pattern)
{
    *s = (search){.call = call, .mark = pz__arena_mark(call->arena), .walk = PZ__REGEX_WALK_INIT};
    if (pattern.kind == PZ__V_REGEX)
        s->regex = (const void *)pattern.as.text;
    else
        compile(s, pattern);
    pz__regex_scratch_in(&s->scratch, call->arena);
    uint64_t left = pz__call_is_spent(call) ? 0 : (uint64_t)*call->steps * STEP_INSTRUCTIONS;
    s->walk.budget = s->budget = left < PZ__REGEX_BUDGET ? left : PZ__REGEX_BUDGET;
    return s->status == PZ_OK;
}

/* Pays for the search and gives everything back; null, or the error it came to. */
static pz_value search_close(search *s)
{
    pz__arena_return(s->call->arena, s->mark);
    uint64_t used = s->budget - s->walk.budget;
    if (s->status == PZ_ERR_LIMIT ||
        !pz__call_charge(s->call, (uint32_t)(used / STEP_INSTRUCTIONS))) {
        pz__call_charge(s->call, PZ__STEPS_SPENT);
        return pz__call_spent();
    }
    if (s->status == PZ_ERR_NOMEM)
        return pz__call_nomem();
    if (s->status == PZ_OK)
        return pz_value_null();
    const char *why = pz__arena_text(s->call->arena, s->why, strlen(s->why));
    return why ? pz__call_fail(s->call, why) : pz__call_nomem();
}

/* The next match and its groups; false at the end and on failure. */
static bool search_next(search *s, pz_str text, pz__regex_span *spans, uint32_t span_count)
{
    bool found = false;
    if (s->status == PZ_OK)
        s->status =
            pz__regex_next(s->regex, &s->scratch, text, &s->walk, spans, span_count, &found);
    return s->status == PZ_OK && found;
}

static void refuse(search *s, const char *why)
{
    s->status = PZ_ERR_EVAL;
    s->why = why;
}

static bool are_text_and_pattern(const pz_value *args)
{
    return args[0].kind == PZ_STRING && (args[1].kind == PZ_STRING || args[1].kind == PZ__V_REGEX);
}

/* ---- matches ---- */

pz_value pz__fn_matches(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (!are_text_and_pattern(args))
        return pz__call_no_overload(call);
    search s;
    bool found = false;
    if (search_open(&s, call, args[1])) {
        if (!pz__call_charge(call, pz__regex_cost(s.regex, args[0].len)))
            s.status = PZ_ERR_LIMIT;
        else
            s.status = pz__regex_matches(s.regex, &s.scratch, pz_value_text(args[0]), &found);
    }
    pz_value problem = search_close(&s);
    return problem.kind == PZ__V_ERROR ? problem : pz_value_bool(found);
}

/* ---- extract ---- */

/* Which span is the result: the one group's, else the match's. */
static uint32_t wanted_span(search *s)
{
    uint32_t groups = pz__regex_group_count(s->regex);
    if (groups > 1)
        refuse(s, "extract takes a pattern with one group at most; write (?:...) for the others");
    return groups;
}

static bool is_nothing(const pz__regex_span *span, uint32_t wanted)
{
    return wanted > 0 && (span->start == PZ__REGEX_NO_SPAN || span->start == span->end);
}

pz_value pz__fn_regex_extract(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (!are_text_and_pattern(args))
        return pz__call_no_overload(call);
    search s;
    pz__regex_span spans[2];
    uint32_t wanted = 0;
    bool found = false;
    if (search_open(&s, call, args[1])) {
        wanted = wanted_span(&s);
        found = search_next(&s, pz_value_text(args[0]), spans, wanted + 1);
    }
    pz_value problem = search_close(&s);
    if (problem.kind == PZ__V_ERROR)
        return problem;
    if (!found || is_nothing(&spans[wanted], wanted))
        return pz__optional_none();
    return pz__optional_of(call->arena,
                           pz__text_part(args[0], spans[wanted].start, spans[wanted].end));
}

/* The spans gathered on the heap, as parts of the text in the arena. */
static pz_value parts(pz__call *call, pz_value text, const pz__buf *spans)
{
    uint32_t count = (uint32_t)(spans->len / sizeof(pz__regex_span));
    pz_value *items = pz__arena_array(call->arena, count, sizeof *items);
    if (!items)
        return pz__call_nomem();
    for (uint32_t i = 0; i < count; i++) {
        pz__regex_span span;
        memcpy(&span, spans->data + i * sizeof span, sizeof span);
        items[i] = pz__text_part(text, span.start, span.end);
    }
    return pz__value_of_items(items, count);
}

pz_value pz__fn_regex_extract_all(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (!are_text_and_pattern(args))
        return pz__call_no_overload(call);
    search s;
    pz__buf kept;
    pz__regex_span spans[2];
    pz__text_open(call, &kept);
    if (search_open(&s, call, args[1])) {
        uint32_t wanted = wanted_span(&s);
        while (kept.status == PZ_OK && search_next(&s, pz_value_text(args[0]), spans, wanted + 1))
            if (!is_nothing(&spans[wanted], wanted))
                pz__buf_put(&kept, &spans[wanted], sizeof spans[wanted]);
    }
    if (s.status == PZ_OK)
        s.status = kept.status;
    pz_value result = search_close(&s);
    if (result.kind != PZ__V_ERROR)
        result = pz__call_charge(call, (uint32_t)(kept.len / sizeof(pz__regex_span)))
                     ? parts(call, args[0], &kept)
                     : pz__call_spent();
    pz__buf_clear(&kept);
    return result;
}

/* ---- replace ---- */

/* Read the reference behind a backslash: \1 to \9; 0 for anything else. */
static uint32_t reference(pz_str text, size_t at)
{
    const bool is_one = at < text.len && text.data[at] >= '1' && text.data[at] <= '9';
    return is_one ? (uint32_t)(text.data[at] - '0') : 0;
}

static void check_replacement(search *s, pz_str text)
{
    for (size_t at = 0; at < text.len; at++) {
        if (text.data[at] != '\\')
            continue;
        const uint32_t group = reference(text, ++at);
        if (group == 0)
            refuse(s, "a backslash in a replacement is followed by the number of a group, 1 to 9");
        else if (group > pz__regex_group_count(s->regex))
            refuse(s, "the replacement names a group that the pattern does not have");
    }
}

static void put_replacement(pz__buf *out, pz_value text, pz_str replacement,
                            const pz__regex_span *spans)
{
    for (size_t at = 0; at < replacement.len && out->status == PZ_OK; at++) {
        uint32_t group = 0;
        if (replacement.data[at] == '\\')
            group = reference(replacement, ++at);
        if (group == 0)
            pz__buf_byte(out, (uint8_t)replacement.data[at]);
        else if (spans[group].start != PZ__REGEX_NO_SPAN)
            pz__text_put(out, pz__text_part(text, spans[group].start, spans[group].end));
    }
}

static void replace(search *s, pz__buf *out, const pz_value *args, uint64_t left)
{
    pz_value text = args[0];
    pz_str replacement = pz_value_text(args[2]);
    pz__regex_span spans[PZ__REGEX_SPANS_MAX];
    uint32_t groups = pz__regex_group_count(s->regex);
    uint32_t count = groups + 1 < PZ__REGEX_SPANS_MAX ? groups + 1 : PZ__REGEX_SPANS_MAX;
    size_t at = 0;
    check_replacement(s, replacement);
    for (; left > 0 && out->status == PZ_OK; left--) {
        if (!search_next(s, pz_value_text(text), spans, count))
            break;
        pz__text_put(out, pz__text_part(text, at, spans[0].start));
        put_replacement(out, text, replacement, spans);
        at = spans[0].end;
    }
    pz__text_put(out, pz__text_part(text, at, text.len));
}

pz_value pz__fn_regex_replace(pz__call *call, const pz_value *args, uint32_t count)
{
    if (!are_text_and_pattern(args) || args[2].kind != PZ_STRING ||
        (count == 4 && args[3].kind != PZ_INT))
        return pz__call_no_overload(call);
    bool all = count == 3 || args[3].as.i < 0;
    search s;
    pz__buf out;
    pz__text_open(call, &out);
    if (search_open(&s, call, args[1]))
        replace(&s, &out, args, all ? UINT64_MAX : args[3].as.u);
    pz_value problem = search_close(&s);
    pz_value text = pz__text_close(call, &out, PZ_STRING);
    return problem.kind == PZ__V_ERROR ? problem : text;
}

/* ---- constant patterns ---- */

static bool takes_pattern(pz__impl impl)
{
    return impl == pz__fn_matches || impl == pz__fn_regex_extract ||
           impl == pz__fn_regex_extract_all || impl == pz__fn_regex_replace;
}

void pz__check_pattern(pz__checker *ck, pz__expr *call)
{
    if (call->index >= pz__function_count || !takes_pattern(pz__functions[call->index].impl))
        return;
    pz__expr *pattern = call->args[call->target ? 0 : 1];
    if (pattern->kind != PZ__E_CONST || pattern->constant.kind != PZ_STRING)
        return;
    const pz__regex *regex;
    pz__regex_error error;
    pz_status status = pz__regex_own(ck->arena, &regex, pz_value_text(pattern->constant), &error);
    if (status == PZ_ERR_NOMEM)
        pz__issue_nomem(ck->sink);
    else if (status != PZ_OK && !(ck->options && ck->options->unchecked))
        pz__issue(ck->sink, PZ_ERR_TYPE, pattern->start, pattern->end,
                  "the regular expression is wrong at its octet %u: %s", error.offset + 1,
                  error.message);
    if (status == PZ_OK)
        pattern->constant = (pz_value){.kind = PZ__V_REGEX, .as.text = (const void *)regex};
}
