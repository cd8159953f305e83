/*
 * golden.c: replays tests/data/cases through the public API: golden CASES_DIR.
 *
 * golden.py and golden.lua replay the same files; golden.py --record has written the bytes. Each
 * case makes the profile "me" by its operations, asks its questions at context.now, and compares
 * the members that it expects, the canonical bytes and ids of decisions, and those of the profile.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <personalize.h>

/* One case while it runs. */
typedef struct replay {
    pz_value test; /* the line */
    pz_pool *pool; /* of the line and of everything read from answers */
    pz_engine *engine;
    pz_context *context;
    pz_profile *me, *account;
    const char *folder;
    pz_error err;
    bool is_bad;
} replay;

static pz_value member(pz_value map, const char *name)
{
    return pz_value_get(map, name, strlen(name), NULL);
}

static void complain(replay *r, const char *what, pz_value expected, pz_value got)
{
    pz_str want = {"?", 1}, have = {"?", 1};
    (void)pz_value_print(r->pool, &want, expected, 0);
    (void)pz_value_print(r->pool, &have, got, 0);
    const pz_str id = pz_value_text(member(r->test, "id"));
    printf("%.*s: %s: expected %.*s, got %.*s\n", (int)id.len, id.data, what, (int)want.len,
           want.data, (int)have.len, have.data);
    r->is_bad = true;
}

static bool must(replay *r, pz_status status, const char *what)
{
    if (status == PZ_OK)
        return true;
    const pz_str id = pz_value_text(member(r->test, "id"));
    printf("%.*s: %s: %s (%s)\n", (int)id.len, id.data, what, r->err.message,
           pz_status_name(status));
    r->is_bad = true;
    return false;
}

static void compare(replay *r, pz_value expect, const char *name, pz_value got)
{
    bool found;
    const pz_value want = pz_value_get(expect, name, strlen(name), &found);
    if (found && !pz_value_equal(want, got))
        complain(r, name, want, got);
}

static pz_value hex(replay *r, pz_value bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *text = malloc((size_t)bytes.len * 2 + 1);
    pz_value out = pz_value_null();
    if (!text)
        return out;
    for (uint32_t i = 0; i < bytes.len; i++) {
        const unsigned char octet = (unsigned char)bytes.as.text[i];
        text[2 * i] = digits[octet >> 4];
        text[2 * i + 1] = digits[octet & 15];
    }
    must(r, pz_pool_string(r->pool, &out, text, (size_t)bytes.len * 2), "hex");
    free(text);
    return out;
}

/* ---- making ---- */

static const char *text_of(replay *r, pz_value value)
{
    pz_value copy;
    return pz_pool_string(r->pool, &copy, pz_value_text(value).data, value.len) == PZ_OK && copy.len
               ? copy.as.text
               : "";
}

static pz_profile *make(replay *r, pz_subject subject, const char *id, pz_value operations)
{
    pz_profile *made = NULL;
    char writer[17] = {0};
    const pz_str name = pz_value_text(member(r->test, "writer"));
    memcpy(writer, name.data, name.len < 16 ? name.len : 16);
    const pz_write write = {PZ_WRITE, .writer = writer};
    if (!must(r, pz_profile_new(&made, r->engine, subject, id, &r->err), "profile"))
        return NULL;
    for (uint32_t i = 0; i < operations.len; i++)
        must(r, pz_profile_apply(made, pz_value_item(operations, i), &write, &r->err), "operation");
    return made;
}

static int64_t moment(replay *r, pz_value text)
{
    const pz_entry entry = {pz_value_str("t"), text};
    pz_value variables, out = pz_value_null();
    static const char expression[] = "timestamp(t)";
    if (must(r, pz_pool_map(r->pool, &variables, &entry, 1), "moment"))
        must(r, pz_eval(&out, r->pool, expression, sizeof expression - 1, variables, &r->err),
             "moment");
    return out.as.i * 1000 + (int64_t)(out.len / 1000000u);
}

static void set_context(replay *r)
{
    const pz_value context = member(r->test, "context");
    if (!must(r, pz_context_begin(r->context, moment(r, member(context, "now")), &r->err), "begin"))
        return;
    for (uint32_t i = 0; i < context.len; i++) {
        const pz_entry entry = pz_value_entry(context, i);
        char key[128] = {0};
        memcpy(key, entry.key.as.text, entry.key.len < 127 ? entry.key.len : 127);
        if (strcmp(key, "now") != 0)
            must(r, pz_context_set(r->context, key, entry.value, &r->err), "context");
    }
    must(r, pz_context_account(r->context, r->account, &r->err), "account");
}

/* ---- asking ---- */

/* Kinds that JSON has not are expected as the text that it prints. */
static void compare_printed(replay *r, pz_value expect, pz_value value)
{
    if (member(expect, "text").kind == PZ_NULL)
        return;
    pz_str text;
    pz_value printed, read;
    if (!must(r, pz_value_print(r->pool, &text, value, 0), "print") ||
        !must(r, pz_value_parse(r->pool, &read, text.data, text.len, 0, &r->err), "text"))
        return;
    printed = read.kind == PZ_STRING ? read : pz_value_strn(text.data, text.len);
    compare(r, expect, "text", printed);
}

