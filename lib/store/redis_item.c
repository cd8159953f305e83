/*
 * redis_item.c: named bytes in Redis, read together and changed together.
 *
 * An item's Redis key is  PREFIX KIND "{" six hexadecimal digits "}" NAME.  The digits, a hash of
 * the group that the item belongs to, are what Redis Cluster takes the slot from. redis_script.c
 * draws the value and the lock.
 *
 * A transaction over items of one slot, and any transaction of a server that stands alone, is one
 * script: compare all, write all. One over several slots goes
 *
 *     lock the primary (the first item written), naming its decision
 *     lock the other items written                      each lock holds what will be written
 *     check the items only read                         under the locks: so all of it holds at once
 *     DECIDE on the primary                             it has happened, here and nowhere else
 *     apply the others, then forget the decision        by anybody who meets a lock
 *
 * A reader who meets a lock asks the primary: pending means that what stands in the item is right,
 * and the reader goes on; decided, that the lock is to be carried out; gone, that it is to be
 * removed. So readers never wait, and a process that dies at any point leaves nothing half done:
 * before DECIDE a writer breaks the locks off once they are LOCK_MS old, after it whoever comes
 * along finishes. This is how an identifier's entry and the profile that it names change together
 * though they live on different servers.
 *
 * Writers that meet each other's locks never wait while holding any.
 *
 * A lost answer: a script says the same when it is run again (the item remembers its last four
 * writers, the decision stands until all is applied). Only where that memory was overrun, or the
 * time is up, is the outcome unknown, and the error says so.
 */
#include "store/redis_item.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/number.h"
#include "base/uuid.h"

#define MARK '\xa1'
#define BIND 4u
#define HEAD 38u
#define TAG 8u /* with its braces */
#define LOCK_PRIMARY 28u
/* A pending transaction older than this is broken off by a writer who meets it; by a reader, who
 * need not wait for it, never: what breaks off has to be confirmed by replicas. */
#define LOCK_MS "3000"
#define LOCK_MS_NEVER "999999999999"
#define READ_TRIES 10u

/* ---- names ---- */

pz_str pz__item_name(char room[PZ__ITEM_NAME_MAX], const pz__client *client, char kind,
                     pz_str group, const void *rest, size_t rest_len)
{
    const size_t prefix = strlen(client->options.prefix);
    const uint64_t hash = pz__siphash(pz__fixed_key, group.data, group.len);
    char *next = room;
    memcpy(next, client->options.prefix, prefix);
    next += prefix;
    *next++ = kind;
    *next++ = '{';
    for (unsigned i = 0; i < 6; i++)
        *next++ = "0123456789abcdef"[hash >> (4 * i) & 15];
    *next++ = '}';
    memcpy(next, rest, rest_len);
    return (pz_str){room, prefix + 1 + TAG + rest_len};
}

pz_str pz__item_rest(const pz__client *client, pz_str name)
{
    const size_t before = strlen(client->options.prefix) + 1 + TAG;
    return name.len < before ? (pz_str){NULL, 0} : (pz_str){name.data + before, name.len - before};
}

/* PREFIX "l" and the rest of the item's name. */
static pz_str lock_name(pz__session *session, pz_str item)
{
    const size_t prefix = strlen(session->client->options.prefix);
    char *room = pz__arena_new(&session->arena, item.len + 1);
    if (!room)
        return (pz_str){NULL, 0};
    memcpy(room, item.data, prefix);
    room[prefix] = 'l';
    memcpy(room + prefix + 1, item.data + prefix, item.len - prefix);
    return (pz_str){room, item.len + 1};
}

bool pz__item_of_lock(const pz__client *client, char kind, pz_str lock,
                      char room[PZ__ITEM_NAME_MAX], pz_str *name)
{
    const size_t prefix = strlen(client->options.prefix);
    if (lock.len < prefix + 2 + TAG || lock.len > PZ__ITEM_NAME_MAX || lock.data[prefix] != 'l' ||
        lock.data[prefix + 1] != kind)
        return false;
    memcpy(room, lock.data, prefix);
    memcpy(room + prefix, lock.data + prefix + 1, lock.len - prefix - 1);
    *name = (pz_str){room, lock.len - 1};
    return true;
}

