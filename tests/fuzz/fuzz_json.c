/*
 * fuzz_json.c: any bytes as JSON text, and as canonical bytes.
 *
 * The first byte chooses the flags. Both readers have to agree; what was accepted has to survive
 * printing and reading, encoding and decoding; bytes that decode have to encode to themselves.
 */
#include <stdlib.h>
#include <string.h>

#include "value/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_value(pz__arena *arena, pz_value v)
{
    pz__buf text, bytes;
    pz_value back;
    pz__buf_init(&text, NULL, SIZE_MAX);
    pz__buf_init(&bytes, NULL, SIZE_MAX);
    require(pz__json_write(&text, v, (uint32_t)(v.len % 3)) == PZ_OK);
    require(pz__json_read(arena, &back, text.data, text.len, 0, NULL) == PZ_OK);
    require(pz_value_compare(v, back) == 0);
    pz__value_encode(&bytes, v);
    pz__cursor in;
    pz__cursor_init(&in, bytes.data, bytes.len);
    require(pz__value_decode(arena, &in, &back) == PZ_OK && pz__cursor_left(&in) == 0);
    require(pz_value_compare(v, back) == 0);
    pz__buf_clear(&text);
    pz__buf_clear(&bytes);
}

static void check_bytes(pz__arena *arena, const uint8_t *data, size_t size)
{
    pz__cursor in, skipped;
    pz_value v;
    pz__buf bytes;
    pz__cursor_init(&in, data, size);
    skipped = in;
    pz_status status = pz__value_decode(arena, &in, &v);
    pz__value_skip(&skipped);
    if (status != PZ_OK)
        return;
    require(!skipped.bad && skipped.next == in.next);
    pz__buf_init(&bytes, NULL, SIZE_MAX);
    pz__value_encode(&bytes, v);
    require(bytes.len == (size_t)(in.next - data) && memcmp(bytes.data, data, bytes.len) == 0);
    pz__buf_clear(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint32_t flags = data[0] & 3u;
    const char *text = (const char *)data + 1;
    pz__arena arena;
    pz_value value;
    pz__node node;
    pz_error plain = PZ_ERROR_INIT, spanned = PZ_ERROR_INIT;
    pz__arena_init(&arena, NULL, 0);
    pz_status status = pz__json_read(&arena, &value, text, size - 1, flags, &plain);
    require(pz__json_read_node(&arena, &node, text, size - 1, flags, &spanned) == status);
    require(strcmp(plain.message, spanned.message) == 0 && plain.column == spanned.column);
    require(status == PZ_OK || (plain.line > 0 && plain.message[0]));
    if (status == PZ_OK) {
        require(pz_value_compare(value, node.value) == 0);
        check_value(&arena, value);
    }
    check_bytes(&arena, data + 1, size - 1);
    pz__arena_clear(&arena);
    return 0;
}
