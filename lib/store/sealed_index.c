/*
 * sealed_index.c: the mark of a sealed store, and what its identifiers lead to.
 *
 * An entry of the index is a tag and the sealed key. Sealing gives other bytes each time, so the
 * tag, 16 bytes of the pseudonym of identifier and key, is what finds an entry again: to take it
 * out, and to see that it is there already. Keys come out in their own order, as every lookup gives
 * them, not in that of the tags.
 *
 * The mark is a pseudonym and a sealed text of the library's own, under a plain identifier. Both
 * have to come out of the hooks as they once did.
 */
#include "base/error.h"
#include "store/sealed.h"

#define PSEUDONYM PZ_HOOKS_PSEUDONYM_BYTES
#define TAG 16u
#define ENTRY_MAX (TAG + PZ__STORE_KEY_MAX + PZ_HOOKS_OVERHEAD_MAX)
#define MARK_TEXT PZ__STR("libpersonalize, sealed")

_Static_assert(ENTRY_MAX <= 511, "LMDB takes no longer values");

/* ---- the mark ---- */

static pz_status strange(const char *how, pz_error *err)
{
    return pz__fail(err, PZ_ERR_STATE, "%s", how);
}

static pz_status own_mark(const pz__sealed *s, pz__pseudonym *out, pz_error *err)
{
    return pz__hide_name(s, 'm', MARK_TEXT, out, err);
}

static pz_status write_mark(const pz__sealed *s, pz__store_txn *inner, pz_error *err)
{
    pz__buf mark;
    pz__pseudonym own;
    pz_status status = own_mark(s, &own, err);
    if (status != PZ_OK)
        return status;
    pz__buf_init(&mark, &s->base.alloc,
                 PZ_HOOKS_PSEUDONYM_BYTES + MARK_TEXT.len + PZ_HOOKS_OVERHEAD_MAX);
    pz__buf_put(&mark, own.bytes, sizeof own.bytes);
    status = pz__seal(s, pz__pseudonym_text(&own), MARK_TEXT, &mark, err);
    if (status == PZ_OK)
        status = inner->store->backend->index(inner, PZ__STORE_MARK, (pz_str){mark.data, mark.len},
                                              true, err);
    pz__buf_clear(&mark);
    return status;
}

/* The mark, as a lookup gave it, has to be one of these hooks. */
static pz_status check_mark(const pz__sealed *s, const pz__buf *found, pz_error *err)
{
    static const char others[] = "the store was sealed with other keys than these hooks have";
    pz__cursor from;
    pz__buf plain;
    pz__pseudonym own;
    pz_status status = own_mark(s, &own, err);
    if (status != PZ_OK)
        return status;
    pz__cursor_init(&from, found->data, found->len);
    const size_t len = (size_t)pz__cursor_varint(&from);
    const char *mark = (const char *)pz__cursor_take(&from, len);
    if (!mark || len < PSEUDONYM)
        return pz__fail(err, PZ_ERR_CORRUPT, "the mark of a sealed store is damaged");
    if (memcmp(mark, own.bytes, PSEUDONYM) != 0)
        return strange(others, err);
    pz__buf_init(&plain, &s->base.alloc, PZ__SEALED_MAX);
    status = pz__unseal(s, pz__pseudonym_text(&own), (pz_str){mark + PSEUDONYM, len - PSEUDONYM},
                        &plain, err);
    if (status == PZ_ERR_CORRUPT)
        status = strange(others, err);
    pz__buf_clear(&plain);
    return status;
}

/* There was no mark: good only where there is nothing. Records may have come since, of whoever
 * wrote the mark with them: so it is looked for again. A transaction that had not seen it will
 * conflict. */
static pz_status check_empty(const pz__sealed *s, pz_error *err)
{
    uint64_t records;
    size_t count = 0;
    pz__buf found;
    pz_status status = s->inner->backend->count(s->inner, &records, err);
    if (status != PZ_OK || records == 0)
        return status;
    pz__buf_init(&found, &s->base.alloc, PZ__STORE_RECORD_MAX);
    status = s->inner->backend->lookup(s->inner, PZ__STORE_MARK, &found, &count, err);
    if (status == PZ_OK)
        status = count ? check_mark(s, &found, err)
                       : strange("the store was made without hooks: open it without them, and "
                                 "export it into a new one to have it sealed",
                                 err);
    pz__buf_clear(&found);
    return status;
}

