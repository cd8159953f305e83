/*
 * record.c: a profile's bytes as a store keeps them.
 *
 *     50 5a 72      "PZr"
 *     octet         version of the envelope: 02
 *     octet         marks: bit 0 the content is deflated; bit 1 no link leads here
 *     8 octets      checksum of all that follows, the marks added to it; big-endian
 *     content       the canonical bytes of the profile; if deflated the varint length of those
 *                   bytes, then a zlib stream (RFC 1950) of them
 *
 * Canonical bytes are strict, but a flipped bit inside a text can still spell another valid
 * profile. The checksum makes such damage an error of that one record. It guards against accidents,
 * not against somebody who can write to the store. Envelopes of version 1 had a SipHash-2-4 there,
 * which took as long as finding the record, and no bit 1; they are still read.
 *
 * A profile is answered from where its record lies, so a record is kept as it is where fetching it
 * costs less than inflating it, which is the store's to say (pz__store_plain_max()). Beyond, the
 * fastest level halves it and more; the next levels save a few in a hundred for twice the time
 * (docs/performance.md has the figures). The bytes of a deflated record depend on the zlib that
 * made it, those of the profile in it do not.
 *
 * A link to a profile may stand in another one alone, and then only the store's index tells of it
 * (people.c). That nothing leads here is noted with the record, so that who reads it need not ask.
 */
#include "engine/engine.h"

#include "base/deflate.h"

#define HEADER_LEN 13u
#define CHECKSUM_AT 5u
#define MARKS_AT 4u

#define LEVEL 1

static const uint8_t magic[3] = {0x50, 0x5a, 0x72};
#define ENVELOPE_SIPHASH 1u
#define ENVELOPE_VERSION 2u
#define MARK_DEFLATED 1u
#define MARK_ALONE 2u

static void put_sum(char *record, uint64_t sum)
{
    for (unsigned i = 0; i < 8; i++)
        record[CHECKSUM_AT + i] = (char)(uint8_t)(sum >> (56 - 8 * i));
}

/* Put the deflated content in place of the plain, if that saves a quarter: ids of events are
 * hashes, and what is mostly such ids would be inflated for nothing. */
static pz_status pack(pz__buf *out, size_t start, size_t plain_max)
{
    const size_t content = start + HEADER_LEN, len = out->len - content;
    if (len <= plain_max)
        return PZ_OK;
    pz__buf packed;
    pz__buf_init(&packed, &out->alloc, len);
    pz__buf_varint(&packed, len);
    const pz_status status = pz__deflate(&packed, out->data + content, len, LEVEL);
    if (status == PZ_OK && packed.len <= len - len / 4) {
        memcpy(out->data + content, packed.data, packed.len);
        out->len = content + packed.len;
        out->data[start + MARKS_AT] |= MARK_DEFLATED;
    }
    pz__buf_clear(&packed);
    return status == PZ_ERR_LIMIT ? PZ_OK : status; /* it would be longer: it stays plain */
}

pz_status pz__record_encode(const pz__profile *profile, bool is_alone, size_t plain_max,
                            pz__buf *out)
{
    const size_t start = out->len;
    pz__buf_put(out, magic, sizeof magic);
    pz__buf_byte(out, ENVELOPE_VERSION);
    pz__buf_byte(out, is_alone ? MARK_ALONE : 0);
    pz__buf_be64(out, 0);
    pz_status status = pz__profile_encode(profile, out);
    if (status == PZ_OK)
        status = out->status;
    if (status == PZ_OK)
        status = pack(out, start, plain_max);
    if (status != PZ_OK)
        return status;
    const size_t content = start + HEADER_LEN;
    const uint64_t sum = pz__checksum(out->data + content, out->len - content);
    put_sum(out->data + start, sum + (uint8_t)out->data[start + MARKS_AT]);
    return PZ_OK;
}

static pz_status not_inflated(pz_error *err)
{
    return pz__fail(err, PZ_ERR_CORRUPT,
                    "the record does not inflate to what it says; restore it from a backup");
}

/* The plain bytes of a deflated content, in `room`. */
static pz_status inflate(pz__record *record, pz__buf *room, pz_error *err)
{
    pz__cursor in;
    pz__cursor_init(&in, record->content.data, record->content.len);
    const uint64_t len = pz__cursor_varint(&in);
    if (in.bad || len == 0 || len > PZ__PROFILE_BYTES_MAX)
        return pz__fail(err, PZ_ERR_CORRUPT,
                        "the record says a length no profile has; restore it from a backup");
    pz__buf_reset(room);
    room->limit = (size_t)len;
    const pz_status status = pz__inflate(room, in.next, pz__cursor_left(&in));
    if (status == PZ_ERR_NOMEM)
        return pz__fail(err, status, "out of memory");
    if (status != PZ_OK || room->len != len)
        return not_inflated(err);
    record->content = (pz_str){room->data, room->len};
    return PZ_OK;
}

