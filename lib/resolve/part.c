/*
 * part.c: the names of the registers in which claims about an attribute stand.
 *
 * A register is (attribute, slot, part). The part tells apart what one attribute may be told
 * several times at once, and that depends on the merge law:
 *
 *     slot         replace   set               record        max, min                      layout
 *     CHOICE       -         element           member        -                             -
 *     REJECT       value     element           -             value                         -
 *     DECLARED     -         element           member        [value, at, expires]          -
 *     INFERRED     channel   channel|element   channel|member  [channel, value, at, ...]   -
 *     EDIT_*       -         -                 -             -                             item
 *
 * Values and elements stand as their canonical bytes, which are equal exactly for equal values of
 * one kind; items are names and stand as they are. So do members, save that the empty name, which
 * would be that of the whole attribute, and names that begin with the separator have one before
 * them. Channel and what follows are parted by the separator; where the channel itself holds one it
 * is escaped, so that no two registers have one name, whatever a host calls its channels. For max
 * and min every claim has a register of its own, because an old one may still be the greatest when
 * a newer one has expired; the same claim told twice lands in one.
 *
 * This is the one place that makes parts: who writes and who reads agree by calling it;
 * pz__claim_member() of the profile room gives a member back. The part of a whole attribute
 * ("clear") is empty.
 */
#include "resolve/resolve.h"

/* What a law tells registers of one slot apart by. */
typedef enum key_use { NOTHING, CANONICAL, MEMBER, ITEM, EVERY_CLAIM } key_use;

#define ESCAPE 0x1e
#define ESCAPED 0x20 /* what is escaped has this bit turned: it is a separator no more */

static key_use use_of(const pz__attribute *attribute, pz__claim_slot slot)
{
    static const key_use facts[] = {
        [PZ__MERGE_REPLACE] = NOTHING, [PZ__MERGE_SET] = CANONICAL,   [PZ__MERGE_LAYOUT] = NOTHING,
        [PZ__MERGE_RECORD] = MEMBER,   [PZ__MERGE_MAX] = EVERY_CLAIM, [PZ__MERGE_MIN] = EVERY_CLAIM,
    };
    switch (slot) {
    case PZ__SLOT_REJECT:
    case PZ__SLOT_LIFT:
        return CANONICAL;
    case PZ__SLOT_EDIT_HIDDEN:
    case PZ__SLOT_EDIT_PLACE:
        return ITEM;
    case PZ__SLOT_DECLARED:
    case PZ__SLOT_INFERRED:
        return facts[attribute->merge];
    case PZ__SLOT_CHOICE:
        return facts[attribute->merge] == EVERY_CLAIM ? NOTHING : facts[attribute->merge];
    default:
        return NOTHING;
    }
}

/* Everything that makes one claim of max and min another than the next. */
static void put_claim(pz__buf *out, bool is_inferred, pz_value key, const pz__write *write,
                      double confidence)
{
    const pz_value items[] = {pz__value_of_str(write->channel), key, pz_value_int(write->at_ms),
                              pz_value_int(write->expires_ms), pz_value_double(confidence)};
    pz__value_encode(out,
                     is_inferred ? pz__value_of_items(items, 5) : pz__value_of_items(items + 1, 3));
}

static void put_channel(pz__buf *out, pz_str channel)
{
    for (size_t i = 0; i < channel.len; i++) {
        const uint8_t octet = (uint8_t)channel.data[i];
        const bool is_plain = octet != ESCAPE && octet != PZ__PART_SEPARATOR;
        if (!is_plain)
            pz__buf_byte(out, ESCAPE);
        pz__buf_byte(out, is_plain ? octet : octet ^ ESCAPED);
    }
}

static void put_member(pz__buf *out, pz_str name)
{
    if (name.len == 0 || name.data[0] == PZ__PART_SEPARATOR)
        pz__buf_byte(out, PZ__PART_SEPARATOR);
    pz__buf_put(out, name.data, name.len);
}

static void put_key(pz__buf *out, key_use use, bool is_inferred, pz_value key,
                    const pz__write *write, double confidence)
{
    if (use == EVERY_CLAIM) {
        put_claim(out, is_inferred, key, write, confidence);
        return;
    }
    if (is_inferred)
        put_channel(out, write->channel);
    if (use == NOTHING)
        return;
    if (is_inferred)
        pz__buf_byte(out, PZ__PART_SEPARATOR);
    const pz_str name = pz_value_text(key);
    if (use == MEMBER)
        put_member(out, name);
    else if (use == ITEM)
        pz__buf_put(out, name.data, name.len);
    else
        pz__value_encode(out, key);
}

pz_status pz__part_make(const pz__attribute *attribute, pz__claim_slot slot, pz_value key,
                        const pz__write *write, double confidence, pz__arena *arena, pz_str *out)
{
    *out = PZ__STR("");
    const bool is_inferred = slot == PZ__SLOT_INFERRED;
    const key_use use = use_of(attribute, slot);
    if ((use == NOTHING || key.kind == PZ_NULL) && !is_inferred)
        return PZ_OK;
    pz__buf bytes;
    pz__buf_init(&bytes, &arena->alloc, PZ__CLAIM_VALUE_MAX);
    put_key(&bytes, use, is_inferred, key, write, confidence);
    pz_status status = bytes.status;
    if (status == PZ_OK) {
        char *kept = pz__arena_text(arena, bytes.data ? bytes.data : "", bytes.len);
        if (kept)
            *out = (pz_str){kept, bytes.len};
        else
            status = PZ_ERR_NOMEM;
    }
    pz__buf_clear(&bytes);
    return status;
}
