/*
 * test_liars.c: a member of a Redis Cluster that answers nonsense, and one that is somebody else.
 *
 * Six real servers; one of the masters is known to all others, and to clients, by a proxy, which
 * passes everything on until it is told to lie. Whatever it says then: what is read is what was
 * written, or an error; what was acknowledged is there; every call comes to an end; and when the
 * lies end all goes on. A server that lies in Redis' own words, in step, cannot be told from one
 * that tells the truth, and is not tried here. PZ_FULL=1 tells all lies, else every third is told.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <personalize/redis.h>

#include "store/proxy.h"
#include "store/redis_item.h"
#include "store/servers.h"
#include "support/gen.h"

#define LIAR 1u
#define RECORDS 8u
#define WRITES 2u

static servers cluster, hermit;
static proxy way;

/* ---- lies ---- */

typedef struct lie {
    const char *name;
    const char *to; /* words of the commands that are lied to, apart by spaces */
    proxy_fate fate;
    const char *text; /* "" : bytes of chance; @S @D @H: the port of the liar, of nobody, a hermit;
                         @I: the liar's id */
} lie;

#define DATA "MGET EVAL SCAN NODES"
/* Before the map stands the id of the node, which the liar tells as it is. */
#define OWN "$40\r\n@I\r\n"
#define NODE(port)                                                                                 \
    "*3\r\n$9\r\n127.0.0.1\r\n:" port "\r\n$40\r\n0123456789012345678901234567890123456789\r\n"

