/*
 * export.c: everything that is known, in sentences, for the person it is about.
 *
 *     language
 *       You chose "de" (2026-03-02 09:00, on web, kept by w1).
 *       Recorded: "fr" (2026-03-01 09:00, kept by crm).
 *       Your behaviour speaks for "de": weight 3, 2026-03-01 to 2026-03-04 (on web, kept by w1).
 *       What behaviour speaks for is a guess; you did not say it.
 *
 * The profile room makes a document of everything (profile/export.c); here it is read aloud: who
 * the profile is, then attribute by attribute what was chosen, recorded and guessed, then counts,
 * the last events, consents, links, history, and who keeps it all. So JSON and text tell the same
 * of the person, and what was forgotten is in neither. The text leaves out how evidence lies in
 * buckets of time (those of one value, channel and writer are added up) and what serves the store
 * alone: stamps, epochs, sequences, since when counters are kept.
 *
 * The catalog adds what an attribute is used for, and what the parts of its registers mean.
 */
#include "decide/decide.h"

#include "base/error.h"
#include "base/str.h"

#include <string.h>

/* ---- reading the document ---- */

static pz_value get(pz_value map, const char *name)
{
    return pz_value_get(map, name, strlen(name), NULL);
}

static bool has(pz_value map, const char *name)
{
    bool found;
    pz_value_get(map, name, strlen(name), &found);
    return found;
}

static pz_str text_of(pz_value map, const char *name)
{
    return pz_value_text(get(map, name));
}

static bool is_text(pz_value map, const char *name, const char *text)
{
    return pz__str_equal(text_of(map, name), pz_str_of(text));
}

/* ---- words ---- */

static void put_value(pz__buf *out, pz_value value)
{
    if (pz__json_write(out, value, 0) == PZ_ERR_DOMAIN)
        pz__buf_text(out, "not a number");
}

/* A weight: whole ones without a fraction. */
static void put_number(pz__buf *out, double number)
{
    const bool is_whole = number > -1e15 && number < 1e15 && number == (double)(int64_t)number;
    put_value(out, is_whole ? pz_value_int((int64_t)number) : pz_value_double(number));
}

/* Confidence with two digits: more would promise more than is known. */
static void put_share(pz__buf *out, double share)
{
    const unsigned hundredths = (unsigned)(share * 100.0 + 0.5);
    pz__buf_format(out, "%u.%u%u", hundredths / 100, hundredths / 10 % 10, hundredths % 10);
}

/* The thing that a register holds. */
static const char *noun_of(pz_value claim)
{
    static const char *const nouns[][2] = {{"reject", "rejection"}, {"hidden", "hiding"},
                                           {"declared", "record"},  {"inferred", "guess"},
                                           {"place", "place"},      {"mode", "mode"},
                                           {"level", "level"},      {"identifier", "identifier"},
                                           {"account", "account"},  {"switch", "switch"}};
    for (size_t i = 0; i < sizeof nouns / sizeof nouns[0]; i++)
        if (is_text(claim, "slot", nouns[i][0]))
            return nouns[i][1];
    return "choice";
}

/* "2026-03-02 09:00" of RFC 3339 text; a moment that has none is its number. */
static void put_moment(pz__buf *out, pz_value moment)
{
    const pz_str text = pz_value_text(moment);
    if (text.len < 16) {
        put_value(out, moment);
        return;
    }
    pz__buf_put(out, text.data, 10);
    pz__buf_byte(out, ' ');
    pz__buf_put(out, text.data + 11, 5);
}

static void put_day(pz__buf *out, pz_value moment)
{
    const pz_str text = pz_value_text(moment);
    if (text.len < 10)
        put_value(out, moment);
    else
        pz__buf_put(out, text.data, 10);
}

/* One of the things a parenthesis tells; `mark` is what stands before it, and becomes a comma. */
static void put_known(pz__buf *out, const char **mark, const char *what, pz_str text)
{
    if (text.len == 0)
        return;
    pz__buf_format(out, "%s%s%.*s", *mark, what, PZ__STR_ARG(text));
    *mark = ", ";
}

