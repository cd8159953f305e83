/*
 * redis_scan.c: the names of all items of a kind in Redis: the keys of records, most of all.
 *
 * SCAN on every master names them: twice at times, in no order, and also those that are only locked
 * by a transaction on its way (then the caller has to look whether they exist). All names are
 * gathered, sorted and kept once, which takes memory: about 60 bytes for each record.
 *
 * A slot that moves from a server not scanned yet to one that is through is missed by both, and a
 * master that has come since the map was asked for is not scanned at all. So the map is asked for
 * anew, and looked at before and after (CLUSTER NODES of every master, which tells how many masters
 * there are and which slots are on their way); if it was not still, or not ours, everything is done
 * again, a few times, and then the caller is told to come back later.
 */
#include "store/redis_scan.h"

#include "base/error.h"
#include "base/hash.h"
#include "store/backend.h"
#include "store/redis_item.h"

#define SCAN_COUNT "1000"
/* Bytes of names held while iterating. */
#define NAMES_MAX ((size_t)1 << 31)
#define SCAN_TRIES 5u
/* Steps of one scan in a row that name nothing of ours: more than four thousand million keys of
 * others take, and an end to a server that never comes to one. */
#define STEPS_MAX (1u << 22)

static pz_status no_memory(pz_error *err)
{
    return pz__fail(err, PZ_ERR_NOMEM, "out of memory in a Redis store");
}

void pz__redis_names_clear(pz__redis_names *n)
{
    pz__mem_free(&n->alloc, n->list, n->cap, sizeof *n->list);
    n->list = NULL;
    n->cap = n->count = 0;
    pz__buf_clear(&n->text);
}

static pz_status add_name(pz__redis_names *n, const pz__client *client, char kind, pz_str found,
                          pz_error *err)
{
    char room[PZ__ITEM_NAME_MAX];
    const size_t prefix = strlen(client->options.prefix);
    if (found.len <= prefix)
        return PZ_OK;
    if (found.data[prefix] == 'l') {
        if (!pz__item_of_lock(client, kind, found, room, &found))
            return PZ_OK;
        n->any_lock = true;
    }
    /* Where one store's prefix begins with another's, the patterns of the other match it as well.
     */
    if (found.len <= prefix + 8 || found.data[prefix + 1] != '{' || found.data[prefix + 8] != '}')
        return PZ_OK;
    const pz_str key = pz__item_rest(client, found);
    if (key.len == 0 || key.len > PZ__STORE_IDENTIFIER_MAX)
        return PZ_OK;
    pz__buf_varint(&n->text, key.len);
    pz__buf_put(&n->text, key.data, key.len);
    n->count++;
    return pz__filled(&n->text, err);
}

/* One step of a scan on one node; *cursor becomes "0" when it is through. */
static pz_status scan_step(pz__session *session, uint16_t node, char kind, pz__buf *cursor,
                           pz__redis_names *out, pz_error *err)
{
    char pattern[48];
    const pz__client *client = session->client;
    const size_t prefix = strlen(client->options.prefix);
    memcpy(pattern, client->options.prefix, prefix);
    memcpy(pattern + prefix, "[l?]*", 5);
    pattern[prefix + 2] = kind;
    pz_str *args = pz__args_new(session, 6);
    if (!args)
        return no_memory(err);
    args[0] = PZ__STR("SCAN");
    args[1] = (pz_str){cursor->data, cursor->len};
    args[2] = PZ__STR("MATCH");
    args[3] = (pz_str){pattern, prefix + 5};
    args[4] = PZ__STR("COUNT");
    args[5] = PZ__STR(SCAN_COUNT);
    pz__request request = pz__request_new(0, args, 6);
    request.node = node;
    pz_status status = pz__round(session, &request, 1, err);
    if (status != PZ_OK)
        return status;
    const pz__reply *reply = request.reply;
    if (reply->kind != PZ__REPLY_ARRAY || reply->count != 2 ||
        reply->items[0]->kind != PZ__REPLY_TEXT || reply->items[1]->kind != PZ__REPLY_ARRAY)
        return pz__fail(err, PZ_ERR_IO, "a Redis server answers what makes no sense");
    const pz_str next = reply->items[0]->text;
    if (!pz__str_equal(next, PZ__STR("0")) &&
        pz__str_equal(next, (pz_str){cursor->data, cursor->len}))
        return pz__fail(err, PZ_ERR_IO, "a Redis server scans in a circle");
    pz__buf_reset(cursor);
    pz__buf_put(cursor, next.data, next.len);
    for (size_t i = 0; i < reply->items[1]->count && status == PZ_OK; i++)
        if (reply->items[1]->items[i]->kind == PZ__REPLY_TEXT)
            status = add_name(out, client, kind, reply->items[1]->items[i]->text, err);
    return status == PZ_OK ? pz__filled(cursor, err) : status;
}

static pz_status scan_node(pz__client *client, uint16_t node, char kind, pz__redis_names *out,
                           pz_error *err)
{
    pz__buf cursor;
    pz_status status;
    pz__buf_init(&cursor, &client->alloc, 64);
    pz__buf_byte(&cursor, '0');
    status = pz__filled(&cursor, err);
    for (unsigned steps = 0; status == PZ_OK; steps++) {
        pz__session *session;
        const size_t before = out->count;
        if (steps == STEPS_MAX) {
            status = pz__fail(err, PZ_ERR_IO, "the scan of a Redis server comes to no end");
            break;
        }
        status = pz__session_take(client, &session, err);
        if (status != PZ_OK)
            break;
        status = scan_step(session, node, kind, &cursor, out, err);
        pz__session_give(session);
        if (out->count > before)
            steps = 0;
        if (cursor.len == 1 && cursor.data[0] == '0')
            break;
    }
    pz__buf_clear(&cursor);
    return status;
}

