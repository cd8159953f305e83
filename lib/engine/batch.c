/*
 * batch.c: many events, or rows of operations, of many customers in one transaction.
 *
 * Customers are found once and kept decoded until the end of the call:
 *
 *     identifier "kind" 0x1f "value"  ->  key  ->  { state, is_dirty }
 *
 * Two identifiers of one customer lead to one state, or the later write would undo the earlier.
 * Events are applied in order, each for itself: one that is refused changes nothing and is reported
 * in its result. A row is all of its operations or none: it works on a copy of the profile, which
 * takes the place of the other when all went well and something came of it. Whether something did
 * is seen by comparing what both say: stamps aside, and claimed times, unless the row names one.
 *
 * A customer whose record is damaged, or a later version's, is refused item by item and left as it
 * is: one bad record must not keep a table, or a stream of events, from everybody else.
 *
 * At the end every profile that changed is encoded and written; then one commit makes all of it
 * durable. If the store fails anywhere, nothing of the call has happened.
 */
#include "engine/engine.h"

#include "base/utf8.h"

/* In how many events of a call whose kinds are not declared the one that was meant is looked for.
 */
#define LOOKS_MAX 4u

/* One customer of the batch. */
typedef struct customer {
    pz__profile *state; /* owned */
    pz_str key;         /* in the arena */
    int64_t erased_ms; /* when somebody of the same id or identifier was erased; INT64_MIN: never */
    pz__people *people; /* owned; whom a verb that gathers has to ask, once that is known */
    bool is_dirty;
    bool is_alone;  /* no other profile links to it */
    bool has_asked; /* `people` is known */
    bool is_new;    /* nobody can have linked to an id that is made here */
} customer;

typedef struct batch {
    pz_engine *engine;
    const pz__catalog *catalog;
    const pz_value *items; /* the events, or rows */
    size_t count;
    pz_observed *results; /* of each; may be NULL */
    pz__store_txn *txn;
    pz__remembrance erased;
    pz__arena arena;       /* identifiers and keys; lives as long as the batch */
    pz__arena scratch;     /* of one event */
    pz__names identifiers; /* numbered, */
    customer **known;      /* and by that number the customer; NULL until read */
    pz__names keys;        /* numbered, */
    customer *customers;   /* and by that number the customer */
    uint32_t capacity;     /* of both arrays: no more customers than events */
    pz__buf bytes;
    pz__write write;
    uint8_t writer[16]; /* the store's, borrowed by `write` */
    pz__durability durability;
    bool is_open; /* there is something to close */
    bool is_replay;
    bool is_own;               /* what failed is the record of one customer */
    bool are_rows, is_settled; /* pz_apply_many(), and PZ_APPLY_SETTLED */
    uint32_t looks;            /* how often the nearest kind of event was looked for */
    pz_error *err;
} batch;

/* Fill in a customer whom nobody knows yet. */
static pz_status make_customer(batch *b, pz_str identifier, customer **out)
{
    pz__profile *state;
    pz_status status = pz__customer_new(&state, b->engine, b->err);
    if (status != PZ_OK)
        return status;
    const uint32_t number = pz__names_put(&b->keys, pz__profile_subject(state));
    if (number == PZ__NAME_NONE) {
        pz__profile_free(state);
        return PZ_ERR_NOMEM;
    }
    *out = &b->customers[number];
    **out =
        (customer){.state = state, .key = b->keys.list[number], .is_alone = true, .is_new = true};
    return pz__erased_identifier(&b->erased, identifier, &(*out)->erased_ms, b->err);
}

