/*
 * redis_client.c: rounds of commands, and what becomes of them when servers move, fail or lie.
 *
 * A round sends every pending request to the node that owns its slot, all nodes first, and then
 * reads all answers. What was not answered, or was answered by "not here" or "not now", stays
 * pending for the next attempt; between attempts the map of slots is asked for anew if anything
 * hinted at it, and, where waiting may help, some time passes (doubled each time, with chance in
 * it). The whole ends when all is answered, when a server refuses for good, or at the deadline.
 *
 *     MOVED        go there, and ask for the map        ASK      go there once, announced
 *     TRYAGAIN, CLUSTERDOWN, LOADING, READONLY, ...     wait, ask for the map, try again
 *     NOSCRIPT     send the text instead of its name    OOM      PZ_ERR_FULL
 *     WRONGTYPE    PZ_ERR_CORRUPT
 *     silence, an end, nonsense                         close the connection, try again
 *
 * Answers are told apart by their order alone. So those of scripts name what they answer, and other
 * commands are followed by a PING with a word of chance: only if that comes back behind the
 * answers, they are believed.
 *
 * A request may be carried out twice when its answer was lost. So all requests are made such that
 * this changes nothing (redis_script.c); those that want to know get `again_arg` set.
 *
 * A session with a fence sends nothing once the epoch (redis_map.c) has passed it, because what it
 * has to write was made for the master that was.
 *
 * A server that answers wrongly in Redis' own words, and in step, is believed: there is nothing to
 * tell it by.
 *
 * Error texts of servers are passed on in printable ASCII; addresses are told, never users or
 * passwords.
 *
 * Not here: the servers and their map (redis_map.c), sockets (redis_wire.c), what is stored
 * (redis_item.c).
 */
#include "store/redis_map.h"

#include <unistd.h>

#include "base/error.h"
#include "base/number.h"
#include "base/uuid.h"

#define ARENA_KEPT (1u << 20)
#define BACKOFF_MAX_MS 128

/* ---- clients and sessions ---- */

void pz__client_init(pz__client *client, const pz_alloc *alloc)
{
    client->alloc = *alloc;
    for (unsigned i = 0; i < PZ__SCRIPT_COUNT; i++)
        pz__script_sha(pz__script_text((pz__script)i), client->shas[i]);
    for (unsigned i = 0; i < PZ__SLOTS; i++)
        atomic_init(&client->owners[i], PZ__NODE_NONE);
    atomic_init(&client->epoch, 1);
}

static void session_free(pz__session *session)
{
    if (!session)
        return;
    for (unsigned i = 0; i < PZ__NODES_MAX; i++)
        pz__wire_close(session->wires[i]);
    pz__arena_clear(&session->arena);
    pz__buf_clear(&session->out);
    const pz_alloc alloc = session->client->alloc;
    pz__mem_free(&alloc, session, 1, sizeof *session);
}

void pz__client_clear(pz__client *client)
{
    for (unsigned i = 0; i < PZ__SESSIONS_MAX; i++)
        session_free(atomic_exchange(&client->idle[i], NULL));
}

static pz_status session_new(pz__client *client, pz__session **out, pz_error *err)
{
    uint8_t random[16];
    pz__session *session = pz__mem_zero(&client->alloc, 1, sizeof *session);
    if (!session)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory in a Redis store");
    session->client = client;
    session->process = pz__process();
    pz__arena_init(&session->arena, &client->alloc, 0);
    pz__buf_init(&session->out, &client->alloc, SIZE_MAX / 2);
    pz__uuid_new(random);
    memcpy(&session->random, random, sizeof session->random);
    session->fence = UINT64_MAX;
    session->deadline_ms = client->options.deadline_ms;
    session->wait_count = client->options.wait_count;
    *out = session;
    return PZ_OK;
}

/* A session of the parent's is dropped in a forked child: its connections are not ours. */
pz_status pz__session_take(pz__client *client, pz__session **out, pz_error *err)
{
    const pid_t self = pz__process();
    for (unsigned i = 0; i < PZ__SESSIONS_MAX; i++) {
        if (!atomic_load(&client->idle[i]))
            continue;
        pz__session *session = atomic_exchange(&client->idle[i], NULL);
        if (!session)
            continue;
        if (session->process == self) {
            *out = session;
            return PZ_OK;
        }
        session_free(session);
    }
    return session_new(client, out, err);
}

