/*
 * session.c: the engine of one backend: its memory, its settings, its catalog, its errors.
 *
 * All memory of the library is PostgreSQL's: a context below TopMemoryContext, so it shows in
 * pg_backend_memory_contexts. The library is told of a lack of memory by NULL and never by a long
 * jump, which would leave its structures half made; the ERROR is raised when it has returned.
 *
 * The catalog is a file, named by a setting that only a superuser may change, for its mistakes are
 * shown with their lines. Whether it changed is looked at once a statement, by what stat() says, so
 * one statement sees one catalog. A changed file with mistakes is refused with a WARNING and the
 * catalog before it goes on; a setting that names another file never falls back to the old one.
 *
 * Parallel workers are new processes that begin with nothing, and the file may meanwhile be
 * another, or broken. So they get the leader's catalog: its path and text are a setting that nobody
 * else writes, which PostgreSQL hands to workers with all others. A leader looks at the file before
 * its workers start (on_executor_start) and not again while they run. The first parallel statement
 * of a connection may come before any catalog is read; there each process reads the file.
 *
 * Statements know their moment: statement_timestamp(), the same in all parallel workers, is the
 * engine's clock unless the circumstances say "now". That makes the functions STABLE.
 */
#include "session.h"

#include <access/parallel.h>
#include <access/xact.h>
#include <catalog/namespace.h>
#include <executor/executor.h>
#include <mb/pg_wchar.h>
#include <miscadmin.h>
#include <storage/fd.h>
#include <utils/guc.h>
#include <utils/memutils.h>
#include <utils/timestamp.h>

#include <sys/stat.h>

/* What tells one state of a file from another: its change time and not its date, which copying may
 * keep. Compared by members, for padding is not. */
typedef struct file_state {
    dev_t device;
    ino_t inode;
    off_t bytes;
    struct timespec changed;
} file_state;

/* The catalog in force, and what was last seen of its file. */
typedef struct catalog_state {
    char *path;            /* NULL: none is in force. In the session's memory. */
    file_state seen;       /* Of the last attempt, refused ones included. */
    TimestampTz statement; /* The last statement that looked. */
} catalog_state;

/* As the library's own limit for a catalog's file. */
#define CATALOG_BYTES_MAX (16 << 20)
#define SETTING_IN_FORCE "personalize.catalog_in_force"

char *pg_writer;
static char *catalog_setting;
static char *in_force_setting; /* Empty, or path, newline, text of the catalog in force. */
static pg_session session;
static catalog_state catalog;

static ExecutorStart_hook_type next_executor_start;

static void on_executor_start(QueryDesc *query, int flags);
static bool check_in_force(char **value, void **extra, GucSource source);

void pg_define_settings(void)
{
    DefineCustomStringVariable(PG_SETTING_CATALOG, "Path of the catalog of personalize.",
                               "Absolute, or relative to the data directory. Replace the file by "
                               "renaming another over it; the next statement sees it.",
                               &catalog_setting, "", PGC_SUSET, 0, NULL, NULL, NULL);
    DefineCustomStringVariable(PG_SETTING_WRITER, "Who writes profiles: 1 to 16 bytes.",
                               "Databases whose profiles are merged need names of their own.",
                               &pg_writer, "local", PGC_USERSET, 0, NULL, NULL, NULL);
    DefineCustomStringVariable(SETTING_IN_FORCE, "The catalog in force, for parallel workers.",
                               "The extension alone sets it.", &in_force_setting, "", PGC_SUSET,
                               GUC_NO_SHOW_ALL | GUC_NO_RESET_ALL | GUC_NOT_IN_SAMPLE |
                                   GUC_DISALLOW_IN_FILE | GUC_SUPERUSER_ONLY,
                               check_in_force, NULL, NULL);
    next_executor_start = ExecutorStart_hook;
    ExecutorStart_hook = on_executor_start;
#if PG_VERSION_NUM >= 150000
    MarkGUCPrefixReserved("personalize");
#endif
}

/* ---- memory ---- */

/* The library asks for the alignment of malloc(), palloc() grants less. Each block is preceded by
 * one byte that tells how far it was moved. */