/* Read a record and decode it. What is wrong with it is the customer's, not the call's. */
static pz_status decode(batch *b, customer *c, pz_error *why)
{
    pz_error damage = PZ_ERROR_INIT;
    pz__buf_reset(&b->bytes);
    pz_status status = pz__store_txn_get(b->txn, c->key, &b->bytes, b->err);
    if (status == PZ_ERR_NOT_FOUND)
        return pz__fail(why, status,
                        "this customer's profile '%.*s' is not in the store, though the index "
                        "leads to it; copy the store to a new place, which makes the index anew",
                        PZ__STR_ARG(pz__told(b->engine, c->key)));
    if (status != PZ_OK)
        return status;
    c->is_alone = pz__record_is_alone(b->bytes.data, b->bytes.len);
    status = pz__record_decode(&c->state, &b->engine->alloc, b->bytes.data, b->bytes.len, &damage);
    if (status == PZ_OK)
        status = pz__record_belongs(b->engine, pz__profile_subject(c->state), c->key, &damage);
    if (status == PZ_OK || status == PZ_ERR_NOMEM)
        return status;
    pz__profile_free(c->state);
    c->state = NULL;
    b->is_own = true;
    return pz__fail(why, status, "profile '%.*s': %s", PZ__STR_ARG(pz__told(b->engine, c->key)),
                    damage.message);
}

/* The customer under a key, decoded at the first mention. */
static pz_status read_customer(batch *b, pz_str key, customer **out, pz_error *why)
{
    const uint32_t number = pz__names_put(&b->keys, key);
    if (number == PZ__NAME_NONE)
        return PZ_ERR_NOMEM;
    customer *c = &b->customers[number];
    *out = c;
    if (c->state)
        return PZ_OK;
    c->key = b->keys.list[number];
    pz_status status = decode(b, c, why);
    c->erased_ms = INT64_MIN;
    if (status != PZ_OK || !b->erased.has_any)
        return status;
    status = pz__profile_seal(c->state);
    return status == PZ_OK
               ? pz__erased_profile(&b->erased, c->state, &b->scratch, &c->erased_ms, b->err)
               : status;
}

/* The customer of an identifier. */
static pz_status find_customer(batch *b, pz_str identifier, customer **out, pz_error *why)
{
    const uint32_t number = pz__names_put(&b->identifiers, identifier);
    if (number == PZ__NAME_NONE)
        return PZ_ERR_NOMEM;
    *out = b->known[number];
    /* One who is new leads nowhere yet, and a row may have given the identifier to somebody else.
     */
    if (*out && !(*out)->is_new)
        return PZ_OK;
    size_t count = 0;
    pz__buf_reset(&b->bytes);
    pz_status status = pz__store_txn_lookup(b->txn, identifier, &b->bytes, &count, b->err);
    if (status != PZ_OK)
        return status;
    if (count > 0)
        status = read_customer(b, pz__first_key(&b->bytes), out, why);
    else if (!*out)
        status = make_customer(b, identifier, out);
    if (status == PZ_OK)
        b->known[number] = *out;
    return status;
}

#define ROW_NAMES_NOBODY                                                                           \
    "a row begins with its customer: text (a number, too, is written as text), or {\"email\": "    \
    "\"ann@example.com\"}"
#define EVENT_NAMES_NOBODY                                                                         \
    "the event names no customer: give \"customer\" as text, or as {\"email\": "                   \
    "\"ann@example.com\"}"

/* "customer": text, or a map of one member; CloudEvents' subject is such a text. */
static pz_status read_identifier(pz_value subject, const char *otherwise, pz_str *kind,
                                 pz_str *value, pz_error *err)
{
    *kind = PZ__STR("customer");
    *value = pz_value_text(subject);
    if (subject.kind == PZ_MAP && subject.len == 1) {
        const pz_entry entry = pz_value_entry(subject, 0);
        *kind = pz_value_text(entry.key);
        *value = pz_value_text(entry.value);
    }
    if (!value->len)
        return pz__fail(err, PZ_ERR_TYPE, "%s", otherwise);
    return pz__identifier_check_new(*kind, *value, err);
}

