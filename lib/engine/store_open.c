/*
 * store_open.c: a store that is looked after: opening it, and what there is to know about it.
 *
 * A pz_store is the store room's handle with the allocator it was opened with; an engine has one
 * around its own store, which is lent. There is neither catalog nor clock: what these calls do to
 * profiles depends on neither.
 *
 * Counting walks over the index, whose entries tell by their names what they are (index.c,
 * erase.c), and over the records for their lengths, which touches no page of a long one.
 */
#include "engine/store_work.h"

#include "base/uuid.h"

static const pz_store_options default_options = {PZ_STORE_OPTIONS};

pz_status pz__store_options_read(const pz_store_options *given, pz_store_options *out,
                                 pz_error *err)
{
    *out = default_options;
    if (!given)
        return PZ_OK;
    if (!pz__is_known_size(given, given->size, sizeof *out))
        return pz__fail(err, PZ_ERR_ARG,
                        "begin the options with PZ_STORE_OPTIONS; an option is set that this "
                        "version does not know");
    memcpy(out, given, given->size < sizeof *out ? given->size : sizeof *out);
    if (out->flags & ~(uint32_t)(PZ_STORE_READ_ONLY | PZ_STORE_LAZY))
        return pz__fail(err, PZ_ERR_ARG, "a flag is set that this version does not know");
    return PZ_OK;
}

pz_status pz_store_open(pz_store **out, const char *address, const pz_store_options *given,
                        pz_error *err)
{
    pz_store_options options;
    if (out)
        *out = NULL;
    if (!out || !address)
        return pz__fail(err, PZ_ERR_ARG, "an address and a place for the store are needed");
    pz_status status = pz__store_options_read(given, &options, err);
    if (status != PZ_OK)
        return status;
    const pz_alloc alloc = pz__alloc_or_default(options.alloc);
    pz_store *store = pz__mem_zero(&alloc, 1, sizeof *store);
    if (!store)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    store->alloc = alloc;
    const pz__store_options how = {
        .alloc = alloc,
        .durability = options.flags & PZ_STORE_LAZY ? PZ__LAZY : PZ__DURABLE,
        .map_bytes = options.store_bytes,
        .read_only = options.flags & PZ_STORE_READ_ONLY,
        .module = options.module,
        .hooks = options.hooks,
    };
    status = pz__store_open(&store->store, address, &how, err);
    if (status == PZ_OK)
        *out = store;
    else
        pz__mem_free(&alloc, store, 1, sizeof *store);
    return status;
}

void pz_store_close(pz_store *store)
{
    if (!store || store->is_borrowed)
        return;
    const pz_alloc alloc = store->alloc;
    pz__store_close(store->store);
    pz__mem_free(&alloc, store, 1, sizeof *store);
}

pz_store *pz_engine_store(pz_engine *engine)
{
    return engine ? &engine->as_store : NULL;
}

/* ---- what there is to know ---- */

typedef struct counting {
    pz__store *store;
    pz_store_info *info;
    pz_error *err;
} counting;

static pz_status count_record(void *payload, pz_str key, const void *bytes, size_t len)
{
    pz_store_info *info = ((counting *)payload)->info;
    (void)key, (void)bytes;
    info->profiles++;
    info->bytes += len;
    info->longest = len > info->longest ? len : info->longest;
    return PZ_OK;
}

static pz_status count_entry(void *payload, pz_str identifier, pz_str key)
{
    pz_store_info *info = ((counting *)payload)->info;
    if (identifier.len > 0 && identifier.data[0] != PZ__IDENTIFIER_SEPARATOR)
        info->identifiers++;
    else if (pz__link_subject(identifier).data)
        info->links++;
    else if (pz__erased_entry(identifier, key) == PZ__REMEMBRANCE)
        info->remembered++;
    return PZ_OK;
}

static pz_status count_stream_entry(void *payload, uint64_t number, const void *bytes, size_t len)
{
    (void)number, (void)bytes, (void)len;
    ((counting *)payload)->info->entries++;
    return PZ_OK;
}

static pz_status count_stream(void *payload, pz_str stream)
{
    counting *c = payload;
    c->info->streams++;
    return pz__store_read_stream(c->store, stream, 1, count_stream_entry, c, c->err);
}

static pz_status read_files(pz__store *store, pz_store_info *info, pz_error *err)
{
    pz__store_stat stat;
    const pz_status status = pz__store_stat_read(store, &stat, err);
    info->map_bytes = stat.map_bytes;
    info->file_bytes = stat.file_bytes;
    info->used_bytes = stat.used_bytes;
    info->free_bytes = stat.free_bytes;
    info->readers = stat.readers;
    info->readers_max = stat.readers_max;
    return status;
}

pz_status pz_store_info_read(pz_store *store, pz_store_info *out, pz_error *err)
{
    uint8_t writer[16];
    if (!store || !out || out->size < sizeof(uint32_t))
        return pz__fail(err, PZ_ERR_ARG,
                        "a store and an info that begins with its size are "
                        "needed");
    pz_store_info info = {.size = out->size, .format = pz__store_format()};
    counting c = {store->store, &info, err};
    const char *scheme = pz__store_scheme(store->store);
    memcpy(info.backend, scheme, strnlen(scheme, sizeof info.backend - 1));
    pz_status status = pz__store_check(store->store, err);
    if (status == PZ_OK)
        status = pz__store_writer(store->store, writer, err);
    if (status != PZ_OK)
        return status;
    pz__uuid_print(writer, info.writer);
    status = pz__store_iterate(store->store, count_record, &c, err);
    if (status == PZ_OK)
        status = pz__store_each_index(store->store, count_entry, &c, err);
    if (status == PZ_OK)
        status = pz__store_each_stream(store->store, count_stream, &c, err);
    if (status == PZ_OK)
        status = read_files(store->store, &info, err);
    if (status == PZ_OK)
        memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info);
    return status;
}
