/*
 * kit.c: see kit.h.
 */
#include "store/kit.h"

#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

pz_error kit_error = PZ_ERROR_INIT;

void kit_assert_status(pz_status expected, pz_status actual, const char *call, const char *file,
                       int line)
{
    if (expected == actual)
        return;
    fprintf(stderr, "%s: %s, not %s: %s\n", call, pz_status_name(actual), pz_status_name(expected),
            actual == PZ_OK ? "" : kit_error.message);
    _fail(file, line);
}

void kit_make_directory(char out[256])
{
    const char *where = getenv("TMPDIR");
    snprintf(out, 256, "%s/pz-store-XXXXXX", where && *where ? where : "/tmp");
    assert_non_null(mkdtemp(out));
}

static int remove_one(const char *path, const struct stat *what, int kind, struct FTW *place)
{
    (void)what, (void)kind, (void)place;
    return remove(path);
}

void kit_remove_directory(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- records ---- */

static pz_status write_bytes(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                             pz__buf *new_bytes, pz__update_action *action)
{
    (void)txn, (void)bytes, (void)len;
    const pz_str *text = payload;
    pz__buf_put(new_bytes, text->data, text->len);
    *action = PZ__WRITE;
    return PZ_OK;
}

static pz_status remove_bytes(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                              pz__buf *new_bytes, pz__update_action *action)
{
    (void)payload, (void)txn, (void)bytes, (void)len, (void)new_bytes;
    *action = PZ__REMOVE;
    return PZ_OK;
}

pz_status kit_set_bytes(pz__store *store, pz_str key, pz_str bytes)
{
    return pz__store_update(store, key, write_bytes, &bytes, &kit_error);
}

pz_status kit_set(pz__store *store, const char *key, const char *text)
{
    return kit_set_bytes(store, pz_str_of(key), pz_str_of(text));
}

pz_status kit_txn_set(pz__store_txn *txn, const char *key, const char *text)
{
    pz_str bytes = pz_str_of(text);
    return pz__store_txn_update(txn, pz_str_of(key), write_bytes, &bytes, &kit_error);
}

pz_status kit_unset(pz__store *store, const char *key)
{
    return pz__store_update(store, pz_str_of(key), remove_bytes, NULL, &kit_error);
}

pz_status kit_get(pz__store *store, const char *key, char *out, size_t out_size)
{
    pz__buf buf;
    pz__buf_init(&buf, NULL, out_size - 1);
    pz_status status = pz__store_get(store, pz_str_of(key), &buf, &kit_error);
    if (buf.len)
        memcpy(out, buf.data, buf.len);
    out[buf.len] = '\0';
    pz__buf_clear(&buf);
    return status;
}

void kit_assert_record(pz__store *store, const char *key, const char *expected, const char *file,
                       int line)
{
    char text[256];
    pz_status status = kit_get(store, key, text, sizeof text);
    kit_assert_status(expected ? PZ_OK : PZ_ERR_NOT_FOUND, status, key, file, line);
    if (expected)
        _assert_string_equal(text, expected, file, line);
}

/* ---- index and streams ---- */

void kit_lookup(pz__store *store, const char *identifier, char out[256])
{
    pz__buf keys;
    size_t count, used = 0, seen = 0;
    pz__buf_init(&keys, NULL, 4096);
    assert_ok(pz__store_lookup(store, pz_str_of(identifier), &keys, &count, &kit_error));
    pz__cursor from;
    pz__cursor_init(&from, keys.data, keys.len);
    out[0] = '\0';
    for (; pz__cursor_left(&from); seen++) {
        size_t len = (size_t)pz__cursor_varint(&from);
        const uint8_t *key = pz__cursor_take(&from, len);
        assert_non_null(key);
        used += (size_t)snprintf(out + used, 256 - used, "%s%.*s", seen ? " " : "", (int)len,
                                 (const char *)key);
    }
    assert_int_equal(seen, count);
    pz__buf_clear(&keys);
}

static pz_status show_entry(void *payload, uint64_t number, const void *bytes, size_t len)
{
    char *out = payload;
    size_t used = strlen(out);
    snprintf(out + used, 256 - used, "%s%" PRIu64 "=%.*s", used ? " " : "", number, (int)len,
             (const char *)bytes);
    return PZ_OK;
}

void kit_stream(pz__store *store, const char *stream, uint64_t from, char out[256])
{
    out[0] = '\0';
    assert_ok(pz__store_read_stream(store, pz_str_of(stream), from, show_entry, out, &kit_error));
}

/* ---- counters ---- */

static pz_status add_one(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                         pz__buf *new_bytes, pz__update_action *action)
{
    (void)payload, (void)txn;
    uint64_t n = 0;
    for (size_t i = 0; i < len; i++)
        n = n * 10 + (uint64_t)(((const char *)bytes)[i] - '0');
    pz__buf_format(new_bytes, "%" PRIu64, n + 1);
    *action = PZ__WRITE;
    return PZ_OK;
}

pz_status kit_increment(pz__store *store, const char *key)
{
    return pz__store_update(store, pz_str_of(key), add_one, NULL, NULL);
}

uint64_t kit_number(pz__store *store, const char *key)
{
    char text[32];
    if (kit_get(store, key, text, sizeof text) != PZ_OK)
        return 0;
    return strtoull(text, NULL, 10);
}