/* " (2026-03-02 09:00, on web, by agent:7, until 2027-03-02 09:00, kept by w1)" */
static void put_source(pz__buf *out, pz_value entry)
{
    const char *mark = " (";
    if (has(entry, "at")) {
        pz__buf_text(out, mark);
        put_moment(out, get(entry, "at"));
        mark = ", ";
    }
    put_known(out, &mark, "on ", text_of(entry, "channel"));
    put_known(out, &mark, "by ", text_of(entry, "who"));
    if (has(entry, "expires")) {
        pz__buf_format(out, "%suntil ", mark);
        put_moment(out, get(entry, "expires"));
        mark = ", ";
    }
    put_known(out, &mark, "kept by ", text_of(entry, "writer"));
    pz__buf_text(out, ")");
}

/* ---- claims ---- */

static void put_place(pz__buf *out, pz_value place)
{
    if (has(place, "pin")) {
        pz__buf_text(out, " at place ");
        put_value(out, pz_value_int(get(place, "pin").as.i + 1));
    } else {
        pz__buf_text(out, " directly behind ");
        put_value(out, get(place, "after"));
    }
}

/* "\"city\": " where the register is one member's. */
static void put_part(pz__buf *out, pz_value claim)
{
    if (!has(claim, "part"))
        return;
    put_value(out, get(claim, "part"));
    pz__buf_text(out, ": ");
}

static void tell_edit(pz__buf *out, pz_value claim)
{
    const pz_value value = get(claim, "value");
    if (is_text(claim, "slot", "hidden")) {
        pz__buf_text(out, value.kind == PZ_BOOL && value.as.b ? "You hid " : "You show ");
        put_value(out, get(claim, "part"));
        return;
    }
    pz__buf_text(out, "You put ");
    put_value(out, get(claim, "part"));
    put_place(out, value);
}

static void tell_mode(pz__buf *out, pz_value claim)
{
    const char *meaning = "you left this to us";
    if (is_text(claim, "value", "MANUAL"))
        meaning = "only what you choose counts";
    else if (is_text(claim, "value", "OFF"))
        meaning = "you switched this off, and nothing is gathered for it";
    pz__buf_format(out, "The mode is %.*s: %s", PZ__STR_ARG(text_of(claim, "value")), meaning);
}

static void tell_guess(pz__buf *out, pz_value claim)
{
    pz__buf_text(out, "A model guesses ");
    put_part(out, claim);
    put_value(out, get(claim, "value"));
    pz__buf_text(out, " with confidence ");
    put_share(out, get(claim, "confidence").as.d);
    pz__buf_text(out, "; you did not say it");
}

/* Begins "You chose " and the like, and tells part and value. */
static void tell_plain(pz__buf *out, const char *begin, pz_value claim)
{
    pz__buf_text(out, begin);
    put_part(out, claim);
    put_value(out, get(claim, "value"));
}

static void tell_taken_back(pz__buf *out, pz_value claim)
{
    /* Choosing a value lifts its rejections, whether or not there were any. */
    if (is_text(claim, "slot", "reject"))
        pz__buf_text(out, has(claim, "part") ? "No older rejection counts of"
                                             : "No older rejection counts");
    else
        pz__buf_format(out, "Taken back: the %s", noun_of(claim));
    if (!has(claim, "part"))
        return;
    pz__buf_byte(out, ' ');
    put_value(out, get(claim, "part"));
}

static void tell_claim(pz__buf *out, pz_value claim)
{
    pz__buf_text(out, "  ");
    if (has(claim, "cleared"))
        tell_taken_back(out, claim);
    else if (is_text(claim, "slot", "lift"))
        tell_plain(out, "No older rejection counts of what you once chose, ", claim);
    else if (is_text(claim, "slot", "choice"))
        tell_plain(out, "You chose ", claim);
    else if (is_text(claim, "slot", "declared"))
        tell_plain(out, "Recorded: ", claim);
    else if (is_text(claim, "slot", "inferred"))
        tell_guess(out, claim);
    else if (is_text(claim, "slot", "mode"))
        tell_mode(out, claim);
    else if (is_text(claim, "slot", "hidden") || is_text(claim, "slot", "place"))
        tell_edit(out, claim);
    else {
        pz__buf_text(out, "You do not want ");
        put_value(out, get(claim, has(claim, "part") ? "part" : "value"));
    }
    put_source(out, claim);
    pz__buf_text(out, ".\n");
}

