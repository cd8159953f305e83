/*
 * store_copy.c: everything of one store into another, by joining.
 *
 * Joining is the library's own law: per writer the segment with the greater (sequence, bytes)
 * stays. So the target loses nothing, the order of copies does not matter, and a copy that is
 * repeated writes nothing. Bytes of the source are decoded on the way, which finds damage, and the
 * index of the target is made from the profiles, so a broken one is not copied.
 *
 * First what the source remembers of erased people goes over (erase.c), then records, then streams.
 * Records go in chunks (store_walk.c), one transaction each, and the transaction also moves a
 * bookmark in the target's index:
 *
 *     0x1f "copied" 0x1f (writer id of the source)           ->  the last key that is through
 *     0x1f "copied-to" 0x1f (writer id of the source) stream ->  number (8) of the last entry
 *
 * A kill at any moment leaves whole chunks and the bookmark that belongs to them. The first is
 * taken out when records and streams are through; the second stays, since entries of a stream have
 * no identity by which a repeated one could be told.
 *
 * Where writers are in each other's way for long (Redis), a chunk is done record by record.
 */
#include "engine/store_work.h"

#define COPIED_PREFIX                                                                              \
    "\x1f"                                                                                         \
    "copied"                                                                                       \
    "\x1f"
#define COPIED_TO_PREFIX                                                                           \
    "\x1f"                                                                                         \
    "copied-to"                                                                                    \
    "\x1f"
#define WRITER 16u
#define NUMBER 8u
#define MARK_MAX (sizeof COPIED_TO_PREFIX - 1 + WRITER + PZ__STORE_KEY_MAX)

typedef struct mark {
    char name[MARK_MAX];
    size_t name_len;
    char key[PZ__STORE_KEY_MAX]; /* "" where there is none */
    size_t key_len;
} mark;

typedef struct copying {
    pz__store *from, *to;
    const pz_alloc *alloc;
    pz__watch *watch;
    uint8_t writer[WRITER]; /* of the source */
    mark mark;
    pz__arena scratch;
    pz__store_txn *txn;
    pz__remembrance erased;
    uint32_t told; /* records of this chunk whose faults have been told, in an earlier attempt */
    pz_error *err;
} copying;

/* ---- bookmarks ---- */

static mark mark_of(const char *prefix, const uint8_t writer[WRITER], pz_str rest)
{
    mark made = {.name_len = strlen(prefix)};
    memcpy(made.name, prefix, made.name_len);
    memcpy(made.name + made.name_len, writer, WRITER);
    made.name_len += WRITER;
    if (rest.len)
        memcpy(made.name + made.name_len, rest.data, rest.len);
    made.name_len += rest.len;
    return made;
}

static pz_str mark_name(const mark *m)
{
    return (pz_str){m->name, m->name_len};
}

/* Where it stands: of several, which only copies side by side leave, the least. */
static pz_status read_mark(pz__store *to, const pz_alloc *alloc, mark *m, pz_error *err)
{
    pz__buf keys;
    size_t count = 0;
    pz__buf_init(&keys, alloc, PZ__STORE_RECORD_MAX);
    const pz_status status = pz__store_lookup(to, mark_name(m), &keys, &count, err);
    const pz_str key = status == PZ_OK && count > 0 ? pz__first_key(&keys) : (pz_str){NULL, 0};
    m->key_len = key.len;
    if (key.len)
        memcpy(m->key, key.data, key.len);
    pz__buf_clear(&keys);
    return status;
}

/* Move it, inside the transaction; to nowhere ("") takes it out. */
static pz_status move_mark(pz__store_txn *txn, const mark *m, pz_str key, pz_error *err)
{
    const pz_str before = {m->key, m->key_len};
    pz_status status = PZ_OK;
    if (pz__str_equal(before, key))
        return PZ_OK;
    if (before.len)
        status = pz__store_txn_index(txn, mark_name(m), before, false, err);
    if (status == PZ_OK && key.len)
        status = pz__store_txn_index(txn, mark_name(m), key, true, err);
    return status;
}

static void mark_moved(mark *m, pz_str key)
{
    if (key.len)
        memcpy(m->key, key.data, key.len);
    m->key_len = key.len;
}