static pz_status introduce(batch *b, customer *c, pz_str kind, pz_str value, const pz__write *write)
{
    pz__verb identify = {
        .kind = PZ__VERB_IDENTIFY, .name = kind, .value = pz__value_of_str(value), .write = *write};
    identify.write.at_ms = write->now_ms;
    identify.write.channel = (pz_str){NULL, 0};
    const pz_str identifier = pz__identifier(&b->scratch, kind, value);
    pz_status status = identifier.data ? PZ_OK : PZ_ERR_NOMEM;
    if (status == PZ_OK)
        status = pz__verb_apply(&identify, b->catalog, c->state, &b->scratch, b->err);
    if (status == PZ_OK)
        status = pz__store_txn_index(b->txn, identifier, c->key, true, b->err);
    c->is_new = status != PZ_OK;
    return status;
}

/* A failure that is the store's or the machine's ends the batch; others are the event's own. */
static bool is_fatal(pz_status status)
{
    return status == PZ_ERR_NOMEM || status == PZ_ERR_IO || status == PZ_ERR_FULL ||
           status == PZ_ERR_BUSY || status == PZ_ERR_CORRUPT || status == PZ_ERR_VERSION;
}

/* Tell a verb that gathers who else may have refused, as it stood before the call: links are none
 * of a batch's business. Somebody's damaged record is the business of those linked with them. */
static pz_status tell_person(batch *b, customer *c, pz__verb *verb, pz_error *why)
{
    pz_status status = PZ_OK;
    if (!c->has_asked) {
        status = pz__people_ask(&c->people, b->engine, b->txn, c->state, verb, c->is_alone, why);
        b->is_own = status == PZ_ERR_CORRUPT || status == PZ_ERR_VERSION;
        c->has_asked = status == PZ_OK;
    }
    if (status == PZ_OK && c->people)
        status = pz__profile_seal(c->state);
    return status == PZ_OK ? pz__people_tell(c->people, b->catalog, c->key, &b->scratch, verb, why)
                           : status;
}

/* What is amiss about an event that was taken: its kind is not among those that are declared. */
static void note_undeclared(batch *b, pz_str kind, pz_error *note)
{
    *note = (pz_error)PZ_ERROR_INIT;
    if (b->catalog->event_count > 0 && !pz__catalog_event(b->catalog, kind))
        pz__event_say_undeclared(b->catalog, kind, b->looks++ < LOOKS_MAX, note);
}

/* Apply one event. `why` tells what is wrong with it, or with PZ_OK what to look at, if anything; a
 * fatal status ends the batch. */
static pz_status take_event(batch *b, pz_value value, bool *is_new, pz_error *why)
{
    pz__event event;
    pz_str kind, text;
    *is_new = false;
    pz_status status = pz__event_read(&b->scratch, &event, value, why);
    if (status == PZ_OK)
        status = read_identifier(event.subject, EVENT_NAMES_NOBODY, &kind, &text, why);
    if (status != PZ_OK)
        return status;
    const pz_str identifier = pz__identifier(&b->scratch, kind, text);
    customer *c;
    status = identifier.data ? find_customer(b, identifier, &c, why) : PZ_ERR_NOMEM;
    if (status != PZ_OK)
        return status;
    pz__verb verb = {.kind = PZ__VERB_OBSERVE,
                     .value = value,
                     .event = &event,
                     .is_replay = b->is_replay,
                     .write = b->write};
    if (b->is_replay)
        verb.write.now_ms = event.time_ms;
    status = pz__erased_refuses(c->erased_ms, event.time_ms, why);
    if (status == PZ_OK)
        status = tell_person(b, c, &verb, why);
    if (status == PZ_OK)
        status = pz__verb_apply(&verb, b->catalog, c->state, &b->scratch, why);
    if (status == PZ_OK)
        note_undeclared(b, event.kind, why);
    if (status != PZ_OK || !verb.is_new)
        return status;
    *is_new = true;
    c->is_dirty = true;
    return c->is_new ? introduce(b, c, kind, text, &verb.write) : PZ_OK;
}

/* ---- rows ---- */