#define BLOCK_ALIGN 16

static void *block_new(MemoryContext memory, size_t size)
{
    const int flags = MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE;
    uint8 *raw, *block;

    if (size > MaxAllocHugeSize - BLOCK_ALIGN)
        return NULL;
    raw = MemoryContextAllocExtended(memory, size + BLOCK_ALIGN, flags);
    if (!raw)
        return NULL;
    block = (uint8 *)TYPEALIGN_DOWN(BLOCK_ALIGN, (uintptr_t)raw + BLOCK_ALIGN);
    block[-1] = (uint8)(block - raw);
    return block;
}

static void block_free(void *ptr)
{
    uint8 *block = ptr;

    if (block)
        pfree(block - block[-1]);
}

static void *block_resize(void *payload, void *ptr, size_t old_size, size_t new_size)
{
    void *block;

    if (new_size == 0) {
        block_free(ptr);
        return NULL;
    }
    block = block_new(payload, new_size);
    if (block && ptr) {
        memcpy(block, ptr, Min(old_size, new_size));
        block_free(ptr);
    }
    return block;
}

/* ---- text and errors ---- */

char *pg_from_utf8(const char *text, size_t len)
{
    const char *converted = pg_any_to_server(text, (int)len, PG_UTF8);

    return converted == text ? pnstrdup(text, len) : unconstify(char *, converted);
}

char *pg_to_utf8(const char *text, size_t len)
{
    const char *converted = pg_server_to_any(text, (int)len, PG_UTF8);

    return converted == text ? pnstrdup(text, len) : unconstify(char *, converted);
}

/* A message in the encoding of the database, with `?` for what has no place there: a message that
 * cannot be told would hide the mistake behind another, and make an ERROR of a WARNING. */
static char *message_from_utf8(const char *text)
{
    const int encoding = GetDatabaseEncoding();
    const size_t len = strlen(text), room = len * MAX_CONVERSION_GROWTH + 1;
    Oid convert;
    char *out;
    size_t done = 0, out_len = 0;

    if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
        return pstrdup(text);
    convert = FindDefaultConversionProc(PG_UTF8, encoding);
    if (!OidIsValid(convert))
        return pg_from_utf8(text, len);
    out = palloc0(room);
    while (done < len) {
        done += (size_t)pg_do_encoding_conversion_buf(
            convert, PG_UTF8, encoding, (unsigned char *)unconstify(char *, text) + done,
            (int)(len - done), (unsigned char *)out + out_len, (int)(room - out_len), true);
        out_len += strlen(out + out_len);
        if (done < len) {
            out[out_len++] = '?';
            done += (size_t)pg_utf_mblen((const unsigned char *)text + done);
        }
    }
    out[out_len] = 0;
    return out;
}

/* What a client can act on keeps a code of its own. */
static int sqlstate_of(pz_status status)
{
    static const struct {
        pz_status status;
        int sqlstate;
    } codes[] = {
        {PZ_ERR_ARG, ERRCODE_INVALID_PARAMETER_VALUE},
        {PZ_ERR_NOMEM, ERRCODE_OUT_OF_MEMORY},
        {PZ_ERR_PARSE, ERRCODE_INVALID_TEXT_REPRESENTATION},
        {PZ_ERR_TYPE, ERRCODE_DATATYPE_MISMATCH},
        {PZ_ERR_DOMAIN, ERRCODE_CHECK_VIOLATION},
        {PZ_ERR_NOT_FOUND, ERRCODE_UNDEFINED_OBJECT},
        {PZ_ERR_LIMIT, ERRCODE_PROGRAM_LIMIT_EXCEEDED},
        {PZ_ERR_TIME, ERRCODE_DATETIME_VALUE_OUT_OF_RANGE},
        {PZ_ERR_LATE, ERRCODE_DATETIME_VALUE_OUT_OF_RANGE},
        {PZ_ERR_SUBJECT, ERRCODE_INVALID_PARAMETER_VALUE},
        {PZ_ERR_CATALOG, ERRCODE_CONFIG_FILE_ERROR},
        {PZ_ERR_CORRUPT, ERRCODE_DATA_CORRUPTED},
        {PZ_ERR_VERSION, ERRCODE_FEATURE_NOT_SUPPORTED},
        {PZ_ERR_IO, ERRCODE_IO_ERROR},
        {PZ_ERR_FULL, ERRCODE_DISK_FULL},
        {PZ_ERR_BUSY, ERRCODE_OBJECT_IN_USE},
        {PZ_ERR_EVAL, ERRCODE_EXTERNAL_ROUTINE_EXCEPTION},
        {PZ_ERR_STATE, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE},
        {PZ_ERR_UNSUPPORTED, ERRCODE_FEATURE_NOT_SUPPORTED},
    };

    for (size_t i = 0; i < lengthof(codes); i++)
        if (codes[i].status == status)
            return codes[i].sqlstate;
    return ERRCODE_EXTERNAL_ROUTINE_EXCEPTION;
}