/* PREFIX "t", the primary's tag, the transaction's id. */
static pz_str decision_name(pz__session *session, pz_str primary, const char id[PZ__ITEM_ID])
{
    const size_t prefix = strlen(session->client->options.prefix);
    const size_t len = prefix + 1 + TAG + PZ__ITEM_ID;
    char *room = pz__arena_new(&session->arena, len);
    if (!room)
        return (pz_str){NULL, 0};
    memcpy(room, primary.data, prefix);
    room[prefix] = 't';
    memcpy(room + prefix + 1, primary.data + prefix + 1, TAG);
    memcpy(room + prefix + 1 + TAG, id, PZ__ITEM_ID);
    return (pz_str){room, len};
}

static pz_status no_memory(pz_error *err)
{
    return pz__fail(err, PZ_ERR_NOMEM, "out of memory in a Redis store");
}

/* ---- requests ---- */

/* The most that any request here takes but COMMIT, which counts for itself. */
#define ARGS_MAX 9u

/* Run a script over an item, its lock and maybe a decision. */
static bool add_script(pz__session *session, pz__request *out, pz__script script, pz_str item,
                       pz_str decision, const pz_str *argv, uint32_t argv_count)
{
    const uint32_t keys = decision.len ? 3 : 2;
    pz_str *args = pz__args_new(session, ARGS_MAX);
    const pz_str lock = lock_name(session, item);
    if (!args || !lock.data)
        return false;
    args[3] = item;
    args[4] = lock;
    args[5] = decision;
    for (uint32_t i = 0; i < argv_count; i++)
        args[3 + keys + i] = argv[i];
    *out = pz__request_script(session, script, pz__redis_slot(item), args, 3 + keys + argv_count,
                              keys);
    return true;
}

/* The word of a script's reply; {NULL, 0} if it is no answer to this transaction. */
static pz_str word_of(const pz__request *request, const char id[PZ__ITEM_ID])
{
    const pz__reply *reply = request->reply;
    if (!reply || reply->kind != PZ__REPLY_TEXT || reply->text.len < PZ__ITEM_ID ||
        memcmp(reply->text.data, id, PZ__ITEM_ID) != 0)
        return (pz_str){NULL, 0};
    return (pz_str){reply->text.data + PZ__ITEM_ID, reply->text.len - PZ__ITEM_ID};
}

static bool is_word(pz_str said, const char *word)
{
    return pz__str_equal(said, pz_str_of(word));
}

static pz_status nonsense(pz_error *err)
{
    return pz__fail(err, PZ_ERR_IO, "a Redis server answers what makes no sense");
}

/* ---- locks of others ---- */

/* A lock, taken apart. */
typedef struct lock {
    pz_str item;
    const char *id;
    pz_str primary;
} lock;

static bool read_lock(const pz__client *client, pz_str item, pz_str content, lock *out)
{
    const size_t before = strlen(client->options.prefix) + 1 + TAG;
    uint64_t len;
    if (content.len < LOCK_PRIMARY || !pz__uint_parse(content.data + LOCK_PRIMARY - 3, 3, &len) ||
        content.len < LOCK_PRIMARY + len || len < before || len > PZ__ITEM_NAME_MAX)
        return false;
    *out = (lock){item, content.data, {content.data + LOCK_PRIMARY, (size_t)len}};
    return true;
}

/* Ask a lock's primary what became of it, and carry it out or remove it if that is settled.
 * *is_pending if it is not. `age_ms` is what a pending one is allowed. */
static pz_status settle(pz__session *session, const lock *held, pz_str age_ms, bool *is_pending,
                        bool *was_decided, pz_error *err)
{
    const pz_str id = {held->id, PZ__ITEM_ID};
    const pz_str decision = decision_name(session, held->primary, held->id);
    const pz_str primary_lock = lock_name(session, held->primary);
    pz_str *args = pz__args_new(session, ARGS_MAX);
    if (!args || !decision.data || !primary_lock.data)
        return no_memory(err);
    args[3] = primary_lock;
    args[4] = decision;
    args[5] = id;
    args[6] = age_ms;
    pz__request request =
        pz__request_script(session, PZ__SCRIPT_STATUS, pz__redis_slot(held->primary), args, 7, 2);
    request.must_replicate = !pz__str_equal(age_ms, PZ__STR(LOCK_MS_NEVER));
    pz_status status = pz__round(session, &request, 1, err);
    if (status != PZ_OK)
        return status;
    const pz_str said = word_of(&request, held->id);
    *is_pending = is_word(said, "pending");
    *was_decided = is_word(said, "decided");
    if (*is_pending)
        return PZ_OK;
    if (!*was_decided && !is_word(said, "gone"))
        return nonsense(err);
    if (!add_script(session, &request, *was_decided ? PZ__SCRIPT_APPLY : PZ__SCRIPT_UNDO,
                    held->item, (pz_str){NULL, 0}, &id, 1))
        return no_memory(err);
    return pz__round(session, &request, 1, err);
}