bool pz__copy_entry(pz_str identifier, pz_str key, bool *is_good)
{
    const size_t to = sizeof COPIED_TO_PREFIX - 1, records = sizeof COPIED_PREFIX - 1;
    if (identifier.len > to && memcmp(identifier.data, COPIED_TO_PREFIX, to) == 0) {
        *is_good = identifier.len > to + WRITER && key.len == NUMBER;
        return true;
    }
    if (identifier.len <= records || memcmp(identifier.data, COPIED_PREFIX, records) != 0)
        return false;
    *is_good = identifier.len == records + WRITER;
    return true;
}

pz_status pz__copy_is_begun(pz__store *to, const pz_alloc *alloc, const uint8_t writer[WRITER],
                            bool *out, pz_error *err)
{
    mark m = mark_of(COPIED_PREFIX, writer, (pz_str){NULL, 0});
    const pz_status status = read_mark(to, alloc, &m, err);
    *out = status == PZ_OK && m.key_len > 0;
    return status;
}

/* ---- one profile ---- */

typedef struct joining {
    copying *c;
    pz_str key, bytes; /* of the source */
    const pz__profile *other;
    pz__profile *result; /* owned; NULL: as `other` */
    bool is_alone;       /* nobody in the target links to it */
    enum { ADDED, JOINED, UNCHANGED } outcome;
    pz_error why;
} joining;

static bool is_same(const void *bytes, size_t len, pz_str other)
{
    return pz__str_equal((pz_str){bytes, len}, other);
}

static pz_status join(joining *j, const void *bytes, size_t len, pz__buf *new_bytes)
{
    pz_status status = pz__record_decode(&j->result, j->c->alloc, bytes, len, &j->why);
    if (status == PZ_OK)
        status = pz__profile_join(j->result, j->other, &j->why);
    if (status == PZ_OK)
        status = pz__profile_scrub(j->result, &j->why);
    if (status == PZ_OK)
        status = pz__profile_seal(j->result);
    return status == PZ_OK ? pz__record_encode(j->result, pz__record_is_alone(bytes, len),
                                               pz__store_plain_max(j->c->to), new_bytes)
                           : status;
}

static pz_status update(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                        pz__buf *new_bytes, pz__update_action *action)
{
    joining *j = payload;
    (void)txn;
    j->outcome = UNCHANGED;
    *action = PZ__KEEP;
    if (bytes && is_same(bytes, len, j->bytes))
        return PZ_OK;
    const pz_status status =
        bytes ? join(j, bytes, len, new_bytes)
              : pz__record_encode(j->other, j->is_alone, pz__store_plain_max(j->c->to), new_bytes);
    if (status != PZ_OK ||
        (bytes && is_same(bytes, len, (pz_str){new_bytes->data, new_bytes->len})))
        return status;
    *action = PZ__WRITE;
    j->outcome = bytes ? JOINED : ADDED;
    return PZ_OK;
}

/* A profile that stays out: told of, or the end of the copy. */
static pz_status leave_out(copying *c, uint32_t place, pz__fault fault, const char *message)
{
    const pz_str key = pz__store_told(c->to, pz__store_told(c->from, fault.key));
    c->watch->outcome.left_out++;
    if (!c->watch->how.fault)
        return pz__fail(c->err, fault.status, "profile '%.*s': %s", PZ__STR_ARG(key), message);
    if (place < c->told) {
        c->watch->outcome.faults++;
        return PZ_OK;
    }
    c->told = place + 1;
    return pz__watch_fault(c->watch, fault, "profile '%.*s': %s", PZ__STR_ARG(key), message);
}

/* Whether the target erased this person after all that the source has of it. */
static pz_status is_erased(copying *c, const pz__profile *other, bool *out)
{
    int64_t erased_ms;
    *out = false;
    if (!c->erased.has_any)
        return PZ_OK;
    const pz_status status = pz__erased_profile(&c->erased, other, &c->scratch, &erased_ms, c->err);
    if (status == PZ_OK)
        *out = pz__erased_refuses(erased_ms, pz__profile_oldest(other), NULL) != PZ_OK;
    return status;
}

/* The profile in the target, which somebody may link to, and which may link to others. */
static pz_status write_profile(copying *c, joining *j)
{
    bool is_linked;
    pz_status status = pz__people_look_back(c->txn, j->key, c->alloc, &is_linked, &j->why);
    j->is_alone = !is_linked;
    if (status == PZ_OK)
        status = pz__store_txn_update(c->txn, j->key, update, j, &j->why);
    if (status != PZ_OK || j->outcome == UNCHANGED)
        return status;
    const pz__profile *now = j->result ? j->result : j->other;
    status = pz__index_profile(c->txn, now, &c->scratch, &j->why);
    return status == PZ_OK ? pz__people_mark_all(c->txn, now, &j->why) : status;
}