static void sift(pz_str *list, size_t at, size_t count)
{
    const pz_str moving = list[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && pz__str_compare(list[child], list[child + 1]) < 0)
            child++;
        if (pz__str_compare(moving, list[child]) >= 0)
            break;
        list[at] = list[child];
    }
    list[at] = moving;
}

static void sort_names(pz_str *list, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift(list, i, count);
    for (size_t end = count; end > 1; end--) {
        const pz_str last = list[end - 1];
        list[end - 1] = list[0];
        list[0] = last;
        sift(list, 0, end - 1);
    }
}

/* Lay the names out, sort them and keep each once. */
static pz_status settle_names(pz__redis_names *n, pz_error *err)
{
    pz__cursor from;
    if (n->count == 0)
        return PZ_OK;
    n->cap = n->count;
    n->list = pz__mem_new(&n->alloc, n->cap, sizeof *n->list);
    if (!n->list) {
        n->cap = 0;
        return no_memory(err);
    }
    pz__cursor_init(&from, n->text.data, n->text.len);
    for (size_t i = 0; i < n->count; i++) {
        const size_t len = (size_t)pz__cursor_varint(&from);
        n->list[i] = (pz_str){(const char *)pz__cursor_take(&from, len), len};
    }
    sort_names(n->list, n->count);
    size_t kept = 1;
    for (size_t i = 1; i < n->count; i++)
        if (!pz__str_equal(n->list[i], n->list[kept - 1]))
            n->list[kept++] = n->list[i];
    n->count = kept;
    return PZ_OK;
}

/* What CLUSTER NODES says of slots: "... connected 0-5460 [5461->-NODE]", a line for each node. How
 * many own any. */
static size_t read_nodes(pz_str text, uint64_t *state, bool *is_moving)
{
    size_t owners = 0;
    *is_moving = *is_moving || memchr(text.data, '[', text.len) != NULL;
    for (size_t at = 0; at < text.len;) {
        const char *line = text.data + at;
        const char *end = memchr(line, '\n', text.len - at);
        const size_t len = end ? (size_t)(end - line) : text.len - at;
        const char *slots = memmem(line, len, "connected", 9);
        const size_t left = slots ? len - (size_t)(slots - line) : 0;
        if (slots)
            *state += pz__siphash(pz__fixed_key, slots, left);
        owners += left > 10 && slots[10] >= '0' && slots[10] <= '9';
        at += len + 1;
    }
    return owners;
}

static pz_status map_state(pz__client *client, uint64_t *state, bool *is_moving, pz_error *err)
{
    pz__session *session;
    uint16_t nodes[PZ__NODES_MAX];
    size_t count = 0;
    *state = atomic_load(&client->epoch);
    *is_moving = false;
    if (!atomic_load(&client->is_cluster))
        return PZ_OK;
    pz_status status = pz__session_take(client, &session, err);
    if (status != PZ_OK)
        return status;
    status = pz__client_masters(session, NULL, nodes, &count, err);
    for (size_t i = 0; i < count && status == PZ_OK; i++) {
        pz_str *args = pz__args_new(session, 2);
        if (!args) {
            status = no_memory(err);
            break;
        }
        args[0] = PZ__STR("CLUSTER");
        args[1] = PZ__STR("NODES");
        pz__request request = pz__request_new(0, args, 2);
        request.node = nodes[i];
        status = pz__round(session, &request, 1, err);
        if (status == PZ_OK && request.reply->kind != PZ__REPLY_TEXT)
            status = pz__fail(err, PZ_ERR_IO, "a Redis server answers what makes no sense");
        if (status == PZ_OK && read_nodes(request.reply->text, state, is_moving) != count)
            *is_moving = true;
    }
    pz__session_give(session);
    return status;
}

/* A slot that moves between two servers can be missed by the scans of both: then scan again. */
pz_status pz__redis_gather(pz__client *client, char kind, pz__redis_names *out, pz_error *err)
{
    uint64_t before, after;
    bool is_moving = true;
    pz_status status = PZ_OK;
    for (unsigned tries = 0; tries < SCAN_TRIES; tries++) {
        pz__session *session;
        uint16_t nodes[PZ__NODES_MAX];
        size_t count = 0;
        *out = (pz__redis_names){.alloc = client->alloc};
        pz__buf_init(&out->text, &client->alloc, NAMES_MAX);
        status = pz__session_take(client, &session, err);
        if (status != PZ_OK)
            return status;
        atomic_store(&client->is_mapped, false);
        status = pz__client_masters(session, NULL, nodes, &count, err);
        pz__session_give(session);
        bool was_moving = false;
        if (status == PZ_OK)
            status = map_state(client, &before, &was_moving, err);
        for (size_t i = 0; i < count && status == PZ_OK; i++)
            status = scan_node(client, nodes[i], kind, out, err);
        if (status == PZ_OK)
            status = map_state(client, &after, &is_moving, err);
        if (status != PZ_OK || (before == after && !was_moving && !is_moving))
            break;
        pz__redis_names_clear(out);
        status = pz__fail(err, PZ_ERR_BUSY,
                          "slots of the cluster are moving: records might be missed; try later");
        pz__redis_sleep(50 << tries);
    }
    if (status == PZ_OK)
        status = settle_names(out, err);
    if (status != PZ_OK)
        pz__redis_names_clear(out);
    return status;
}
