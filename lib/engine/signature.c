/*
 * signature.c: how a function of the host is declared: "(string, list<int>) -> bool", or
 * "string.(int) -> bool" for a call on a value.
 *
 * The text is cut at the parentheses, the arrow and the commas outside of angle brackets; what is
 * between them are types, which the rule language reads itself.
 */
#include "engine/hosts.h"

#include "base/error.h"

static pz_str trimmed(pz_str text)
{
    while (text.len && text.data[0] == ' ') {
        text.data++;
        text.len--;
    }
    while (text.len && text.data[text.len - 1] == ' ')
        text.len--;
    return text;
}

static pz_str part(pz_str text, size_t start, size_t end)
{
    return trimmed((pz_str){text.data + start, end - start});
}

static pz_status malformed(pz_str text, pz_error *err)
{
    return pz__fail(err, PZ_ERR_PARSE,
                    "the signature '%.*s' is not of the form (type, type) -> type or "
                    "type.(type) -> type",
                    PZ__STR_ARG(text));
}

/* One more parameter of a growing list whose room is the greatest number there may be. */
static pz_status add(pz__arena *arena, const pz__type **params, uint32_t *count, pz_str text,
                     pz_error *err)
{
    if (*count == PZ__HOST_PARAMS_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "a function of the host takes at most %u parameters",
                        PZ__HOST_PARAMS_MAX);
    return pz__type_parse(arena, &params[(*count)++], text, err);
}

static pz_status add_list(pz__arena *arena, const pz__type **params, uint32_t *count, pz_str text,
                          pz_error *err)
{
    size_t start = 0, angles = 0;
    if (trimmed(text).len == 0)
        return PZ_OK;
    for (size_t i = 0; i <= text.len; i++) {
        char c = i < text.len ? text.data[i] : ',';
        angles += c == '<';
        angles -= c == '>' && angles > 0;
        if (c != ',' || (angles > 0 && i < text.len))
            continue;
        pz_status status = add(arena, params, count, part(text, start, i), err);
        if (status != PZ_OK)
            return status;
        start = i + 1;
    }
    return PZ_OK;
}

pz_status pz__signature_read(pz__arena *arena, pz__host_overload *out, pz_str text, pz_error *err)
{
    const char *open = memchr(text.data, '(', text.len);
    const char *close = open ? memchr(open, ')', text.len - (size_t)(open - text.data)) : NULL;
    if (!close)
        return malformed(text, err);
    size_t from = (size_t)(open - text.data), to = (size_t)(close - text.data);
    pz_str receiver = part(text, 0, from), rest = part(text, to + 1, text.len);
    if (rest.len < 3 || rest.data[0] != '-' || rest.data[1] != '>' ||
        (receiver.len && receiver.data[receiver.len - 1] != '.'))
        return malformed(text, err);
    const pz__type **params = pz__arena_array(arena, PZ__HOST_PARAMS_MAX, sizeof *params);
    if (!params)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    *out = (pz__host_overload){.member = receiver.len > 0, .params = params};
    pz_status status = PZ_OK;
    if (out->member)
        status = add(arena, params, &out->param_count, part(receiver, 0, receiver.len - 1), err);
    if (status == PZ_OK)
        status = add_list(arena, params, &out->param_count, part(text, from + 1, to), err);
    if (status == PZ_OK)
        status = pz__type_parse(arena, &out->result, part(rest, 2, rest.len), err);
    return status;
}