/* ---- reading ---- */

static void bind_of(pz_str name, char out[BIND])
{
    const uint64_t hash = pz__siphash(pz__fixed_key, name.data, name.len);
    for (unsigned i = 0; i < BIND; i++)
        out[i] = (char)(hash >> (8 * i));
}

static pz_status decode(pz__item *item, const pz__reply *reply, pz_error *err)
{
    char bind[BIND];
    item->exists = reply->kind == PZ__REPLY_TEXT;
    item->bytes = (pz_str){NULL, 0};
    memset(item->id, 0, sizeof item->id);
    if (reply->kind == PZ__REPLY_NIL)
        return PZ_OK;
    if (!item->exists)
        return nonsense(err);
    bind_of(item->name, bind);
    const pz_str text = reply->text;
    if (text.len < HEAD || text.data[0] != MARK || text.data[1] != 1 ||
        memcmp(text.data + 2, bind, BIND) != 0)
        return pz__fail(err, PZ_ERR_CORRUPT, "what Redis holds under a key is no item of a store");
    memcpy(item->id, text.data + 6, PZ__ITEM_ID);
    item->bytes = (pz_str){text.data + HEAD, text.len - HEAD};
    return PZ_OK;
}

/* Take the answer for one item; *again if a lock on it had to be settled first. */
static pz_status take_item(pz__session *session, pz__item *item, const pz__reply *reply,
                           bool *again, pz_error *err)
{
    *again = false;
    if (!atomic_load(&session->client->is_cluster))
        return decode(item, reply, err);
    if (reply->kind != PZ__REPLY_ARRAY || reply->count != 2)
        return nonsense(err);
    if (reply->items[1]->kind == PZ__REPLY_TEXT) {
        lock held;
        bool is_pending, was_decided;
        if (!read_lock(session->client, item->name, reply->items[1]->text, &held))
            return pz__fail(err, PZ_ERR_CORRUPT, "a lock in a Redis store is damaged");
        const pz_status status =
            settle(session, &held, PZ__STR(LOCK_MS_NEVER), &is_pending, &was_decided, err);
        *again = !is_pending;
        if (status != PZ_OK || *again)
            return status;
    }
    return decode(item, reply->items[0], err);
}

static pz_status ask_for(pz__session *session, pz__item *items, const uint32_t *which, size_t count,
                         pz__request *requests, pz_error *err)
{
    const bool is_cluster = atomic_load(&session->client->is_cluster);
    for (size_t i = 0; i < count; i++) {
        const pz_str name = items[which[i]].name;
        pz_str *args = pz__args_new(session, 3);
        const pz_str lock_of = is_cluster ? lock_name(session, name) : name;
        if (!args || !lock_of.data)
            return no_memory(err);
        args[0] = is_cluster ? PZ__STR("MGET") : PZ__STR("GET");
        args[1] = name;
        args[2] = lock_of;
        requests[i] = pz__request_new(pz__redis_slot(name), args, is_cluster ? 3 : 2);
    }
    return pz__round(session, requests, count, err);
}

pz_status pz__items_read(pz__session *session, pz__item *items, size_t count, pz_error *err)
{
    pz_status status = pz__client_map(session, err); /* tells whether there may be locks */
    pz__request *requests = pz__arena_array(&session->arena, count, sizeof *requests);
    uint32_t *which = pz__arena_array(&session->arena, count, sizeof *which);
    if (status == PZ_OK && (!requests || !which))
        return no_memory(err);
    for (size_t i = 0; status == PZ_OK && i < count; i++)
        which[i] = (uint32_t)i;
    for (unsigned tries = 0; status == PZ_OK && count > 0; tries++) {
        size_t left = 0;
        if (tries == READ_TRIES)
            return pz__fail(err, PZ_ERR_BUSY, "an item of the store changes all the time");
        status = ask_for(session, items, which, count, requests, err);
        for (size_t i = 0; status == PZ_OK && i < count; i++) {
            bool again;
            status = take_item(session, &items[which[i]], requests[i].reply, &again, err);
            if (again)
                which[left++] = which[i];
        }
        count = left;
    }
    return status;
}

