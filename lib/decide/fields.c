/*
 * fields.c: small maps with fixed member names.
 *
 * Everything that decisions and explanations hand out is a pz_value map, so that C, Python, Lua and
 * JSON see one structure. The members stand in the order they were put; canonical bytes sort them.
 */
#include "decide/fields.h"

#include <assert.h>
#include <string.h>

void pz__fields_init(pz__fields *fields, pz__arena *arena)
{
    fields->arena = arena;
    fields->count = 0;
}

void pz__fields_put(pz__fields *fields, const char *name, pz_value value)
{
    assert(fields->count < PZ__FIELDS_MAX);
    fields->entries[fields->count++] = (pz_entry){pz_value_str(name), value};
}

void pz__fields_put_text(pz__fields *fields, const char *name, pz_str text)
{
    if (text.len)
        pz__fields_put(fields, name, pz__value_of_str(text));
}

void pz__fields_put_time(pz__fields *fields, const char *name, int64_t ms)
{
    if (ms)
        pz__fields_put(fields, name, pz_value_time_ms(ms));
}

pz_status pz__fields_end(pz__fields *fields, pz_value *out)
{
    pz_entry *entries = pz__arena_array(fields->arena, fields->count, sizeof *entries);
    if (!entries)
        return PZ_ERR_NOMEM;
    memcpy(entries, fields->entries, fields->count * sizeof *entries);
    return pz__value_of_entries(fields->arena, out, entries, fields->count, PZ__DUP_REFUSE);
}

pz_value pz__hex_value(pz__arena *arena, pz__digest digest)
{
    char *text = pz__arena_new(arena, 33);
    if (!text)
        return pz_value_null();
    pz__digest_hex(digest, text);
    return pz_value_strn(text, 32);
}
