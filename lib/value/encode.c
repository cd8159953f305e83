/*
 * encode.c: canonical bytes. One value, one spelling.
 *
 *     kind | payload
 *     ---- | -------------------------------------------------------------
 *       0  | nothing                                                  null
 *       1  | 00 or 01                                                 bool
 *       2  | zigzag varint                                             int
 *       3  | varint                                                   uint
 *       4  | 8 octets, big-endian; every NaN is 7ff8000000000000    double
 *       5  | varint length, octets of UTF-8                         string
 *       6  | varint length, octets                                   bytes
 *       7  | zigzag varint seconds, varint nanoseconds           timestamp
 *       8  | zigzag varint nanoseconds                            duration
 *       9  | varint count, items                                      list
 *      10  | varint count, key and value of each entry by key order    map
 *
 * Decoding takes nothing else: a longer varint, an unsorted or repeated key, another NaN or bytes
 * that are no UTF-8 are damage, not variants. A count is believed only as far as the bytes behind
 * it could hold that many, so damaged counts ask for no memory.
 */
#include <string.h>

#include "base/number.h"
#include "base/utf8.h"
#include "value/map.h"

#define NAN_BITS UINT64_C(0x7ff8000000000000)
#define NANOS_MAX 999999999u
/* Entries that are sorted on the C stack; more ask the buffer's allocator. */
#define ORDER_ON_STACK 32u

/* ---- writing ---- */

static void encode(pz__buf *out, pz_value v, unsigned depth);

static void encode_double(pz__buf *out, double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    pz__buf_be64(out, d != d ? NAN_BITS : bits);
}

static void encode_list(pz__buf *out, pz_value v, unsigned depth)
{
    pz__buf_varint(out, v.len);
    for (uint32_t i = 0; i < v.len && out->status == PZ_OK; i++)
        encode(out, v.as.items[i], depth);
}

static void encode_entries(pz__buf *out, pz_value v, uint32_t *order, unsigned depth)
{
    const pz_entry *entries = pz__map_entries(v);
    pz__map_order(v, order);
    for (uint32_t i = 0; i < v.len && out->status == PZ_OK; i++) {
        encode(out, entries[order[i]].key, depth);
        encode(out, entries[order[i]].value, depth);
    }
}

static void encode_small_map(pz__buf *out, pz_value v, unsigned depth)
{
    uint32_t order[ORDER_ON_STACK];
    encode_entries(out, v, order, depth);
}

static void encode_map(pz__buf *out, pz_value v, unsigned depth)
{
    pz__buf_varint(out, v.len);
    if (v.len <= ORDER_ON_STACK) {
        encode_small_map(out, v, depth);
        return;
    }
    uint32_t *order = pz__mem_new(&out->alloc, v.len, sizeof *order);
    if (!order) {
        out->status = out->status == PZ_OK ? PZ_ERR_NOMEM : out->status;
        return;
    }
    encode_entries(out, v, order, depth);
    pz__mem_free(&out->alloc, order, v.len, sizeof *order);
}

static void encode(pz__buf *out, pz_value v, unsigned depth)
{
    if (v.kind >= PZ_LIST && depth == PZ__VALUE_DEPTH_MAX) {
        out->status = out->status == PZ_OK ? PZ_ERR_LIMIT : out->status;
        return;
    }
    pz__buf_byte(out, (uint8_t)v.kind);
    switch (v.kind) {
    case PZ_BOOL:
        pz__buf_byte(out, v.as.b);
        break;
    case PZ_INT:
    case PZ_DURATION:
        pz__buf_zigzag(out, v.as.i);
        break;
    case PZ_UINT:
        pz__buf_varint(out, v.as.u);
        break;
    case PZ_DOUBLE:
        encode_double(out, v.as.d);
        break;
    case PZ_STRING:
    case PZ_BYTES:
        pz__buf_varint(out, v.len);
        pz__buf_put(out, v.as.text, v.len);
        break;
    case PZ_TIMESTAMP:
        pz__buf_zigzag(out, v.as.i);
        pz__buf_varint(out, v.len);
        break;
    case PZ_LIST:
        encode_list(out, v, depth + 1);
        break;
    case PZ_MAP:
        encode_map(out, v, depth + 1);
        break;
    default:
        break;
    }
}

void pz__value_encode(pz__buf *out, pz_value v)
{
    encode(out, v, 0);
}

pz_status pz__value_digest(const pz_alloc *alloc, pz_value v, pz__digest *out)
{
    pz__buf bytes;
    pz__buf_init(&bytes, alloc, SIZE_MAX);
    pz__value_encode(&bytes, v);
    pz_status status = bytes.status;
    if (status == PZ_OK)
        *out = pz__content_hash(bytes.data, bytes.len);
    pz__buf_clear(&bytes);
    return status;
}

/* ---- reading ---- */

static uint64_t cursor_fail(pz__cursor *in)
{
    in->bad = true;
    return 0;
}

/* A count of things that take at least `least` bytes each. */
static uint32_t read_count(pz__cursor *in, size_t least)
{
    uint64_t count = pz__cursor_varint(in);
    if (count > PZ_VALUE_LEN_MAX || count > pz__cursor_left(in) / least)
        return (uint32_t)cursor_fail(in);
    return (uint32_t)count;
}

static double read_double(pz__cursor *in)
{
    uint64_t bits = pz__cursor_be64(in);
    double d;
    memcpy(&d, &bits, sizeof d);
    if (d != d && bits != NAN_BITS)
        in->bad = true;
    return d;
}

