/*
 * redis_map.c: which servers there are, what they say of themselves, and who owns which slot.
 *
 * Nodes are noted once and never removed: their numbers index the sessions' connections. Owners of
 * slots are atomics, so a round reads the map while another thread renews it; a stale owner costs a
 * MOVED.
 *
 * A server is greeted when a connection to it is made, and again once a second has gone by. It
 * tells its history: a number that Redis changes whenever a server starts and whenever one becomes
 * a master. The epoch counts whenever a server appears among the masters, or one that is known
 * tells another history: that one may lack the last writes of its predecessor, or of its own past
 * life. What was a master, was replaced and is a master again, all within a second, is not told
 * apart; a cluster's node timeout is longer than that.
 *
 * The map comes from whichever node answers first; each look begins at another one. It names each
 * node by its address and by an id of chance; who says of itself the same is a member that has been
 * met. Who answers at an address under another id is somebody else, who may have come by an address
 * that was free: nothing is asked of it, and its map is not believed unless that id is a member's.
 * Before one has been met, whoever answers at the addresses that the caller gave is believed.
 */
#include "store/redis_map.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/number.h"

/* How long what a server told of itself is relied upon. */
#define GREETING_MS 1000

/* ---- nodes ---- */

uint16_t pz__client_find(const pz__client *client, pz_str host, uint16_t port)
{
    const unsigned count = atomic_load(&client->node_count);
    for (unsigned i = 0; i < count; i++)
        if (client->nodes[i].port == port && pz__str_equal(host, pz_str_of(client->nodes[i].host)))
            return (uint16_t)i;
    return PZ__NODE_NONE;
}

uint16_t pz__client_node(pz__client *client, pz_str host, uint16_t port)
{
    uint16_t found = pz__client_find(client, host, port);
    if (found != PZ__NODE_NONE || host.len == 0 || host.len >= PZ__HOST_MAX || port == 0)
        return found;
    pz__fork_lock_take(&client->adding);
    found = pz__client_find(client, host, port);
    const unsigned count = atomic_load(&client->node_count);
    if (found == PZ__NODE_NONE && count < PZ__NODES_MAX) {
        pz__node *node = &client->nodes[count];
        memcpy(node->host, host.data, host.len);
        node->host[host.len] = '\0';
        node->port = port;
        atomic_store(&client->node_count, count + 1);
        found = (uint16_t)count;
    }
    pz__fork_lock_give(&client->adding);
    return found;
}

bool pz__node_is_master(const pz__client *client, uint16_t node)
{
    for (unsigned i = 0; i < PZ__SLOTS; i++)
        if (atomic_load_explicit(&client->owners[i], memory_order_relaxed) == node)
            return true;
    return false;
}

/* ---- failures ---- */

void pz__redis_printable(char out[160], pz_str text)
{
    size_t len = text.len < 159 ? text.len : 159;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(text.data[i] >= ' ' && text.data[i] <= '~' ? text.data[i] : '?');
    out[len] = '\0';
}

bool pz__redis_begins(pz_str text, const char *with)
{
    const size_t len = strlen(with);
    return text.len >= len && memcmp(text.data, with, len) == 0;
}

pz_status pz__fail_node(const pz__session *session, uint16_t node, const pz_error *why,
                        pz_error *err)
{
    const pz__node *at = &session->client->nodes[node];
    return pz__fail(err, why->status, "Redis at %s:%u: %s", at->host, (unsigned)at->port,
                    why->message);
}

void pz__trouble_note(pz__trouble *t, const pz__session *session, uint16_t node, pz_status status,
                      const char *text)
{
    pz_error why = PZ_ERROR_INIT;
    pz__fail(&why, status, "%s", text);
    pz__fail_node(session, node, &why, &t->why);
}

void pz__node_lose(pz__session *session, uint16_t node, const pz_error *why, pz__trouble *t)
{
    pz__wire_close(session->wires[node]);
    session->wires[node] = NULL;
    if (!t->why.message[0] || pz__redis_now() < t->until_ms)
        pz__fail_node(session, node, why, &t->why);
    if (why->status == PZ_ERR_NOMEM)
        t->hard = PZ_ERR_NOMEM;
    t->must_wait = t->must_map = true;
}