/* ---- who it is about ---- */

/* An identifier: bare, but quoted where a control character in it could begin a line of its own. */
static void put_identifier(pz__buf *out, pz_value identifier)
{
    const pz_str text = pz_value_text(identifier);
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] < ' ') {
            put_value(out, identifier);
            return;
        }
    pz__buf_put(out, text.data, text.len);
}

/* What is said about the subject itself: false for a claim about an attribute. */
static bool tell_self(pz__buf *out, pz_value claim)
{
    const bool is_cleared = has(claim, "cleared");
    const bool is_identifier = is_text(claim, "slot", "identifier");
    if (!is_identifier && text_of(claim, "attribute").len > 0)
        return false;
    if (is_cleared)
        pz__buf_format(out, "Taken back: the %s", noun_of(claim));
    else if (is_identifier) {
        pz__buf_format(out, "Found by the %.*s ", PZ__STR_ARG(text_of(claim, "attribute")));
        put_identifier(out, get(claim, "part"));
    } else if (is_text(claim, "slot", "level"))
        pz__buf_format(out, "You allow the level %.*s at most",
                       PZ__STR_ARG(text_of(claim, "value")));
    else if (is_text(claim, "slot", "account"))
        pz__buf_format(out, "Belongs to the account %.*s", PZ__STR_ARG(text_of(claim, "value")));
    else
        pz__buf_format(out, "From then on %.*s used this device",
                       PZ__STR_ARG(text_of(claim, "part")));
    put_source(out, claim);
    pz__buf_text(out, ".\n");
    return true;
}

static void tell_subject(pz__buf *out, pz_value document)
{
    const pz_value subject = get(document, "subject"), claims = get(document, "claims");
    pz__buf_format(out, "Everything known about the %.*s %.*s. Times are UTC.\n",
                   PZ__STR_ARG(text_of(subject, "kind")), PZ__STR_ARG(text_of(subject, "id")));
    for (uint32_t i = 0; i < claims.len; i++)
        tell_self(out, pz_value_item(claims, i));
}

/* ---- evidence and counts: buckets of one value, channel and writer added up ---- */

static bool is_same_member(pz_value a, pz_value b, const char *name)
{
    return pz_value_equal(get(a, name), get(b, name));
}

static bool is_same_evidence(pz_value a, pz_value b)
{
    static const char *const names[] = {"attribute", "counter", "value",
                                        "side",      "channel", "writer"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!is_same_member(a, b, names[i]))
            return false;
    return true;
}

/* Buckets i to the result, exclusive, are alike; their weights or amounts are added to *total. */
static uint32_t end_of_run(pz_value list, uint32_t first, double *total)
{
    uint32_t i = first;
    *total = 0;
    for (; i < list.len; i++) {
        const pz_value cell = pz_value_item(list, i);
        if (!is_same_evidence(pz_value_item(list, first), cell))
            break;
        *total +=
            has(cell, "counter") ? (double)get(cell, "amount").as.i : get(cell, "weight").as.d;
    }
    return i;
}

static bool is_same_day(pz_value a, pz_value b)
{
    const pz_str left = pz_value_text(a), right = pz_value_text(b);
    return left.len >= 10 && right.len >= 10 && memcmp(left.data, right.data, 10) == 0;
}

/* The days from which buckets tell: cells of a run are in the order of time within an epoch. */
static void put_days(pz__buf *out, pz_value list, uint32_t first, uint32_t end)
{
    pz_value least = pz_value_null(), most = pz_value_null();
    for (uint32_t i = first; i < end; i++) {
        const pz_value from = get(pz_value_item(list, i), "from");
        if (least.kind == PZ_NULL || pz_value_compare(from, least) < 0)
            least = from;
        if (most.kind == PZ_NULL || pz_value_compare(from, most) > 0)
            most = from;
    }
    pz__buf_text(out, ", ");
    put_day(out, least);
    if (is_same_day(least, most))
        return;
    pz__buf_text(out, " to ");
    put_day(out, most);
}