/* Whether a verb may stand in a row. Links, and what looks at other events, go one by one. */
static bool is_row_verb(pz__verb_kind kind)
{
    static const bool is_taken[PZ__VERB_COUNT] = {
        [PZ__VERB_CHOOSE] = true,      [PZ__VERB_REJECT] = true,      [PZ__VERB_CLEAR] = true,
        [PZ__VERB_EDIT] = true,        [PZ__VERB_SET_MODE] = true,    [PZ__VERB_SET_LEVEL] = true,
        [PZ__VERB_DECLARE] = true,     [PZ__VERB_INFER] = true,       [PZ__VERB_IDENTIFY] = true,
        [PZ__VERB_CONSENT] = true,     [PZ__VERB_SET_ACCOUNT] = true, [PZ__VERB_CONSENT_TCF] = true,
        [PZ__VERB_CONSENT_GPC] = true, [PZ__VERB_FORGET] = true,      [PZ__VERB_EXPIRE] = true,
    };
    return is_taken[kind];
}

static pz_status read_row_verb(batch *b, pz_value operation, pz__verb *out, pz_error *why)
{
    *out = (pz__verb){0};
    const pz_status status = pz__verb_read(out, operation, &b->write, why);
    if (status != PZ_OK)
        return status;
    if (!is_row_verb(out->kind))
        return pz__fail(why, PZ_ERR_UNSUPPORTED, "rows take no '%.*s': use pz_profile_apply()",
                        PZ__STR_ARG(pz_value_text(pz_value_item(operation, 0))));
    /* As in write.c: a moment that comes as data is no clock to trust. */
    if (out->write.now_ms > b->write.now_ms &&
        (uint64_t)out->write.now_ms - (uint64_t)b->write.now_ms > (uint64_t)b->write.skew_ms)
        return pz__fail(why, PZ_ERR_TIME,
                        "the operation's time lies beyond now and the allowed skew");
    return PZ_OK;
}

/* PZ_ERR_SUBJECT if an identifier that is to be taken leads to somebody else. What the store could
 * not look up is told as the row's own fault; what is no text, by the verb itself. */
static pz_status check_identifier(batch *b, const customer *c, const pz__verb *verb, pz_error *why)
{
    size_t count = 0;
    const pz_str text = pz_value_text(verb->value);
    if (verb->value.kind != PZ_STRING)
        return PZ_OK;
    pz_status status = pz__identifier_check_new(verb->name, text, why);
    if (status != PZ_OK)
        return status;
    const pz_str identifier = pz__identifier(&b->scratch, verb->name, text);
    if (!identifier.data)
        return PZ_ERR_NOMEM;
    pz__buf_reset(&b->bytes);
    status = pz__store_txn_lookup(b->txn, identifier, &b->bytes, &count, b->err);
    if (status != PZ_OK || count == 0 || pz__str_equal(pz__first_key(&b->bytes), c->key))
        return status;
    return pz__fail(why, PZ_ERR_SUBJECT,
                    "'%.*s' is the %.*s of another profile: link the two if they are one person",
                    PZ__STR_ARG(pz__told(b->engine, text)), PZ__STR_ARG(verb->name));
}

/* When somebody was erased who had one of the identifiers that a row is going to take. */
static pz_status find_erased(batch *b, pz_value row, int64_t *erased_ms, pz_error *why)
{
    pz_status status = PZ_OK;
    for (uint32_t i = 1; i < row.len && status == PZ_OK && b->erased.has_any; i++) {
        pz__verb verb;
        int64_t ms;
        status = read_row_verb(b, pz_value_item(row, i), &verb, why);
        if (status != PZ_OK || verb.kind != PZ__VERB_IDENTIFY)
            continue;
        const pz_str identifier = pz__identifier(&b->scratch, verb.name, pz_value_text(verb.value));
        status = identifier.data ? pz__erased_identifier(&b->erased, identifier, &ms, b->err)
                                 : PZ_ERR_NOMEM;
        *erased_ms = status == PZ_OK && ms > *erased_ms ? ms : *erased_ms;
    }
    return status;
}