static const lie lies[] = {
    {"bytes of chance", DATA, PROXY_ANSWER, ""},
    {"another protocol", DATA, PROXY_ANSWER, "HTTP/1.1 400 Bad Request\r\n\r\n"},
    {"yes to everything", DATA, PROXY_ANSWER, "+OK\r\n+OK\r\n+OK\r\n+OK\r\n"},
    {"numbers", DATA, PROXY_ANSWER, ":1\r\n:1\r\n:1\r\n:1\r\n"},
    {"nothing there", DATA, PROXY_ANSWER, "$-1\r\n$-1\r\n$-1\r\n"},
    {"two of nothing, and no end", DATA, PROXY_ANSWER, "*2\r\n$-1\r\n$-1\r\n"},
    {"two of nothing, and another's end", DATA, PROXY_ANSWER,
     "*2\r\n$-1\r\n$-1\r\n$16\r\n0123456789abcdef\r\n"},
    {"arrays in arrays", DATA, PROXY_ANSWER,
     "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"},
    {"a text that breaks off", DATA, PROXY_ANSWER, "*2\r\n$100\r\nabc"},
    {"a huge array", DATA, PROXY_ANSWER, "*2000000000\r\n"},
    {"a huge text", DATA, PROXY_ANSWER, "$2000000000\r\nabc"},
    {"a length below nothing", DATA, PROXY_ANSWER, "$-7\r\nabc\r\n*-9\r\n"},
    {"half an answer, then silence", DATA, PROXY_HALVE, NULL},
    {"the answer to another", DATA, PROXY_MIX_UP, NULL},
    {"silence", DATA, PROXY_IGNORE, NULL},
    {"an end", DATA, PROXY_LOSE_ANSWER, NULL},
    {"moved to itself", DATA, PROXY_ANSWER, "-MOVED 1 127.0.0.1:@S\r\n"},
    {"moved to nobody", DATA, PROXY_ANSWER, "-MOVED 1 127.0.0.1:@D\r\n"},
    {"moved to a stranger", DATA, PROXY_ANSWER, "-MOVED 1 127.0.0.1:@H\r\n"},
    {"moved nowhere", DATA, PROXY_ANSWER, "-MOVED\r\n"},
    {"ask itself, for ever", DATA, PROXY_ANSWER, "-ASK 1 127.0.0.1:@S\r\n"},
    {"ask nobody", DATA, PROXY_ANSWER, "-ASK 1 127.0.0.1:@D\r\n"},
    {"try again, for ever", DATA, PROXY_ANSWER, "-TRYAGAIN\r\n"},
    {"an error of no kind", DATA, PROXY_ANSWER, "-\x01\xff \r\n"},
    {"who it is: bytes of chance", "INFO", PROXY_ANSWER, ""},
    {"who it is: silence", "INFO", PROXY_IGNORE, NULL},
    {"who it is: nobody", "INFO", PROXY_ANSWER, "$0\r\n\r\n$0\r\n\r\n"},
    {"who it is: one that stands alone", "INFO", PROXY_ANSWER,
     "$23\r\nredis_mode:standalone\r\n\r\n$69\r\nrole:master\r\nmaster_replid:"
     "0123456789012345678901234567890123456789\r\n\r\n"},
    {"its id: another", "MYID", PROXY_ANSWER,
     "$40\r\n0123456789012345678901234567890123456789\r\n"},
    {"a map: bytes of chance", "SLOTS", PROXY_ANSWER, ""},
    {"a map: empty", "SLOTS", PROXY_ANSWER, OWN "*0\r\n"},
    {"a map: a text", "SLOTS", PROXY_ANSWER, OWN "$3\r\nabc\r\n"},
    {"a map: all to nobody", "SLOTS", PROXY_ANSWER, OWN "*1\r\n*3\r\n:0\r\n:16383\r\n" NODE("@D")},
    {"a map: all to a stranger", "SLOTS", PROXY_ANSWER,
     OWN "*1\r\n*3\r\n:0\r\n:16383\r\n" NODE("@H")},
    {"a map: all to itself", "SLOTS", PROXY_ANSWER, OWN "*1\r\n*3\r\n:0\r\n:16383\r\n" NODE("@S")},
    {"a map: all to itself, under its id", "SLOTS", PROXY_ANSWER,
     OWN "*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$9\r\n127.0.0.1\r\n:@S\r\n" OWN},
    {"a map: beyond the slots", "SLOTS", PROXY_ANSWER,
     OWN "*1\r\n*3\r\n:0\r\n:99999\r\n" NODE("@S")},
    {"a map: backwards", "SLOTS", PROXY_ANSWER, OWN "*1\r\n*3\r\n:9\r\n:-3\r\n" NODE("@S")},
    {"a map: no port", "SLOTS", PROXY_ANSWER, OWN "*1\r\n*3\r\n:0\r\n:16383\r\n*1\r\n$1\r\nx\r\n"},
    {"a map: port 99999", "SLOTS", PROXY_ANSWER, OWN "*1\r\n*3\r\n:0\r\n:16383\r\n" NODE("99999")},
    {"a map: all to itself, under another id", "SLOTS", PROXY_ANSWER,
     "$40\r\n0123456789012345678901234567890123456789\r\n*1\r\n*3\r\n:0\r\n:16383\r\n" NODE("@S")},
};

#define LIES (sizeof lies / sizeof lies[0])

/* The lie that is told, by its number + 1; 0 for none. The proxy's thread makes the text. */
static atomic_uint telling;
static uint16_t nobody;
/* Nothing that is written from the carrying out of a decision on gets to replicas. */
static atomic_bool holds_at_apply;

static bool is_told_to(const char *words, const char *bytes, size_t len)
{
    while (*words) {
        const size_t n = strcspn(words, " ");
        if (memmem(bytes, len, words, n))
            return true;
        words += n + (words[n] == ' ');
    }
    return false;
}

static size_t write_lie(char out[1024], const char *text)
{
    static gen g;
    static bool is_begun;
    if (!is_begun)
        g = gen_from(gen_seed());
    is_begun = true;
    size_t used = 0;
    if (!*text)
        for (used = 0; used < 200; used++)
            out[used] =
                gen_chance(&g, 1, 3) ? "$*+-:\r\n01"[gen_below(&g, 9)] : (char)gen_below(&g, 256);
    for (; *text; text++) {
        if (*text != '@') {
            out[used++] = *text;
            continue;
        }
        text++;
        if (*text == 'I') {
            used += (size_t)snprintf(out + used, 1024 - used, "%.40s", cluster.list[LIAR].id);
            continue;
        }
        const unsigned port = *text == 'S' ? way.port : *text == 'D' ? nobody : hermit.list[0].port;
        used += (size_t)snprintf(out + used, 1024 - used, "%u", port);
    }
    return used;
}

