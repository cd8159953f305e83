/*
 * engine.c: opening, closing, and putting catalogs in force.
 *
 * An engine owns a store and the pins of its catalogs. Loading compiles aside, under a mutex that
 * only loads take, and swaps: a request that is deciding goes on with the catalog it pinned. A
 * catalog with mistakes changes nothing.
 *
 * The clock is read here and nowhere below: every other room gets the moment as an argument.
 */
#include "engine/engine.h"

#include <time.h>

#include "engine/zones.h"

int64_t pz__system_clock(void *payload)
{
    (void)payload;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t pz__engine_now(const pz_engine *engine, int64_t now_ms)
{
    return now_ms ? now_ms : engine->clock(engine->clock_payload);
}

pz_str pz__told(const pz_engine *engine, pz_str name)
{
    return engine->is_sealed ? PZ__STR("(not told)") : name;
}

uint64_t pz__engine_serial(pz_engine *engine)
{
    return atomic_fetch_add_explicit(&engine->serials, 1, memory_order_relaxed) + 1;
}

pz_str pz__identifier(pz__arena *arena, pz_str kind, pz_str value)
{
    char *text = pz__arena_new(arena, kind.len + 1 + value.len);
    if (!text)
        return (pz_str){NULL, 0};
    memcpy(text, kind.data, kind.len);
    text[kind.len] = PZ__IDENTIFIER_SEPARATOR;
    memcpy(text + kind.len + 1, value.data, value.len);
    return (pz_str){text, kind.len + 1 + value.len};
}

/* Compile `source` and put it in force. */
static pz_status install(pz_engine *engine, pz_str name, pz_str source, pz_report **report,
                         pz_error *err)
{
    pz_report *found = NULL;
    const pz__catalog *catalog = NULL;
    pz_status status = pz__report_new(&found, &engine->alloc);
    if (status != PZ_OK)
        return pz__fail(err, status, "out of memory");
    const pz__function_source functions = {engine->hosts.list, engine->hosts.count};
    const pz__surroundings around = {.zones = &pz__zone_files, .functions = &functions};
    status = pz__catalog_compile_with(&catalog, &engine->alloc, name, source, &around, found, err);
    if (status == PZ_OK) {
        pthread_mutex_lock(&engine->loading);
        status = pz__pins_swap(&engine->pins, catalog);
        pthread_mutex_unlock(&engine->loading);
        if (status != PZ_OK) {
            pz__catalog_unref(catalog);
            pz__fail(err, status, "%u older catalogs are still held by requests; try again",
                     PZ__HELD_CATALOGS_MAX - 1);
        }
    }
    if (report && pz_report_count(found) > 0)
        *report = found;
    else
        pz_report_free(found);
    return status;
}

pz_status pz_engine_load_text(pz_engine *engine, const char *name, const char *text, size_t len,
                              pz_report **report, pz_error *err)
{
    if (report)
        *report = NULL;
    if (!engine || (!text && len))
        return pz__fail(err, PZ_ERR_ARG, "an engine and the text of a catalog are needed");
    const pz_str file = name ? pz_str_of(name) : PZ__STR("catalog");
    return install(engine, file, (pz_str){text, len}, report, err);
}

pz_status pz_engine_load(pz_engine *engine, const char *path, pz_report **report, pz_error *err)
{
    if (report)
        *report = NULL;
    if (!engine || !path)
        return pz__fail(err, PZ_ERR_ARG, "an engine and the path of a catalog are needed");
    pz__buf text;
    pz__buf_init(&text, &engine->alloc, PZ__CATALOG_BYTES_MAX);
    pz_status status = pz__file_read(&text, path, err);
    if (status == PZ_OK)
        status = install(engine, pz_str_of(path), (pz_str){text.data, text.len}, report, err);
    pz__buf_clear(&text);
    return status;
}

static const pz_engine_options default_options = {PZ_ENGINE_OPTIONS};

/* Names that catalogs give to what a profile counted and answered. */
static bool is_catalog_word(const char *name)
{
    static const char *const words[] = {"count", "sum", "last", "confidence", "tier", "consent"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(name, words[i]) == 0)
            return true;
    return false;
}

static pz_status declare_functions(pz_engine *engine, const pz_engine_options *options,
                                   pz_error *err)
{
    if (!options->functions && options->function_count)
        return pz__fail(err, PZ_ERR_ARG, "the functions of the host are missing");
    for (size_t i = 0; i < options->function_count; i++) {
        const char *name = options->functions[i].name;
        if (name && is_catalog_word(name))
            return pz__fail(err, PZ_ERR_ARG,
                            "'%s' is a function of catalogs already; give yours another name",
                            name);
    }
    return pz__hosts_read(&engine->hosts, &engine->declarations, options->functions,
                          options->function_count, "an engine", err);
}

static pz_status open_store(pz_engine *engine, const pz_engine_options *options, pz_error *err)
{
    const pz__store_options store = {
        .alloc = engine->alloc,
        .durability = options->flags & PZ_ENGINE_LAZY      ? PZ__LAZY
                      : options->flags & PZ_ENGINE_GROUPED ? PZ__GROUPED
                                                           : PZ__DURABLE,
        .map_bytes = options->store_bytes,
        .read_only = engine->is_read_only,
        .module = options->module,
        .hooks = options->hooks,
    };
    return pz__store_open(&engine->store, options->store ? options->store : "memory:", &store, err);
}

static pz_status take_sink(pz_engine *engine, const pz_record_sink *sink, pz_error *err)
{
    if (!sink)
        return PZ_OK;
    pz_record_sink known = {PZ_RECORD_SINK};
    if (!pz__take_sized(&known, sizeof known, sink) || !known.take || !known.erase)
        return pz__fail(err, PZ_ERR_ARG,
                        "a sink of decision records begins with PZ_RECORD_SINK and has both its "
                        "functions");
    engine->records = known;
    engine->has_sink = true;
    return PZ_OK;
}

pz_status pz_engine_open(pz_engine **out, const pz_engine_options *given, pz_error *err)
{
    if (!out)
        return pz__fail(err, PZ_ERR_ARG, "there is nowhere to put the engine");
    *out = NULL;
    pz_engine_options options = default_options;
    if (given) {
        if (!pz__take_sized(&options, sizeof options, given))
            return pz__fail(err, PZ_ERR_ARG,
                            "begin the options with PZ_ENGINE_OPTIONS; an option is set that this "
                            "version does not know");
    }
    if (options.flags & ~(uint32_t)(PZ_ENGINE_READ_ONLY | PZ_ENGINE_LAZY | PZ_ENGINE_GROUPED))
        return pz__fail(err, PZ_ERR_ARG, "a flag is set that this version does not know");
    if (options.flags & PZ_ENGINE_LAZY && options.flags & PZ_ENGINE_GROUPED)
        return pz__fail(err, PZ_ERR_ARG, "writes are lazy or grouped by default, not both");
    if (options.skew_ms < 0)
        return pz__fail(err, PZ_ERR_ARG, "the allowed skew is not negative");
    const pz_alloc alloc = pz__alloc_or_default(options.alloc);
    pz_engine *engine = pz__mem_zero(&alloc, 1, sizeof *engine);
    if (!engine)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    engine->alloc = alloc;
    engine->clock = options.clock ? options.clock : pz__system_clock;
    engine->clock_payload = options.clock_payload;
    engine->skew_ms = options.skew_ms ? options.skew_ms : PZ__SKEW_DEFAULT_MS;
    engine->is_read_only = options.flags & PZ_ENGINE_READ_ONLY;
    engine->is_sealed = options.hooks != NULL;
    pz__pins_init(&engine->pins);
    atomic_init(&engine->serials, 0);
    for (uint32_t i = 0; i < PZ__SPARE_HANDLES; i++)
        atomic_init(&engine->spares[i].handle, NULL);
    pthread_mutex_init(&engine->loading, NULL);
    pz__arena_init(&engine->declarations, &alloc, 0);
    pz_status status = declare_functions(engine, &options, err);
    if (status == PZ_OK)
        status = take_sink(engine, options.records, err);
    if (status == PZ_OK)
        status = open_store(engine, &options, err);
    engine->as_store = (pz_store){alloc, engine->store, true};
    if (status == PZ_OK && options.catalog)
        status = pz_engine_load(engine, options.catalog, NULL, err);
    if (status == PZ_OK)
        *out = engine;
    else
        pz_engine_close(engine);
    return status;
}

void pz_engine_close(pz_engine *engine)
{
    if (!engine)
        return;
    pz__handles_clear(engine);
    pz__pins_swap(&engine->pins, NULL);
    pz__store_close(engine->store);
    pthread_mutex_destroy(&engine->loading);
    pz__arena_clear(&engine->declarations);
    const pz_alloc alloc = engine->alloc;
    pz__mem_free(&alloc, engine, 1, sizeof *engine);
}

pz_status pz__no_catalog(pz_error *err)
{
    return pz__fail(err, PZ_ERR_STATE, "no catalog is in force; load one first");
}

pz_status pz_engine_test(pz_engine *engine, pz_report **report, uint32_t *passed, uint32_t *failed,
                         pz_error *err)
{
    uint32_t passed_here = 0, failed_here = 0;
    if (report)
        *report = NULL;
    if (!engine)
        return pz__fail(err, PZ_ERR_ARG, "an engine is needed");
    pz__pin pin = pz__pins_take(&engine->pins);
    if (!pin.catalog)
        return pz__no_catalog(err);
    pz_report *found = NULL;
    pz_status status = pz__report_new(&found, &engine->alloc);
    if (status == PZ_OK)
        status = pz__trials_run(pin.catalog, &engine->alloc, found, &passed_here, &failed_here);
    if (status == PZ_OK && pz__report_status(found) == PZ_ERR_NOMEM)
        status = PZ_ERR_NOMEM;
    pz__pins_give(&engine->pins, &pin);
    if (passed)
        *passed = passed_here;
    if (failed)
        *failed = failed_here;
    if (status == PZ_OK && failed_here > 0)
        status = pz__fail(err, PZ_ERR_TEST, "%u of the catalog's tests failed", failed_here);
    else if (status != PZ_OK)
        pz__fail(err, status, "out of memory");
    if (report && pz_report_count(found) > 0)
        *report = found;
    else
        pz_report_free(found);
    return status;
}

pz_status pz_engine_catalog_hash(pz_engine *engine, char out[33])
{
    if (!engine || !out)
        return PZ_ERR_ARG;
    pz__pin pin = pz__pins_take(&engine->pins);
    if (!pin.catalog)
        return PZ_ERR_STATE;
    pz__digest_hex(pin.catalog->digest, out);
    pz__pins_give(&engine->pins, &pin);
    return PZ_OK;
}