static uint32_t tell_evidence(pz__buf *out, pz_value list, uint32_t first)
{
    double total;
    const uint32_t end = end_of_run(list, first, &total);
    const pz_value cell = pz_value_item(list, first);
    pz__buf_format(out, "  Your behaviour speaks %.*s ", PZ__STR_ARG(text_of(cell, "side")));
    put_value(out, get(cell, "value"));
    pz__buf_text(out, ": weight ");
    put_number(out, total);
    put_days(out, list, first, end);
    put_source(out, cell);
    pz__buf_text(out, ".\n");
    return end;
}

static void tell_counters(pz__buf *out, pz_value list)
{
    if (list.len)
        pz__buf_text(out, "\nCounts\n");
    for (uint32_t i = 0; i < list.len;) {
        double total;
        const uint32_t end = end_of_run(list, i, &total);
        const pz_value cell = pz_value_item(list, i);
        pz__buf_format(out, "  %.*s: ", PZ__STR_ARG(text_of(cell, "counter")));
        put_number(out, has(cell, "scale") ? total / (double)get(cell, "scale").as.i : total);
        put_days(out, list, i, end);
        put_source(out, cell);
        pz__buf_text(out, ".\n");
        i = end;
    }
}

/* ---- events ---- */

static void put_amount(pz__buf *out, pz_value cell)
{
    const double amount = (double)get(cell, "amount").as.i;
    put_number(out, has(cell, "scale") ? amount / (double)get(cell, "scale").as.i : amount);
}

/* "fav \"garden\"", "against fav \"toys\"", "count(view) 1" */
static void tell_added(pz__buf *out, pz_value cell)
{
    if (has(cell, "counter")) {
        pz__buf_format(out, "%.*s ", PZ__STR_ARG(text_of(cell, "counter")));
        put_amount(out, cell);
        return;
    }
    pz__buf_format(out, "%s%.*s ", is_text(cell, "side", "against") ? "against " : "",
                   PZ__STR_ARG(text_of(cell, "attribute")));
    put_value(out, get(cell, "value"));
}

static void tell_events(pz__buf *out, pz_value list)
{
    if (list.len)
        pz__buf_text(out, "\nThe last things seen of you, and what they added above\n");
    for (uint32_t i = 0; i < list.len; i++) {
        const pz_value event = pz_value_item(list, i), added = get(event, "added");
        pz__buf_text(out, "  ");
        put_moment(out, get(event, "at"));
        for (uint32_t k = 0; k < added.len; k++) {
            pz__buf_text(out, k ? ", " : ": ");
            tell_added(out, pz_value_item(added, k));
        }
        const char *mark = " (";
        put_known(out, &mark, "on ", text_of(pz_value_item(added, 0), "channel"));
        put_known(out, &mark, "kept by ", text_of(event, "writer"));
        pz__buf_text(out, ").\n");
    }
}

/* ---- attribute by attribute ---- */

/* Something that is told about an attribute, where it stands in its list. */
typedef struct topic {
    pz_str attribute;
    bool is_evidence;
    uint32_t index;
} topic;

/* By name; those of one name stay as they were listed: claims, then evidence. */
static int by_attribute(const void *a, const void *b)
{
    const topic *left = a, *right = b;
    return pz__str_compare(left->attribute, right->attribute);
}

static bool is_about_subject(pz_value claim)
{
    return is_text(claim, "slot", "identifier") || text_of(claim, "attribute").len == 0;
}

static pz_status list_topics(pz__arena *arena, pz_value claims, pz_value evidence, topic **list,
                             uint32_t *count)
{
    topic *topics = pz__arena_array(arena, (size_t)claims.len + evidence.len, sizeof *topics);
    *list = topics;
    *count = 0;
    if (!topics)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < claims.len; i++) {
        const pz_value claim = pz_value_item(claims, i);
        if (!is_about_subject(claim))
            topics[(*count)++] = (topic){text_of(claim, "attribute"), false, i};
    }
    for (uint32_t i = 0; i < evidence.len; i++)
        topics[(*count)++] = (topic){text_of(pz_value_item(evidence, i), "attribute"), true, i};
    return pz__sort_stable(arena, topics, *count, sizeof *topics, by_attribute);
}