/* ---- committing: what both ways share ---- */

typedef struct commit {
    pz__session *session;
    pz__item *items;
    size_t count;
    char id[PZ__ITEM_ID];
    pz_str id_text;
    pz__request *requests;
    lock held; /* of another transaction, in the way */
} commit;

static pz_str expected_of(const pz__item *item)
{
    return item->exists ? (pz_str){item->id, PZ__ITEM_ID} : (pz_str){"", 0};
}

/* Mark, bind and bytes of what an item is to become. */
static bool image(pz__session *session, const pz__item *item, pz_str *out)
{
    *out = (pz_str){"", 0};
    if (item->action != PZ__ITEM_WRITE)
        return true;
    char *room = pz__arena_new(&session->arena, 2 + BIND + item->new_bytes.len);
    if (!room)
        return false;
    room[0] = MARK;
    room[1] = 1;
    bind_of(item->name, room + 2);
    if (item->new_bytes.len)
        memcpy(room + 2 + BIND, item->new_bytes.data, item->new_bytes.len);
    *out = (pz_str){room, 2 + BIND + item->new_bytes.len};
    return true;
}

static pz_str action_text(const pz__item *item)
{
    return item->action == PZ__ITEM_WRITE    ? PZ__STR("w")
           : item->action == PZ__ITEM_DELETE ? PZ__STR("d")
                                             : PZ__STR("r");
}

static pz_status conflict(pz_error *err)
{
    return pz__fail(err, PZ_ERR_BUSY, "others changed the same at the same time: begin again");
}

static pz_status not_known(pz_error *err)
{
    char why[PZ_ERROR_MESSAGE_MAX];
    why[0] = '\0';
    if (err)
        memcpy(why, err->message, sizeof why);
    why[sizeof why - 1] = '\0';
    return pz__fail(err, PZ_ERR_IO, "whether this was written is not known: %s", why);
}

/* What a script said that was to check or to change something. */
static pz_status judge(commit *c, const pz__request *request, pz_error *err)
{
    const pz_str said = word_of(request, c->id);
    if (is_word(said, "ok"))
        return PZ_OK;
    if (is_word(said, "conflict") || is_word(said, "gone"))
        return conflict(err);
    if (is_word(said, "unknown")) {
        pz__fail(err, PZ_ERR_IO, "the answer was lost, and others have written since");
        return not_known(err);
    }
    uint64_t key;
    if (said.len > 10 && memcmp(said.data, "held", 4) == 0 &&
        pz__uint_parse(said.data + 4, 6, &key) && key >= 1 && key + 2 < request->arg_count) {
        const pz_str content = {said.data + 10, said.len - 10};
        if (!read_lock(c->session->client, request->args[2 + key], content, &c->held))
            return pz__fail(err, PZ_ERR_CORRUPT, "a lock in a Redis store is damaged");
        return conflict(err);
    }
    return nonsense(err);
}

/* Wait until what stood in the way is settled, holding nothing, so that the next try may succeed.
 */
static void make_way(commit *c)
{
    bool is_pending = true, was_decided;
    const int64_t until_ms = pz__redis_now() + c->session->client->options.deadline_ms;
    c->session->fence = UINT64_MAX;
    for (int32_t pause = 1; is_pending && pz__redis_now() < until_ms;
         pause = pause < 64 ? 2 * pause : 64) {
        if (settle(c->session, &c->held, PZ__STR(LOCK_MS), &is_pending, &was_decided, NULL) !=
            PZ_OK)
            return;
        if (is_pending)
            pz__redis_sleep(pause);
    }
}

/* ---- committing in one slot ---- */

/* Whether a commit that may have been sent was carried out: asked, and, if so, confirmed. */
static pz_status ask_again(commit *c, const pz__request *sent, uint32_t again, pz_error *err)
{
    pz_status status = PZ_OK;
    c->session->fence = UINT64_MAX;
    sent->args[again] = PZ__STR("2");
    for (unsigned confirmed = 0; status == PZ_OK && confirmed < 2; confirmed++) {
        pz__request request = pz__request_new(sent->slot, sent->args, sent->arg_count);
        request.script = PZ__SCRIPT_COMMIT;
        request.echo = sent->echo;
        request.must_replicate = confirmed && sent->must_replicate;
        status = pz__round(c->session, &request, 1, err);
        if (status != PZ_OK)
            return not_known(err);
        status = judge(c, &request, err);
    }
    return status;
}

