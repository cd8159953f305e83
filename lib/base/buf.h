/*
 * buf.h: a growing run of bytes that cannot be made without naming its greatest size.
 *
 * Writes never fail one by one: the first that does not fit (memory or limit) sets `status`, and
 * all later ones do nothing. The writer checks once, at the end.
 */
#ifndef PZ_BASE_BUF_H
#define PZ_BASE_BUF_H

#include "base/mem.h"

typedef struct pz__buf {
    pz_alloc alloc;
    char *data;       /* owned; NULL while nothing was written */
    size_t len;       /* bytes written */
    size_t cap;       /* bytes held */
    size_t limit;     /* greatest len */
    pz_status status; /* PZ_OK, PZ_ERR_NOMEM or PZ_ERR_LIMIT: the first failure */
} pz__buf;

void pz__buf_init(pz__buf *buf, const pz_alloc *alloc, size_t limit);
/* Free the bytes; the buffer may be used again. */
void pz__buf_clear(pz__buf *buf);
/* Forget the bytes and the failure, keep the memory. */
void pz__buf_reset(pz__buf *buf);

/* Room for `len` more bytes at data + buf->len, or NULL. The caller adds what it used to buf->len. */
char *pz__buf_room(pz__buf *buf, size_t len);
void pz__buf_put(pz__buf *buf, const void *data, size_t len);
void pz__buf_byte(pz__buf *buf, uint8_t byte);
/* A NUL-terminated string, without its NUL. */
void pz__buf_text(pz__buf *buf, const char *text);
/* printf into the buffer. Only %s %.*s %d %u %zu %c %% and the PRI*64 forms: nothing that a locale
 * could change. */
void pz__buf_format(pz__buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Unsigned LEB128, least significant group first; 1 to 10 bytes. */
void pz__buf_varint(pz__buf *buf, uint64_t n);
/* Signed: zigzag, then pz__buf_varint. */
void pz__buf_zigzag(pz__buf *buf, int64_t n);
/* Fixed widths, big-endian, so that bytes sort as numbers do. */
void pz__buf_be32(pz__buf *buf, uint32_t n);
void pz__buf_be64(pz__buf *buf, uint64_t n);

/*
 * The reader's side: a cursor over borrowed bytes. A read beyond the end or a varint that is not
 * the shortest form sets `bad` and gives 0; check once, at the end.
 */
typedef struct pz__cursor {
    const uint8_t *next;
    const uint8_t *end;
    bool bad;
} pz__cursor;

void pz__cursor_init(pz__cursor *c, const void *data, size_t len);
size_t pz__cursor_left(const pz__cursor *c);
uint8_t pz__cursor_byte(pz__cursor *c);
uint64_t pz__cursor_varint(pz__cursor *c);
int64_t pz__cursor_zigzag(pz__cursor *c);
uint32_t pz__cursor_be32(pz__cursor *c);
uint64_t pz__cursor_be64(pz__cursor *c);
/* `len` bytes, borrowed; NULL (and bad) if fewer are left. */
const uint8_t *pz__cursor_take(pz__cursor *c, size_t len);

#endif