/* ---- greeting ---- */

typedef struct greeting {
    pz_str server, replication;
    pz_status refused; /* for good */
} greeting;

static pz_str info_field(pz_str text, pz_str name)
{
    for (size_t at = 0; at + name.len <= text.len;) {
        const char *line = text.data + at;
        const char *end = memchr(line, '\r', text.len - at);
        const size_t len = end ? (size_t)(end - line) : text.len - at;
        if (len >= name.len && memcmp(line, name.data, name.len) == 0)
            return (pz_str){line + name.len, len - name.len};
        at += len + 2;
    }
    return (pz_str){NULL, 0};
}

/* What is to be said before the questions: by whom it is used, and which database. */
static unsigned introduce(pz__session *session)
{
    const pz__redis_options *options = &session->client->options;
    pz__buf *out = &session->out;
    if (options->password[0]) {
        const bool named = options->user[0];
        const pz_str args[3] = {PZ__STR("AUTH"),
                                named ? pz_str_of(options->user) : pz_str_of(options->password),
                                pz_str_of(options->password)};
        pz__wire_command(out, args, named ? 3 : 2);
    }
    if (options->database) {
        char digits[PZ__DIGITS];
        const pz_str args[2] = {PZ__STR("SELECT"),
                                {digits, pz__uint_print(options->database, digits)}};
        pz__wire_command(out, args, 2);
    }
    return (options->password[0] != 0) + (options->database != 0);
}

static void ask_who(pz__session *session)
{
    const pz_str server[2] = {PZ__STR("INFO"), PZ__STR("server")};
    const pz_str replication[2] = {PZ__STR("INFO"), PZ__STR("replication")};
    pz__wire_command(&session->out, server, 2);
    pz__wire_command(&session->out, replication, 2);
}

/* What a server may say in place of an answer and take back later. */
static bool is_passing(pz_str said)
{
    return pz__redis_begins(said, "LOADING") || pz__redis_begins(said, "BUSY ") ||
           pz__redis_begins(said, "MASTERDOWN") ||
           pz__redis_begins(said, "ERR max number of clients");
}

/* `before` answers to what introduced us, then the two that tell who it is. */
static pz_status read_greeting(pz__session *session, uint16_t node, unsigned before,
                               pz__patience patience, greeting *g, pz_error *err)
{
    for (unsigned i = 0; i < before + 2; i++) {
        pz__reply *reply;
        const pz_status status = pz__wire_read(session->wires[node], &reply, patience, err);
        if (status != PZ_OK)
            return status;
        if (reply->kind == PZ__REPLY_ERROR) {
            char text[160];
            const bool may_pass = is_passing(reply->text);
            pz__redis_printable(text, reply->text);
            if (!may_pass)
                g->refused = PZ_ERR_IO;
            const bool is_secret = i == 0 && before && session->client->options.password[0];
            return pz__fail(err, PZ_ERR_IO, "%s",
                            is_secret && !may_pass ? "it refuses the user or password" : text);
        }
        if (i >= before && reply->kind != PZ__REPLY_TEXT)
            return pz__fail(err, PZ_ERR_IO, "it does not answer as Redis does");
        if (i == before)
            g->server = reply->text;
        else if (i > before)
            g->replication = reply->text;
    }
    return PZ_OK;
}

static uint64_t hash_of(pz_str text)
{
    return pz__siphash(pz__fixed_key, text.data, text.len) | 1;
}

/* Remember who answers here; another history than before begins an epoch. */
static pz_status meet(pz__session *session, uint16_t node, const greeting *g, pz_error *err)
{
    pz__client *client = session->client;
    const pz_str history = info_field(g->replication, PZ__STR("master_replid:"));
    if (history.len != PZ__HISTORY_LEN)
        return pz__fail(err, PZ_ERR_IO, "it does not answer as Redis does");
    memcpy(session->histories[node], history.data, history.len);
    session->greeted_ms[node] = pz__redis_now();
    const uint64_t hash = hash_of(history);
    if (atomic_exchange(&client->nodes[node].history, hash) != hash)
        atomic_fetch_add(&client->epoch, 1);
    return PZ_OK;
}