static pz_status apply_row(batch *b, customer *c, pz_value row, bool *is_timed, pz_error *why)
{
    int64_t erased_ms = c->erased_ms;
    pz_status status = find_erased(b, row, &erased_ms, why);
    for (uint32_t i = 1; i < row.len && status == PZ_OK; i++) {
        pz__verb verb;
        status = read_row_verb(b, pz_value_item(row, i), &verb, why);
        if (status == PZ_OK)
            status = pz__erased_refuses(erased_ms, verb.write.at_ms, why);
        if (status == PZ_OK && verb.kind == PZ__VERB_IDENTIFY)
            status = check_identifier(b, c, &verb, why);
        if (status == PZ_OK && verb.kind == PZ__VERB_INFER)
            status = tell_person(b, c, &verb, why);
        if (status == PZ_OK)
            status = pz__verb_apply(&verb, b->catalog, c->state, &b->scratch, why);
        *is_timed |= verb.write.at_ms != b->write.now_ms;
    }
    c->erased_ms = status == PZ_OK ? erased_ms : c->erased_ms;
    return status;
}

static pz_status index_row(batch *b, const customer *c, pz_value row)
{
    pz_status status = PZ_OK;
    pz_error ignored = PZ_ERROR_INIT;
    for (uint32_t i = 1; i < row.len && status == PZ_OK; i++) {
        pz__verb verb;
        status = read_row_verb(b, pz_value_item(row, i), &verb, &ignored);
        if (status != PZ_OK || verb.kind != PZ__VERB_IDENTIFY)
            continue;
        const pz_str identifier = pz__identifier(&b->scratch, verb.name, pz_value_text(verb.value));
        status = identifier.data ? pz__store_txn_index(b->txn, identifier, c->key, true, b->err)
                                 : PZ_ERR_NOMEM;
    }
    return status;
}

static bool is_same_register(const pz__claim *a, const pz__claim *b)
{
    return a->slot == b->slot && pz__str_equal(a->attribute, b->attribute) &&
           pz__str_equal(a->part, b->part);
}

static bool says_the_same(const pz__claim *a, const pz__claim *b, bool is_timed)
{
    return is_same_register(a, b) && a->is_cleared == b->is_cleared &&
           (a->is_cleared || pz_value_equal(a->value, b->value)) &&
           a->expires_ms == b->expires_ms && a->confidence == b->confidence &&
           pz__str_equal(a->channel, b->channel) && pz__str_equal(a->who, b->who) &&
           (!is_timed || a->at_ms == b->at_ms);
}

/* The claim that ranks first in the next register. That a rejection is lifted, which choosing
 * notes, says as much as that there is none. */
static const pz__claim *next_register(pz__claims claims, uint32_t *at)
{
    while (*at < claims.count) {
        const pz__claim *first = &claims.list[(*at)++];
        while (*at < claims.count && is_same_register(first, &claims.list[*at]))
            ++*at;
        if (first->slot != PZ__SLOT_LIFT && (first->slot != PZ__SLOT_REJECT || !first->is_cleared))
            return first;
    }
    return NULL;
}

static bool are_same_grants(const pz__profile *a, const pz__profile *b, bool is_timed)
{
    const pz__grants x = pz__profile_grants(a, PZ__GRANT_PURPOSE);
    const pz__grants y = pz__profile_grants(b, PZ__GRANT_PURPOSE);
    bool is_same = x.count == y.count;
    for (uint32_t i = 0; i < x.count && is_same; i++)
        is_same = pz__str_equal(x.list[i].name, y.list[i].name) &&
                  x.list[i].is_granted == y.list[i].is_granted &&
                  x.list[i].is_denied == y.list[i].is_denied &&
                  x.list[i].expires_ms == y.list[i].expires_ms &&
                  (!is_timed || x.list[i].at_ms == y.list[i].at_ms);
    return is_same;
}

/* Whether two states, both sealed, say the same. Rows gather no evidence: it can only become less.
 */