static pz_value read_octets(pz__cursor *in, pz_kind kind)
{
    uint32_t len = read_count(in, 1);
    const char *text = (const char *)pz__cursor_take(in, len);
    if (kind == PZ_STRING && text && !pz__utf8_valid(text, len))
        in->bad = true;
    return (pz_value){.kind = kind, .len = len, .as.text = text};
}

static pz_value read_timestamp(pz__cursor *in)
{
    int64_t seconds = pz__cursor_zigzag(in);
    uint64_t nanos = pz__cursor_varint(in);
    if (nanos > NANOS_MAX)
        nanos = cursor_fail(in);
    return (pz_value){.kind = PZ_TIMESTAMP, .len = (uint32_t)nanos, .as.i = seconds};
}

/* A value that holds no others, its kind already read. */
static pz_value read_scalar(pz__cursor *in, uint8_t kind)
{
    uint8_t octet;
    switch (kind) {
    case PZ_NULL:
        return pz_value_null();
    case PZ_BOOL:
        octet = pz__cursor_byte(in);
        in->bad = in->bad || octet > 1;
        return pz_value_bool(octet == 1);
    case PZ_INT:
        return pz_value_int(pz__cursor_zigzag(in));
    case PZ_UINT:
        return pz_value_uint(pz__cursor_varint(in));
    case PZ_DOUBLE:
        return pz_value_double(read_double(in));
    case PZ_STRING:
    case PZ_BYTES:
        return read_octets(in, (pz_kind)kind);
    case PZ_TIMESTAMP:
        return read_timestamp(in);
    case PZ_DURATION:
        return pz_value_duration_ns(pz__cursor_zigzag(in));
    default:
        in->bad = true;
        return pz_value_null();
    }
}

static pz_status decode(pz__arena *arena, pz__cursor *in, pz_value *out, unsigned depth);

static pz_status decode_list(pz__arena *arena, pz__cursor *in, pz_value *out, unsigned depth)
{
    uint32_t count = read_count(in, 1);
    pz_value *items = pz__arena_array(arena, count, sizeof *items);
    if (!items)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        pz_status status = decode(arena, in, &items[i], depth);
        if (status != PZ_OK)
            return status;
        if (i > 0)
            pz__map_share_keys(items[i - 1], items[i]);
    }
    *out = pz__value_of_items(items, count);
    return PZ_OK;
}

/* Keys must rise strictly; 1 and 1u, which order apart, are still one key. */
static bool is_key_in_order(const pz_entry *entries, uint32_t i)
{
    return i == 0 || pz__key_compare(entries[i - 1].key, entries[i].key) < 0;
}

static pz_status decode_map(pz__arena *arena, pz__cursor *in, pz_value *out, unsigned depth)
{
    uint32_t count = read_count(in, 2);
    pz_entry *entries = pz__arena_array(arena, count, sizeof *entries);
    if (!entries)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        pz_status status = decode(arena, in, &entries[i].key, depth);
        if (status == PZ_OK)
            status = decode(arena, in, &entries[i].value, depth);
        if (status != PZ_OK)
            return status;
        if (!is_key_in_order(entries, i))
            return PZ_ERR_CORRUPT;
    }
    pz_status status = pz__value_of_entries(arena, out, entries, count, PZ__DUP_REFUSE);
    return status == PZ_OK || status == PZ_ERR_NOMEM ? status : PZ_ERR_CORRUPT;
}

static pz_status decode(pz__arena *arena, pz__cursor *in, pz_value *out, unsigned depth)
{
    pz_status status = PZ_OK;
    uint8_t kind = pz__cursor_byte(in);
    if ((kind == PZ_LIST || kind == PZ_MAP) && depth == PZ__VALUE_DEPTH_MAX)
        return PZ_ERR_CORRUPT;
    if (kind == PZ_LIST)
        status = decode_list(arena, in, out, depth + 1);
    else if (kind == PZ_MAP)
        status = decode_map(arena, in, out, depth + 1);
    else
        *out = read_scalar(in, kind);
    return in->bad ? PZ_ERR_CORRUPT : status;
}

pz_status pz__value_decode(pz__arena *arena, pz__cursor *in, pz_value *out)
{
    pz__mark before = pz__arena_mark(arena);
    pz_status status = decode(arena, in, out, 0);
    if (status == PZ_OK)
        return PZ_OK;
    in->bad = in->bad || status == PZ_ERR_CORRUPT;
    pz__arena_return(arena, before);
    *out = pz_value_null();
    return status;
}

/* Step over a container of the given kind. `left` counts what is still to come at each depth. */
static void skip_nested(pz__cursor *in, uint8_t kind)
{
    uint64_t left[PZ__VALUE_DEPTH_MAX];
    unsigned depth = 0;
    for (;;) {
        if (kind == PZ_LIST || kind == PZ_MAP) {
            if (depth == PZ__VALUE_DEPTH_MAX) {
                in->bad = true;
                return;
            }
            left[depth++] = kind == PZ_MAP ? 2 * (uint64_t)read_count(in, 2) : read_count(in, 1);
        } else {
            read_scalar(in, kind);
        }
        while (depth > 0 && left[depth - 1] == 0)
            depth--;
        if (depth == 0 || in->bad)
            return;
        left[depth - 1]--;
        kind = pz__cursor_byte(in);
    }
}

void pz__value_skip(pz__cursor *in)
{
    uint8_t kind = pz__cursor_byte(in);
    if (kind == PZ_LIST || kind == PZ_MAP)
        skip_nested(in, kind);
    else
        read_scalar(in, kind);
}
