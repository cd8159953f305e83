/*
 * tcf.c: a profile's consents as a TC string.
 *
 * They are those of the person that the profile belongs to, as in every answer: a string that is
 * shown to others must not say yes where another member said no.
 *
 * The fields that say who asked for consent are the host's; they are checked against the widths the
 * format gives them, so that a string that is written can be read.
 */
#include "engine/engine.h"

#define FIELD_12_MAX 4095u
#define FIELD_6_MAX 63u

/* Two letters, as capitals. */
static bool read_letters(const char *text, const char *fallback, char out[2])
{
    const char *letters = text ? text : fallback;
    for (int i = 0; i < 2; i++) {
        const char c = letters[i];
        const bool is_small = c >= 'a' && c <= 'z';
        if (!is_small && (c < 'A' || c > 'Z'))
            return false;
        out[i] = is_small ? (char)(c - 'a' + 'A') : c;
    }
    return letters[2] == '\0';
}

static pz_status read_options(const pz_tcf *given, pz__tcf *out, pz_error *err)
{
    static const pz_tcf none = {PZ_TCF};
    pz_tcf options = none;
    if (given) {
        if (!pz__take_sized(&options, sizeof options, given))
            return pz__fail(err, PZ_ERR_ARG, "begin a pz_tcf with PZ_TCF");
    }
    if (options.cmp_id > FIELD_12_MAX || options.cmp_version > FIELD_12_MAX ||
        options.vendor_list_version > FIELD_12_MAX || options.policy_version > FIELD_6_MAX ||
        options.screen > FIELD_6_MAX)
        return pz__fail(
            err, PZ_ERR_ARG,
            "ids and versions of a TC string are below %u, its policy version and screen "
            "below %u",
            FIELD_12_MAX + 1, FIELD_6_MAX + 1);
    *out = (pz__tcf){.cmp_id = options.cmp_id,
                     .cmp_version = options.cmp_version,
                     .vendor_list_version = options.vendor_list_version,
                     .policy_version = options.policy_version,
                     .screen = options.screen,
                     .is_service_specific = true};
    if (!read_letters(options.language, "EN", out->language) ||
        !read_letters(options.publisher_country, "AA", out->publisher_country))
        return pz__fail(err, PZ_ERR_ARG, "languages and countries of a TC string are two letters");
    return PZ_OK;
}

static pz_status write_text(const pz__tcf *tcf, pz_pool *pool, pz_str *out)
{
    pz__arena *arena = pz__pool_arena(pool);
    pz__buf buf;
    pz__buf_init(&buf, &arena->alloc, PZ_VALUE_LEN_MAX);
    pz_status status = pz__tcf_write(tcf, &buf);
    const char *copy = status == PZ_OK ? pz__arena_text(arena, buf.data, buf.len) : NULL;
    if (status == PZ_OK && !copy)
        status = PZ_ERR_NOMEM;
    if (status == PZ_OK)
        *out = (pz_str){copy, buf.len};
    pz__buf_clear(&buf);
    return status;
}

/* The consents, as seen by a catalog. */
static pz_status read_consents(const pz_profile *profile, const pz__catalog *catalog, pz__tcf *tcf)
{
    const int64_t now_ms = pz__engine_now(profile->engine, 0);
    pz__component component;
    pz__arena arena;
    pz__arena_init(&arena, &profile->engine->alloc, 0);
    pz_status status = pz__people_see(profile, catalog, now_ms, &arena, &component);
    if (status == PZ_OK)
        status = pz__tcf_of_person(catalog, &component.person, now_ms, tcf);
    pz__arena_clear(&arena);
    return status;
}

pz_status pz_profile_tcf(const pz_profile *profile, const pz_tcf *options, pz_pool *pool,
                         pz_str *out, pz_error *err)
{
    if (!profile || !pool || !out)
        return pz__fail(err, PZ_ERR_ARG, "a profile, a pool and a result are needed");
    pz__tcf tcf;
    pz_status status = read_options(options, &tcf, err);
    if (status != PZ_OK)
        return status;
    pz_engine *engine = profile->engine;
    pz__pin pin = pz__pins_take(&engine->pins);
    if (!pin.catalog)
        return pz__no_catalog(err);
    status = read_consents(profile, pin.catalog, &tcf);
    pz__pins_give(&engine->pins, &pin);
    if (status == PZ_ERR_NOMEM)
        return pz__fail(err, status, "out of memory");
    if (status != PZ_OK)
        return pz__fail(
            err, status,
            "nobody has said anything about a purpose that the catalog maps by \"tcf\"");
    status = write_text(&tcf, pool, out);
    return status == PZ_OK ? PZ_OK : pz__fail(err, status, "%s", pz_status_text(status));
}
