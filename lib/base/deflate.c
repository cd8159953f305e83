/*
 * deflate.c: zlib behind a door, the only file that includes zlib.h.
 *
 * zlib frees blocks without telling their size, the library's allocator wants to know it: each
 * block that zlib asks for carries its size in front of it.
 *
 *     [ size, padded to 16 bytes | what zlib sees ... ]
 *
 * zlib counts in `unsigned int`, so longer input and output are handed over in pieces. A gzip file
 * may be several members one after another (RFC 1952, 2.2); a zlib stream is one, and nothing may
 * follow it. At the limit of a result one more byte is offered to zlib aside: if it writes there
 * the result is too large, if it does not the stream ends exactly at the limit.
 *
 * The gzip writer pushes: it fills a buffer of its own and hands it to a sink when it is full. Its
 * header holds no name and no time (mtime 0): the same records give the same bytes.
 *
 * Compressed bytes differ between versions of zlib. They are therefore never hashed or compared:
 * what is hashed is the content.
 */
#include "base/deflate.h"

#include <string.h>
#include <zlib.h>

#define HEADER 16u
/* Results grow by pieces: small ones first, for most results are small. */
#define PIECE_MIN 512u
#define PIECE_MAX 65536u
/* windowBits of inflateInit2: tell zlib and gzip apart by the header, or only gzip. */
#define WINDOW_ANY (15 + 32)
#define WINDOW_GZIP (15 + 16)
#define GZIP_FIRST_BYTE 0x1f

static void *zlib_alloc(void *opaque, unsigned count, unsigned size)
{
    const pz_alloc *alloc = opaque;
    size_t bytes, total;
    if (!pz__size_mul(count, size, &bytes) || !pz__size_add(bytes, HEADER, &total))
        return NULL;
    char *block = pz__mem_new(alloc, 1, total);
    if (!block)
        return NULL;
    memcpy(block, &total, sizeof total);
    return block + HEADER;
}

static void zlib_free(void *opaque, void *ptr)
{
    const pz_alloc *alloc = opaque;
    if (!ptr)
        return;
    char *block = (char *)ptr - HEADER;
    size_t total;
    memcpy(&total, block, sizeof total);
    pz__mem_free(alloc, block, 1, total);
}

static unsigned piece_of(size_t len)
{
    return len < UINT32_MAX ? (unsigned)len : UINT32_MAX;
}

/* The bytes that zlib may read; its pointer lacks a const in old versions. */
static void offer_input(z_stream *z, const uint8_t *in, size_t len)
{
    z->next_in = (Bytef *)(uintptr_t)in;
    z->avail_in = piece_of(len);
}

/* A failure that stays: the result is as long as before, and the buffer knows. */
static pz_status give_up(pz__buf *out, size_t len_before, pz_status status)
{
    out->len = len_before;
    if (status == PZ_ERR_NOMEM || status == PZ_ERR_LIMIT)
        out->status = status;
    return status;
}

/* How much room to make next: *piece, doubled each time, within the limit. */
static size_t next_room(const pz__buf *out, size_t *piece)
{
    size_t left = out->limit - out->len;
    size_t room = left < *piece ? left : *piece;
    if (*piece < PIECE_MAX)
        *piece *= 2;
    return room;
}

/* The smallest window that sees the whole of a short input: less memory to clear. zlib's own least
 * of 9 bits is avoided because inflaters before 1.2.5 refuse what it gives. */
static int window_bits(size_t len)
{
    int bits = 10;
    while (bits < 15 && ((size_t)1 << bits) < len)
        bits++;
    return bits;
}

static pz_status deflate_all(z_stream *z, pz__buf *out, const uint8_t *in, size_t len)
{
    size_t piece = PIECE_MIN;
    for (;;) {
        size_t room = next_room(out, &piece);
        char *to = room ? pz__buf_room(out, room) : NULL;
        if (!to)
            return room ? out->status : PZ_ERR_LIMIT;
        z->next_out = (Bytef *)to;
        z->avail_out = (unsigned)room;
        offer_input(z, in, len);
        unsigned offered = z->avail_in;
        int rc = deflate(z, offered == len ? Z_FINISH : Z_NO_FLUSH);
        in += offered - z->avail_in;
        len -= offered - z->avail_in;
        out->len += room - z->avail_out;
        if (rc == Z_STREAM_END)
            return PZ_OK;
    }
}

