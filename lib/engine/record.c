/*
 * record.c: a profile's bytes as a store keeps them.
 *
 *     50 5a 72      "PZr"
 *     octet         version of the envelope: 01
 *     octet         how the content is packed: 00 as it is
 *     8 octets      SipHash-2-4 of the content under the library's fixed key, big-endian
 *     content       the canonical bytes of the profile
 *
 * Canonical bytes are strict, but a flipped bit inside a text can still spell another valid
 * profile. The checksum makes such damage an error of that one record. It guards against accidents,
 * not against somebody who can write to the store.
 */
#include "engine/engine.h"

#define HEADER_LEN 13u
#define CHECKSUM_AT 5u

static const uint8_t magic[3] = {0x50, 0x5a, 0x72};
#define ENVELOPE_VERSION 1u
#define PACKED_PLAIN 0u

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
    if (status != PZ_OK)
        return status;
    const size_t content = start + HEADER_LEN;
    const uint64_t sum = pz__siphash(pz__fixed_key, out->data + content, out->len - content);
    for (unsigned i = 0; i < 8; i++)
        out->data[start + CHECKSUM_AT + i] = (char)(uint8_t)(sum >> (56 - 8 * i));
    return PZ_OK;
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
    if (version != ENVELOPE_VERSION || packed != PACKED_PLAIN)
        return pz__fail(err, PZ_ERR_VERSION,
                        "the record was written by a later version of the library; use that one");
    const size_t content = pz__cursor_left(&cursor);
    if (pz__siphash(pz__fixed_key, cursor.next, content) != sum)
        return pz__fail(err, PZ_ERR_CORRUPT,
                        "the record is damaged: its checksum does not match; restore it from a "
                        "backup");
    return pz__profile_decode(out, alloc, cursor.next, content, err);
}
