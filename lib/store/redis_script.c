/*
 * redis_script.c: what runs inside the server.
 *
 * An item is a Redis string:
 *
 *     0      mark and version of the layout
 *     2      bind (4): a hash of the item's own Redis key
 *     6      the ids (8 each) of the last four transactions that wrote it, newest first; 0 for none
 *     38     the bytes
 *
 * Its lock, a key of the same slot that exists only while a transaction over several slots is on
 * its way, is
 *
 *     0      id of the transaction (8)
 *     8      the server's time when it was set, in microseconds, 16 decimal digits
 *     24     what will become of the item: w(rite), d(elete)
 *     25     length of the primary's name (3 decimal digits), then the name
 *     ...    bind and bytes of the new item, the mark included (6 + n)
 *
 * Every script may be run again when its reply was lost, and says the same: the ids of an item tell
 * whether a transaction has been applied already. Every reply begins with the id that was sent, so
 * that no stray answer is taken for a yes; what follows is one word.
 *
 * COMMIT  several items of one slot, checked and written at once. ARGV: id, "0", or "1" if this was
 *         sent before, or "2" to be told only whether it was carried out; then for each item what
 * its newest id must be ("" for absent), r, w or d, and the new bytes. "ok"; "conflict": nothing
 * was written; "unknown": sent before, and the item has been written so often since that nobody can
 * tell. "held", which key it is (six digits), and the lock that is in the way. LOCK    one item:
 * ARGV id, newest id, the lock's end from 24 on. "ok", "conflict", "held"; of the primary, which
 * names its decision as third key, also "gone". DECIDE  the primary: the point at which a
 * transaction has happened. KEYS item, lock, decision. APPLY   another item of a decided
 * transaction. UNDO: of one that will never be. STATUS  what became of a transaction, asked at its
 * primary: KEYS lock, decision; ARGV id, the age in ms at which a pending one is broken off.
 * "pending", "decided", "gone". Whoever was told "gone" may rely on it: the decision says 0 from
 * then on (for ten minutes), and a command that was late cannot lock or decide any more.
 *
 * touch() changes nothing, as a write: it makes WAIT wait for what another connection wrote.
 */
#include "store/redis_script.h"

#define SHARED                                                                                     \
    "local id = ARGV[1] "                                                                          \
    "local function put(key, head, id, bytes) "                                                    \
    "  local old = #head >= 38 and string.sub(head, 7, 30) or string.rep('\\0', 24) "              \
    "  redis.call('SET', key, string.sub(bytes, 1, 6) .. id .. old .. string.sub(bytes, 7)) "      \
    "end "                                                                                         \
    "local function newest(head) return #head >= 38 and string.sub(head, 7, 14) or '' end "        \
    "local function has(head, id) "                                                                \
    "  for at = 7, 31, 8 do if string.sub(head, at, at + 7) == id then return true end end "       \
    "  return false "                                                                              \
    "end "                                                                                         \
    "local function carry_out(key, lock, id, content) "                                            \
    "  local n = tonumber(string.sub(content, 26, 28)) "                                           \
    "  if string.sub(content, 25, 25) == 'd' then redis.call('DEL', key) "                         \
    "  else put(key, redis.call('GETRANGE', key, 0, 37), id, string.sub(content, 29 + n)) end "    \
    "  redis.call('DEL', lock) "                                                                   \
    "end "                                                                                         \
    "local function touch(lock) "                                                                  \
    "  local held = redis.call('GET', lock) "                                                      \
    "  redis.call('SET', lock, held or id) "                                                       \
    "  if not held then redis.call('DEL', lock) end "                                              \
    "end "