/* Join one sealed profile into the target, within the transaction. */
static pz_status put_profile(copying *c, joining *j, uint32_t place)
{
    pz_store_outcome *count = &c->watch->outcome;
    bool is_gone;
    pz_status status = is_erased(c, j->other, &is_gone);
    if (status != PZ_OK || is_gone) {
        count->erased += is_gone;
        return status;
    }
    status = write_profile(c, j);
    if (status != PZ_OK && !pz__ends_work(status))
        return leave_out(c, place, (pz__fault){PZ_FAULT_REFUSED, j->key, {NULL, 0}, status},
                         j->why.message);
    if (status != PZ_OK)
        return pz__fail(c->err, status, "%s",
                        j->why.message[0] ? j->why.message : pz_status_text(status));
    count->added += j->outcome == ADDED;
    count->joined += j->outcome == JOINED;
    count->unchanged += j->outcome == UNCHANGED;
    return PZ_OK;
}

static pz_fault_kind kind_of(pz_status status)
{
    return status == PZ_ERR_VERSION ? PZ_FAULT_VERSION : PZ_FAULT_DAMAGED;
}

static pz_status put_record(copying *c, pz_str key, pz_str bytes, uint32_t place)
{
    joining j = {.c = c, .key = key, .bytes = bytes, .why = PZ_ERROR_INIT};
    pz__profile *other = NULL;
    c->watch->outcome.profiles++;
    pz_status status = pz__record_decode(&other, c->alloc, bytes.data, bytes.len, &j.why);
    if (status != PZ_OK && !pz__ends_work(status))
        return leave_out(c, place, (pz__fault){kind_of(status), key, {NULL, 0}, status},
                         j.why.message);
    if (status == PZ_OK)
        status = pz__profile_seal(other);
    j.other = other;
    if (status == PZ_OK && !pz__str_equal(pz__profile_subject(other), key))
        status =
            leave_out(c, place, (pz__fault){PZ_FAULT_MISPLACED, key, {NULL, 0}, PZ_ERR_SUBJECT},
                      "under its key stands another profile; restore it from a backup");
    else if (status == PZ_OK)
        status = put_profile(c, &j, place);
    pz__profile_free(j.result);
    pz__profile_free(other);
    pz__arena_reset(&c->scratch);
    return status;
}

/* ---- a chunk ---- */

/* Records first..first+count-1 of a chunk, in a transaction that has been begun. */
static pz_status put_records(copying *c, const pz__chunk *chunk, uint32_t first, uint32_t count,
                             pz_str *last)
{
    pz__cursor from;
    pz_str key, bytes;
    pz_status status = PZ_OK;
    pz__cursor_init(&from, chunk->bytes.data, chunk->bytes.len);
    for (uint32_t i = 0;
         status == PZ_OK && i < first + count && pz__chunk_next(&from, &key, &bytes); i++) {
        *last = key;
        if (i >= first)
            status = put_record(c, key, bytes, i);
    }
    return status;
}

/* One attempt at one transaction. */
static pz_status attempt(copying *c, const pz__chunk *chunk, uint32_t first, uint32_t count)
{
    const pz_store_outcome before = c->watch->outcome;
    pz_str last = {NULL, 0};
    pz_status status = pz__store_begin(c->to, &c->txn, c->err);
    if (status != PZ_OK)
        return status;
    status = pz__erased_open(&c->erased, c->alloc, c->txn, NULL, pz__system_clock(NULL), c->err);
    if (status == PZ_OK)
        status = put_records(c, chunk, first, count, &last);
    if (status == PZ_OK)
        status = move_mark(c->txn, &c->mark, last, c->err);
    if (status == PZ_OK)
        status = pz__store_commit(c->txn, c->err);
    else
        pz__store_abort(c->txn);
    c->txn = NULL;
    if (status == PZ_OK)
        mark_moved(&c->mark, last);
    else
        c->watch->outcome = before;
    return status;
}

static pz_status put_some(copying *c, const pz__chunk *chunk, uint32_t first, uint32_t count)
{
    pz_status status = PZ_ERR_BUSY;
    for (unsigned tries = 0; status == PZ_ERR_BUSY && tries < PZ__ATTEMPTS_MAX; tries++)
        status = attempt(c, chunk, first, count);
    return status;
}

