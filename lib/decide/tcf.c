/*
 * tcf.c: consent strings of the IAB's Transparency and Consent Framework, version 2.
 *
 * A TC string is a row of segments, base64url without padding, parted by full stops. The first one
 * is the core; within it the fields are bits, most significant first, with no alignment:
 *
 *      6 version (2)        36 created          36 last updated (tenths of a second since 1970)
 *     12 CMP id             12 CMP version       6 consent screen    12 language, two letters
 *     12 vendor list         6 policy version    1 service specific   1 non-standard texts
 *     12 special features   24 purposes with consent                 24 with legitimate interest
 *      1 purpose one         12 publisher's country
 *        vendors with consent, vendors with legitimate interest: 16 greatest id, 1 is it ranges;
 *            one bit a vendor, or 12 count of entries: 1 is it a range, 16 first, 16 last if so
 *     12 count of publisher restrictions: 6 purpose, 2 kind, 12 count of entries, as above
 *
 * Source: IAB Tech Lab, "Transparency and Consent String with Global Vendor & CMP List Formats",
 * version 2. Purposes are what this library keeps; vendors are read past, so that a string cut
 * short is found out. Legitimate interest is no consent and grants nothing.
 *
 * Reading consumes bits from a cursor that says once and for all that the text ended; nothing is
 * read beyond it.
 */
#include "decide/tcf.h"

#include <string.h>

#define VERSION 2u
#define DECISECOND_MS 100

/* ---- bits out of text ---- */

typedef struct bits {
    pz_str text;    /* of one segment */
    size_t next;    /* character to take */
    uint32_t held;  /* bits not taken yet, the next one highest */
    unsigned count; /* of them */
    bool is_short;  /* the text ended before the fields did */
} bits;

/* The value of a base64url character; 64 for any other. */
static unsigned digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0') + 52;
    return c == '-' ? 62 : c == '_' ? 63 : 64;
}

static uint64_t take(bits *in, unsigned width)
{
    uint64_t value = 0;
    while (width > 0) {
        if (in->count == 0) {
            if (in->next == in->text.len) {
                in->is_short = true;
                return 0;
            }
            in->held = digit_of(in->text.data[in->next++]);
            in->count = 6;
        }
        const unsigned some = width < in->count ? width : in->count;
        in->count -= some;
        value = (value << some) | ((in->held >> in->count) & ((1u << some) - 1));
        width -= some;
    }
    return value;
}

static void take_letters(bits *in, char out[2])
{
    for (int i = 0; i < 2; i++)
        out[i] = (char)('A' + take(in, 6));
}

/* ---- what is read past ---- */

static void skip_entries(bits *in)
{
    for (uint64_t entries = take(in, 12); entries > 0 && !in->is_short; entries--)
        take(in, take(in, 1) ? 32 : 16);
}

static void skip_vendors(bits *in)
{
    const uint64_t greatest = take(in, 16);
    if (take(in, 1)) {
        skip_entries(in);
        return;
    }
    for (uint64_t i = 0; i < greatest && !in->is_short; i++)
        take(in, 1);
}

static void skip_restrictions(bits *in)
{
    for (uint64_t count = take(in, 12); count > 0 && !in->is_short; count--) {
        take(in, 8);
        skip_entries(in);
    }
}

/* ---- reading ---- */

static pz_status check_text(pz_str text, pz_error *err)
{
    if (text.len == 0)
        return pz__fail(err, PZ_ERR_PARSE, "a TC string is not empty");
    for (size_t i = 0; i < text.len; i++)
        if (digit_of(text.data[i]) == 64 && text.data[i] != '.')
            return pz__fail(
                err, PZ_ERR_PARSE,
                "character %zu of the TC string is none of base64url (A-Z a-z 0-9 - _); "
                "hand over the string as it came, without quotes or padding",
                i + 1);
    return PZ_OK;
}

