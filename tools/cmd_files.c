/*
 * cmd_files.c: `personalize profile dump|diff|merge|verify`: profiles as files, for operators.
 *
 * A file holds the bytes of pz_profile_encode(). They need neither store nor catalog: what two
 * replicas hold, and what their join would hold, is in the bytes alone. Two profiles are compared
 * by their exports, entry by entry, so that a difference is told in the words of the export: what a
 * customer said, not which octet. Files of equal bytes are alike without being read.
 *
 * A file that is damaged is refused with the byte where reading it failed and with what helps.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* Greater than any profile: what is longer is none. */
#define FILE_MAX ((size_t)16 << 20)

typedef struct file {
    const char *path;
    char *bytes;
    size_t len;
    pz_profile *profile;
} file;

static int read_bytes(file *f)
{
    FILE *in = fopen(f->path, "rb");
    if (!in)
        return cli_fail(EXIT_FAILED, "%s: %s", f->path, strerror(errno));
    f->bytes = malloc(FILE_MAX);
    f->len = f->bytes ? fread(f->bytes, 1, FILE_MAX, in) : 0;
    const bool is_well = f->bytes && !ferror(in);
    fclose(in);
    return is_well ? EXIT_DONE : cli_fail(EXIT_SYSTEM, "%s: it cannot be read", f->path);
}

static const char *remedy(pz_status status)
{
    return status == PZ_ERR_VERSION ? "use the version of the library that wrote it"
                                    : "restore it from a backup or dump another replica";
}

static int open_file(pz_engine *engine, const char *path, file *f)
{
    pz_error err = PZ_ERROR_INIT;
    *f = (file){.path = path};
    const int code = read_bytes(f);
    if (code != EXIT_DONE)
        return code;
    const pz_status status = pz_profile_decode(&f->profile, engine, f->bytes, f->len, &err);
    if (status == PZ_OK)
        return EXIT_DONE;
    if (status == PZ_ERR_NOMEM)
        return cli_fail(EXIT_SYSTEM, "%s: out of memory", path);
    return cli_fail(EXIT_FAILED, "%s: %s; %s", path, err.message, remedy(status));
}

static void close_file(file *f)
{
    pz_profile_free(f->profile);
    free(f->bytes);
}

static int write_file(const char *path, pz_value bytes)
{
    output *to;
    const int code = output_open(&to, path, false);
    if (code != EXIT_DONE)
        return code;
    output_write(to, bytes.as.text, bytes.len); /* a failure is told when it is closed */
    return output_close(to, EXIT_DONE);
}

int cli_dump(cli *c, pz_engine *engine, pz_profile *profile)
{
    (void)engine;
    pz_error err = PZ_ERROR_INIT;
    pz_pool *pool;
    pz_value bytes;
    if (!c->output)
        return cli_fail(EXIT_USAGE, "usage: personalize profile dump CUSTOMER -o FILE");
    if (!pz_profile_exists(profile))
        return cli_fail(EXIT_FAILED, "the store knows no customer '%s'", c->words[1]);
    if (pz_pool_new(&pool, NULL) != PZ_OK)
        return cli_fail(EXIT_SYSTEM, "out of memory");
    const pz_status status = pz_profile_encode(profile, pool, &bytes, &err);
    const int code = status == PZ_OK ? write_file(c->output, bytes) : cli_fail_status(status, &err);
    pz_pool_free(pool);
    return code;
}

/* ---- diff ---- */

/* The entries of one list of an export, as sorted lines of JSON. */
typedef struct lines {
    pz_str *list;
    uint32_t count;
} lines;

static int compare_lines(const void *a, const void *b)
{
    return pz__str_compare(*(const pz_str *)a, *(const pz_str *)b);
}

static bool print_lines(pz_pool *pool, pz_value list, lines *out)
{
    const bool is_list = list.kind == PZ_LIST; /* anything else is one entry */
    const uint32_t len = is_list ? list.len : 1;
    *out = (lines){calloc(len + 1, sizeof *out->list), 0};
    for (uint32_t i = 0; out->list && i < len; i++, out->count++)
        if (pz_value_print(pool, &out->list[i], is_list ? pz_value_item(list, i) : list, 0) !=
            PZ_OK)
            return false;
    if (out->list)
        qsort(out->list, out->count, sizeof *out->list, compare_lines);
    return out->list != NULL;
}

static void tell(const cli *c, pz_str name, char sign, pz_str line)
{
    if (c->json)
        printf("{\"in\":\"%s\",\"list\":\"%.*s\",\"entry\":%.*s}\n", sign == '-' ? "A" : "B",
               PZ__STR_ARG(name), PZ__STR_ARG(line));
    else
        printf("%c %.*s %.*s\n", sign, PZ__STR_ARG(name), PZ__STR_ARG(line));
}

/* Tell what only one side has; how much that is. */
static uint32_t tell_differences(const cli *c, pz_str name, const lines *a, const lines *b)
{
    uint32_t i = 0, j = 0, told = 0;
    while (i < a->count || j < b->count) {
        const int by = i == a->count   ? 1
                       : j == b->count ? -1
                                       : pz__str_compare(a->list[i], b->list[j]);
        if (by < 0)
            tell(c, name, '-', a->list[i]);
        if (by > 0)
            tell(c, name, '+', b->list[j]);
        told += by != 0;
        i += by <= 0;
        j += by >= 0;
    }
    return told;
}

static bool export_map(pz_pool *pool, const file *f, pz_value *out)
{
    pz_str text;
    return pz_profile_export(f->profile, pool, &text, 0, NULL) == PZ_OK &&
           pz_value_parse(pool, out, text.data, text.len, 0, NULL) == PZ_OK;
}