static pz_status not_opened(pz_error *err)
{
    return pz__fail(err, PZ_ERR_CORRUPT,
                    "it cannot be opened: it is damaged, or was sealed with a key that the hooks "
                    "do not have; restore it from a backup, or give the key");
}

static pz_status no_record(pz_error *err)
{
    return pz__fail(err, PZ_ERR_CORRUPT,
                    "the record is no profile of this library; restore it from a backup");
}

static pz_status later_record(pz_error *err)
{
    return pz__fail(err, PZ_ERR_VERSION,
                    "the record was written by a later version of the library; use that one");
}

static uint64_t sum_of(unsigned version, unsigned marks, pz_str content)
{
    if (version == ENVELOPE_SIPHASH)
        return pz__siphash(pz__fixed_key, content.data, content.len);
    return pz__checksum(content.data, content.len) + marks;
}

pz_status pz__record_open(pz__record *out, const void *bytes, size_t len, pz__buf *room,
                          pz_error *err)
{
    *out = (pz__record){.is_alone = false};
    const uint8_t *head = bytes;
    if (len == 0)
        return not_opened(err);
    if (len < HEADER_LEN || memcmp(head, magic, sizeof magic) != 0)
        return no_record(err);
    const unsigned version = head[sizeof magic], marks = head[MARKS_AT];
    const unsigned known = version == ENVELOPE_SIPHASH ? MARK_DEFLATED : MARK_DEFLATED | MARK_ALONE;
    if (version == 0 || version > ENVELOPE_VERSION || (marks & ~known))
        return later_record(err);
    pz__cursor cursor;
    pz__cursor_init(&cursor, head + CHECKSUM_AT, HEADER_LEN - CHECKSUM_AT);
    out->content = (pz_str){(const char *)bytes + HEADER_LEN, len - HEADER_LEN};
    if (sum_of(version, marks, out->content) != pz__cursor_be64(&cursor))
        return pz__fail(err, PZ_ERR_CORRUPT,
                        "the record is damaged: its checksum does not match; restore it from a "
                        "backup");
    out->is_alone = (marks & MARK_ALONE) != 0;
    return marks & MARK_DEFLATED ? inflate(out, room, err) : PZ_OK;
}

pz_status pz__record_decode(pz__profile **out, const pz_alloc *alloc, const void *bytes, size_t len,
                            pz_error *err)
{
    *out = NULL;
    pz__buf room;
    pz__record record;
    pz__buf_init(&room, alloc, PZ__PROFILE_BYTES_MAX);
    pz_status status = pz__record_open(&record, bytes, len, &room, err);
    if (status == PZ_OK)
        status = pz__profile_decode(out, alloc, record.content.data, record.content.len, err);
    pz__buf_clear(&room);
    return status;
}

pz_status pz__record_belongs(const pz_engine *engine, pz_str subject, pz_str key, pz_error *err)
{
    return pz__str_equal(subject, key)
               ? PZ_OK
               : pz__fail(
                     err, PZ_ERR_CORRUPT,
                     "under the key '%.*s' stands the profile '%.*s'; restore it from a backup",
                     PZ__STR_ARG(pz__told(engine, key)), PZ__STR_ARG(pz__told(engine, subject)));
}

/* ---- the mark ---- */

bool pz__record_is_alone(const void *bytes, size_t len)
{
    const uint8_t *head = bytes;
    return len >= HEADER_LEN && head[sizeof magic] == ENVELOPE_VERSION &&
           (head[MARKS_AT] & MARK_ALONE);
}

void pz__record_linked(const void *bytes, size_t len, pz__buf *out)
{
    const size_t start = out->len;
    pz__buf_put(out, bytes, len);
    if (out->status != PZ_OK || !pz__record_is_alone(bytes, len))
        return;
    char *record = out->data + start;
    pz__cursor cursor;
    pz__cursor_init(&cursor, record + CHECKSUM_AT, HEADER_LEN - CHECKSUM_AT);
    record[MARKS_AT] = (char)(record[MARKS_AT] & ~(int)MARK_ALONE);
    put_sum(record, pz__cursor_be64(&cursor) - MARK_ALONE);
}