static proxy_fate tell(void *payload, const char *bytes, size_t len, const char **text,
                       size_t *text_len)
{
    static char room[1024];
    (void)payload;
    char sha[41];
    pz__script_sha(pz__script_text(PZ__SCRIPT_APPLY), sha);
    if (atomic_load(&holds_at_apply) && memmem(bytes, len, sha, 40))
        atomic_store(&way.copying, PROXY_HOLD);
    const unsigned which = atomic_load(&telling);
    if (!which || memmem(bytes, len, "REPLCONF", 8) || !is_told_to(lies[which - 1].to, bytes, len))
        return PROXY_PASS;
    if (lies[which - 1].text)
        *text_len = write_lie(room, lies[which - 1].text);
    *text = room;
    return lies[which - 1].fate;
}

/* ---- servers ---- */

static pz_status open_store(pz__store **out, const char *more)
{
    char address[400];
    const pz__store_options options = {.module = pz_redis_module()};
    /* The liar is the first that is asked. */
    snprintf(address, sizeof address, "redis://127.0.0.1:%u,127.0.0.1:%u,127.0.0.1:%u%s", way.port,
             cluster.list[0].port, cluster.list[2].port, more);
    return pz__store_open(out, address, &options, &kit_error);
}

static int start_all(void **state)
{
    (void)state;
    servers_start_cluster(&cluster, 60000);
    servers_start_hermit(&hermit);
    proxy_start(&way, cluster.list[LIAR].port, tell, NULL);
    servers_announce(&cluster, LIAR, way.port);
    nobody = 1;
    return 0;
}

static int stop_all(void **state)
{
    (void)state;
    proxy_stop(&way);
    servers_stop(&cluster);
    servers_stop(&hermit);
    return 0;
}

/* ---- truth ---- */

static const char *name_of(char out[8], unsigned i)
{
    snprintf(out, 8, "k%u", i);
    return out;
}

static bool is_refusal(pz_status status)
{
    return status == PZ_ERR_IO || status == PZ_ERR_CORRUPT || status == PZ_ERR_BUSY;
}

/* Records with even numbers hold "right", the others do not exist. False for an error. */
static bool check_read(pz__store *store, const char *what, unsigned i)
{
    char name[8], found[64];
    const pz_status status = kit_get(store, name_of(name, i), found, sizeof found);
    if (i % 2 ? status == PZ_ERR_NOT_FOUND : status == PZ_OK && strcmp(found, "right") == 0)
        return true;
    if (!is_refusal(status))
        fail_msg("%s: record %u: %s, \"%s\"", what, i, pz_status_name(status), found);
    if (!strstr(kit_error.message, "Redis"))
        fail_msg("%s: told as \"%s\"", what, kit_error.message);
    return false;
}

static unsigned check_reads(pz__store *store, const char *what)
{
    unsigned answered = 0;
    for (unsigned i = 0; i < RECORDS; i++)
        answered += check_read(store, what, i);
    return answered;
}

/* The lies are over: each record is there again, given the time that a busy machine takes. */
static void check_recovery(pz__store *store, const char *what)
{
    for (unsigned i = 0; i < RECORDS; i++) {
        int tries = 0;
        while (tries < 400 && !check_read(store, what, i))
            tries++;
        if (tries == 400)
            fail_msg("%s: it does not recover: %s", what, kit_error.message);
    }
}

/* ---- tests ---- */