/* Compare list by list; every export has the same ones. */
static int compare_exports(const cli *c, pz_pool *pool, const file files[2])
{
    pz_value a, b;
    uint32_t told = 0;
    if (!export_map(pool, &files[0], &a) || !export_map(pool, &files[1], &b))
        return cli_fail(EXIT_SYSTEM, "out of memory");
    for (uint32_t i = 0; i < a.len; i++) {
        const pz_str name = pz_value_text(pz_value_entry(a, i).key);
        const pz_value other = pz_value_get(b, name.data, name.len, NULL);
        lines x = {NULL, 0}, y = {NULL, 0};
        const bool is_well =
            print_lines(pool, pz_value_entry(a, i).value, &x) && print_lines(pool, other, &y);
        if (is_well)
            told += tell_differences(c, name, &x, &y);
        free(x.list);
        free(y.list);
        if (!is_well)
            return cli_fail(EXIT_SYSTEM, "out of memory");
    }
    return told ? EXIT_PARTLY : EXIT_DONE;
}

static int diff(cli *c, pz_engine *engine)
{
    file files[2] = {{NULL}};
    pz_pool *pool = NULL;
    int code = open_file(engine, c->words[1], &files[0]);
    if (code == EXIT_DONE)
        code = open_file(engine, c->words[2], &files[1]);
    const bool is_alike = code == EXIT_DONE && files[0].len == files[1].len &&
                          memcmp(files[0].bytes, files[1].bytes, files[0].len) == 0;
    if (code == EXIT_DONE && !is_alike) {
        code = pz_pool_new(&pool, NULL) == PZ_OK ? compare_exports(c, pool, files)
                                                 : cli_fail(EXIT_SYSTEM, "out of memory");
        if (code == EXIT_DONE) { /* what differs is not told by the export */
            printf("the profiles say the same and differ in what was erased or in unknown parts\n");
            code = EXIT_PARTLY;
        }
    }
    pz_pool_free(pool);
    close_file(&files[0]);
    close_file(&files[1]);
    return code;
}

/* ---- merge and verify ---- */

static int merge_into(cli *c, const file files[2])
{
    pz_error err = PZ_ERROR_INIT;
    pz_pool *pool;
    pz_value bytes;
    pz_status status = pz_merge(files[0].profile, files[1].profile, &err);
    if (status == PZ_ERR_SUBJECT) {
        const pz_str a = pz_profile_id(files[0].profile), b = pz_profile_id(files[1].profile);
        return cli_fail(EXIT_FAILED,
                        "%s is about '%.*s' and %s about '%.*s'; only replicas of one profile are "
                        "merged, people are linked",
                        files[0].path, PZ__STR_ARG(a), files[1].path, PZ__STR_ARG(b));
    }
    if (status == PZ_OK && pz_pool_new(&pool, NULL) != PZ_OK)
        return cli_fail(EXIT_SYSTEM, "out of memory");
    if (status != PZ_OK)
        return cli_fail_status(status, &err);
    status = pz_profile_encode(files[0].profile, pool, &bytes, &err);
    const int code = status == PZ_OK ? write_file(c->output, bytes) : cli_fail_status(status, &err);
    pz_pool_free(pool);
    return code;
}

static int merge(cli *c, pz_engine *engine)
{
    if (!c->output)
        return cli_fail(EXIT_USAGE, "usage: personalize profile merge A B -o C");
    file files[2] = {{NULL}};
    int code = open_file(engine, c->words[1], &files[0]);
    if (code == EXIT_DONE)
        code = open_file(engine, c->words[2], &files[1]);
    if (code == EXIT_DONE)
        code = merge_into(c, files);
    close_file(&files[0]);
    close_file(&files[1]);
    return code;
}

/* Every file is looked at, also behind one that is damaged. */
static int verify(cli *c, pz_engine *engine)
{
    int worst = EXIT_DONE;
    for (int i = 1; i < c->word_count; i++) {
        file f;
        const int code = open_file(engine, c->words[i], &f);
        if (code == EXIT_DONE) {
            const pz_str id = pz_profile_id(f.profile);
            printf("%s: '%.*s', %zu bytes, sound\n", f.path, PZ__STR_ARG(id), f.len);
        }
        worst = code > worst ? code : worst;
        close_file(&f);
    }
    return worst;
}

static const struct {
    const char *name;
    int least_words, most_words;
    const char *usage;
    int (*run)(cli *c, pz_engine *engine);
} actions[] = {
    {"diff", 3, 3, "diff A B", diff},
    {"merge", 3, 3, "merge A B -o C", merge},
    {"verify", 2, INT32_MAX, "verify FILE...", verify},
};

bool cli_files(cli *c, int *code)
{
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(c->words[0], actions[i].name) != 0)
            continue;
        if (c->word_count < actions[i].least_words || c->word_count > actions[i].most_words ||
            c->all || c->alone || c->gzip) {
            *code = cli_fail(EXIT_USAGE, "usage: personalize profile %s", actions[i].usage);
            return true;
        }
        const pz_engine_options options = {PZ_ENGINE_OPTIONS};
        pz_error err = PZ_ERROR_INIT;
        pz_engine *engine;
        const pz_status status = pz_engine_open(&engine, &options, &err);
        *code = status == PZ_OK ? actions[i].run(c, engine) : cli_fail_status(status, &err);
        pz_engine_close(engine);
        return true;
    }
    return false;
}