static void tell_heading(pz__buf *out, pz_value entry)
{
    const pz_str purpose = text_of(entry, "purpose");
    pz__buf_format(out, "\n%.*s", PZ__STR_ARG(text_of(entry, "attribute")));
    if (purpose.len)
        pz__buf_format(out, ", for the purpose %.*s", PZ__STR_ARG(purpose));
    pz__buf_byte(out, '\n');
}

/* What `topics` are all about. */
static void tell_attribute(pz__buf *out, pz_value document, const topic *topics, uint32_t count)
{
    const pz_value claims = get(document, "claims"), evidence = get(document, "evidence");
    uint32_t told = 0; /* evidence up to here: a run is told as one */
    tell_heading(out, pz_value_item(topics[0].is_evidence ? evidence : claims, topics[0].index));
    for (uint32_t i = 0; i < count; i++) {
        if (!topics[i].is_evidence)
            tell_claim(out, pz_value_item(claims, topics[i].index));
        else if (topics[i].index >= told)
            told = tell_evidence(out, evidence, topics[i].index);
    }
    if (told > 0)
        pz__buf_text(out, "  What behaviour speaks for is a guess; you did not say it.\n");
}

static pz_status tell_attributes(pz__buf *out, pz_value document)
{
    pz__arena arena;
    topic *topics;
    uint32_t count;
    pz__arena_init(&arena, &out->alloc, 0);
    const pz_status status =
        list_topics(&arena, get(document, "claims"), get(document, "evidence"), &topics, &count);
    for (uint32_t first = 0, end; status == PZ_OK && first < count; first = end) {
        end = first + 1;
        while (end < count && pz__str_equal(topics[end].attribute, topics[first].attribute))
            end++;
        tell_attribute(out, document, topics + first, end - first);
    }
    pz__arena_clear(&arena);
    return status;
}

/* ---- consents, links, history ---- */

static void tell_statement(pz__buf *out, pz_value statement)
{
    if (has(statement, "granted_at")) {
        pz__buf_text(out, "    Said yes ");
        put_moment(out, get(statement, "granted_at"));
        if (has(statement, "strength")) {
            pz__buf_text(out, ", sure to ");
            put_share(out, get(statement, "strength").as.d);
        }
        put_source(out, statement);
        pz__buf_text(out, ".\n");
    }
    if (has(statement, "denials")) {
        const char *mark = " (";
        pz__buf_text(out, "    Said no ");
        if (get(statement, "denials").as.i > 1)
            pz__buf_format(out, "%lld times, last ", (long long)get(statement, "denials").as.i);
        put_moment(out, get(statement, "denied_at"));
        put_known(out, &mark, "on ", text_of(statement, "denied_channel"));
        put_known(out, &mark, "by ", text_of(statement, "denied_who"));
        put_known(out, &mark, "kept by ", text_of(statement, "writer"));
        pz__buf_text(out, ").\n");
    }
}

/* The words for a purpose or a link that stands, that was denied, and that lapsed or never stood.
 */
typedef struct verdicts {
    const char *heading, *name, *granted, *denied, *neither;
} verdicts;

static void tell_grants(pz__buf *out, pz_value list, const verdicts *words)
{
    if (list.len)
        pz__buf_format(out, "\n%s\n", words->heading);
    for (uint32_t i = 0; i < list.len; i++) {
        const pz_value grant = pz_value_item(list, i), statements = get(grant, "statements");
        const char *verdict = get(grant, "denied").as.b    ? words->denied
                              : get(grant, "granted").as.b ? words->granted
                                                           : words->neither;
        pz__buf_format(out, "  %.*s: %s.\n", PZ__STR_ARG(text_of(grant, words->name)), verdict);
        for (uint32_t s = 0; s < statements.len; s++)
            tell_statement(out, pz_value_item(statements, s));
    }
}

static void tell_register(pz__buf *out, pz_value before)
{
    const pz_str attribute = text_of(before, "attribute");
    pz__buf_format(out, "    before, the %s", noun_of(before));
    if (attribute.len)
        pz__buf_format(out, " of %.*s", PZ__STR_ARG(attribute));
    if (has(before, "part")) {
        pz__buf_byte(out, ' ');
        put_value(out, get(before, "part"));
    }
    if (has(before, "before")) {
        pz__buf_text(out, " was ");
        put_value(out, get(before, "before"));
        pz__buf_byte(out, '\n');
    } else {
        pz__buf_text(out, " was not set\n");
    }
}