static pz_status commit_here(commit *c, pz_error *err)
{
    const uint32_t n = (uint32_t)c->count, again = 4 + 2 * n;
    pz_str *args = pz__args_new(c->session, 5 + 5 * n);
    if (!args)
        return no_memory(err);
    bool writes = false;
    args[3 + 2 * n] = c->id_text;
    args[again] = PZ__STR("0");
    for (uint32_t i = 0; i < n; i++) {
        const pz__item *item = &c->items[i];
        pz_str *own = &args[5 + 2 * n + 3 * i];
        args[3 + 2 * i] = item->name;
        args[4 + 2 * i] = lock_name(c->session, item->name);
        own[0] = expected_of(item);
        own[1] = action_text(item);
        if (!args[4 + 2 * i].data || !image(c->session, item, &own[2]))
            return no_memory(err);
        writes = writes || item->action != PZ__ITEM_CHECK;
    }
    pz__request request = pz__request_script(
        c->session, PZ__SCRIPT_COMMIT, pz__redis_slot(c->items[0].name), args, 5 + 5 * n, 2 * n);
    request.must_replicate = writes;
    request.again_arg = again;
    const pz_status status = pz__round(c->session, &request, 1, err);
    if (status == PZ_OK) {
        const pz_status judged = judge(c, &request, err);
        if (c->held.id)
            make_way(c);
        return judged;
    }
    if (!request.was_sent)
        return status;
    return status == PZ_ERR_BUSY ? ask_again(c, &request, again, err) : not_known(err);
}

/* ---- committing across slots ---- */

static pz_status lock_items(commit *c, size_t from, size_t to, size_t primary, pz_str decision,
                            size_t *locked, pz_error *err)
{
    size_t n = 0;
    const pz_str primary_name = c->items[primary].name;
    for (size_t i = from; i < to; i++) {
        const pz__item *item = &c->items[i];
        const bool is_primary = i == primary;
        if (item->action == PZ__ITEM_CHECK || (is_primary && to > from + 1))
            continue;
        pz_str bytes;
        char *room = NULL;
        if (image(c->session, item, &bytes))
            room = pz__arena_new(&c->session->arena, 4 + primary_name.len + bytes.len);
        if (!room)
            return no_memory(err);
        room[0] = action_text(item).data[0];
        for (unsigned digit = 0, left = (unsigned)primary_name.len; digit < 3; digit++, left /= 10)
            room[3 - digit] = (char)('0' + left % 10);
        memcpy(room + 4, primary_name.data, primary_name.len);
        memcpy(room + 4 + primary_name.len, bytes.data, bytes.len);
        const pz_str argv[3] = {
            c->id_text, expected_of(item), {room, 4 + primary_name.len + bytes.len}};
        if (!add_script(c->session, &c->requests[n], PZ__SCRIPT_LOCK, item->name,
                        is_primary ? decision : (pz_str){NULL, 0}, argv, 3))
            return no_memory(err);
        c->requests[n++].must_replicate = true;
    }
    *locked += n;
    pz_status status = pz__round(c->session, c->requests, n, err);
    for (size_t i = 0; status == PZ_OK && i < n; i++)
        status = judge(c, &c->requests[i], err);
    return status;
}

static pz_status check_read(commit *c, pz_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < c->count; i++) {
        const pz__item *item = &c->items[i];
        if (item->action != PZ__ITEM_CHECK)
            continue;
        const pz_str argv[4] = {c->id_text, PZ__STR("0"), expected_of(item), PZ__STR("r")};
        if (!add_script(c->session, &c->requests[n++], PZ__SCRIPT_COMMIT, item->name,
                        (pz_str){NULL, 0}, argv, 4))
            return no_memory(err);
    }
    if (n == 0)
        return PZ_OK;
    pz_status status = pz__round(c->session, c->requests, n, err);
    for (size_t i = 0; status == PZ_OK && i < n; i++)
        status = judge(c, &c->requests[i], err);
    return status;
}

/* Run APPLY or UNDO over the items written, as far as that goes: others do what is left. A decision
 * may be forgotten once replicas confirm that it was applied: one that still had the lock and
 * became the master would take the transaction for broken off. */
