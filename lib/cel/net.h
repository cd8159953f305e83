/*
 * net.h: addresses and networks, the values of net.IP and net.CIDR.
 */
#ifndef PZ_CEL_NET_H
#define PZ_CEL_NET_H

#include "cel/cel.h"

/* An address, or a network: address and prefix. An IPv4 address stands in the first four octets. */
typedef struct pz__net {
    uint8_t octets[16];
    uint8_t bits;   /* 32 or 128 */
    uint8_t prefix; /* of a network; 0 to bits */
} pz__net;

/* Longest text with its NUL: eight groups of four and "/128". */
#define PZ__NET_TEXT_MAX 48

/* Read an address. Strict: four decimal octets without leading zeros, or RFC 4291 groups without a
 * dotted tail and without a zone. An IPv4-mapped address becomes the IPv4 address. */
bool pz__ip_parse(const char *text, size_t len, pz__net *out);
/* Read "address/length". */
bool pz__cidr_parse(const char *text, size_t len, pz__net *out);
/* The canonical text (RFC 5952), NUL-terminated; with "/length" if `network`. */
size_t pz__net_print(const pz__net *net, bool network, char out[PZ__NET_TEXT_MAX]);

static inline const pz__net *pz__net_of(pz_value v)
{
    return (const pz__net *)(const void *)v.as.text;
}
/* Of two values of one kind. */
bool pz__net_equal(pz_value a, pz_value b);

#endif