static pz_status put_chunk(void *payload, const pz__chunk *chunk)
{
    copying *c = payload;
    c->told = 0;
    pz_status status = put_some(c, chunk, 0, chunk->count);
    if (status == PZ_ERR_BUSY) {
        status = PZ_OK;
        for (uint32_t i = 0; i < chunk->count && status == PZ_OK; i++)
            status = put_some(c, chunk, i, 1);
    }
    return status == PZ_OK ? pz__watch_step(c->watch, chunk->count) : status;
}

/* Run a transaction that does no more than move a bookmark. */
static pz_status take_mark_out(copying *c)
{
    pz_status status = PZ_ERR_BUSY;
    for (unsigned tries = 0; status == PZ_ERR_BUSY && tries < PZ__ATTEMPTS_MAX; tries++) {
        status = pz__store_begin(c->to, &c->txn, c->err);
        if (status != PZ_OK)
            continue;
        status = move_mark(c->txn, &c->mark, (pz_str){NULL, 0}, c->err);
        if (status == PZ_OK)
            status = pz__store_commit(c->txn, c->err);
        else
            pz__store_abort(c->txn);
    }
    return status;
}

static pz_status copy_records(copying *c)
{
    c->mark = mark_of(COPIED_PREFIX, c->writer, (pz_str){NULL, 0});
    pz_status status = read_mark(c->to, c->alloc, &c->mark, c->err);
    if (status != PZ_OK)
        return status;
    pz_str after = {c->mark.key, c->mark.key_len};
    if (c->watch->how.flags & PZ_STORE_AFRESH || !pz__store_has_names(c->from))
        after.len = 0;
    c->watch->outcome.is_resumed = after.len > 0;
    char start[PZ__STORE_KEY_MAX]; /* the bookmark moves meanwhile */
    if (after.len)
        memcpy(start, after.data, after.len);
    return pz__walk_records(c->from, c->alloc, (pz_str){start, after.len}, put_chunk, c, c->err);
}

/* ---- streams ---- */

typedef struct stream_copy {
    copying *c;
    pz_str stream;
    pz__chunk chunk; /* with nothing for names */
    uint64_t last;   /* number of the newest entry in the chunk */
    bool is_full;
} stream_copy;

static pz_str number_bytes(char room[NUMBER], uint64_t number)
{
    for (unsigned i = 0; i < NUMBER; i++)
        room[i] = (char)(number >> (56 - 8 * i));
    return (pz_str){room, NUMBER};
}

static pz_status take_entry(void *payload, uint64_t number, const void *bytes, size_t len)
{
    stream_copy *s = payload;
    const pz_status status = pz__chunk_put(&s->chunk, (pz_str){NULL, 0}, bytes, len, s->c->err);
    s->last = number;
    s->is_full = status == PZ_OK && pz__chunk_is_full(&s->chunk);
    return s->is_full ? PZ_ERR_BUSY : status; /* any status ends the reading */
}

/* Decision records have entries in the index, and are known again; other entries are bytes. */
static pz_status append_one(stream_copy *s, pz_str bytes, bool *is_new)
{
    copying *c = s->c;
    *is_new = true;
    if (!pz__str_equal(s->stream, pz__records_stream()))
        return pz__store_txn_append(c->txn, s->stream, bytes.data, bytes.len, NULL, c->err);
    const pz__kept_copy kept = {c->to, c->txn, &c->erased, c->alloc, &c->scratch, c->err};
    pz_status status = pz__kept_take(&kept, bytes, is_new);
    if (pz__ends_work(status) || status == PZ_OK || !c->watch->how.fault)
        return status;
    *is_new = false;
    c->watch->outcome.left_out++;
    return pz__watch_fault(c->watch, (pz__fault){PZ_FAULT_STREAM, s->stream, {NULL, 0}, status},
                           "a decision record that is damaged was left out");
}

static pz_status append_all(stream_copy *s, mark *m, uint64_t *count)
{
    copying *c = s->c;
    pz__cursor from;
    pz_str name, bytes;
    char room[NUMBER];
    *count = 0;
    pz_status status = pz__store_begin(c->to, &c->txn, c->err);
    if (status != PZ_OK)
        return status;
    status = pz__erased_open(&c->erased, c->alloc, c->txn, NULL, pz__system_clock(NULL), c->err);
    pz__cursor_init(&from, s->chunk.bytes.data, s->chunk.bytes.len);
    while (status == PZ_OK && pz__chunk_next(&from, &name, &bytes)) {
        bool is_new;
        status = append_one(s, bytes, &is_new);
        *count += is_new;
    }
    if (status == PZ_OK)
        status = move_mark(c->txn, m, number_bytes(room, s->last), c->err);
    if (status == PZ_OK)
        return pz__store_commit(c->txn, c->err);
    pz__store_abort(c->txn);
    return status;
}