pz_status pz__sealed_know(pz__sealed *s, pz_error *err)
{
    pz__buf found;
    size_t count = 0;
    if (atomic_load_explicit(&s->is_known, memory_order_acquire))
        return PZ_OK;
    pz__buf_init(&found, &s->base.alloc, PZ__STORE_RECORD_MAX);
    pz_status status = s->inner->backend->lookup(s->inner, PZ__STORE_MARK, &found, &count, err);
    if (status == PZ_OK)
        status = count ? check_mark(s, &found, err) : check_empty(s, err);
    if (status == PZ_OK && count)
        atomic_store_explicit(&s->is_known, true, memory_order_release);
    pz__buf_clear(&found);
    return status;
}

pz_status pz__sealed_know_in(pz__sealed *s, pz__store_txn *inner, bool *marks, pz_error *err)
{
    pz__buf found;
    size_t count = 0;
    const uint64_t life = atomic_load(&s->inner->life);
    if (atomic_load_explicit(&s->is_known, memory_order_acquire) &&
        atomic_load(&s->known_in) == life)
        return PZ_OK;
    pz__buf_init(&found, &s->base.alloc, PZ__STORE_RECORD_MAX);
    pz_status status = s->inner->backend->txn_lookup(inner, PZ__STORE_MARK, &found, &count, err);
    if (status == PZ_OK)
        status = count ? check_mark(s, &found, err) : check_empty(s, err);
    if (status == PZ_OK && count) {
        atomic_store(&s->known_in, life);
        atomic_store_explicit(&s->is_known, true, memory_order_release);
    } else if (status == PZ_OK)
        status = write_mark(s, inner, err);
    *marks = status == PZ_OK && !count;
    pz__buf_clear(&found);
    return status;
}

/* ---- the index ---- */

/* Where the pair of an identifier and a key stands. */
typedef struct pair {
    pz__pseudonym identifier;
    char tag[TAG];
} pair;

static pz__bytes pair_name(const pz__pseudonym *identifier, const char *tag)
{
    pz__bytes name = pz__bytes_begin('x');
    pz__bytes_add(&name, identifier->bytes, sizeof identifier->bytes);
    pz__bytes_add(&name, tag, TAG);
    return name;
}

static pz_status hide_pair(const pz__sealed *s, pz_str identifier, pz_str key, pair *out,
                           pz_error *err)
{
    pz__pseudonym made;
    pz__bytes what = pz__bytes_begin('t');
    const char length[2] = {(char)(identifier.len >> 8), (char)identifier.len};
    pz__bytes_add(&what, length, sizeof length);
    pz__bytes_add(&what, identifier.data, identifier.len);
    pz__bytes_add(&what, key.data, key.len);
    pz_status status = pz__hide(s, &what, &made, err);
    memcpy(out->tag, made.bytes, TAG);
    return status == PZ_OK ? pz__hide_name(s, 'i', identifier, &out->identifier, err) : status;
}

/* The next entry of a list as lookups give them; false at its end. */
static bool next_entry(pz__cursor *from, pz_str *out)
{
    if (pz__cursor_left(from) == 0)
        return false;
    out->len = (size_t)pz__cursor_varint(from);
    out->data = (const char *)pz__cursor_take(from, out->len);
    return out->data != NULL;
}

/* Sort by sinking (heapsort): in place, whatever the order they come in. */
static void sink(pz_str *list, size_t at, size_t count)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && pz__str_compare(list[child], list[child + 1]) < 0)
            child++;
        if (pz__str_compare(list[at], list[child]) >= 0)
            return;
        const pz_str swap = list[at];
        list[at] = list[child];
        list[child] = swap;
    }
}

static void sort(pz_str *list, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sink(list, i, count);
    for (size_t i = count; i-- > 1;) {
        const pz_str swap = list[0];
        list[0] = list[i];
        list[i] = swap;
        sink(list, 0, i);
    }
}

