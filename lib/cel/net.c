/*
 * net.c: network addresses: ip(), cidr() and what can be asked of them.
 *
 * Both kinds are one struct in the arena, octets in network order with the number of bits in use.
 * Everything below works on octets and bits, so the two families differ in reading and printing
 * only. An IPv4-mapped IPv6 address (::ffff:c0a8:1) *is* the IPv4 address it carries: it is
 * unmapped when read, which makes equality and containment plain comparisons. A network is unmapped
 * likewise if its prefix covers the mapping.
 *
 * Reading is strict, because addresses decide about access: no leading zeros (which some systems
 * take for octal), no zone, no dotted tail in IPv6. Printing is RFC 5952: lower case, no leading
 * zeros, the longest run of two or more zero groups compressed, the first of equals.
 */
#include "cel/net.h"

#include "base/number.h"
#include "cel/functions.h"

/* ---- reading ---- */

typedef struct net_reader {
    const char *at, *end;
} net_reader;

static bool take(net_reader *r, char c)
{
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

/* A decimal number of up to three digits without a leading zero. */
static bool take_decimal(net_reader *r, uint32_t most, uint8_t *out)
{
    const char *start = r->at;
    uint32_t n = 0;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9' && r->at - start < 4)
        n = n * 10 + (uint32_t)(*r->at++ - '0');
    ptrdiff_t digits = r->at - start;
    *out = (uint8_t)n;
    return digits > 0 && digits < 4 && n <= most && (digits == 1 || *start != '0');
}

static bool read_v4(net_reader *r, pz__net *out)
{
    *out = (pz__net){.bits = 32, .prefix = 32};
    for (uint32_t i = 0; i < 4; i++)
        if ((i > 0 && !take(r, '.')) || !take_decimal(r, 255, &out->octets[i]))
            return false;
    return r->at == r->end;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_group(net_reader *r, uint8_t *octets)
{
    uint32_t n = 0, digits = 0;
    for (; r->at < r->end && hex_digit(*r->at) >= 0 && digits < 5; digits++)
        n = n << 4 | (uint32_t)hex_digit(*r->at++);
    octets[0] = (uint8_t)(n >> 8);
    octets[1] = (uint8_t)n;
    return digits > 0 && digits < 5;
}

/* Groups up to a "::", then those behind it, which are moved to the end. */
static bool read_v6(net_reader *r, pz__net *out)
{
    uint32_t count = 0, gap = UINT32_MAX;
    *out = (pz__net){.bits = 128, .prefix = 128};
    if (r->end - r->at >= 2 && r->at[0] == ':' && r->at[1] == ':') {
        gap = 0;
        r->at += 2;
    }
    while (r->at < r->end) {
        if (count == 8 || !take_group(r, &out->octets[2 * count]))
            return false;
        count++;
        if (r->at == r->end)
            break;
        if (!take(r, ':') || r->at == r->end)
            return false;
        if (*r->at == ':') {
            if (gap != UINT32_MAX)
                return false;
            gap = count;
            r->at++;
        }
    }
    if (gap == UINT32_MAX)
        return count == 8;
    if (count == 8) /* a "::" stands for one group at least */
        return false;
    uint32_t behind = 2 * (count - gap);
    memmove(&out->octets[16 - behind], &out->octets[2 * gap], behind);
    memset(&out->octets[2 * gap], 0, 16 - behind - 2 * gap);
    return true;
}

static bool read_address(const char *text, size_t len, pz__net *out)
{
    net_reader r = {text, text + len};
    return len > 0 && (memchr(text, ':', len) ? read_v6(&r, out) : read_v4(&r, out));
}

/* ::ffff:0:0/96 carries an IPv4 address in its last four octets. */
static void unmap(pz__net *net)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (net->bits != 128 || net->prefix < 96 || memcmp(net->octets, mapped, sizeof mapped) != 0)
        return;
    memmove(net->octets, net->octets + 12, 4);
    memset(net->octets + 4, 0, 12);
    net->bits = 32;
    net->prefix = (uint8_t)(net->prefix - 96);
}

bool pz__ip_parse(const char *text, size_t len, pz__net *out)
{
    if (!read_address(text, len, out))
        return false;
    unmap(out);
    return true;
}

bool pz__cidr_parse(const char *text, size_t len, pz__net *out)
{
    const char *slash = len ? memchr(text, '/', len) : NULL;
    if (!slash || !read_address(text, (size_t)(slash - text), out))
        return false;
    net_reader r = {slash + 1, text + len};
    if (!take_decimal(&r, out->bits, &out->prefix) || r.at != r.end)
        return false;
    unmap(out);
    return true;
}

/* ---- printing ---- */

static uint32_t group(const pz__net *net, uint32_t i)
{
    return (uint32_t)net->octets[2 * i] << 8 | net->octets[2 * i + 1];
}

/* The longest run of zero groups of at least two; count 0 if there is none. */
static uint32_t longest_zeros(const pz__net *net, uint32_t *count)
{
    uint32_t best = 0, run = 0;
    *count = 0;
    for (uint32_t i = 0; i < 8; i++) {
        run = group(net, i) == 0 ? run + 1 : 0;
        if (run > *count && run >= 2) {
            *count = run;
            best = i + 1 - run;
        }
    }
    return best;
}

static char *print_hex(char *p, uint32_t n)
{
    bool started = false;
    for (int shift = 12; shift >= 0; shift -= 4) {
        uint32_t digit = n >> shift & 15;
        started |= digit != 0 || shift == 0;
        if (started)
            *p++ = "0123456789abcdef"[digit];
    }
    return p;
}

static char *print_v6(const pz__net *net, char *p)
{
    uint32_t zeros, start = longest_zeros(net, &zeros);
    for (uint32_t i = 0; i < 8; i++) {
        if (zeros && i == start) {
            *p++ = ':';
            *p++ = ':';
            i += zeros - 1;
            continue;
        }
        if (i > 0 && !(zeros && i == start + zeros))
            *p++ = ':';
        p = print_hex(p, group(net, i));
    }
    return p;
}

size_t pz__net_print(const pz__net *net, bool network, char out[PZ__NET_TEXT_MAX])
{
    char *p = out;
    if (net->bits == 128)
        p = print_v6(net, p);
    for (uint32_t i = 0; net->bits == 32 && i < 4; i++) {
        if (i > 0)
            *p++ = '.';
        p += pz__uint_print(net->octets[i], p);
    }
    if (network) {
        *p++ = '/';
        p += pz__uint_print(net->prefix, p);
    }
    *p = '\0';
    return (size_t)(p - out);
}

/* ---- comparing ---- */

static bool same_prefix(const pz__net *a, const pz__net *b, uint32_t bits)
{
    uint32_t whole = bits / 8, rest = bits % 8;
    if (memcmp(a->octets, b->octets, whole) != 0)
        return false;
    return rest == 0 || (a->octets[whole] ^ b->octets[whole]) >> (8 - rest) == 0;
}

bool pz__net_equal(pz_value a, pz_value b)
{
    const pz__net *x = pz__net_of(a), *y = pz__net_of(b);
    return x->bits == y->bits && x->prefix == y->prefix && same_prefix(x, y, x->bits);
}

static bool contains(const pz__net *outer, const pz__net *inner)
{
    return outer->bits == inner->bits && outer->prefix <= inner->prefix &&
           same_prefix(outer, inner, outer->prefix);
}

static pz__net masked(pz__net net)
{
    for (uint32_t bit = net.prefix; bit < net.bits; bit++)
        net.octets[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
    return net;
}

/* True if the address begins as the octets do, for so many bits. */
static bool begins(const pz__net *net, uint8_t first, uint8_t second, uint32_t bits)
{
    pz__net block = {.octets = {first, second}};
    return same_prefix(net, &block, bits);
}

static bool is_all(const pz__net *net, uint8_t octet, uint32_t from, uint32_t to)
{
    while (from < to && net->octets[from] == octet)
        from++;
    return from == to;
}

/* ---- values ---- */

static const char *const bad_ip =
    "the text is no IP address; IPv6 is written in hexadecimal groups only, without a zone";
static const char *const bad_cidr =
    "the text is no network such as 192.168.0.0/24 or 2001:db8::/32";

static pz_value make(pz__call *call, uint32_t kind, pz__net net)
{
    pz__net *copy = pz__arena_new(call->arena, sizeof *copy);
    if (!copy)
        return pz__call_nomem();
    *copy = net;
    return (pz_value){.kind = kind, .as.text = (const char *)copy};
}

/* The network or address that a value is or a text denotes; false leaves the error in *failed. */
static bool read_value(pz__call *call, pz_value v, uint32_t kind, pz__net *out, pz_value *failed)
{
    if (v.kind == kind) {
        *out = *pz__net_of(v);
        return true;
    }
    if (v.kind != PZ_STRING) {
        *failed = pz__call_no_overload(call);
        return false;
    }
    bool fits = kind == PZ__V_IP ? pz__ip_parse(v.as.text, v.len, out)
                                 : pz__cidr_parse(v.as.text, v.len, out);
    if (!fits)
        *failed = pz__call_fail(call, kind == PZ__V_IP ? bad_ip : bad_cidr);
    return fits;
}

pz_value pz__fn_ip(pz__call *call, const pz_value *args, uint32_t count)
{
    pz__net net;
    pz_value failed;
    if (count != 1 || args[0].kind != PZ_STRING)
        return pz__call_no_overload(call);
    return read_value(call, args[0], PZ__V_IP, &net, &failed) ? make(call, PZ__V_IP, net) : failed;
}

pz_value pz__fn_ip_of_cidr(pz__call *call, const pz_value *args, uint32_t count)
{
    if (count != 1 || args[0].kind != PZ__V_CIDR)
        return pz__call_no_overload(call);
    pz__net net = *pz__net_of(args[0]);
    net.prefix = net.bits;
    return make(call, PZ__V_IP, net);
}

pz_value pz__fn_cidr(pz__call *call, const pz_value *args, uint32_t count)
{
    pz__net net;
    pz_value failed;
    if (count != 1 || args[0].kind != PZ_STRING)
        return pz__call_no_overload(call);
    return read_value(call, args[0], PZ__V_CIDR, &net, &failed) ? make(call, PZ__V_CIDR, net)
                                                                : failed;
}

#define IS_TEXT(name, parse)                                                                       \
    pz_value pz__fn_##name(pz__call *call, const pz_value *args, uint32_t count)                   \
    {                                                                                              \
        pz__net net;                                                                               \
        if (count != 1 || args[0].kind != PZ_STRING)                                               \
            return pz__call_no_overload(call);                                                     \
        return pz_value_bool(parse(args[0].as.text, args[0].len, &net));                           \
    }
IS_TEXT(is_ip, pz__ip_parse)
IS_TEXT(is_cidr, pz__cidr_parse)
#undef IS_TEXT

pz_value pz__fn_ip_is_canonical(pz__call *call, const pz_value *args, uint32_t count)
{
    pz__net net;
    char text[PZ__NET_TEXT_MAX];
    if (count != 1 || args[0].kind != PZ_STRING)
        return pz__call_no_overload(call);
    if (!pz__ip_parse(args[0].as.text, args[0].len, &net))
        return pz__call_fail(call, bad_ip);
    size_t len = pz__net_print(&net, false, text);
    return pz_value_bool(len == args[0].len && memcmp(text, args[0].as.text, len) == 0);
}

static bool is_unspecified(const pz__net *ip)
{
    return is_all(ip, 0, 0, ip->bits / 8);
}

static bool is_loopback(const pz__net *ip)
{
    return ip->bits == 32 ? ip->octets[0] == 127 : is_all(ip, 0, 0, 15) && ip->octets[15] == 1;
}

static bool is_multicast(const pz__net *ip)
{
    return ip->bits == 32 ? begins(ip, 224, 0, 4) : ip->octets[0] == 0xff;
}

static bool is_link_local_unicast(const pz__net *ip)
{
    return ip->bits == 32 ? begins(ip, 169, 254, 16) : begins(ip, 0xfe, 0x80, 10);
}

static bool is_link_local_multicast(const pz__net *ip)
{
    if (ip->bits == 32)
        return begins(ip, 224, 0, 16) && ip->octets[2] == 0;
    return ip->octets[0] == 0xff && (ip->octets[1] & 15) == 2;
}

/* Private ranges are global unicast as well. */
static bool is_global_unicast(const pz__net *ip)
{
    bool broadcast = ip->bits == 32 && is_all(ip, 255, 0, 4);
    return !broadcast && !is_unspecified(ip) && !is_loopback(ip) && !is_multicast(ip) &&
           !is_link_local_unicast(ip);
}

#define OF_NET(name, wanted, result)                                                               \
    pz_value pz__fn_##name(pz__call *call, const pz_value *args, uint32_t count)                   \
    {                                                                                              \
        if (count != 1 || args[0].kind != (wanted))                                                \
            return pz__call_no_overload(call);                                                     \
        const pz__net *net = pz__net_of(args[0]);                                                  \
        return result;                                                                             \
    }
OF_NET(family, PZ__V_IP, pz_value_int(net->bits == 32 ? 4 : 6))
OF_NET(is_unspecified, PZ__V_IP, pz_value_bool(is_unspecified(net)))
OF_NET(is_loopback, PZ__V_IP, pz_value_bool(is_loopback(net)))
OF_NET(is_global_unicast, PZ__V_IP, pz_value_bool(is_global_unicast(net)))
OF_NET(is_link_local_unicast, PZ__V_IP, pz_value_bool(is_link_local_unicast(net)))
OF_NET(is_link_local_multicast, PZ__V_IP, pz_value_bool(is_link_local_multicast(net)))
OF_NET(prefix_length, PZ__V_CIDR, pz_value_int(net->prefix))
OF_NET(masked, PZ__V_CIDR, make(call, PZ__V_CIDR, masked(*net)))
#undef OF_NET

pz_value pz__fn_is_mask(pz__call *call, const pz_value *args, uint32_t count)
{
    if (count != 1 || args[0].kind != PZ__V_CIDR)
        return pz__call_no_overload(call);
    const pz__net *net = pz__net_of(args[0]);
    pz__net bare = masked(*net);
    return pz_value_bool(same_prefix(net, &bare, net->bits));
}

static pz_value contains_kind(pz__call *call, const pz_value *args, uint32_t count, uint32_t kind)
{
    pz__net inner;
    pz_value failed;
    if (count != 2 || args[0].kind != PZ__V_CIDR)
        return pz__call_no_overload(call);
    if (!read_value(call, args[1], kind, &inner, &failed))
        return failed;
    return pz_value_bool(contains(pz__net_of(args[0]), &inner));
}

pz_value pz__fn_contains_ip(pz__call *call, const pz_value *args, uint32_t count)
{
    return contains_kind(call, args, count, PZ__V_IP);
}

pz_value pz__fn_contains_cidr(pz__call *call, const pz_value *args, uint32_t count)
{
    return contains_kind(call, args, count, PZ__V_CIDR);
}