void pz__session_give(pz__session *session)
{
    pz__client *client = session->client;
    if (session->arena.reserved > ARENA_KEPT)
        pz__arena_clear(&session->arena);
    else
        pz__arena_reset(&session->arena);
    if (session->out.cap > ARENA_KEPT)
        pz__buf_clear(&session->out);
    pz__buf_reset(&session->out);
    session->fence = UINT64_MAX;
    session->deadline_ms = client->options.deadline_ms;
    session->wait_count = client->options.wait_count;
    for (unsigned i = 0; i < PZ__SESSIONS_MAX; i++) {
        pz__session *none = NULL;
        if (atomic_compare_exchange_strong(&client->idle[i], &none, session))
            return;
    }
    session_free(session);
}

/* xorshift64: for pauses only. */
static uint32_t chance(pz__session *session, uint32_t below)
{
    uint64_t x = session->random | 1;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    session->random = x;
    return (uint32_t)((x >> 16) % below);
}

/* ---- answers ---- */

/* "MOVED 3999 127.0.0.1:6381", and ASK alike. Only ASK may name a server that the map does not
 * know: one that has no slots yet. */
static uint16_t redirected(pz__client *client, uint16_t from, pz_str text)
{
    const char *end = text.data + text.len;
    const char *space = memchr(text.data, ' ', text.len);
    space = space ? memchr(space + 1, ' ', (size_t)(end - space - 1)) : NULL;
    const char *colon = space ? memrchr(space, ':', (size_t)(end - space)) : NULL;
    if (!colon)
        return PZ__NODE_NONE;
    uint32_t port = 0;
    for (const char *c = colon + 1; c < end && *c >= '0' && *c <= '9' && port < 65536; c++)
        port = port * 10 + (uint32_t)(*c - '0');
    pz_str host = {space + 1, (size_t)(colon - space - 1)};
    if (host.len == 0)
        host = pz_str_of(client->nodes[from].host);
    if (port == 0 || port > 65535)
        return PZ__NODE_NONE;
    return pz__redis_begins(text, "ASK") ? pz__client_node(client, host, (uint16_t)port)
                                         : pz__client_find(client, host, (uint16_t)port);
}

static void refuse(pz__session *session, uint16_t node, pz_status status, const char *text,
                   pz__trouble *t)
{
    pz__trouble_note(t, session, node, status, text);
    t->hard = status;
}

static void follow(pz__session *session, pz__request *r, pz_str text, pz__trouble *t)
{
    pz__client *client = session->client;
    const uint16_t to = redirected(client, r->target, text);
    r->is_asking = pz__redis_begins(text, "ASK");
    r->told = to;
    if (to == PZ__NODE_NONE) {
        t->must_wait = t->must_map = true;
        return;
    }
    if (!r->is_asking) {
        t->must_map = true;
        if (!pz__node_is_master(client, to))
            atomic_fetch_add(&client->epoch, 1);
    }
}

/* Name a script by its text from now on. */
static void send_text(pz__request *r)
{
    r->args[0] = PZ__STR("EVAL");
    r->args[1] = pz__script_text((pz__script)r->script);
}

static void take_error(pz__session *session, pz__request *r, pz_str said, pz__trouble *t)
{
    static const char *const passing[] = {"TRYAGAIN", "CLUSTERDOWN", "LOADING",  "MASTERDOWN",
                                          "BUSY ",    "NOREPLICAS",  "READONLY", "UNBLOCKED"};
    char text[160];
    pz__redis_printable(text, said);
    r->was_sent = r->was_lost;
    if (pz__redis_begins(said, "MOVED ") || pz__redis_begins(said, "ASK ")) {
        pz__trouble_note(t, session, r->target, PZ_ERR_IO, text);
        follow(session, r, said, t);
        return;
    }
    if (pz__redis_begins(said, "NOSCRIPT") && r->script < PZ__SCRIPT_COUNT) {
        send_text(r);
        return;
    }
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++)
        if (pz__redis_begins(said, passing[i]) || (i == 6 && strstr(text, "-READONLY"))) {
            pz__trouble_note(t, session, r->target, PZ_ERR_IO, text);
            t->must_wait = t->must_map = true;
            return;
        }
    const bool is_full = pz__redis_begins(said, "OOM") || strstr(text, "-OOM");
    const bool is_strange = pz__redis_begins(said, "WRONGTYPE") || strstr(text, "-WRONGTYPE");
    refuse(session, r->target,
           is_full      ? PZ_ERR_FULL
           : is_strange ? PZ_ERR_CORRUPT
                        : PZ_ERR_IO,
           is_strange ? "a key under the store's prefix holds what no store wrote (WRONGTYPE): "
                        "another program writes there"
                      : text,
           t);
}