static pz_status append_chunk(stream_copy *s, mark *m)
{
    char room[NUMBER];
    uint64_t count = 0;
    pz_status status = PZ_ERR_BUSY;
    if (s->chunk.count == 0)
        return PZ_OK;
    for (unsigned tries = 0; status == PZ_ERR_BUSY && tries < PZ__ATTEMPTS_MAX; tries++)
        status = append_all(s, m, &count);
    if (status != PZ_OK)
        return status;
    mark_moved(m, number_bytes(room, s->last));
    s->c->watch->outcome.entries += count;
    status = pz__watch_step(s->c->watch, s->chunk.count);
    s->chunk.count = 0;
    pz__buf_reset(&s->chunk.bytes);
    return status;
}

static uint64_t number_of(const mark *m)
{
    pz__cursor from;
    pz__cursor_init(&from, m->key, m->key_len);
    const uint64_t n = pz__cursor_be64(&from);
    return from.bad ? 0 : n;
}

static pz_status copy_stream(void *payload, pz_str stream)
{
    copying *c = payload;
    stream_copy s = {.c = c, .stream = stream};
    mark m = mark_of(COPIED_TO_PREFIX, c->writer, stream);
    pz_status status = read_mark(c->to, c->alloc, &m, c->err);
    pz__chunk_init(&s.chunk, c->alloc);
    do {
        if (status != PZ_OK)
            break;
        s.is_full = false;
        status = pz__store_read_stream(c->from, stream, number_of(&m) + 1, take_entry, &s, c->err);
        if (s.is_full || status == PZ_OK)
            status = append_chunk(&s, &m);
    } while (s.is_full);
    pz__buf_clear(&s.chunk.bytes);
    return status;
}

/* ---- all of it ---- */

static pz_status check_writers(copying *c)
{
    uint8_t own[WRITER];
    pz_status status = pz__store_writer(c->from, c->writer, c->err);
    if (status == PZ_OK)
        status = pz__store_writer(c->to, own, c->err);
    if (status == PZ_OK && memcmp(own, c->writer, WRITER) == 0)
        return pz__fail(c->err, PZ_ERR_ARG,
                        "source and target have one writer id: they are one store, or one is a "
                        "plain copy of the other's files, which must not be written to; make "
                        "copies with a backup");
    return status;
}

pz_status pz__store_copy(pz_store *from, pz_store *to, pz__watch *watch, pz_error *err)
{
    copying c = {
        .from = from->store, .to = to->store, .alloc = &to->alloc, .watch = watch, .err = err};
    if (pz__store_is_read_only(to->store))
        return pz__fail(err, PZ_ERR_STATE, "the target was opened for reading only");
    pz_status status = pz__store_check(c.from, err);
    if (status == PZ_OK)
        status = check_writers(&c);
    pz__arena_init(&c.scratch, &to->alloc, 0);
    if (status == PZ_OK)
        status = pz__store_count(c.from, &watch->total, err);
    if (status == PZ_OK)
        status = pz__erased_copy(c.from, c.to, c.alloc, err);
    if (status == PZ_OK)
        status = copy_records(&c);
    if (status == PZ_OK)
        status = pz__store_has_names(c.from) ? pz__store_each_stream(c.from, copy_stream, &c, err)
                                             : copy_stream(&c, pz__records_stream());
    if (status == PZ_OK)
        status = take_mark_out(&c);
    pz__arena_clear(&c.scratch);
    if (status == PZ_ERR_NOMEM)
        pz__fail(err, status, "out of memory");
    return status;
}

pz_status pz_store_copy(pz_store *from, pz_store *to, const pz_store_watch *given,
                        pz_store_outcome *outcome, pz_error *err)
{
    pz__watch watch;
    if (!from || !to)
        return pz__fail(err, PZ_ERR_ARG, "two stores are needed");
    const pz_status status = pz__watch_begin(&watch, given, outcome, err);
    if (status != PZ_OK)
        return status;
    return pz__watch_end(&watch, outcome, pz__store_copy(from, to, &watch, err));
}