static pz_status is_stranger(pz_error *err)
{
    return pz__fail(err, PZ_ERR_IO,
                    "it belongs to another cluster than the one this store was opened on");
}

static pz_status greet(pz__session *session, uint16_t node, bool is_new, pz__patience patience,
                       greeting *g, pz_error *err)
{
    pz__buf_reset(&session->out);
    const unsigned before = is_new ? introduce(session) : 0;
    ask_who(session);
    pz_status status = session->out.status;
    if (status != PZ_OK)
        return pz__fail(err, status, "out of memory");
    status =
        pz__wire_send(session->wires[node], session->out.data, session->out.len, patience, err);
    if (status == PZ_OK)
        status = read_greeting(session, node, before, patience, g, err);
    const pz_str mode = info_field(g->server, PZ__STR("redis_mode:"));
    if (status == PZ_OK && atomic_load(&session->client->is_cluster) &&
        !pz__str_equal(mode, PZ__STR("cluster")))
        status = pz__fail(err, PZ_ERR_IO, "it belongs to no cluster");
    if (is_new)
        session->is_identified[node] = false;
    return status == PZ_OK ? meet(session, node, g, err) : status;
}

pz__patience pz__node_patience(const pz__session *session, int64_t until_ms)
{
    return (pz__patience){until_ms, session->client->options.timeout_ms};
}

/* Make a connection, or see that the one there is still leads to a server that can be used. A
 * server may have closed one that lay idle: that is no failure. */
static bool reach_anew(pz__session *session, uint16_t node, int64_t until_ms, greeting *g,
                       pz__trouble *t)
{
    pz__client *client = session->client;
    const pz__patience patience = pz__node_patience(session, until_ms);
    pz_error why = PZ_ERROR_INIT;
    pz_status status = PZ_ERR_IO;
    if (session->wires[node]) {
        const int64_t began = pz__redis_now();
        status = greet(session, node, false, patience, g, &why);
        if (status != PZ_OK && pz__redis_now() - began < patience.step_ms) {
            pz__wire_close(session->wires[node]);
            session->wires[node] = NULL;
            *g = (greeting){.refused = PZ_OK};
        }
    }
    if (!session->wires[node]) {
        status = pz__wire_open(&session->wires[node], &client->alloc, &session->arena,
                               client->nodes[node].host, client->nodes[node].port, patience, &why);
        if (status == PZ_OK)
            status = greet(session, node, true, patience, g, &why);
    }
    if (status == PZ_OK)
        return true;
    pz__node_lose(session, node, &why, t);
    if (g->refused != PZ_OK)
        t->hard = g->refused;
    return false;
}

/* See that a node is the one that the map means. */
static pz_status identify(pz__session *session, uint16_t node, uint64_t known,
                          pz__patience patience, pz_error *err)
{
    const pz_str command[2] = {PZ__STR("CLUSTER"), PZ__STR("MYID")};
    pz__reply *reply;
    pz__buf_reset(&session->out);
    pz__wire_command(&session->out, command, 2);
    pz_status status = session->out.status;
    if (status != PZ_OK)
        return pz__fail(err, status, "out of memory");
    status =
        pz__wire_send(session->wires[node], session->out.data, session->out.len, patience, err);
    if (status == PZ_OK)
        status = pz__wire_read(session->wires[node], &reply, patience, err);
    if (status != PZ_OK)
        return status;
    if (reply->kind != PZ__REPLY_TEXT || hash_of(reply->text) != known)
        return is_stranger(err);
    session->is_identified[node] = true;
    atomic_store(&session->client->nodes[node].is_met, true);
    return PZ_OK;
}

/* A connection to whoever answers there, greeted lately. */
static bool reach(pz__session *session, uint16_t node, int64_t until_ms, pz__trouble *t)
{
    greeting g = {.refused = PZ_OK};
    if (session->wires[node] && pz__redis_now() - session->greeted_ms[node] < GREETING_MS)
        return true;
    return reach_anew(session, node, until_ms, &g, t);
}