static bool are_same(const pz__profile *a, const pz__profile *b, bool is_timed)
{
    if (pz__profile_all_cells(a).count != pz__profile_all_cells(b).count)
        return false;
    const pz__claims x = pz__profile_all_claims(a), y = pz__profile_all_claims(b);
    uint32_t i = 0, j = 0;
    for (;;) {
        const pz__claim *mine = next_register(x, &i), *other = next_register(y, &j);
        if (!mine || !other)
            return mine == other && are_same_grants(a, b, is_timed);
        if (!says_the_same(mine, other, is_timed))
            return false;
    }
}

/* To forget is a word of its own, also where nothing is there: it holds against what was gathered
 * elsewhere. */
static bool forgets(pz_value row)
{
    for (uint32_t i = 1; i < row.len; i++)
        if (pz__str_equal(pz_value_text(pz_value_item(pz_value_item(row, i), 0)),
                          PZ__STR("forget")))
            return true;
    return false;
}

static pz_status is_nothing_new(const batch *b, const customer *c, pz_value row,
                                pz__profile *before, bool is_timed, bool *out)
{
    *out = false;
    if (!b->is_settled || c->is_new || forgets(row))
        return PZ_OK;
    pz_status status = pz__profile_seal(before);
    if (status == PZ_OK)
        status = pz__profile_seal(c->state);
    *out = status == PZ_OK && are_same(before, c->state, is_timed);
    return status;
}

/* One row on the state of its customer, which is as before if nothing comes of it. */
static pz_status work_row(batch *b, customer *c, pz_value row, bool *is_new, pz_error *why)
{
    pz__profile *before;
    bool is_timed = b->write.at_ms != b->write.now_ms, is_settled = false;
    pz_status status = pz__profile_copy(&before, c->state);
    if (status != PZ_OK)
        return status;
    status = apply_row(b, c, row, &is_timed, why);
    if (status == PZ_OK)
        status = is_nothing_new(b, c, row, before, is_timed, &is_settled);
    *is_new = status == PZ_OK && !is_settled;
    pz__profile *dropped = *is_new ? before : c->state;
    c->state = *is_new ? c->state : before;
    pz__people_own(c->people, c->state);
    pz__profile_free(dropped);
    return status;
}

static pz_status take_row(batch *b, pz_value row, bool *is_new, pz_error *why)
{
    pz_str kind, text;
    customer *c;
    *is_new = false;
    if (row.kind != PZ_LIST || row.len == 0)
        return pz__fail(why, PZ_ERR_TYPE, "a row is written [customer, [verb, ...], ...]");
    pz_status status = read_identifier(pz_value_item(row, 0), ROW_NAMES_NOBODY, &kind, &text, why);
    if (status != PZ_OK)
        return status;
    const pz_str identifier = pz__identifier(&b->scratch, kind, text);
    status = identifier.data ? find_customer(b, identifier, &c, why) : PZ_ERR_NOMEM;
    if (status == PZ_OK)
        status = work_row(b, c, row, is_new, why);
    if (status != PZ_OK || !*is_new)
        return status;
    c->is_dirty = true;
    pz__write write = b->write;
    write.at_ms = write.now_ms;
    write.expires_ms = 0;
    if (c->is_new)
        status = introduce(b, c, kind, text, &write);
    return status == PZ_OK ? index_row(b, c, row) : status;
}

/* The caller's results lie as far from each other as the caller says they are long. */
static pz_observed *result_at(const batch *b, size_t i)
{
    return b->results ? (void *)((char *)b->results + i * b->results->size) : NULL;
}

static void report(pz_observed *result, pz_status status, bool is_new, const char *message)
{
    if (!result)
        return;
    result->status = status;
    result->is_new = is_new;
    result->message[0] = '\0';
    if (message[0]) {
        /* Cut at a character: pz_error's own message is longer than the room here. */
        pz_error cut = PZ_ERROR_INIT;
        pz__fail(&cut, status, "%.255s", message);
        size_t len = strlen(cut.message);
        len = pz__utf8_first_bad(cut.message, len);
        memcpy(result->message, cut.message, len);
        result->message[len] = '\0';
    }
}