/* What a write came to, and what is there afterwards. */
static void check_write(pz__store *store, pz__store *honest, unsigned which, const char *what)
{
    char name[8], text[16], found[64];
    snprintf(text, sizeof text, "new%u", which);
    for (unsigned i = 0; i < WRITES; i++) {
        snprintf(name, sizeof name, "w%u", i);
        atomic_store(&telling, which + 1);
        const pz_status status = kit_set(store, name, text);
        atomic_store(&telling, 0);
        if (status != PZ_OK && !is_refusal(status))
            fail_msg("%s: a write: %s", what, pz_status_name(status));
        assert_ok(kit_get(honest, name, found, sizeof found));
        if (status == PZ_OK)
            assert_string_equal(found, text);
        else if (strcmp(found, text) != 0 && strcmp(found, "old") != 0)
            fail_msg("%s: a write left \"%s\"", what, found);
        assert_ok(kit_set(honest, name, "old"));
    }
}

static void nonsense_from_a_member_is_never_an_answer(void **state)
{
    (void)state;
    pz__store *honest, *warm;
    char name[8];
    atomic_store(&telling, 0);
    assert_ok(open_store(&honest, "?prefix=lie:&deadline_ms=60000&timeout_ms=10000"));
    for (unsigned i = 0; i < RECORDS; i += 2)
        assert_ok(kit_set(honest, name_of(name, i), "right"));
    for (unsigned i = 0; i < WRITES; i++) {
        snprintf(name, sizeof name, "w%u", i);
        assert_ok(kit_set(honest, name, "old"));
    }
    const char *hasty = "?prefix=lie:&timeout_ms=50&deadline_ms=150";
    assert_ok(open_store(&warm, hasty));
    check_recovery(warm, "at first");
    for (unsigned i = 0; i < LIES; i += gen_is_full() ? 1 : 3) {
        pz__store *fresh;
        uint64_t count;
        const char *what = lies[i].name;
        assert_ok(open_store(&fresh, hasty));
        atomic_store(&telling, i + 1);
        const unsigned knew = check_reads(warm, what);
        check_reads(fresh, what);
        const pz_status counted = pz__store_count(fresh, &count, &kit_error);
        if (counted == PZ_OK ? count != RECORDS / 2 + WRITES : !is_refusal(counted))
            fail_msg("%s: %s, %llu records", what, pz_status_name(counted),
                     (unsigned long long)count);
        atomic_store(&telling, 0);
        check_write(fresh, honest, i, what);
        check_recovery(warm, what);
        check_recovery(fresh, what);
        printf("    %-36s %2u of %u reads answered, all right\n", what, knew, RECORDS);
        fflush(stdout);
        pz__store_close(fresh);
    }
    pz__store_close(warm);
    pz__store_close(honest);
}

/* The address of a member leads to a node of another cluster, which says it owns all slots and has
 * nothing under any key. */
static void a_stranger_at_a_members_address_is_not_asked(void **state)
{
    (void)state;
    pz__store *store;
    char name[8];
    atomic_store(&telling, 0);
    assert_ok(open_store(&store, "?prefix=stranger:&timeout_ms=5000&deadline_ms=60000"));
    for (unsigned i = 0; i < RECORDS; i += 2)
        assert_ok(kit_set(store, name_of(name, i), "right"));
    pz__store_close(store);
    assert_ok(open_store(&store, "?prefix=stranger:&timeout_ms=500&deadline_ms=1500"));
    check_recovery(store, "at first");
    atomic_store(&way.to, hermit.list[0].port);
    const struct timespec second = {1, 100000000}; /* connections are greeted anew */
    nanosleep(&second, NULL);
    atomic_store(&way.hangs_up, true);
    while (atomic_load(&way.hangs_up))
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    for (unsigned i = 0; i < 3; i++)
        assert_in_range(check_reads(store, "a stranger"), 1, RECORDS - 1);
    assert_non_null(strstr(kit_error.message, "another cluster"));
    atomic_store(&way.to, cluster.list[LIAR].port);
    check_recovery(store, "a stranger");
    pz__store_close(store);
}

/* ---- a transaction over two servers, the second of which dies ---- */

static uint16_t slot_of(char kind, const char *name)
{
    static pz__client client = {.options = {.prefix = "copy:"}};
    char room[PZ__ITEM_NAME_MAX];
    const pz_str text = pz_str_of(name);
    return pz__redis_slot(pz__item_name(room, &client, kind, text, text.data, text.len));
}