static void tell_history(pz__buf *out, pz_value list)
{
    if (list.len)
        pz__buf_text(out, "\nWhat you did\n");
    for (uint32_t i = 0; i < list.len; i++) {
        const pz_value entry = pz_value_item(list, i), registers = get(entry, "registers");
        pz__buf_format(out, "  %.*s", PZ__STR_ARG(text_of(entry, "verb")));
        put_source(out, entry);
        pz__buf_byte(out, '\n');
        for (uint32_t r = 0; r < registers.len; r++)
            tell_register(out, pz_value_item(registers, r));
    }
}

static void tell_erasures(pz__buf *out, pz_value document)
{
    const pz_value forgotten = get(document, "forgotten"), retracted = get(document, "retracted");
    if (forgotten.len || retracted.as.i)
        pz__buf_text(out, "\nTaken away\n");
    for (uint32_t i = 0; i < forgotten.len; i++) {
        pz__buf_text(out, "  Something was forgotten");
        put_source(out, pz_value_item(forgotten, i));
        pz__buf_text(out, ".\n");
    }
    if (retracted.as.i)
        pz__buf_format(out, "  Events that were taken back: %lld.\n", (long long)retracted.as.i);
}

static void tell_writers(pz__buf *out, pz_value list)
{
    if (list.len)
        pz__buf_text(out, "\nWho keeps it\n");
    for (uint32_t i = 0; i < list.len; i++) {
        const pz_value writer = pz_value_item(list, i);
        pz__buf_format(out, "  %.*s: statements %lld, sums %lld, ids of events %lld",
                       PZ__STR_ARG(text_of(writer, "writer")),
                       (long long)get(writer, "claims").as.i, (long long)get(writer, "cells").as.i,
                       (long long)get(writer, "events").as.i);
        if (get(writer, "dropped").as.i)
            pz__buf_format(out, "; %lld were dropped for want of room",
                           (long long)get(writer, "dropped").as.i);
        pz__buf_text(out, ".\n");
    }
}

static pz_status write_text(void *self, pz__buf *out, pz_value document)
{
    static const verdicts consents = {"Consents", "purpose", "you agreed", "you refused",
                                      "neither agreed nor refused"};
    static const verdicts links = {"Other profiles", "subject", "taken for the same person",
                                   "not the same person", "no longer taken for the same person"};
    (void)self;
    tell_subject(out, document);
    const pz_status status = tell_attributes(out, document);
    if (status != PZ_OK)
        return status;
    tell_counters(out, get(document, "counters"));
    tell_events(out, get(document, "events"));
    tell_grants(out, get(document, "consents"), &consents);
    tell_grants(out, get(document, "links"), &links);
    tell_history(out, get(document, "history"));
    tell_erasures(out, document);
    tell_writers(out, get(document, "writers"));
    return out->status;
}

/* ---- what the catalog adds ---- */

/* No attribute has the name of a counter, which has parentheses. */
static int64_t scale_of(const pz__catalog *catalog, pz_str name)
{
    for (uint32_t i = 0; catalog && i < catalog->counter_count; i++)
        if (pz__str_equal(catalog->counters[i].name, name))
            return catalog->counters[i].scale;
    return 0;
}

static pz__export_about about(void *self, pz_str name)
{
    const pz__catalog *const *catalog = self;
    const pz__attribute *attribute = *catalog ? pz__catalog_attribute(*catalog, name) : NULL;
    if (!attribute)
        return (pz__export_about){.part = PZ__PART_PLAIN, .scale = scale_of(*catalog, name)};
    return (pz__export_about){.purpose = attribute->purpose,
                              .part = attribute->merge == PZ__MERGE_RECORD ? PZ__PART_MEMBER
                                                                           : PZ__PART_REPEATED};
}

pz_status pz__export(const pz__catalog *catalog, const pz__profile *profile, pz__buf *out,
                     pz__export_form form, uint32_t indent)
{
    const pz__export_rules rules = {.self = &catalog,
                                    .about = about,
                                    .write = form == PZ__EXPORT_TEXT ? write_text : NULL,
                                    .indent = indent};
    return pz__profile_export_by(profile, out, &rules);
}