static void report(int level, pz_status status, const pz_error *err, const char *where)
{
    const char *text = err->message[0] ? err->message : pz_status_text(status);
    const char *message = message_from_utf8(text);
    const char *place = "";

    if (err->line)
        place = psprintf("%sLine %u, column %u.", where ? " " : "", err->line, err->column);
    ereport(level, (errcode(sqlstate_of(status)), errmsg_internal("personalize: %s", message),
                    where || err->line ? errdetail("%s%s", where ? where : "", place) : 0));
}

void pg_check(pz_status status, const pz_error *err, const char *where)
{
    if (status != PZ_OK)
        report(ERROR, status, err, where);
}

/* ---- the catalog ---- */

static bool is_same_file(const file_state *a, const file_state *b)
{
    return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static bool look_at_file(const char *path, file_state *out)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return false;
    *out = (file_state){st.st_dev, st.st_ino, st.st_size, st.st_ctim};
    return true;
}

/* The text of a file with a NUL behind it, in the memory of the call; NULL if it cannot be read. */
static char *read_text(const char *path, size_t *len)
{
    FILE *file = AllocateFile(path, PG_BINARY_R);
    size_t room = 1 << 16;
    char *text;
    bool is_whole;

    if (!file)
        return NULL;
    text = palloc(room);
    *len = 0;
    while (!feof(file) && !ferror(file) && *len <= CATALOG_BYTES_MAX) {
        if (*len + 1 == room)
            text = repalloc(text, room *= 2);
        *len += fread(text + *len, 1, room - *len - 1, file);
    }
    is_whole = feof(file) && !ferror(file);
    FreeFile(file);
    text[*len] = 0;
    return is_whole ? text : NULL;
}

/* Nobody sets it but the extension, and PostgreSQL for a worker. */
static bool check_in_force(char **value, void **extra, GucSource source)
{
    (void)value;
    (void)extra;
    return source == PGC_S_DEFAULT || source == PGC_S_OVERRIDE;
}

/* Tell the workers of statements to come. GUC_ACTION_SAVE passes while others run, whom it does not
 * reach; PGC_S_OVERRIDE is a default, which no transaction takes back. */
static void tell_workers(const char *path, const char *text)
{
    const char *both = psprintf("%s\n%s", path, text);

    set_config_option(SETTING_IN_FORCE, both, PGC_SUSET, PGC_S_OVERRIDE, GUC_ACTION_SAVE, true, 0,
                      false);
}

/* What the leader of this worker has in force of the file at `path`, or NULL. */
static const char *text_of_leader(const char *path)
{
    const size_t len = strlen(path);

    if (!IsParallelWorker() || !in_force_setting || strncmp(in_force_setting, path, len) != 0)
        return NULL;
    return in_force_setting[len] == '\n' ? in_force_setting + len + 1 : NULL;
}

static pz_status load(const char *path, pz_error *err)
{
    const char *of_leader = text_of_leader(path);
    pz_status status;
    size_t len = 0;
    char *text;

    if (of_leader)
        return pz_engine_load_text(session.engine, path, of_leader, strlen(of_leader), NULL, err);
    text = read_text(path, &len);
    if (!text) /* The library says why. */
        status = pz_engine_load(session.engine, path, NULL, err);
    else
        status = pz_engine_load_text(session.engine, path, text, len, NULL, err);
    if (status == PZ_OK && !IsParallelWorker())
        tell_workers(text ? path : "", text ? text : "");
    if (text)
        pfree(text);
    return status;
}

