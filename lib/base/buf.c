/*
 * buf.c: growing bytes, and reading them back.
 *
 * Capacity doubles from 64 bytes; what is written stays within the limit. The failure is sticky so
 * that encoders read as a plain list of what they write. Varints are read strictly: a number has
 * exactly one spelling, or two replicas of the same content could differ in bytes.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CAP_MIN 64u
#define VARINT_MAX 10u

void pz__buf_init(pz__buf *buf, const pz_alloc *alloc, size_t limit)
{
    *buf = (pz__buf){.alloc = pz__alloc_or_default(alloc), .limit = limit};
}

void pz__buf_clear(pz__buf *buf)
{
    pz__mem_free(&buf->alloc, buf->data, 1, buf->cap);
    pz_alloc alloc = buf->alloc;
    pz__buf_init(buf, &alloc, buf->limit);
}

void pz__buf_reset(pz__buf *buf)
{
    buf->len = 0;
    buf->status = PZ_OK;
}

/* Doubles the capacity until `need` bytes fit. */
static bool reserve(pz__buf *buf, size_t need)
{
    if (need <= buf->cap && buf->data)
        return true;
    size_t cap = buf->cap ? buf->cap : CAP_MIN;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    char *data = pz__mem_resize(&buf->alloc, buf->data, buf->cap, cap, 1);
    if (!data) {
        buf->status = PZ_ERR_NOMEM;
        return false;
    }
    buf->data = data;
    buf->cap = cap;
    return true;
}

/* Room for `len` bytes, which count against the limit, and `extra` ones, which do not. */
static char *room_for(pz__buf *buf, size_t len, size_t extra)
{
    size_t need, total;
    if (buf->status != PZ_OK)
        return NULL;
    if (!pz__size_add(buf->len, len, &need) || need > buf->limit ||
        !pz__size_add(need, extra, &total)) {
        buf->status = PZ_ERR_LIMIT;
        return NULL;
    }
    return reserve(buf, total) ? buf->data + buf->len : NULL;
}

char *pz__buf_room(pz__buf *buf, size_t len)
{
    return room_for(buf, len, 0);
}

void pz__buf_put(pz__buf *buf, const void *data, size_t len)
{
    if (len == 0)
        return;
    char *room = room_for(buf, len, 0);
    if (!room)
        return;
    memcpy(room, data, len);
    buf->len += len;
}

void pz__buf_byte(pz__buf *buf, uint8_t byte)
{
    pz__buf_put(buf, &byte, 1);
}

void pz__buf_text(pz__buf *buf, const char *text)
{
    pz__buf_put(buf, text, strlen(text));
}

void pz__buf_format(pz__buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0 && buf->status == PZ_OK)
        buf->status = PZ_ERR_LIMIT; /* longer than an int counts */
    /* vsnprintf adds a NUL, which is no part of the text. */
    char *room = len > 0 ? room_for(buf, (size_t)len, 1) : NULL;
    if (room) {
        vsnprintf(room, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
}

void pz__buf_varint(pz__buf *buf, uint64_t n)
{
    uint8_t bytes[VARINT_MAX];
    size_t len = 0;
    while (n >= 0x80) {
        bytes[len++] = (uint8_t)(n | 0x80);
        n >>= 7;
    }
    bytes[len++] = (uint8_t)n;
    pz__buf_put(buf, bytes, len);
}

void pz__buf_zigzag(pz__buf *buf, int64_t n)
{
    pz__buf_varint(buf, ((uint64_t)n << 1) ^ (n < 0 ? UINT64_MAX : 0));
}

void pz__buf_be32(pz__buf *buf, uint32_t n)
{
    uint8_t bytes[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    pz__buf_put(buf, bytes, sizeof bytes);
}

void pz__buf_be64(pz__buf *buf, uint64_t n)
{
    pz__buf_be32(buf, (uint32_t)(n >> 32));
    pz__buf_be32(buf, (uint32_t)n);
}

void pz__cursor_init(pz__cursor *c, const void *data, size_t len)
{
    static const uint8_t nothing = 0;
    c->next = data ? data : &nothing;
    c->end = c->next + (data ? len : 0);
    c->bad = false;
}

size_t pz__cursor_left(const pz__cursor *c)
{
    return (size_t)(c->end - c->next);
}

const uint8_t *pz__cursor_take(pz__cursor *c, size_t len)
{
    if (c->bad || pz__cursor_left(c) < len) {
        c->bad = true;
        return NULL;
    }
    const uint8_t *bytes = c->next;
    c->next += len;
    return bytes;
}

uint8_t pz__cursor_byte(pz__cursor *c)
{
    const uint8_t *byte = pz__cursor_take(c, 1);
    return byte ? *byte : 0;
}

uint64_t pz__cursor_varint(pz__cursor *c)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < VARINT_MAX; i++) {
        uint8_t byte = pz__cursor_byte(c);
        if (c->bad)
            return 0;
        /* The tenth group holds one bit; a last group of zero is not the shortest form. */
        if ((i == VARINT_MAX - 1 && byte > 1) || (i > 0 && byte == 0))
            break;
        n |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80)
            return n;
    }
    c->bad = true;
    return 0;
}

int64_t pz__cursor_zigzag(pz__cursor *c)
{
    uint64_t n = pz__cursor_varint(c);
    return (int64_t)((n >> 1) ^ (~(n & 1) + 1));
}

static uint32_t big_endian(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

uint32_t pz__cursor_be32(pz__cursor *c)
{
    const uint8_t *b = pz__cursor_take(c, 4);
    return b ? big_endian(b) : 0;
}

uint64_t pz__cursor_be64(pz__cursor *c)
{
    const uint8_t *b = pz__cursor_take(c, 8);
    return b ? (uint64_t)big_endian(b) << 32 | big_endian(b + 4) : 0;
}
