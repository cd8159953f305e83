/*
 * zones.c: the time zones that rules name.
 *
 * What a rule decides by the clock of a place depends on a table that the document does not hold.
 * So the table is read when the catalog is compiled, from bytes that the caller hands over, and
 * kept in the catalog: a decision never reads a file, and a system whose tables are renewed goes on
 * with the old ones until the catalog is compiled anew. Name and bytes of each table enter the
 * digest of the catalog, in the order of the names; a catalog whose rules name no zone has the
 * digest of its document alone.
 *
 * A zone written out is read alone. One that a rule computes may be any, so then all are read that
 * the source lists; what turns out to be no compiled zone is passed over.
 */
#include "catalog/build.h"

/* A zone of the set with what the digest needs. */
typedef struct kept {
    pz__zone zone; /* first: the set holds pointers to it */
    pz__digest digest;
} kept;

static pz_status keep_zone(pz__build *build, pz_str name, const pz__buf *bytes)
{
    pz__zone_set *set = &build->shared->zones;
    kept *one = pz__arena_new(set->arena, sizeof *one);
    if (!one)
        return PZ_ERR_NOMEM;
    pz_status status = pz__zone_read(set->arena, &one->zone, name, bytes->data, bytes->len, NULL);
    if (status != PZ_OK)
        return status;
    one->digest = pz__content_hash(bytes->data, bytes->len);
    return pz__zone_keep(set, &one->zone);
}

static pz_status read_zone(pz__build *build, pz_str name)
{
    const pz__zone_set *set = &build->shared->zones;
    pz__buf bytes;
    if (pz__zone_find(set, name))
        return PZ_OK;
    if (!build->zones)
        return PZ_ERR_NOT_FOUND;
    pz__buf_init(&bytes, &build->alloc, PZ__ZONE_BYTES_MAX);
    pz__mark mark = pz__arena_mark(set->arena);
    pz_status status = build->zones->read(build->zones->self, name, &bytes);
    if (status == PZ_OK)
        status = bytes.status;
    if (status == PZ_OK)
        status = set->count < PZ__CATALOG_ZONES_MAX ? keep_zone(build, name, &bytes) : PZ_ERR_LIMIT;
    if (status != PZ_OK)
        pz__arena_return(set->arena, mark);
    pz__buf_clear(&bytes);
    return status;
}

/* All zones at work. */
typedef struct reading {
    pz__build *build;
    pz_status status;
} reading;

static void read_listed(void *payload, pz_str name)
{
    reading *r = payload;
    if (r->status != PZ_OK || !pz__zone_name_ok(name))
        return;
    pz_status status = read_zone(r->build, name);
    bool is_too_many = r->build->shared->zones.count == PZ__CATALOG_ZONES_MAX;
    if (status == PZ_ERR_NOMEM || (status == PZ_ERR_LIMIT && is_too_many))
        r->status = status; /* anything else is no zone */
}

static pz_status read_all(pz__build *build)
{
    reading r = {build, PZ_OK};
    if (build->has_all_zones || !build->zones)
        return PZ_OK;
    pz_status status = build->zones->list(build->zones->self, read_listed, &r);
    if (status == PZ_OK)
        status = r.status;
    build->has_all_zones = status == PZ_OK;
    return status;
}

pz_status pz__need_zone(pz__build *build, pz_str name)
{
    return name.len ? read_zone(build, name) : read_all(build);
}

void pz__suggest_zones(const pz__build *build, void (*put)(void *payload, pz_str name),
                       void *payload)
{
    if (build->zones) /* one suggestion less if there is no memory; the mistake itself is told */
        (void)build->zones->list(build->zones->self, put, payload);
}

pz__digest pz__digest_with_zones(const pz__shared *shared, pz__digest document)
{
    const pz__zone_set *set = &shared->zones;
    pz__blake2s state;
    if (set->count == 0)
        return document;
    pz__blake2s_init(&state, NULL, 0);
    pz__blake2s_put(&state, document.bytes, sizeof document.bytes);
    for (uint32_t i = 0; i < set->count; i++) {
        const kept *one = (const kept *)set->list[i];
        pz__blake2s_put(&state, one->zone.name.data, one->zone.name.len);
        pz__blake2s_put(&state, "", 1);
        pz__blake2s_put(&state, one->digest.bytes, sizeof one->digest.bytes);
    }
    return pz__blake2s_end(&state);
}
