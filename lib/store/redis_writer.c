/*
 * redis_writer.c: the writer id of a store in Redis, and whether it is still the one.
 *
 * A profile's bytes tell their writer and a number; two different states under one number would
 * break the joining of replicas. So the id changes whenever numbers may have been forgotten:
 *
 *     a master was replaced or restarted   its history (redis_map.c) is not in the item: the first
 *                                          process that meets it writes another id
 *     somebody emptied the server          the item is gone with everything else: the first process
 *                                          that comes makes one
 *
 * A process that has been there all along is told of the one by the client's epoch, and of the
 * other by nothing. It would go on counting, under the old id, what is restored from a backup,
 * beside replicas that have counted further; and joining those would take its writes for old ones.
 * So on a single server each transaction checks the item as it was read here (redis.c), and after a
 * conflict it is looked at again. In a cluster the item is on one server of several, and checking
 * it would cost each write a round more: there it is looked at once a second. A server that does
 * not answer that in time is no reason not to write to the others.
 */
#include "store/redis_writer.h"

#include "base/error.h"
#include "base/uuid.h"
#include "store/backend.h"

#define META_TRIES 16u
/* How long the id of a cluster's store is relied upon, as what servers tell of themselves. */
#define ASKED_MS 1000

pz_str pz__redis_writer_item(char room[PZ__ITEM_NAME_MAX], const pz__client *client)
{
    const pz_str name = PZ__STR("store");
    return pz__item_name(room, client, PZ__ITEM_META, name, name.data, name.len);
}

/* ---- the item ---- */

static bool is_known_master(pz_str meta, const char *history)
{
    for (size_t at = 1 + PZ__WRITER_LEN; at + PZ__HISTORY_LEN <= meta.len; at += PZ__HISTORY_LEN)
        if (memcmp(meta.data + at, history, PZ__HISTORY_LEN) == 0)
            return true;
    return false;
}

static bool are_known_masters(pz_str meta, const pz__buf *histories)
{
    for (size_t at = 0; at < histories->len; at += PZ__HISTORY_LEN)
        if (!is_known_master(meta, histories->data + at))
            return false;
    return true;
}

static pz_status check_meta(pz_str meta, pz_error *err)
{
    if (meta.len < 1 + PZ__WRITER_LEN)
        return pz__fail(err, PZ_ERR_CORRUPT, "the Redis store's own item is damaged");
    if ((uint8_t)meta.data[0] != PZ__STORE_FORMAT)
        return pz__fail(err, PZ_ERR_VERSION,
                        "the Redis store has format %u, this library reads %u: copy it with the "
                        "version that wrote it",
                        (unsigned)(uint8_t)meta.data[0], PZ__STORE_FORMAT);
    return PZ_OK;
}

/* The item with a new id, as it has to be under these masters. PZ_ERR_BUSY: look what is there now,
 * this one or another's. */
static pz_status write_meta(pz__session *session, pz__item *meta, const pz__buf *histories,
                            pz_error *err)
{
    uint8_t id[PZ__WRITER_LEN];
    pz__buf bytes;
    pz__uuid_new(id);
    pz__buf_init(&bytes, &session->client->alloc, PZ__STORE_RECORD_MAX);
    pz__buf_byte(&bytes, PZ__STORE_FORMAT);
    pz__buf_put(&bytes, id, sizeof id);
    pz__buf_put(&bytes, histories->data, histories->len);
    meta->action = PZ__ITEM_WRITE;
    meta->new_bytes = (pz_str){bytes.data, bytes.len};
    pz_status status = pz__filled(&bytes, err);
    if (status == PZ_OK)
        status = pz__items_commit(session, meta, 1, err);
    pz__buf_clear(&bytes);
    if (status != PZ_OK)
        return status;
    return pz__fail(err, PZ_ERR_BUSY, "the Redis store's own item changes all the time");
}

