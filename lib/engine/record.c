/*
 * record.c: a profile's bytes as a store keeps them.
 *
 *     50 5a 72      "PZr"
 *     octet         version of the envelope: 01
 *     octet         how the content is packed: 00 as it is, 01 deflated
 *     8 octets      SipHash-2-4 of all that follows, under the library's fixed key, big-endian
 *     content       00: the canonical bytes of the profile
 *                   01: varint length of those bytes, then a zlib stream (RFC 1950) of them
 *
 * Canonical bytes are strict, but a flipped bit inside a text can still spell another valid
 * profile. The checksum makes such damage an error of that one record. It guards against accidents,
 * not against somebody who can write to the store.
 *
 * A record of up to a page of the store is kept as it is: nothing would be saved, and reading would
 * take twice as long. Beyond, the fastest level halves it and more; the next levels save a few in a
 * hundred for twice the time (docs/performance.md has the figures). The bytes of a deflated record
 * depend on the zlib that made it, those of the profile in it do not.
 */
#include "engine/engine.h"

#include "base/deflate.h"

#define HEADER_LEN 13u
#define CHECKSUM_AT 5u
#define PACKING_AT 4u

/* Longest content that is never deflated: a page. */
#define PLAIN_MAX 4096u
#define LEVEL 1

static const uint8_t magic[3] = {0x50, 0x5a, 0x72};
#define ENVELOPE_VERSION 1u
#define PACKED_PLAIN 0u
#define PACKED_DEFLATED 1u

/* Put the deflated content in place of the plain, if it is shorter. */
static pz_status pack(pz__buf *out, size_t start)
{
    const size_t content = start + HEADER_LEN, len = out->len - content;
    if (len <= PLAIN_MAX)
        return PZ_OK;
    pz__buf packed;
    pz__buf_init(&packed, &out->alloc, len);
    pz__buf_varint(&packed, len);
    const pz_status status = pz__deflate(&packed, out->data + content, len, LEVEL);
    if (status == PZ_OK && packed.len < len) {
        memcpy(out->data + content, packed.data, packed.len);
        out->len = content + packed.len;
        out->data[start + PACKING_AT] = PACKED_DEFLATED;
    }
    pz__buf_clear(&packed);
    return status == PZ_ERR_LIMIT ? PZ_OK : status; /* it would be longer: it stays plain */
}

pz_status pz__record_encode(const pz__profile *profile, pz__buf *out)
{
    const size_t start = out->len;
    pz__buf_put(out, magic, sizeof magic);
    pz__buf_byte(out, ENVELOPE_VERSION);
    pz__buf_byte(out, PACKED_PLAIN);
    pz__buf_be64(out, 0);
    pz_status status = pz__profile_encode(profile, out);
    if (status == PZ_OK)
        status = out->status;
    if (status == PZ_OK)
        status = pack(out, start);
    if (status != PZ_OK)
        return status;
    const size_t content = start + HEADER_LEN;
    const uint64_t sum = pz__siphash(pz__fixed_key, out->data + content, out->len - content);
    for (unsigned i = 0; i < 8; i++)
        out->data[start + CHECKSUM_AT + i] = (char)(uint8_t)(sum >> (56 - 8 * i));
    return PZ_OK;
}

static pz_status decode_deflated(pz__profile **out, const pz_alloc *alloc, pz__cursor *in,
                                 pz_error *err)
{
    const uint64_t len = pz__cursor_varint(in);
    if (in->bad || len == 0 || len > PZ__PROFILE_BYTES_MAX)
        return pz__fail(err, PZ_ERR_CORRUPT,
                        "the record says a length no profile has; restore it from a backup");
    pz__buf plain;
    pz__buf_init(&plain, alloc, (size_t)len);
    pz_status status = pz__inflate(&plain, in->next, pz__cursor_left(in));
    if (status == PZ_ERR_NOMEM)
        pz__fail(err, status, "out of memory");
    else if (status != PZ_OK || plain.len != len)
        status = pz__fail(err, PZ_ERR_CORRUPT,
                          "the record does not inflate to what it says; restore it from a backup");
    if (status == PZ_OK)
        status = pz__profile_decode(out, alloc, plain.data, plain.len, err);
    pz__buf_clear(&plain);
    return status;
}

pz_status pz__record_decode(pz__profile **out, const pz_alloc *alloc, const void *bytes, size_t len,
                            pz_error *err)
{
    *out = NULL;
    pz__cursor cursor;
    pz__cursor_init(&cursor, bytes, len);
    const uint8_t *found = pz__cursor_take(&cursor, sizeof magic);
    const uint8_t version = pz__cursor_byte(&cursor);
    const uint8_t packed = pz__cursor_byte(&cursor);
    const uint64_t sum = pz__cursor_be64(&cursor);
    if (cursor.bad || memcmp(found, magic, sizeof magic) != 0)
        return pz__fail(err, PZ_ERR_CORRUPT,
                        "the record is no profile of this library; restore it from a backup");
    if (version != ENVELOPE_VERSION || packed > PACKED_DEFLATED)
        return pz__fail(err, PZ_ERR_VERSION,
                        "the record was written by a later version of the library; use that one");
    const size_t content = pz__cursor_left(&cursor);
    if (pz__siphash(pz__fixed_key, cursor.next, content) != sum)
        return pz__fail(err, PZ_ERR_CORRUPT,
                        "the record is damaged: its checksum does not match; restore it from a "
                        "backup");
    if (packed == PACKED_DEFLATED)
        return decode_deflated(out, alloc, &cursor, err);
    return pz__profile_decode(out, alloc, cursor.next, content, err);
}