static void ask_decide(replay *r, const char *name, pz_value expect)
{
    const pz_decision *d;
    pz_value bytes;
    pz_str id;
    if (!must(r, pz_decide(&d, r->context, r->me, name, &r->err), "decide") ||
        !must(r, pz_decision_bytes(&bytes, r->context, d, &r->err), "bytes") ||
        !must(r, pz_decision_id(&id, r->context, d, &r->err), "id"))
        return;
    compare(r, expect, "value", pz_decision_value(d));
    compare(r, expect, "reason", pz_value_str(pz_decision_reason(d)));
    compare(r, expect, "rule", pz_value_str(pz_decision_rule(d)));
    compare(r, expect, "confidence", pz_value_double(pz_decision_confidence(d)));
    compare(r, expect, "id", pz_value_strn(id.data, id.len));
    compare_printed(r, expect, pz_decision_value(d));
    const pz_value got = hex(r, bytes);
    if (!pz_value_equal(member(expect, "bytes"), got))
        complain(r, "bytes", member(expect, "bytes"), got);
}

static void ask_resolve(replay *r, const char *name, pz_value expect)
{
    pz_resolution got = {PZ_RESOLUTION};
    if (!must(r, pz_resolve(&got, r->context, r->me, name, &r->err), "resolve"))
        return;
    compare(r, expect, "unresolved", pz_value_bool(!got.is_resolved));
    compare(r, expect, "value", got.value);
    compare(r, expect, "tier", pz_value_str(got.tier));
    compare(r, expect, "reason", pz_value_str(got.reason));
    compare(r, expect, "confidence", pz_value_double(got.confidence));
    compare(r, expect, "channel", pz_value_strn(got.channel.data, got.channel.len));
    compare(r, expect, "who", pz_value_strn(got.who.data, got.who.len));
}

static void ask_inspect(replay *r, const char *name, pz_value expect)
{
    pz_value layers;
    const pz_value wanted = member(expect, "layers");
    if (!must(r, pz_inspect(&layers, r->context, r->me, name, &r->err), "inspect"))
        return;
    if (layers.len != wanted.len)
        complain(r, "layers", wanted, layers);
    for (uint32_t i = 0; i < layers.len && i < wanted.len; i++) {
        const pz_value layer = pz_value_item(layers, i), want = pz_value_item(wanted, i);
        compare(r, want, "tier", member(layer, "tier"));
        compare(r, want, "value", member(layer, "value"));
        compare(r, want, "why", member(layer, "why"));
    }
}

static void ask(replay *r, pz_value question, pz_value expect)
{
    pz_value names;
    if (member(question, "decide").kind == PZ_STRING)
        ask_decide(r, text_of(r, member(question, "decide")), expect);
    else if (member(question, "resolve").kind == PZ_STRING)
        ask_resolve(r, text_of(r, member(question, "resolve")), expect);
    else if (member(question, "inspect").kind == PZ_STRING)
        ask_inspect(r, text_of(r, member(question, "inspect")), expect);
    else if (must(r, pz_segments(&names, r->context, r->me, &r->err), "segments"))
        compare(r, expect, "names", names);
}

/* ---- a case ---- */

static void compare_profile(replay *r)
{
    pz_value bytes, again;
    pz_profile *decoded = NULL;
    if (!must(r, pz_profile_encode(r->me, r->pool, &bytes, &r->err), "encode"))
        return;
    compare(r, r->test, "profile_bytes", hex(r, bytes));
    if (must(r, pz_profile_decode(&decoded, r->engine, bytes.as.text, bytes.len, &r->err),
             "decode") &&
        must(r, pz_profile_encode(decoded, r->pool, &again, &r->err), "encode again") &&
        !pz_value_equal(bytes, again))
        complain(r, "decoded", bytes, again);
    pz_profile_free(decoded);
}

static void run(replay *r)
{
    char path[4096];
    const pz_str catalog = pz_value_text(member(r->test, "catalog"));
    snprintf(path, sizeof path, "%s/catalogs/%.*s.json", r->folder, (int)catalog.len, catalog.data);
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .catalog = path};
    if (!must(r, pz_engine_open(&r->engine, &options, &r->err), "catalog"))
        return;
    r->me = make(r, PZ_PERSON, "me", member(r->test, "profile"));
    if (member(r->test, "account").kind == PZ_LIST)
        r->account = make(r, PZ_ACCOUNT, "account", member(r->test, "account"));
    if (r->me && must(r, pz_context_new(&r->context, r->engine, &r->err), "context")) {
        set_context(r);
        const pz_value questions = member(r->test, "ask"), expect = member(r->test, "expect");
        for (uint32_t i = 0; i < questions.len; i++)
            ask(r, pz_value_item(questions, i), pz_value_item(expect, i));
        compare_profile(r);
    }
    pz_context_free(r->context);
    pz_profile_free(r->me);
    pz_profile_free(r->account);
    pz_engine_close(r->engine);
}

static bool replay_line(const char *folder, const char *line, size_t len)
{
    replay r = {.folder = folder, .err = PZ_ERROR_INIT};
    if (pz_pool_new(&r.pool, NULL) != PZ_OK)
        return false;
    if (must(&r, pz_value_parse(r.pool, &r.test, line, len, 0, &r.err), "line"))
        run(&r);
    pz_pool_free(r.pool);
    return !r.is_bad;
}

static void replay_file(const char *folder, const char *name, unsigned *count, unsigned *failed)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    while (file && (len = getline(&line, &size, file)) > 0) {
        *count += 1;
        *failed += !replay_line(folder, line, (size_t)len);
    }
    free(line);
    if (file)
        fclose(file);
}

int main(int argc, char **argv)
{
    unsigned count = 0, failed = 0;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (!folder) {
        fprintf(stderr, "golden CASES_DIR\n");
        return 2;
    }
    for (const struct dirent *entry; (entry = readdir(folder));) {
        const size_t len = strlen(entry->d_name);
        if (len > 6 && strcmp(entry->d_name + len - 6, ".jsonl") == 0)
            replay_file(argv[1], entry->d_name, &count, &failed);
    }
    closedir(folder);
    printf("%u cases, %u failed\n", count, failed);
    return failed || !count ? 1 : 0;
}