pz_status pz__deflate(pz__buf *out, const void *data, size_t len, int level)
{
    if (out->status != PZ_OK)
        return out->status;
    if (level < 1 || level > 9)
        return PZ_ERR_ARG;
    size_t len_before = out->len;
    z_stream z = {.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = &out->alloc};
    if (deflateInit2(&z, level, Z_DEFLATED, window_bits(len), 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return give_up(out, len_before, PZ_ERR_NOMEM);
    pz_status status = deflate_all(&z, out, data, len);
    deflateEnd(&z);
    return status == PZ_OK ? PZ_OK : give_up(out, len_before, status);
}

struct pz__inflater {
    pz_alloc alloc;
    z_stream z;
    bool has_begun;  /* the first byte was seen, is_gzip is known */
    bool is_gzip;    /* another member may follow */
    bool has_ended;  /* the last member read is whole */
    bool has_failed; /* nothing more can be read */
};

static pz_status inflater_open(pz__inflater *inflater, const pz_alloc *alloc)
{
    *inflater = (pz__inflater){.alloc = *alloc};
    inflater->z.zalloc = zlib_alloc;
    inflater->z.zfree = zlib_free;
    inflater->z.opaque = &inflater->alloc;
    return inflateInit2(&inflater->z, WINDOW_ANY) == Z_OK ? PZ_OK : PZ_ERR_NOMEM;
}

pz_status pz__inflater_new(pz__inflater **out, const pz_alloc *alloc)
{
    pz_alloc heap = pz__alloc_or_default(alloc);
    pz__inflater *inflater = pz__mem_new(&heap, 1, sizeof *inflater);
    if (!inflater)
        return PZ_ERR_NOMEM;
    pz_status status = inflater_open(inflater, &heap);
    if (status != PZ_OK) {
        pz__mem_free(&heap, inflater, 1, sizeof *inflater);
        return status;
    }
    *out = inflater;
    return PZ_OK;
}

void pz__inflater_free(pz__inflater *inflater)
{
    if (!inflater)
        return;
    inflateEnd(&inflater->z);
    pz_alloc alloc = inflater->alloc;
    pz__mem_free(&alloc, inflater, 1, sizeof *inflater);
}

/* More input came: does it begin a stream, or the next member of one? */
static pz_status begin_member(pz__inflater *inflater, uint8_t first)
{
    if (!inflater->has_begun) {
        inflater->has_begun = true;
        inflater->is_gzip = first == GZIP_FIRST_BYTE;
        return PZ_OK;
    }
    if (!inflater->has_ended)
        return PZ_OK;
    inflater->has_ended = false;
    if (!inflater->is_gzip || inflateReset2(&inflater->z, WINDOW_GZIP) != Z_OK)
        return PZ_ERR_CORRUPT;
    return PZ_OK;
}

static pz_status status_of(int rc)
{
    if (rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR)
        return PZ_OK;
    return rc == Z_MEM_ERROR ? PZ_ERR_NOMEM : PZ_ERR_CORRUPT;
}

/* One call of zlib's inflate; *moved tells whether anything was read or written. */
static pz_status inflate_piece(pz__inflater *inflater, const uint8_t **in, size_t *in_len,
                               uint8_t *out, size_t room, size_t *written, bool *moved)
{
    z_stream *z = &inflater->z;
    offer_input(z, *in, *in_len);
    unsigned offered = z->avail_in, offered_room = piece_of(room);
    z->next_out = out;
    z->avail_out = offered_room;
    int rc = inflate(z, Z_NO_FLUSH);
    size_t used = offered - z->avail_in;
    *written = offered_room - z->avail_out;
    *in += used;
    *in_len -= used;
    *moved = used > 0 || *written > 0;
    inflater->has_ended = rc == Z_STREAM_END;
    return status_of(rc);
}

pz_status pz__inflater_step(pz__inflater *inflater, const uint8_t **in, size_t *in_len, void *out,
                            size_t room, size_t *written, bool *done)
{
    uint8_t *to = out;
    bool moved = true;
    pz_status status = inflater->has_failed ? PZ_ERR_CORRUPT : PZ_OK;
    *written = 0;
    while (status == PZ_OK && moved && room > *written) {
        if (*in_len > 0)
            status = begin_member(inflater, **in);
        if (status != PZ_OK || inflater->has_ended || !inflater->has_begun)
            break;
        size_t came;
        status = inflate_piece(inflater, in, in_len, to + *written, room - *written, &came, &moved);
        *written += came;
    }
    inflater->has_failed = status != PZ_OK;
    *done = inflater->has_ended && *in_len == 0;
    return status;
}

static pz_status inflate_all(pz__inflater *inflater, pz__buf *out, const uint8_t *in, size_t len)
{
    size_t piece = PIECE_MIN;
    for (;;) {
        uint8_t beyond;
        size_t room = next_room(out, &piece), written;
        void *to = room ? pz__buf_room(out, room) : (char *)&beyond;
        if (!to)
            return out->status;
        bool done;
        pz_status status =
            pz__inflater_step(inflater, &in, &len, to, room ? room : 1, &written, &done);
        if (status != PZ_OK)
            return status;
        if (written > room)
            return PZ_ERR_LIMIT;
        out->len += written;
        if (done)
            return PZ_OK;
        if (written == 0)
            return PZ_ERR_CORRUPT; /* cut short */
    }
}

pz_status pz__inflate(pz__buf *out, const void *data, size_t len)
{
    if (out->status != PZ_OK)
        return out->status;
    size_t len_before = out->len;
    pz__inflater inflater;
    pz_status status = inflater_open(&inflater, &out->alloc);
    if (status == PZ_OK) {
        status = inflate_all(&inflater, out, data, len);
        inflateEnd(&inflater.z);
    }
    return status == PZ_OK ? PZ_OK : give_up(out, len_before, status);
}

struct pz__gzip {
    pz_alloc alloc;
    z_stream z;
    pz__gzip_sink sink;
    void *payload;
    pz_status status; /* of the first failure, or PZ_ERR_STATE once the stream has ended */
    uint8_t held[PIECE_MAX];
};

pz_status pz__gzip_new(pz__gzip **out, const pz_alloc *alloc, int level, pz__gzip_sink sink,
                       void *payload)
{
    if (level < 1 || level > 9 || !sink)
        return PZ_ERR_ARG;
    pz_alloc heap = pz__alloc_or_default(alloc);
    pz__gzip *gzip = pz__mem_new(&heap, 1, sizeof *gzip);
    if (!gzip)
        return PZ_ERR_NOMEM;
    gzip->alloc = heap;
    gzip->sink = sink;
    gzip->payload = payload;
    gzip->status = PZ_OK;
    gzip->z = (z_stream){.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = &gzip->alloc};
    if (deflateInit2(&gzip->z, level, Z_DEFLATED, WINDOW_GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        pz__mem_free(&heap, gzip, 1, sizeof *gzip);
        return PZ_ERR_NOMEM;
    }
    gzip->z.next_out = gzip->held;
    gzip->z.avail_out = PIECE_MAX;
    *out = gzip;
    return PZ_OK;
}

void pz__gzip_free(pz__gzip *gzip)
{
    if (!gzip)
        return;
    deflateEnd(&gzip->z);
    pz_alloc alloc = gzip->alloc;
    pz__mem_free(&alloc, gzip, 1, sizeof *gzip);
}

/* Hand what is held to the sink, and begin to fill anew. */
static void give_held(pz__gzip *gzip)
{
    const size_t len = PIECE_MAX - gzip->z.avail_out;
    if (len)
        gzip->status = gzip->sink(gzip->payload, gzip->held, len);
    gzip->z.next_out = gzip->held;
    gzip->z.avail_out = PIECE_MAX;
}

pz_status pz__gzip_write(pz__gzip *gzip, const void *data, size_t len)
{
    const uint8_t *in = data;
    while (gzip->status == PZ_OK && len > 0) {
        offer_input(&gzip->z, in, len);
        const unsigned offered = gzip->z.avail_in;
        deflate(&gzip->z, Z_NO_FLUSH); /* cannot fail: there is input and room */
        const unsigned used = offered - gzip->z.avail_in;
        in += used;
        len -= used;
        if (gzip->z.avail_out == 0)
            give_held(gzip);
    }
    return gzip->status;
}

pz_status pz__gzip_end(pz__gzip *gzip)
{
    bool is_whole = false;
    offer_input(&gzip->z, NULL, 0);
    while (gzip->status == PZ_OK && !is_whole) {
        is_whole = deflate(&gzip->z, Z_FINISH) == Z_STREAM_END;
        give_held(gzip);
    }
    const pz_status status = gzip->status;
    if (status == PZ_OK)
        gzip->status = PZ_ERR_STATE;
    return status;
}