/* Open the entries of a list one behind the other into `plain`, and set `keys` on them. */
static pz_status open_entries(const pz__sealed *s, const pz__pseudonym *identifier,
                              const pz__buf *found, pz_str *keys, pz__buf *plain, pz_error *err)
{
    pz__cursor from;
    pz_str entry;
    size_t count = 0;
    pz_status status = PZ_OK;
    pz__cursor_init(&from, found->data, found->len);
    while (status == PZ_OK && next_entry(&from, &entry)) {
        if (entry.len < TAG)
            return pz__fail(err, PZ_ERR_CORRUPT, "an entry of a sealed index is cut short");
        const pz__bytes name = pair_name(identifier, entry.data);
        const size_t start = plain->len;
        status = pz__unseal(s, pz__bytes_text(&name), (pz_str){entry.data + TAG, entry.len - TAG},
                            plain, err);
        keys[count++].len = plain->len - start;
    }
    const char *at = plain->data;
    for (size_t i = 0; i < count; at += keys[i++].len)
        keys[i].data = at;
    return status;
}

static pz_status give_keys(const pz__sealed *s, const pz__pseudonym *identifier,
                           const pz__buf *found, size_t count, pz__buf *out, pz_error *err)
{
    pz__buf plain;
    pz_str *keys = pz__mem_new(&s->base.alloc, count, sizeof *keys);
    if (!keys)
        return pz__sealed_no_memory(err);
    pz__buf_init(&plain, &s->base.alloc, SIZE_MAX / 2);
    pz_status status = open_entries(s, identifier, found, keys, &plain, err);
    if (status == PZ_OK) {
        sort(keys, count);
        for (size_t i = 0; i < count; i++)
            pz__put_found(out, keys[i].data, keys[i].len);
        status = pz__filled(out, err);
    }
    pz__buf_clear(&plain);
    pz__mem_free(&s->base.alloc, keys, count, sizeof *keys);
    return status;
}

pz_status pz__sealed_find_keys(pz__sealed *s, pz__store_txn *inner, pz_str identifier,
                               pz__buf *keys, size_t *count, pz_error *err)
{
    pz__pseudonym name;
    pz__buf found;
    const pz__backend *backend = s->inner->backend;
    pz_status status = pz__hide_name(s, 'i', identifier, &name, err);
    if (status != PZ_OK)
        return status;
    pz__buf_init(&found, &s->base.alloc, SIZE_MAX / 2);
    status = inner ? backend->txn_lookup(inner, pz__pseudonym_text(&name), &found, count, err)
                   : backend->lookup(s->inner, pz__pseudonym_text(&name), &found, count, err);
    if (status == PZ_OK && *count > 0)
        status = give_keys(s, &name, &found, *count, keys, err);
    pz__buf_clear(&found);
    return status;
}

static pz_status add_entry(const pz__sealed *s, pz__store_txn *inner, const pair *p, pz_str key,
                           pz_error *err)
{
    pz__buf entry;
    const pz__bytes name = pair_name(&p->identifier, p->tag);
    pz__buf_init(&entry, &s->base.alloc, ENTRY_MAX);
    pz__buf_put(&entry, p->tag, TAG);
    pz_status status = pz__seal(s, pz__bytes_text(&name), key, &entry, err);
    if (status == PZ_OK)
        status = inner->store->backend->index(inner, pz__pseudonym_text(&p->identifier),
                                              (pz_str){entry.data, entry.len}, true, err);
    pz__buf_clear(&entry);
    return status;
}

pz_status pz__sealed_set_key(pz__sealed *s, pz__store_txn *inner, pz_str identifier, pz_str key,
                             bool present, pz_error *err)
{
    const pz__backend *backend = s->inner->backend;
    pair p;
    pz__buf entry;
    pz_status status = hide_pair(s, identifier, key, &p, err);
    if (status != PZ_OK)
        return status;
    const pz_str name = pz__pseudonym_text(&p.identifier);
    pz__buf_init(&entry, &s->base.alloc, ENTRY_MAX);
    status = backend->first_key(inner, name, (pz_str){p.tag, TAG}, &entry, err);
    if (status == PZ_OK && present && !entry.len)
        status = add_entry(s, inner, &p, key, err);
    else if (status == PZ_OK && !present && entry.len)
        status = backend->index(inner, name, (pz_str){entry.data, entry.len}, false, err);
    pz__buf_clear(&entry);
    return status;
}