bool pz__node_reach(pz__session *session, uint16_t node, int64_t until_ms, pz__trouble *t)
{
    const uint64_t id = atomic_load(&session->client->nodes[node].id);
    pz_error why = PZ_ERROR_INIT;
    if (!reach(session, node, until_ms, t))
        return false;
    if (id == 0 || session->is_identified[node] ||
        identify(session, node, id, pz__node_patience(session, until_ms), &why) == PZ_OK)
        return true;
    pz__node_lose(session, node, &why, t);
    return false;
}

void pz__node_doubt(pz__session *session, uint16_t node)
{
    session->greeted_ms[node] = pz__redis_now() - GREETING_MS;
}

/* ---- the map of slots ---- */

/* Put a new map in force. A master that was none begins an epoch. */
static void take_map(pz__client *client, const uint16_t owners[PZ__SLOTS])
{
    uint16_t last = PZ__NODE_NONE;
    bool is_new = false;
    for (unsigned i = 0; i < PZ__SLOTS; i++) {
        if (owners[i] != last && owners[i] != PZ__NODE_NONE)
            is_new = is_new || !pz__node_is_master(client, owners[i]);
        last = owners[i];
    }
    for (unsigned i = 0; i < PZ__SLOTS; i++)
        if (owners[i] != PZ__NODE_NONE)
            atomic_store(&client->owners[i], owners[i]);
    if (is_new)
        atomic_fetch_add(&client->epoch, 1);
    atomic_store(&client->is_mapped, true);
}

/* The id in [host, port, id, ...]; 0 if there is none. */
static uint64_t id_of(const pz__reply *reply)
{
    const bool has_id = reply->kind == PZ__REPLY_ARRAY && reply->count > 2 &&
                        reply->items[2]->kind == PZ__REPLY_TEXT;
    return has_id ? hash_of(reply->items[2]->text) : 0;
}

/* The node of [host, port, id, ...]; no host means the one that was asked. */
static uint16_t read_node(pz__client *client, uint16_t from, const pz__reply *reply)
{
    if (reply->kind != PZ__REPLY_ARRAY || reply->count < 2 ||
        reply->items[1]->kind != PZ__REPLY_INTEGER || reply->items[1]->integer < 1 ||
        reply->items[1]->integer > 65535)
        return PZ__NODE_NONE;
    pz_str host =
        reply->items[0]->kind == PZ__REPLY_TEXT ? reply->items[0]->text : (pz_str){NULL, 0};
    if (host.len == 0 || (host.len == 1 && host.data[0] == '?'))
        host = pz_str_of(client->nodes[from].host);
    if (memchr(host.data, '\0', host.len))
        return PZ__NODE_NONE;
    const uint16_t node = pz__client_node(client, host, (uint16_t)reply->items[1]->integer);
    const uint64_t id = id_of(reply);
    if (node != PZ__NODE_NONE && id != 0 && atomic_exchange(&client->nodes[node].id, id) != id)
        atomic_store(&client->nodes[node].is_met, false);
    return node;
}

/* What CLUSTER SLOTS answers: [first, last, master, replica...]... False if it cannot be so. */
static bool read_slots(pz__client *client, uint16_t from, const pz__reply *reply,
                       uint16_t owners[PZ__SLOTS])
{
    memset(owners, 0xff, PZ__SLOTS * sizeof owners[0]);
    if (reply->kind != PZ__REPLY_ARRAY || reply->count == 0)
        return false;
    for (size_t i = 0; i < reply->count; i++) {
        const pz__reply *range = reply->items[i];
        if (range->kind != PZ__REPLY_ARRAY || range->count < 3 ||
            range->items[0]->kind != PZ__REPLY_INTEGER ||
            range->items[1]->kind != PZ__REPLY_INTEGER)
            return false;
        const int64_t first = range->items[0]->integer, last = range->items[1]->integer;
        const uint16_t master = read_node(client, from, range->items[2]);
        if (first < 0 || first > last || last >= PZ__SLOTS || master == PZ__NODE_NONE)
            return false;
        for (int64_t slot = first; slot <= last; slot++)
            owners[slot] = master;
        for (size_t j = 3; j < range->count; j++)
            read_node(client, from, range->items[j]);
    }
    return true;
}

/* Whether the map of a node that says it is `own` is to be believed: of one that a map has named,
 * here or at another address (the caller may have given a name), or while no member has been met.
 */
