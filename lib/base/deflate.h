/*
 * deflate.h: zlib behind a door. deflate.c is the only file that includes zlib.h.
 */
#ifndef PZ_BASE_DEFLATE_H
#define PZ_BASE_DEFLATE_H

#include "base/buf.h"

/* Compress `data` behind what `out` holds, as a zlib stream (RFC 1950) at `level` 1 to 9. On
 * failure (here and in pz__inflate) `out` keeps what it held; running out of memory or of its limit
 * is also noted in its status. */
pz_status pz__deflate(pz__buf *out, const void *data, size_t len, int level);
/* Inflate a zlib or gzip stream into `out`, whose limit bounds the result. PZ_ERR_CORRUPT if the
 * stream is damaged or cut short, PZ_ERR_LIMIT if it is larger than the limit. */
pz_status pz__inflate(pz__buf *out, const void *data, size_t len);

/* Reading a long gzip or zlib stream piece by piece. */
typedef struct pz__inflater pz__inflater;
pz_status pz__inflater_new(pz__inflater **out, const pz_alloc *alloc);
/* Inflate from *in (advanced) into `room` > 0 bytes at `out`; *written tells how many came. *done
 * is true while all input was used and its last member is whole; further input is then another
 * member of a gzip file, or damage. Input that ends while *done is false was cut short. Where
 * *written == room there may be more to come without more input. PZ_ERR_CORRUPT, PZ_ERR_NOMEM. */
pz_status pz__inflater_step(pz__inflater *inflater, const uint8_t **in, size_t *in_len, void *out,
                            size_t room, size_t *written, bool *done);
void pz__inflater_free(pz__inflater *inflater);

/* Writing a long gzip stream record by record: one member, one window and one set of tables for
 * all of it, so that a record is packed by what the records before it had in common with it. */
typedef struct pz__gzip pz__gzip;
/* Where the compressed bytes go, `len` > 0 of them. Another status than PZ_OK stops the stream. */
typedef pz_status (*pz__gzip_sink)(void *payload, const void *data, size_t len);
/* `level` is 1 to 9, else PZ_ERR_ARG; PZ_ERR_NOMEM. All memory is taken here: writing takes none.
 * Nothing is given to the sink before the first bytes are due. */
pz_status pz__gzip_new(pz__gzip **out, const pz_alloc *alloc, int level, pz__gzip_sink sink,
                       void *payload);
/* The sink's failure stays: everything after it returns the same and calls the sink no more. */
pz_status pz__gzip_write(pz__gzip *gzip, const void *data, size_t len);
/* Give out what is held back and the trailer. Nothing may be written behind it: PZ_ERR_STATE. */
pz_status pz__gzip_end(pz__gzip *gzip);
/* Free it, whole or broken off; the sink is not called. NULL is allowed. */
void pz__gzip_free(pz__gzip *gzip);

#endif