static bool has_writes(const pz__session *session, const pz__request *requests, size_t count,
                       uint16_t node)
{
    for (size_t i = 0; session->wait_count && i < count; i++)
        if (!requests[i].is_done && requests[i].target == node && requests[i].must_replicate)
            return true;
    return false;
}

/* Whether answers of a node name nothing that they could be known by. */
static bool has_plain(const pz__request *requests, size_t count, uint16_t node)
{
    for (size_t i = 0; i < count; i++)
        if (!requests[i].is_done && requests[i].target == node &&
            requests[i].script == PZ__SCRIPT_COUNT)
            return true;
    return false;
}

/* ---- one attempt ---- */

static void put_wait(pz__session *session)
{
    const pz__redis_options *options = &session->client->options;
    char digits[2][PZ__DIGITS];
    const pz_str args[3] = {
        PZ__STR("WAIT"),
        {digits[0], pz__uint_print(session->wait_count, digits[0])},
        {digits[1], pz__uint_print((uint64_t)options->wait_ms, digits[1])},
    };
    pz__wire_command(&session->out, args, 3);
}

static bool is_fenced(const pz__session *session)
{
    return session->fence < UINT64_MAX && atomic_load(&session->client->epoch) != session->fence;
}

static void send_to(pz__session *session, uint16_t node, pz__request *requests, size_t count,
                    int64_t until_ms, pz__trouble *t)
{
    const pz_str asking = PZ__STR("ASKING");
    pz_error why = PZ_ERROR_INIT;
    if (!pz__node_reach(session, node, until_ms, t))
        return;
    if (is_fenced(session))
        return; /* the greeting told of another history */
    pz__buf_reset(&session->out);
    for (size_t i = 0; i < count; i++) {
        pz__request *r = &requests[i];
        if (r->is_done || r->target != node)
            continue;
        if (r->told == node && r->is_asking)
            pz__wire_command(&session->out, &asking, 1);
        if (r->was_sent && r->again_arg)
            r->args[r->again_arg] = PZ__STR("1");
        pz__wire_command(&session->out, r->args, r->arg_count);
    }
    if (has_plain(requests, count, node)) {
        const pz_str ping[2] = {PZ__STR("PING"), {session->nonce, PZ__NONCE}};
        pz__wire_command(&session->out, ping, 2);
    }
    if (has_writes(session, requests, count, node))
        put_wait(session);
    if (session->out.status != PZ_OK) {
        t->hard = session->out.status;
        pz__fail(&t->why, t->hard, "out of memory in a Redis store");
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (!requests[i].is_done && requests[i].target == node)
            requests[i].was_sent = requests[i].is_on_wire = true;
    if (pz__wire_send(session->wires[node], session->out.data, session->out.len,
                      pz__node_patience(session, until_ms), &why) != PZ_OK)
        pz__node_lose(session, node, &why, t);
}

/* Too few replicas confirmed: what was written there is not acknowledged yet. */
static void unconfirm(pz__session *session, uint16_t node, pz__request *requests, size_t count,
                      int64_t confirmed, pz__trouble *t)
{
    pz_error why = PZ_ERROR_INIT;
    for (size_t i = 0; i < count; i++)
        if (requests[i].target == node && requests[i].must_replicate && requests[i].is_done) {
            requests[i].is_done = false;
            requests[i].was_lost = true;
        }
    pz__fail(&why, PZ_ERR_IO, "%u of %u replicas confirmed the write within %u ms",
             (unsigned)confirmed, session->wait_count, (unsigned)session->client->options.wait_ms);
    pz__fail_node(session, node, &why, &t->why);
    t->must_wait = t->must_map = true;
}

static pz_status read_wait(pz__session *session, uint16_t node, pz__request *requests, size_t count,
                           int64_t until_ms, pz__trouble *t, pz_error *err)
{
    const pz__redis_options *options = &session->client->options;
    const pz__patience patience = {until_ms + options->wait_ms,
                                   options->timeout_ms + options->wait_ms};
    pz__reply *reply;
    const pz_status status = pz__wire_read(session->wires[node], &reply, patience, err);
    if (status != PZ_OK) {
        unconfirm(session, node, requests, count, 0, t);
        return status;
    }
    if (reply->kind != PZ__REPLY_INTEGER || reply->integer < (int64_t)session->wait_count)
        unconfirm(session, node, requests, count,
                  reply->kind == PZ__REPLY_INTEGER ? reply->integer : 0, t);
    return PZ_OK;
}

static pz_status out_of_step(pz_error *err)
{
    return pz__fail(err, PZ_ERR_IO, "its answers are out of step");
}

/* Whether it is the answer to this script. An error names nothing, and changed nothing. */
static bool answers(const pz__request *r)
{
    const pz_str text = r->answer->text;
    return r->answer->kind == PZ__REPLY_ERROR ||
           (r->answer->kind == PZ__REPLY_TEXT && text.len >= r->echo.len &&
            memcmp(text.data, r->echo.data, r->echo.len) == 0);
}

/* Read the answers to what was sent to a node, in order, and what has to stand behind them. */
static pz_status read_answers(pz__session *session, uint16_t node, pz__request *requests,
                              size_t count, pz__patience patience, pz_error *err)
{
    pz__wire *wire = session->wires[node];
    const bool is_plain = has_plain(requests, count, node);
    pz__reply *last;
    pz_status status = PZ_OK;
    for (size_t i = 0; i < count && status == PZ_OK; i++) {
        pz__request *r = &requests[i];
        if (r->is_done || r->target != node)
            continue;
        if (r->told == node && r->is_asking)
            status = pz__wire_read(wire, &r->answer, patience, err);
        if (status == PZ_OK)
            status = pz__wire_read(wire, &r->answer, patience, err);
        if (status == PZ_OK && r->echo.len && !answers(r))
            status = out_of_step(err);
    }
    if (status == PZ_OK && is_plain) {
        status = pz__wire_read(wire, &last, patience, err);
        if (status == PZ_OK && (last->kind != PZ__REPLY_TEXT ||
                                !pz__str_equal(last->text, (pz_str){session->nonce, PZ__NONCE})))
            status = out_of_step(err);
    }
    return status;
}

static void take_answer(pz__session *session, pz__request *r, pz__trouble *t)
{
    r->told = PZ__NODE_NONE;
    r->is_on_wire = false;
    if (r->answer->kind == PZ__REPLY_ERROR) {
        take_error(session, r, r->answer->text, t);
    } else {
        r->reply = r->answer;
        r->is_done = true;
    }
}

static void read_from(pz__session *session, uint16_t node, pz__request *requests, size_t count,
                      int64_t until_ms, pz__trouble *t)
{
    pz_error why = PZ_ERROR_INIT;
    const pz__patience patience = pz__node_patience(session, until_ms);
    const bool waits = has_writes(session, requests, count, node);
    pz_status status = read_answers(session, node, requests, count, patience, &why);
    for (size_t i = 0; status == PZ_OK && i < count; i++)
        if (requests[i].is_on_wire && requests[i].target == node)
            take_answer(session, &requests[i], t);
    if (status == PZ_OK && waits)
        status = read_wait(session, node, requests, count, until_ms, t, &why);
    if (status != PZ_OK)
        pz__node_lose(session, node, &why, t);
}

static bool was_sent_to(const pz__request *requests, size_t count, uint16_t node)
{
    for (size_t i = 0; i < count; i++)
        if (requests[i].is_on_wire && requests[i].target == node)
            return true;
    return false;
}

/* Give every pending request its node; `used` marks them. */
static void aim(pz__session *session, pz__request *requests, size_t count, bool used[PZ__NODES_MAX],
                pz__trouble *t)
{
    for (size_t i = 0; i < count; i++) {
        pz__request *r = &requests[i];
        r->is_on_wire = false;
        if (r->is_done)
            continue;
        if (r->node != PZ__NODE_NONE && !pz__node_is_master(session->client, r->node)) {
            t->hard = PZ_ERR_BUSY;
            pz__fail(&t->why, PZ_ERR_BUSY, "a Redis server is no master any more: begin again");
            return;
        }
        r->target = r->node != PZ__NODE_NONE   ? r->node
                    : r->told != PZ__NODE_NONE ? r->told
                                               : atomic_load(&session->client->owners[r->slot]);
        if (r->target == PZ__NODE_NONE) {
            pz__fail(&t->why, PZ_ERR_IO, "no server of the cluster serves slot %u",
                     (unsigned)r->slot);
            t->must_wait = t->must_map = true;
        } else {
            used[r->target] = true;
        }
    }
}

static void make_nonce(pz__session *session)
{
    chance(session, 2);
    for (unsigned i = 0; i < PZ__NONCE; i++)
        session->nonce[i] = "0123456789abcdef"[session->random >> (4 * i) & 15];
}

static void attempt(pz__session *session, pz__request *requests, size_t count, int64_t until_ms,
                    pz__trouble *t)
{
    bool used[PZ__NODES_MAX] = {false};
    make_nonce(session);
    aim(session, requests, count, used, t);
    for (unsigned i = 0; i < PZ__NODES_MAX && t->hard == PZ_OK; i++)
        if (used[i] && !is_fenced(session))
            send_to(session, (uint16_t)i, requests, count, until_ms, t);
    /* A node that could not be sent everything has no wire any more. After a hard failure the rest
     * of the answers would be left on the wires: they are closed. */
    for (unsigned i = 0; i < PZ__NODES_MAX; i++)
        if (used[i] && session->wires[i] && was_sent_to(requests, count, (uint16_t)i)) {
            if (t->hard == PZ_OK) {
                read_from(session, (uint16_t)i, requests, count, until_ms, t);
            } else {
                pz__wire_close(session->wires[i]);
                session->wires[i] = NULL;
            }
        }
    for (size_t i = 0; i < count; i++) {
        pz__request *r = &requests[i];
        if (r->is_done)
            continue;
        if (r->is_on_wire)
            r->was_lost = true;
        /* A redirection is followed once; what told it may have changed its mind. */
        if (r->told == r->target)
            r->told = PZ__NODE_NONE;
    }
}

static bool all_done(const pz__request *requests, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!requests[i].is_done)
            return false;
    return true;
}