/* The same file as before: another state of it is taken if it is right. */
static void follow_catalog(void)
{
    file_state now = {0};
    pz_error err = PZ_ERROR_INIT;
    pz_status status;

    /* A file that is gone, as between two renames, leaves in force what was read of it. */
    if (!look_at_file(catalog.path, &now) || is_same_file(&now, &catalog.seen))
        return;
    catalog.seen = now;
    status = load(catalog.path, &err);
    if (status != PZ_OK)
        report(WARNING, status, &err, "The catalog read before stays in force.");
}

static void change_catalog(void)
{
    pz_error err = PZ_ERROR_INIT;

    if (catalog.path)
        pfree(catalog.path);
    catalog.path = NULL;
    if (!catalog_setting || !catalog_setting[0])
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("personalize: there is no catalog"),
                 errhint("Name its file: ALTER DATABASE ... SET %s = '/path/shop.json', then "
                         "connect again.",
                         PG_SETTING_CATALOG)));
    memset(&catalog.seen, 0, sizeof catalog.seen);
    look_at_file(catalog_setting, &catalog.seen);
    pg_check(load(catalog_setting, &err), &err, NULL);
    catalog.path = MemoryContextStrdup(session.memory, catalog_setting);
}

static bool is_catalog_named(void)
{
    return catalog.path && catalog_setting && strcmp(catalog.path, catalog_setting) == 0;
}

/* Once a statement, and whenever the setting names another file. */
static void look_at_catalog(void)
{
    const TimestampTz statement = GetCurrentStatementStartTimestamp();
    const bool is_named = is_catalog_named();

    /* While workers run there is one catalog: theirs. */
    if (is_named && (statement == catalog.statement || IsInParallelMode()))
        return;
    catalog.statement = statement;
    if (is_named)
        follow_catalog();
    else
        change_catalog();
}

/* Before a statement that may start workers: what they are given is what the file says now. */
static void on_executor_start(QueryDesc *query, int flags)
{
    if (query->plannedstmt->parallelModeNeeded && session.engine && is_catalog_named())
        look_at_catalog();
    if (next_executor_start)
        next_executor_start(query, flags);
    else
        standard_ExecutorStart(query, flags);
}

/* ---- calls ---- */

static int64_t clock_of_session(void *payload)
{
    return ((const pg_session *)payload)->now_ms;
}

/* Made in one go: an ERROR on the way leaves a session without engine, begun anew by the next. */
static void open_session(void)
{
    pz_error err = PZ_ERROR_INIT;
    pz_engine_options options = {PZ_ENGINE_OPTIONS, .clock = clock_of_session};
    pz_engine *engine = NULL;

    if (session.memory)
        MemoryContextDelete(session.memory);
    memset(&session, 0, sizeof session);
    memset(&catalog, 0, sizeof catalog);
    session.memory = AllocSetContextCreate(TopMemoryContext, "personalize", ALLOCSET_DEFAULT_SIZES);
    session.alloc = (pz_alloc){.fn = block_resize, .payload = session.memory};
    options.alloc = &session.alloc;
    options.clock_payload = &session;
    pg_check(pz_engine_open(&engine, &options, &err), &err, NULL);
    pg_check(pz_context_new(&session.context, engine, &err), &err, NULL);
    pg_check(pz_pool_new(&session.pool, &session.alloc), &err, NULL);
    session.engine = engine;
}

pg_session *pg_begin_bare(void)
{
    const int64 epoch_ms = (int64)(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * 1000;

    if (!session.engine)
        open_session();
    pz_profile_free(session.customer);
    pz_profile_free(session.account);
    session.customer = NULL;
    session.account = NULL;
    pz_pool_reset(session.pool);
    session.now_ms = epoch_ms + GetCurrentStatementStartTimestamp() / 1000;
    return &session;
}

pg_session *pg_begin(void)
{
    pg_begin_bare();
    look_at_catalog();
    return &session;
}