static bool is_liars(uint16_t slot)
{
    return slot >= LIAR * 16384 / 3 && slot < (LIAR + 1) * 16384 / 3;
}

/* A name whose item lives, or lives not, on the liar. */
static void find_name(char out[16], char kind, bool on_liar)
{
    unsigned i = 0;
    do
        snprintf(out, 16, "n%u", i++);
    while (is_liars(slot_of(kind, out)) != on_liar);
}

typedef struct entry {
    const char *key, *identifier, *text;
} entry;

static pz_status write_entry(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                             pz__buf *new_bytes, pz__update_action *action)
{
    (void)bytes, (void)len;
    const entry *e = payload;
    pz__buf_text(new_bytes, e->text);
    *action = PZ__WRITE;
    return pz__store_txn_index(txn, pz_str_of(e->identifier), pz_str_of(e->key), *e->text == 'y',
                               NULL);
}

static void wait_for_the_copy_through_the_proxy(void)
{
    char out[4096];
    assert_true(server_ask(&cluster.list[LIAR], "CLIENT KILL TYPE replica", out, sizeof out));
    for (int i = 0, good = 0; i < 2400 && good < 20; i++) {
        const struct timespec pause = {0, 25000000};
        nanosleep(&pause, NULL);
        good = atomic_load(&way.replicas) &&
                       server_ask(&cluster.list[LIAR], "INFO replication", out, sizeof out) &&
                       strstr(out, "state=online")
                   ? good + 1
                   : 0;
    }
}

/* The identifier's server carries the decision out, is not copied any more, and dies. Its replica
 * has the lock and not what became of it: the record's server must not have forgotten. */
static void what_replicas_lack_is_not_forgotten(void **state)
{
    (void)state;
    pz__store *store;
    char key[16], identifier[16], found[256];
    find_name(key, PZ__ITEM_RECORD, false);
    find_name(identifier, PZ__ITEM_INDEX, true);
    const pz_str name = pz_str_of(key);
    wait_for_the_copy_through_the_proxy();
    assert_ok(open_store(&store, "?prefix=copy:&wait=1&timeout_ms=10000&deadline_ms=60000"));
    for (unsigned i = 0; i < 2; i++) { /* the servers know the scripts */
        entry e = {key, identifier, i ? "no" : "yes"};
        assert_ok(pz__store_update(store, name, write_entry, &e, &kit_error));
    }
    pz__store_close(store);
    assert_ok(open_store(&store, "?prefix=copy:&wait=1&wait_ms=200&deadline_ms=3000"));
    assert_record(store, key, "no");
    entry last = {key, identifier, "yes"};
    atomic_store(&holds_at_apply, true);
    assert_ok(pz__store_update(store, name, write_entry, &last, &kit_error));
    assert_int_equal(atomic_load(&way.copying), PROXY_HOLD);
    pz__store_close(store);
    servers_set_node_timeout(&cluster, 1000);
    server_kill(&cluster.list[LIAR]);
    atomic_store(&way.copying, PROXY_CUT);
    int owner = -1;
    for (int i = 0; i < 1200 && (owner < 0 || owner == (int)LIAR); i++) {
        const struct timespec pause = {0, 50000000};
        nanosleep(&pause, NULL);
        owner = servers_owner(&cluster, slot_of(PZ__ITEM_INDEX, identifier), LIAR);
    }
    assert_ok(open_store(&store, "?prefix=copy:&deadline_ms=60000"));
    assert_record(store, key, "yes");
    kit_lookup(store, identifier, found);
    assert_string_equal(found, key);
    pz__store_close(store);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nonsense_from_a_member_is_never_an_answer),
        cmocka_unit_test(a_stranger_at_a_members_address_is_not_asked),
        cmocka_unit_test(what_replicas_lack_is_not_forgotten), /* kills the liar: the last */
    };
    if (!servers_are_there())
        return 0;
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, start_all, stop_all);
}