static void pause_before(pz__session *session, unsigned tries, int64_t until_ms)
{
    const unsigned doubled = tries < 6 ? tries : 6;
    int32_t most = 4 << doubled;
    if (most > BACKOFF_MAX_MS)
        most = BACKOFF_MAX_MS;
    int64_t ms = most / 2 + chance(session, (uint32_t)most / 2);
    const int64_t left = until_ms - pz__redis_now();
    pz__redis_sleep((int32_t)(ms < left ? ms : left > 0 ? left : 0));
}

static pz_status give_up(const pz__trouble *t, pz_status status, int32_t ms, pz_error *err)
{
    if (t->hard != PZ_OK)
        return pz__fail(err, status, "%s", t->why.message[0] ? t->why.message : "out of memory");
    return pz__fail(err, status, "no success within %u ms; last: %s", (unsigned)ms,
                    t->why.message[0] ? t->why.message : "no answer");
}

pz_status pz__round(pz__session *session, pz__request *requests, size_t count, pz_error *err)
{
    const int32_t deadline_ms = session->deadline_ms;
    const int64_t until_ms = pz__redis_now() + deadline_ms;
    pz__trouble t = {.hard = PZ_OK, .why = PZ_ERROR_INIT, .until_ms = until_ms};
    t.must_map = !atomic_load(&session->client->is_mapped);
    for (unsigned tries = 0;; tries++) {
        const bool is_ready = !t.must_map || pz__map_renew(session, until_ms, &t);
        t.must_wait = !is_ready;
        t.must_map = !is_ready;
        if (is_fenced(session))
            return pz__fail(err, PZ_ERR_BUSY, "a Redis server was replaced: begin again");
        if (is_ready && t.hard == PZ_OK)
            attempt(session, requests, count, until_ms, &t);
        if (t.hard != PZ_OK)
            return give_up(&t, t.hard, deadline_ms, err);
        if (is_ready && all_done(requests, count))
            return PZ_OK;
        if (pz__redis_now() >= until_ms)
            return give_up(&t, PZ_ERR_IO, deadline_ms, err);
        if (t.must_wait || tries > 4)
            pause_before(session, tries, until_ms);
    }
}