static uint32_t take_purposes(bits *in)
{
    uint32_t purposes = 0;
    for (unsigned i = 0; i < PZ__TCF_PURPOSES; i++)
        purposes |= (uint32_t)take(in, 1) << i;
    return purposes;
}

static void read_core(bits *in, pz__tcf *out)
{
    out->created_ms = (int64_t)take(in, 36) * DECISECOND_MS;
    out->updated_ms = (int64_t)take(in, 36) * DECISECOND_MS;
    out->cmp_id = (uint16_t)take(in, 12);
    out->cmp_version = (uint16_t)take(in, 12);
    out->screen = (uint8_t)take(in, 6);
    take_letters(in, out->language);
    out->vendor_list_version = (uint16_t)take(in, 12);
    out->policy_version = (uint8_t)take(in, 6);
    out->is_service_specific = take(in, 1) != 0;
    take(in, 1 + 12);
    out->consents = take_purposes(in);
    take_purposes(in);
    take(in, 1);
    take_letters(in, out->publisher_country);
    skip_vendors(in);
    skip_vendors(in);
    skip_restrictions(in);
}

pz_status pz__tcf_read(pz__tcf *out, pz_str text, pz_error *err)
{
    pz_status status = check_text(text, err);
    if (status != PZ_OK)
        return status;
    const char *stop = memchr(text.data, '.', text.len);
    bits in = {.text = {text.data, stop ? (size_t)(stop - text.data) : text.len}};
    const uint64_t version = take(&in, 6);
    if (version != VERSION)
        return pz__fail(err, PZ_ERR_PARSE,
                        "the consent string is of version %u of the framework; version 2 is read",
                        (unsigned)version);
    pz__tcf read = {0};
    read_core(&in, &read);
    if (in.is_short)
        return pz__fail(err, PZ_ERR_PARSE,
                        "the TC string ends after %zu characters, before its fields do: it was cut",
                        in.text.len);
    *out = read;
    return PZ_OK;
}

/* ---- writing ---- */

typedef struct bits_out {
    pz__buf *out;
    uint32_t held;
    unsigned count;
} bits_out;

static void give(bits_out *to, uint64_t value, unsigned width)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    while (width > 0) {
        const unsigned some = width < 6 - to->count ? width : 6 - to->count;
        width -= some;
        to->held = (to->held << some) | (uint32_t)((value >> width) & ((1u << some) - 1));
        to->count += some;
        if (to->count == 6) {
            pz__buf_put(to->out, &digits[to->held], 1);
            to->held = to->count = 0;
        }
    }
}

static void give_letters(bits_out *to, const char letters[2])
{
    for (int i = 0; i < 2; i++)
        give(to, (uint64_t)(letters[i] - 'A') & 63, 6);
}

static void give_purposes(bits_out *to, uint32_t purposes)
{
    for (unsigned i = 0; i < PZ__TCF_PURPOSES; i++)
        give(to, purposes >> i & 1, 1);
}

pz_status pz__tcf_write(const pz__tcf *tcf, pz__buf *out)
{
    bits_out to = {.out = out};
    give(&to, VERSION, 6);
    give(&to, (uint64_t)(tcf->created_ms / DECISECOND_MS), 36);
    give(&to, (uint64_t)(tcf->updated_ms / DECISECOND_MS), 36);
    give(&to, tcf->cmp_id, 12);
    give(&to, tcf->cmp_version, 12);
    give(&to, tcf->screen, 6);
    give_letters(&to, tcf->language);
    give(&to, tcf->vendor_list_version, 12);
    give(&to, tcf->policy_version, 6);
    give(&to, tcf->is_service_specific, 1);
    give(&to, 0, 1 + 12);
    give_purposes(&to, tcf->consents);
    give_purposes(&to, 0);
    give(&to, 0, 1);
    give_letters(&to, tcf->publisher_country);
    give(&to, 0, 16 + 1); /* no vendor has consent */
    give(&to, 0, 16 + 1);
    give(&to, 0, 12);
    if (to.count > 0)
        give(&to, 0, 6 - to.count);
    return out->status;
}