static const char *const texts[PZ__SCRIPT_COUNT] = {
    [PZ__SCRIPT_COMMIT] =
        SHARED "local heads, again, undone = {}, ARGV[2] ~= '0', false "
               "for i = 1, #KEYS, 2 do heads[i] = redis.call('GETRANGE', KEYS[i], 0, 37) end "
               "for i = 1, again and #KEYS or 0, 2 do "
               "  local a = (i - 1) / 2 * 3 + 3 "
               "  if ARGV[a + 1] == 'w' then "
               "    if has(heads[i], id) then touch(KEYS[i + 1]) return id .. 'ok' end "
               "    undone = undone or newest(heads[i]) == ARGV[a] or "
               "      (ARGV[a] ~= '' and has(heads[i], ARGV[a])) "
               "  end "
               "end "
               "if ARGV[2] == '2' then return id .. (undone and 'conflict' or 'unknown') end "
               "for i = 1, #KEYS, 2 do "
               "  local a = (i - 1) / 2 * 3 + 3 "
               "  local held = redis.call('GET', KEYS[i + 1]) "
               "  if held then return id .. 'held' .. string.format('%06d', i) .. held end "
               "  if newest(heads[i]) ~= ARGV[a] and "
               "     not (again and not undone and ARGV[a + 1] == 'd' and heads[i] == '') then "
               "    return id .. ((undone or not again) and 'conflict' or 'unknown') "
               "  end "
               "end "
               "for i = 1, #KEYS, 2 do "
               "  local a = (i - 1) / 2 * 3 + 3 "
               "  if ARGV[a + 1] == 'w' then put(KEYS[i], heads[i], id, ARGV[a + 2]) "
               "  elseif ARGV[a + 1] == 'd' then "
               "    if redis.call('DEL', KEYS[i]) == 0 then touch(KEYS[i + 1]) end "
               "  end "
               "end "
               "return id .. 'ok'",

    [PZ__SCRIPT_LOCK] =
        SHARED "if KEYS[3] and redis.call('EXISTS', KEYS[3]) == 1 then return id .. 'gone' end "
               "local held = redis.call('GET', KEYS[2]) "
               "if held then "
               "  if string.sub(held, 1, 8) ~= id then return id .. 'held000001' .. held end "
               "  touch(KEYS[2]) return id .. 'ok' "
               "end "
               "if newest(redis.call('GETRANGE', KEYS[1], 0, 37)) ~= ARGV[2] then "
               "  return id .. 'conflict' "
               "end "
               "local t = redis.call('TIME') "
               "local us = string.format('%010d%06d', tonumber(t[1]), tonumber(t[2])) "
               "redis.call('SET', KEYS[2], id .. us .. ARGV[3]) "
               "return id .. 'ok'",

    [PZ__SCRIPT_DECIDE] = SHARED
    "local decided = redis.call('GET', KEYS[3]) "
    "if decided == '1' then redis.call('SET', KEYS[3], '1') return id .. 'ok' end "
    "local held = redis.call('GET', KEYS[2]) "
    "if decided or not held or string.sub(held, 1, 8) ~= id then return id .. 'gone' end "
    "carry_out(KEYS[1], KEYS[2], id, held) "
    "redis.call('SET', KEYS[3], '1') "
    "return id .. 'ok'",

    [PZ__SCRIPT_APPLY] = SHARED
    "local held = redis.call('GET', KEYS[2]) "
    "if held and string.sub(held, 1, 8) == id then carry_out(KEYS[1], KEYS[2], id, held) "
    "else touch(KEYS[2]) end "
    "return id .. 'ok'",

    [PZ__SCRIPT_UNDO] =
        SHARED "local held = redis.call('GET', KEYS[2]) "
               "if held and string.sub(held, 1, 8) == id then redis.call('DEL', KEYS[2]) end "
               "return id .. 'ok'",

    [PZ__SCRIPT_STATUS] =
        SHARED "local decided = redis.call('GET', KEYS[2]) "
               "if decided then return id .. (decided == '1' and 'decided' or 'gone') end "
               "local held = redis.call('GET', KEYS[1]) "
               "local own = held and string.sub(held, 1, 8) == id "
               "if own then "
               "  local t = redis.call('TIME') "
               "  local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000) "
               "  if now - tonumber(string.sub(held, 9, 21)) <= tonumber(ARGV[2]) then "
               "    return id .. 'pending' "
               "  end "
               "end "
               "redis.call('SET', KEYS[2], '0', 'PX', '600000') "
               "if own then redis.call('DEL', KEYS[1]) end "
               "return id .. 'gone'",
};

pz_str pz__script_text(pz__script script)
{
    return pz_str_of(texts[script]);
}

/* ---- SHA-1 (FIPS 180-4), for names only ---- */

typedef struct sha1 {
    uint32_t h[5];
} sha1;

static uint32_t rotate(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

static void sha1_block(sha1 *s, const uint8_t block[64])
{
    static const uint32_t constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    uint32_t w[80];
    for (unsigned i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (unsigned i = 16; i < 80; i++)
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = s->h[0], b = s->h[1], c = s->h[2], d = s->h[3], e = s->h[4];
    for (unsigned i = 0; i < 80; i++) {
        const uint32_t f = i < 20   ? (b & c) | (~b & d)
                           : i < 40 ? b ^ c ^ d
                           : i < 60 ? (b & c) | (b & d) | (c & d)
                                    : b ^ c ^ d;
        const uint32_t next = rotate(a, 5) + f + e + constants[i / 20] + w[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    s->h[0] += a;
    s->h[1] += b;
    s->h[2] += c;
    s->h[3] += d;
    s->h[4] += e;
}

void pz__script_sha(pz_str text, char out[41])
{
    sha1 s = {{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};
    const uint8_t *bytes = (const uint8_t *)text.data;
    uint8_t block[64];
    size_t at = 0;
    for (; text.len - at >= 64; at += 64)
        sha1_block(&s, bytes + at);
    const size_t rest = text.len - at;
    memset(block, 0, sizeof block);
    memcpy(block, bytes + at, rest);
    block[rest] = 0x80;
    if (rest >= 56) {
        sha1_block(&s, block);
        memset(block, 0, sizeof block);
    }
    for (unsigned i = 0; i < 8; i++)
        block[56 + i] = (uint8_t)((uint64_t)text.len * 8 >> (56 - 8 * i));
    sha1_block(&s, block);
    for (unsigned i = 0; i < 40; i++)
        out[i] = "0123456789abcdef"[s.h[i / 8] >> (28 - 4 * (i % 8)) & 15];
    out[40] = '\0';
}

/* ---- slots ---- */

static uint16_t crc16(const char *bytes, size_t len)
{
    uint16_t crc = 0;
    for (size_t i = 0; i < len; i++) {
        crc = (uint16_t)(crc ^ (uint8_t)bytes[i] << 8);
        for (unsigned bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    }
    return crc;
}

uint16_t pz__redis_slot(pz_str key)
{
    const char *open = key.len ? memchr(key.data, '{', key.len) : NULL;
    const char *end = key.data + key.len;
    const char *close = open ? memchr(open + 1, '}', (size_t)(end - open - 1)) : NULL;
    if (close && close > open + 1)
        return crc16(open + 1, (size_t)(close - open - 1)) % PZ__SLOTS;
    return crc16(key.data, key.len) % PZ__SLOTS;
}