pz_status pz__client_map(pz__session *session, pz_error *err)
{
    if (atomic_load(&session->client->is_mapped))
        return PZ_OK;
    return pz__round(session, NULL, 0, err);
}

/* ---- all masters ---- */

static int compare_histories(const void *a, const void *b)
{
    return memcmp(a, b, PZ__HISTORY_LEN);
}

static void sort_histories(char *all, size_t count)
{
    char moving[PZ__HISTORY_LEN];
    for (size_t i = 1; i < count; i++) {
        size_t at = i;
        memcpy(moving, all + i * PZ__HISTORY_LEN, sizeof moving);
        for (; at > 0 && compare_histories(all + (at - 1) * PZ__HISTORY_LEN, moving) > 0; at--)
            memcpy(all + at * PZ__HISTORY_LEN, all + (at - 1) * PZ__HISTORY_LEN, sizeof moving);
        memcpy(all + at * PZ__HISTORY_LEN, moving, sizeof moving);
    }
}

pz_status pz__client_masters(pz__session *session, pz__buf *out, uint16_t nodes[PZ__NODES_MAX],
                             size_t *count, pz_error *err)
{
    pz__client *client = session->client;
    pz__request requests[PZ__NODES_MAX];
    *count = 0;
    pz_status status = pz__client_map(session, err);
    for (unsigned i = 0; status == PZ_OK && i < atomic_load(&client->node_count); i++) {
        if (!pz__node_is_master(client, (uint16_t)i))
            continue;
        pz_str *args = pz__args_new(session, 1);
        if (!args)
            return pz__fail(err, PZ_ERR_NOMEM, "out of memory in a Redis store");
        args[0] = PZ__STR("PING");
        requests[*count] = pz__request_new(0, args, 1);
        requests[*count].node = (uint16_t)i;
        pz__node_doubt(session, (uint16_t)i);
        nodes[(*count)++] = (uint16_t)i;
    }
    if (status == PZ_OK)
        status = pz__round(session, requests, *count, err);
    if (status != PZ_OK || !out)
        return status;
    const size_t before = out->len;
    for (size_t i = 0; i < *count; i++)
        pz__buf_put(out, session->histories[nodes[i]], PZ__HISTORY_LEN);
    if (out->status == PZ_OK)
        sort_histories(out->data + before, *count);
    return out->status;
}

/* ---- making requests ---- */

pz_str *pz__args_new(pz__session *session, uint32_t count)
{
    return pz__arena_zero(&session->arena, count, sizeof(pz_str));
}

pz__request pz__request_new(uint16_t slot, pz_str *args, uint32_t count)
{
    return (pz__request){
        .args = args,
        .arg_count = count,
        .slot = slot,
        .node = PZ__NODE_NONE,
        .script = PZ__SCRIPT_COUNT,
        .told = PZ__NODE_NONE,
        .target = PZ__NODE_NONE,
    };
}

pz__request pz__request_script(pz__session *session, pz__script script, uint16_t slot, pz_str *args,
                               uint32_t count, uint32_t key_count)
{
    pz__request request = pz__request_new(slot, args, count);
    char *digits = pz__arena_new(&session->arena, PZ__DIGITS);
    request.script = (uint8_t)script;
    args[0] = PZ__STR("EVALSHA");
    args[1] = pz_str_of(session->client->shas[script]);
    /* Without memory the number stays empty, which a server refuses. */
    args[2] = digits ? (pz_str){digits, pz__uint_print(key_count, digits)} : (pz_str){NULL, 0};
    request.echo = args[3 + key_count];
    return request;
}
