/*
 * redis_keys.c: the list of keys under an identifier, as one item of Redis holds it: each key once,
 * in order, behind its length (a varint), which is also how a lookup answers.
 */
#include "store/redis_keys.h"

#include "base/error.h"
#include "store/backend.h"

pz_status pz__redis_keys_put(pz_str list, pz__buf *keys, size_t *count, pz_error *err)
{
    pz__cursor from;
    pz__cursor_init(&from, list.data, list.len);
    *count = 0;
    while (pz__cursor_left(&from) > 0 && !from.bad) {
        pz__cursor_take(&from, (size_t)pz__cursor_varint(&from));
        ++*count;
    }
    if (from.bad)
        return pz__fail(err, PZ_ERR_CORRUPT, "an entry of the store's index is damaged");
    pz__buf_put(keys, list.data, list.len);
    return pz__filled(keys, err);
}

void pz__redis_keys_change(pz__buf *out, pz_str list, pz_str key, bool present)
{
    pz__cursor from;
    bool is_placed = !present;
    pz__cursor_init(&from, list.data, list.len);
    while (pz__cursor_left(&from) > 0 && !from.bad) {
        const size_t len = (size_t)pz__cursor_varint(&from);
        const pz_str other = {(const char *)pz__cursor_take(&from, len), len};
        if (!other.data)
            break;
        const int order = pz__str_compare(key, other);
        if (order == 0)
            continue;
        if (order < 0 && !is_placed) {
            pz__put_found(out, key.data, key.len);
            is_placed = true;
        }
        pz__put_found(out, other.data, other.len);
    }
    if (!is_placed)
        pz__put_found(out, key.data, key.len);
}