/* One look at the item; written anew if masters are not known to it. PZ_ERR_BUSY: look again. */
static pz_status look(pz__session *session, bool read_only, pz__buf *histories,
                      pz__writer_known *out, pz_error *err)
{
    char room[PZ__ITEM_NAME_MAX];
    uint16_t nodes[PZ__NODES_MAX];
    size_t count;
    pz__item meta = {.name = pz__redis_writer_item(room, session->client)};
    pz__buf_reset(histories);
    pz_status status = pz__client_masters(session, histories, nodes, &count, err);
    if (status == PZ_OK)
        status = pz__items_read(session, &meta, 1, err);
    if (status == PZ_OK && meta.exists)
        status = check_meta(meta.bytes, err);
    if (status != PZ_OK)
        return status;
    if (meta.exists && (read_only || are_known_masters(meta.bytes, histories))) {
        memcpy(out->id, meta.bytes.data + 1, sizeof out->id);
        memcpy(out->item, meta.id, sizeof out->item);
        return PZ_OK;
    }
    if (read_only)
        return pz__fail(err, PZ_ERR_NOT_FOUND, "there is no store yet behind this address");
    return write_meta(session, &meta, histories, err);
}

/* ---- knowing ---- */

static pz_status find_out(pz__client *client, pz__session *session, bool read_only,
                          pz__writer_known *out, pz_error *err)
{
    pz__buf histories;
    pz_status status = PZ_ERR_BUSY;
    pz__buf_init(&histories, &client->alloc, PZ__NODES_MAX * PZ__HISTORY_LEN);
    for (unsigned tries = 0; status == PZ_ERR_BUSY && tries < META_TRIES; tries++) {
        out->epoch = atomic_load(&client->epoch);
        status = look(session, read_only, &histories, out, err);
        if (status == PZ_OK && atomic_load(&client->epoch) != out->epoch)
            status = pz__fail(err, PZ_ERR_BUSY, "the masters of the cluster change all the time");
    }
    pz__buf_clear(&histories);
    return status;
}

/* Whether the item is as it was, as far as its server says so in time. */
static bool is_unchanged(pz__session *session, const pz__writer_known *known)
{
    char room[PZ__ITEM_NAME_MAX];
    pz__item meta = {.name = pz__redis_writer_item(room, session->client)};
    const int32_t patient = session->deadline_ms;
    if (patient > session->client->options.timeout_ms)
        session->deadline_ms = session->client->options.timeout_ms;
    const pz_status status = pz__items_read(session, &meta, 1, NULL);
    session->deadline_ms = patient;
    return status != PZ_OK || (meta.exists && memcmp(meta.id, known->item, sizeof meta.id) == 0);
}

/* What is known, since which answer, and whether it may be relied upon without asking. */
static bool is_fresh(pz__redis_writer *writer, const pz__client *client, pz__writer_known *out,
                     uint64_t *answers)
{
    pz__fork_lock_take(&writer->looking);
    const int64_t asked_ms = writer->asked_ms;
    *answers = writer->answers;
    *out = writer->known;
    pz__fork_lock_give(&writer->looking);
    if (asked_ms == 0 || out->epoch != atomic_load(&client->epoch))
        return false;
    return !atomic_load(&client->is_cluster) || pz__redis_now() - asked_ms < ASKED_MS;
}

/* What was asked when there had been so many answers. One that came meanwhile, to another thread,
 * is taken instead: an older answer never replaces a newer, for a transaction that had begun under
 * the newer id would write under the other. */
static void remember(pz__redis_writer *writer, uint64_t answers, pz__writer_known *known)
{
    const int64_t now_ms = pz__redis_now();
    pz__fork_lock_take(&writer->looking);
    if (writer->answers == answers) {
        writer->asked_ms = 0; /* in a child that is forked in between */
        writer->known = *known;
        writer->answers++;
        writer->asked_ms = now_ms ? now_ms : 1;
    } else {
        *known = writer->known;
    }
    pz__fork_lock_give(&writer->looking);
}

pz_status pz__redis_writer_know(pz__redis_writer *writer, pz__client *client, pz__writer_asks asks,
                                pz__writer_known *out, pz_error *err)
{
    pz__session *session;
    uint64_t answers;
    if (is_fresh(writer, client, out, &answers))
        return PZ_OK;
    pz_status status = pz__session_take(client, &session, err);
    if (status != PZ_OK)
        return status;
    if (asks.is_lazy)
        session->wait_count = 0;
    const bool is_of_now = out->epoch == atomic_load(&client->epoch);
    if (!is_of_now || !is_unchanged(session, out))
        status = find_out(client, session, asks.read_only, out, err);
    pz__session_give(session);
    if (status == PZ_OK)
        remember(writer, answers, out);
    return status;
}

void pz__redis_writer_doubt(pz__redis_writer *writer)
{
    pz__fork_lock_take(&writer->looking);
    writer->asked_ms = 0;
    pz__fork_lock_give(&writer->looking);
}