static pz_status finish(commit *c, pz__script script, size_t except, int32_t deadline_ms)
{
    size_t n = 0;
    c->session->fence = UINT64_MAX;
    c->session->deadline_ms = deadline_ms;
    for (size_t i = 0; i < c->count; i++) {
        if (c->items[i].action == PZ__ITEM_CHECK || i == except)
            continue;
        if (!add_script(c->session, &c->requests[n], script, c->items[i].name, (pz_str){NULL, 0},
                        &c->id_text, 1))
            return PZ_ERR_NOMEM;
        c->requests[n++].must_replicate = script == PZ__SCRIPT_APPLY;
    }
    return pz__round(c->session, c->requests, n, NULL);
}

/* The decision is forgotten once nobody can ask for it any more. */
static void forget(commit *c, pz_str primary, pz_str decision)
{
    pz_str *args = pz__args_new(c->session, 2);
    if (!args)
        return;
    args[0] = PZ__STR("DEL");
    args[1] = decision;
    pz__request request = pz__request_new(pz__redis_slot(primary), args, 2);
    pz__round(c->session, &request, 1, NULL);
}

static pz_status decide(commit *c, pz_str primary, pz_str decision, pz_error *err)
{
    pz__request *request = &c->requests[0];
    if (!add_script(c->session, request, PZ__SCRIPT_DECIDE, primary, decision, &c->id_text, 1))
        return no_memory(err);
    request->must_replicate = true;
    pz_status status = pz__round(c->session, request, 1, err);
    if (status == PZ_OK)
        return judge(c, request, err);
    if (!request->was_sent)
        return status;
    if (request->reply && status != PZ_ERR_BUSY) /* decided, but not confirmed by replicas */
        return not_known(err);
    bool is_pending, was_decided;
    const lock own = {primary, c->id, primary};
    c->session->fence = UINT64_MAX;
    if (settle(c->session, &own, PZ__STR("-1"), &is_pending, &was_decided, err) != PZ_OK)
        return not_known(err);
    if (!was_decided)
        return conflict(err);
    return c->session->wait_count ? not_known(err) : PZ_OK;
}

static pz_status commit_across(commit *c, size_t primary, pz_error *err)
{
    const pz_str name = c->items[primary].name;
    const pz_str decision = decision_name(c->session, name, c->id);
    const int32_t patient = c->session->deadline_ms;
    size_t locked = 0;
    if (!decision.data)
        return no_memory(err);
    pz_status status = lock_items(c, primary, primary + 1, primary, decision, &locked, err);
    if (status == PZ_OK)
        status = lock_items(c, 0, c->count, primary, decision, &locked, err);
    if (status == PZ_OK)
        status = check_read(c, err);
    const bool reached = status == PZ_OK;
    if (reached)
        status = decide(c, name, decision, err);
    if (status == PZ_OK) {
        if (locked < 2 || finish(c, PZ__SCRIPT_APPLY, primary, patient) == PZ_OK)
            forget(c, name, decision);
    } else if (!reached || status == PZ_ERR_BUSY) {
        finish(c, PZ__SCRIPT_UNDO, c->count, c->session->client->options.timeout_ms);
        if (c->held.id)
            make_way(c);
    }
    c->session->deadline_ms = patient;
    return status;
}

/* ---- committing ---- */

pz_status pz__items_commit(pz__session *session, pz__item *items, size_t count, pz_error *err)
{
    uint8_t random[16];
    commit c = {.session = session, .items = items, .count = count};
    size_t primary = count;
    bool is_one_slot = true;
    pz__uuid_new(random);
    memcpy(c.id, random, PZ__ITEM_ID); /* not all zero: the version of a UUID stands in it */
    c.id_text = (pz_str){c.id, PZ__ITEM_ID};
    for (size_t i = 0; i < count; i++) {
        if (primary == count && items[i].action != PZ__ITEM_CHECK)
            primary = i;
        if (pz__redis_slot(items[i].name) != pz__redis_slot(items[0].name))
            is_one_slot = false;
    }
    if (primary == count)
        return PZ_OK;
    pz_status status = pz__client_map(session, err);
    if (status != PZ_OK)
        return status;
    if (is_one_slot || !atomic_load(&session->client->is_cluster))
        return commit_here(&c, err);
    c.requests = pz__arena_array(&session->arena, count, sizeof *c.requests);
    if (!c.requests)
        return no_memory(err);
    return commit_across(&c, primary, err);
}
