/*
 * seal.c: calls of a host's hooks, with what they return narrowed to what callers know how to read.
 *
 * A hook's "busy" must not run a transaction again, nor its "not found" make a customer anew:
 * beside damage and memory everything is PZ_ERR_IO. Lengths that a hook may not have written are
 * refused; the bytes are out of bounds then, and nothing is done with them.
 */
#include "base/error.h"
#include "store/sealed.h"

static pz_status narrowed(pz_status status, const char *what, pz_error *err)
{
    if (status == PZ_OK)
        return PZ_OK;
    if (status == PZ_ERR_CORRUPT)
        return pz__fail(
            err, status,
            "what the store holds cannot be opened: it is damaged, or was sealed with a "
            "key that the hooks do not have");
    if (status != PZ_ERR_NOMEM)
        status = PZ_ERR_IO;
    return pz__fail(err, status, "the store's hook that %s failed: %s", what,
                    pz_status_text(status));
}

pz_status pz__hide(const pz__sealed *s, const pz__bytes *what, pz__pseudonym *out, pz_error *err)
{
    uint8_t made[PZ_HOOKS_PSEUDONYM_BYTES] = {0};
    const pz_status status = s->hooks.pseudonym(s->hooks.payload, what->data, what->len, made);
    memcpy(out->bytes, made, sizeof made);
    return narrowed(status, "makes pseudonyms", err);
}

pz_status pz__hide_name(const pz__sealed *s, char letter, pz_str name, pz__pseudonym *out,
                        pz_error *err)
{
    pz__bytes what = pz__bytes_begin(letter);
    pz__bytes_add(&what, name.data, name.len);
    return pz__hide(s, &what, out, err);
}

pz_status pz__sealed_no_memory(pz_error *err)
{
    return pz__fail(err, PZ_ERR_NOMEM, "out of memory in a sealed store");
}

pz_status pz__seal(const pz__sealed *s, pz_str name, pz_str plain, pz__buf *out, pz_error *err)
{
    const size_t most = plain.len + s->hooks.overhead;
    char *room = pz__buf_room(out, most ? most : 1);
    size_t len = 0;
    if (!room)
        return pz__sealed_no_memory(err);
    const pz_status status =
        s->hooks.seal(s->hooks.payload, name, plain.data ? plain.data : "", plain.len, room, &len);
    if (status == PZ_OK && len > most)
        return pz__fail(err, PZ_ERR_IO, "the store's hook that seals wrote more than it said");
    out->len += status == PZ_OK ? len : 0;
    return narrowed(status == PZ_ERR_CORRUPT ? PZ_ERR_IO : status, "seals", err);
}

pz_status pz__unseal(const pz__sealed *s, pz_str name, pz_str from, pz__buf *out, pz_error *err)
{
    char *room = pz__buf_room(out, from.len ? from.len : 1);
    size_t len = 0;
    if (!room)
        return pz__sealed_no_memory(err);
    pz_status status =
        s->hooks.open(s->hooks.payload, name, from.data ? from.data : "", from.len, room, &len);
    if (status == PZ_OK && len > from.len)
        return pz__fail(err, PZ_ERR_IO, "the store's hook that opens wrote more than it may");
    out->len += status == PZ_OK ? len : 0;
    return narrowed(status, "opens", err);
}
