/*
 * utf8.h: reading and checking UTF-8 (RFC 3629: no surrogates, no overlong forms, at most
 * U+10FFFF).
 */
#ifndef PZ_BASE_UTF8_H
#define PZ_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What stands for a byte that is no text. */
#define PZ__UTF8_REPLACEMENT 0xfffdu

/* True if all `len` bytes are well-formed UTF-8. */
bool pz__utf8_valid(const char *text, size_t len);
/* Index of the first byte of the first ill-formed sequence; `len` if there is none. */
size_t pz__utf8_first_bad(const char *text, size_t len);
/* Code points in well-formed text. */
size_t pz__utf8_count(const char *text, size_t len);
/* Decode one code point of well-formed text; *len gets its length (1 to 4). `left` > 0. A byte that
 * begins nothing, or a sequence that `left` cuts, gives PZ__UTF8_REPLACEMENT and length 1, so that
 * a walk over unchecked text stays inside it. */
uint32_t pz__utf8_decode(const char *text, size_t left, size_t *len);
/* Encode a scalar value into at most 4 bytes; the length. */
size_t pz__utf8_encode(uint32_t code_point, char out[4]);

#endif