/* What a result says: of what was taken, only an event has something to look at. */
static const char *message_of(const batch *b, pz_status status, const pz_error *why)
{
    if (status == PZ_OK)
        return b->are_rows ? "" : why->message;
    return why->message[0] ? why->message : pz_status_text(status);
}

static pz_status take_items(batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        pz_error why = PZ_ERROR_INIT;
        bool is_new;
        b->is_own = false;
        const pz_status status = b->are_rows ? take_row(b, b->items[i], &is_new, &why)
                                             : take_event(b, b->items[i], &is_new, &why);
        pz__arena_reset(&b->scratch);
        if (is_fatal(status) && !b->is_own) {
            if (why.message[0])
                pz__fail(b->err, status, "%s", why.message);
            return status;
        }
        report(result_at(b, i), status, is_new, message_of(b, status, &why));
    }
    return PZ_OK;
}

typedef struct writing {
    const pz__profile *state;
    size_t plain_max;
} writing;

static pz_status replace(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                         pz__buf *new_bytes, pz__update_action *action)
{
    const writing *w = payload;
    (void)txn;
    *action = PZ__WRITE;
    const bool is_alone = !bytes || pz__record_is_alone(bytes, len);
    return pz__record_encode(w->state, is_alone, w->plain_max, new_bytes);
}

static pz_status write_customers(batch *b)
{
    writing w = {.plain_max = pz__store_plain_max(b->engine->store)};
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < b->keys.count && status == PZ_OK; i++) {
        const customer *c = &b->customers[i];
        w.state = c->state;
        if (c->is_dirty)
            status = pz__store_txn_update(b->txn, c->key, replace, &w, b->err);
    }
    return status;
}

static pz_status open_batch(batch *b)
{
    pz_engine *engine = b->engine;
    b->is_open = true;
    b->looks = 0;
    pz__arena_init(&b->arena, &engine->alloc, 0);
    pz__arena_init(&b->scratch, &engine->alloc, 0);
    pz__buf_init(&b->bytes, &engine->alloc, PZ__STORE_RECORD_MAX);
    pz__names_init(&b->identifiers, &b->arena);
    pz__names_init(&b->keys, &b->arena);
    b->capacity = (uint32_t)b->count;
    b->customers = pz__mem_zero(&engine->alloc, b->count, sizeof *b->customers);
    b->known = pz__mem_zero(&engine->alloc, b->count, sizeof(customer *));
    return b->customers && b->known ? PZ_OK : PZ_ERR_NOMEM;
}

static void free_customer(const batch *b, customer *c)
{
    pz__people_free(&b->engine->alloc, c->people);
    pz__profile_free(c->state);
}

static void close_batch(batch *b)
{
    if (!b->is_open)
        return;
    b->is_open = false;
    for (uint32_t i = 0; b->customers && i < b->keys.count; i++)
        free_customer(b, &b->customers[i]);
    pz__mem_free(&b->engine->alloc, b->known, b->capacity, sizeof(customer *));
    pz__mem_free(&b->engine->alloc, b->customers, b->capacity, sizeof *b->customers);
    pz__buf_clear(&b->bytes);
    pz__arena_clear(&b->scratch);
    pz__arena_clear(&b->arena);
}

/* The whole call once, inside its transaction. */
static pz_status attempt(void *payload, pz__store_txn *txn)
{
    batch *b = payload;
    close_batch(b);
    b->txn = txn;
    pz_status status = open_batch(b);
    /* Asked inside: the store tells a transaction that has begun when its writer id changes. */
    if (status == PZ_OK)
        status = pz__store_writer(b->engine->store, b->writer, b->err);
    if (status == PZ_OK)
        status = pz__erased_open(&b->erased, &b->engine->alloc, txn, b->catalog, b->write.now_ms,
                                 b->err);
    if (status == PZ_OK)
        status = pz__erased_sweep(&b->erased, b->err);
    if (status == PZ_OK)
        status = take_items(b);
    return status == PZ_OK ? write_customers(b) : status;
}