static bool is_ours(pz__client *client, uint64_t own)
{
    const unsigned count = atomic_load(&client->node_count);
    bool has_met_any = false;
    for (unsigned i = 0; i < count; i++) {
        if (atomic_load(&client->nodes[i].id) == own)
            return true;
        has_met_any = has_met_any || atomic_load(&client->nodes[i].is_met);
    }
    return !has_met_any;
}

static pz_status take_slots(pz__session *session, uint16_t node, const pz__reply *own,
                            const pz__reply *map, pz_error *err)
{
    pz__client *client = session->client;
    uint16_t *owners = pz__arena_array(&session->arena, PZ__SLOTS, sizeof *owners);
    if (!owners)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    const uint64_t id = own->kind == PZ__REPLY_TEXT ? hash_of(own->text) : 0;
    if (id == 0 || !is_ours(client, id))
        return is_stranger(err);
    if (!read_slots(client, node, map, owners))
        return pz__fail(err, PZ_ERR_IO,
                        "its map of slots makes no sense, or names too many servers");
    take_map(client, owners);
    return PZ_OK;
}

static bool ask_for_slots(pz__session *session, uint16_t node, int64_t until_ms, pz__trouble *t)
{
    const pz_str who[2] = {PZ__STR("CLUSTER"), PZ__STR("MYID")};
    const pz_str what[2] = {PZ__STR("CLUSTER"), PZ__STR("SLOTS")};
    const pz__patience patience = pz__node_patience(session, until_ms);
    pz__wire *wire = session->wires[node];
    pz_error why = PZ_ERROR_INIT;
    pz__reply *own, *map;
    pz__buf_reset(&session->out);
    pz__wire_command(&session->out, who, 2);
    pz__wire_command(&session->out, what, 2);
    pz_status status = session->out.status;
    if (status == PZ_OK)
        status = pz__wire_send(wire, session->out.data, session->out.len, patience, &why);
    if (status == PZ_OK)
        status = pz__wire_read(wire, &own, patience, &why);
    if (status == PZ_OK)
        status = pz__wire_read(wire, &map, patience, &why);
    if (status == PZ_OK)
        status = take_slots(session, node, own, map, &why);
    if (status == PZ_OK)
        return true;
    pz__node_lose(session, node, &why, t);
    return false;
}

/* Ask one node who owns what. One that stands alone owns everything, unless it is a replica. */
static bool map_from(pz__session *session, uint16_t node, int64_t until_ms, pz__trouble *t)
{
    pz__client *client = session->client;
    greeting g = {.refused = PZ_OK};
    /* The role of one that stands alone may have changed. */
    const bool is_known = atomic_load(&client->is_cluster);
    if (is_known ? !reach(session, node, until_ms, t) : !reach_anew(session, node, until_ms, &g, t))
        return false;
    if (!atomic_load(&client->is_cluster) &&
        pz__str_equal(info_field(g.server, PZ__STR("redis_mode:")), PZ__STR("cluster")))
        atomic_store(&client->is_cluster, true);
    if (atomic_load(&client->is_cluster))
        return ask_for_slots(session, node, until_ms, t);
    if (!pz__str_equal(info_field(g.replication, PZ__STR("role:")), PZ__STR("master"))) {
        pz__trouble_note(t, session, node, PZ_ERR_IO, "it is a replica; name its master as well");
        return false;
    }
    uint16_t *owners = pz__arena_array(&session->arena, PZ__SLOTS, sizeof *owners);
    for (unsigned i = 0; owners && i < PZ__SLOTS; i++)
        owners[i] = node;
    if (!owners)
        t->hard = PZ_ERR_NOMEM;
    else
        take_map(client, owners);
    return owners != NULL;
}

bool pz__map_renew(pz__session *session, int64_t until_ms, pz__trouble *t)
{
    pz__client *client = session->client;
    const unsigned count = atomic_load(&client->node_count);
    const unsigned start = atomic_fetch_add(&client->start, 1);
    for (unsigned i = 0; i < count && t->hard == PZ_OK; i++) {
        if (map_from(session, (uint16_t)((start + i) % count), until_ms, t))
            return true;
        if (pz__redis_now() >= until_ms)
            break;
    }
    return false;
}