static bool read_flags(uint32_t flags, pz__durability *durability)
{
    switch (flags & ~(uint32_t)PZ_OBSERVE_REPLAY) {
    case 0:
        *durability = PZ__AS_OPENED;
        return true;
    case PZ_OBSERVE_DURABLE:
        *durability = PZ__DURABLE;
        return true;
    case PZ_OBSERVE_GROUPED:
        *durability = PZ__GROUPED;
        return true;
    case PZ_OBSERVE_LAZY:
        *durability = PZ__LAZY;
        return true;
    default:
        return false;
    }
}

/* What both calls ask of their arguments. */
static pz_status check_call(pz_engine *engine, const pz_value *items, size_t count,
                            const pz_observed *results, pz_error *err)
{
    if (!engine || (!items && count))
        return pz__fail(err, PZ_ERR_ARG, "an engine and events or rows are needed");
    if (count > PZ_OBSERVE_MANY_MAX)
        return pz__fail(err, PZ_ERR_LIMIT,
                        "more than %u events or rows in one call: make several calls of them",
                        PZ_OBSERVE_MANY_MAX);
    for (size_t i = 0; results && i < count; i++) {
        const pz_observed *one = (const void *)((const char *)results + i * results->size);
        if (one->size < PZ__RELEASED_SIZE(pz_observed, message) || one->size != results->size)
            return pz__fail(err, PZ_ERR_ARG, "a result begins with its size");
    }
    return engine->is_read_only ? pz__fail(err, PZ_ERR_STATE, "the engine was opened read-only")
                                : PZ_OK;
}

/* Run a batch, again where the store asks for that. */
static pz_status run(batch *b)
{
    pz__pin pin = pz__pins_take(&b->engine->pins);
    if (!pin.catalog)
        return pz__no_catalog(b->err);
    b->catalog = pin.catalog;
    b->write.writer = (pz_str){(const char *)b->writer, sizeof b->writer};
    pz_status status = pz__store_transact(b->engine->store, b->durability, attempt, b, b->err);
    close_batch(b);
    if (status == PZ_ERR_NOMEM)
        pz__fail(b->err, status, "out of memory");
    pz__pins_give(&b->engine->pins, &pin);
    return status;
}

pz_status pz_observe_many(pz_engine *engine, const pz_value *events, size_t count, int64_t now_ms,
                          uint32_t flags, pz_observed *results, pz_error *err)
{
    batch b = {.engine = engine,
               .items = events,
               .count = count,
               .results = results,
               .is_replay = flags & PZ_OBSERVE_REPLAY,
               .err = err};
    if (!read_flags(flags, &b.durability))
        return pz__fail(err, PZ_ERR_ARG,
                        "a flag is set that this version does not know, or two durabilities");
    const pz_status status = check_call(engine, events, count, results, err);
    if (status != PZ_OK || count == 0)
        return status;
    const int64_t now = pz__engine_now(engine, now_ms);
    b.write = (pz__write){.now_ms = now, .at_ms = now, .skew_ms = engine->skew_ms};
    return run(&b);
}

pz_status pz_apply_many(pz_engine *engine, const pz_value *rows, size_t count,
                        const pz_write *defaults, uint32_t flags, pz_observed *results,
                        pz_error *err)
{
    batch b = {.engine = engine,
               .items = rows,
               .count = count,
               .results = results,
               .are_rows = true,
               .is_settled = flags & PZ_APPLY_SETTLED,
               .durability = PZ__AS_OPENED,
               .err = err};
    if (flags & ~(uint32_t)PZ_APPLY_SETTLED)
        return pz__fail(err, PZ_ERR_ARG, "a flag is set that this version does not know");
    pz_status status = check_call(engine, rows, count, results, err);
    if (status == PZ_OK)
        status = pz__write_read(engine, defaults, &b.write, &b.durability, err);
    if (status != PZ_OK || count == 0)
        return status;
    return run(&b);
}
