/*
 * test_redis.c: addresses, secrets, slots and scripts; servers that lie, hang or are not there.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <personalize/redis.h>

#include "store/proxy.h"
#include "store/redis_address.h"
#include "store/redis_item.h"
#include "store/servers.h"
#include "store/toy.h"
#include "support/gen.h"

static servers alone;

static pz_status open_address(pz__store **out, const char *address)
{
    return pz__store_open(out, address, &(pz__store_options){.module = pz_redis_module()},
                          &kit_error);
}

static pz__store *open_alone(const char *more)
{
    pz__store *store;
    char address[400];
    servers_address(&alone, more, address);
    assert_ok(open_address(&store, address));
    return store;
}

/* ---- addresses ---- */

static void an_address_is_taken_apart(void **state)
{
    (void)state;
    pz__client *client = test_calloc(1, sizeof *client);
    pz_alloc alloc = pz__alloc_or_default(NULL);
    pz__client_init(client, &alloc);
    assert_ok(pz__redis_address(
        client, PZ__STR("//crm:p%40ss%3a@a:1,[::1]:2,c/3?wait=2&prefix=x:&timeout_ms=50"),
        &kit_error));
    assert_string_equal(client->options.user, "crm");
    assert_string_equal(client->options.password, "p@ss:");
    assert_int_equal(client->node_count, 3);
    assert_string_equal(client->nodes[1].host, "::1");
    assert_int_equal(client->nodes[1].port, 2);
    assert_int_equal(client->nodes[2].port, 6379);
    assert_int_equal(client->options.database, 3);
    assert_int_equal(client->options.wait_count, 2);
    assert_int_equal(client->options.timeout_ms, 50);
    assert_string_equal(client->options.prefix, "x:");
    test_free(client);
}

static void wrong_addresses_are_told_without_secrets(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "redis:",
        "redis:hidden@h",
        "redis://",
        "redis://u:hidden@",
        "redis://u:hidden@h:0",
        "redis://u:hidden@h:65536",
        "redis://u:hidden@h:x",
        "redis://u:hidden@h,",
        "redis://u:hidden@[::1",
        "redis://u:hidden@[::1]x",
        "redis://hidden@h",
        "redis://u:hidden%4@h",
        "redis://u:hidden%00@h",
        "redis://u:hidden@h/x",
        "redis://u:hidden@h/70000",
        "redis://u:hidden@h?wait=17",
        "redis://u:hidden@h?wait=",
        "redis://u:hidden@h?wait_ms=0",
        "redis://u:hidden@h?prefix=a*",
        "redis://u:hidden@h?prefix=",
        "redis://u:hidden@h?other=1",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        pz__store *store;
        assert_status(PZ_ERR_ARG, open_address(&store, wrong[i]));
        assert_null(store);
        assert_null(strstr(kit_error.message, "hidden"));
    }
}

static void encryption_by_tls_is_told_to_be_the_tunnels(void **state)
{
    (void)state;
    pz__store *store;
    assert_status(PZ_ERR_UNSUPPORTED, open_address(&store, "rediss://:s3cret@127.0.0.1:1"));
    assert_non_null(strstr(kit_error.message, "put a tunnel in front"));
    assert_null(strstr(kit_error.message, "s3cret"));
}

static void slots_are_those_of_redis(void **state)
{
    (void)state;
    assert_int_equal(pz__redis_slot(PZ__STR("123456789")), 12739); /* CRC16 0x31c3 */
    assert_int_equal(pz__redis_slot(PZ__STR("foo{bar}zap")), pz__redis_slot(PZ__STR("bar")));
    assert_int_equal(pz__redis_slot(PZ__STR("foo{}{bar}")), 8363);
    assert_int_equal(pz__redis_slot(PZ__STR("foo{{bar}}zap")), pz__redis_slot(PZ__STR("{bar")));
}

static void the_server_knows_scripts_by_our_names(void **state)
{
    (void)state;
    char sha[41];
    pz__script_sha(PZ__STR("abc"), sha);
    assert_string_equal(sha, "a9993e364706816aba3e25717850c26c9cd0d89d");
    pz__script_sha(PZ__STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), sha);
    assert_string_equal(sha, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

/* ---- a real server ---- */

static void a_server_that_forgets_scripts_is_told_again(void **state)
{
    (void)state;
    char out[64];
    pz__store *store = open_alone("?prefix=flush:");
    assert_ok(kit_set(store, "k", "1"));
    assert_true(server_ask(&alone.list[0], "SCRIPT FLUSH", out, sizeof out));
    assert_ok(kit_set(store, "k", "2"));
    assert_record(store, "k", "2");
    pz__store_close(store);
}

static void a_server_that_is_started_again_is_found_again(void **state)
{
    (void)state;
    pz__store *store = open_alone("?prefix=again:");
    assert_ok(kit_set(store, "k", "1"));
    server_restart(&alone, 0); /* it keeps nothing */
    assert_no_record(store, "k");
    assert_ok(kit_set(store, "k", "2"));
    assert_record(store, "k", "2");
    pz__store_close(store);
}

/* The id that a transaction writes under. */
static void writer_of(pz__store *store, uint8_t out[16])
{
    pz__store_txn *txn;
    assert_ok(pz__store_begin(store, &txn, &kit_error));
    assert_ok(pz__store_writer(store, out, &kit_error));
    pz__store_abort(txn);
}

static void who_writes_on_to_a_server_that_was_emptied_has_its_new_writer_id(void **state)
{
    (void)state;
    uint8_t before[16], now[16], others[16];
    char out[64];
    pz__store_txn *txn;
    pz__store *store = open_alone("?prefix=empty:"), *other = open_alone("?prefix=empty:");
    assert_ok(kit_set(store, "k", "1"));
    writer_of(store, before);
    assert_ok(pz__store_begin(store, &txn, &kit_error));
    assert_ok(kit_txn_set(txn, "k", "2"));
    assert_true(server_ask(&alone.list[0], "FLUSHALL", out, sizeof out));
    assert_status(PZ_ERR_BUSY, pz__store_commit(txn, &kit_error));
    assert_ok(kit_set(other, "k", "3")); /* as a copy of a backup does */
    assert_ok(kit_set(store, "k", "4"));
    writer_of(store, now);
    writer_of(other, others);
    assert_memory_equal(now, others, sizeof now);
    assert_memory_not_equal(now, before, sizeof now);
    assert_true(server_ask(&alone.list[0], "FLUSHALL", out, sizeof out));
    assert_ok(kit_set(store, "new", "5")); /* what nobody has read yet conflicts with nothing */
    assert_ok(kit_set(other, "other", "6"));
    writer_of(store, now);
    writer_of(other, others);
    assert_memory_equal(now, others, sizeof now);
    pz__store_close(store);
    pz__store_close(other);
}

static pz__store *open_with(const char *more, const pz_store_hooks *hooks)
{
    pz__store *store;
    char address[400];
    servers_address(&alone, more, address);
    const pz__store_options options = {.module = pz_redis_module(), .hooks = hooks};
    assert_ok(pz__store_open(&store, address, &options, &kit_error));
    return store;
}

/* Without the mark nobody could open again what is written there. */
static void who_seals_on_in_a_server_that_was_emptied_marks_it_anew(void **state)
{
    (void)state;
    toy keys;
    char out[64];
    toy_init(&keys, 7);
    const pz_store_hooks hooks = toy_hooks(&keys);
    pz__store *store = open_with("?prefix=sealed:", &hooks);
    assert_ok(kit_set(store, "k", "1"));
    assert_ok(kit_set(store, "k", "2"));
    assert_true(server_ask(&alone.list[0], "FLUSHALL", out, sizeof out));
    assert_ok(kit_set(store, "k", "3"));
    assert_ok(kit_set(store, "k", "4"));
    pz__store *again = open_with("?prefix=sealed:", &hooks), *bare = open_alone("?prefix=sealed:");
    assert_record(again, "k", "4");
    assert_ok(kit_set(again, "k", "5"));
    assert_status(PZ_ERR_STATE, kit_set(bare, "bare", "1"));
    pz__store_close(again);
    pz__store_close(bare);
    pz__store_close(store);
}

static void who_wrote_in_the_clear_does_not_where_others_have_sealed_since(void **state)
{
    (void)state;
    toy keys;
    char out[64];
    toy_init(&keys, 7);
    const pz_store_hooks hooks = toy_hooks(&keys);
    pz__store *bare = open_alone("?prefix=clear:");
    assert_ok(kit_set(bare, "k", "1"));
    assert_true(server_ask(&alone.list[0], "FLUSHALL", out, sizeof out));
    pz__store *store = open_with("?prefix=clear:", &hooks);
    assert_ok(kit_set(store, "k", "2"));
    assert_status(PZ_ERR_STATE, kit_set(bare, "k", "3"));
    assert_record(store, "k", "2");
    pz__store_close(bare);
    pz__store_close(store);
}

static void too_few_replicas_are_an_error_that_says_so(void **state)
{
    (void)state;
    pz__store *store = open_alone("?prefix=few:&wait=1&wait_ms=50&deadline_ms=300");
    /* On a machine that stalls the time may be up before anybody was asked. */
    bool is_said = false;
    for (int tries = 0; tries < 10 && !is_said; tries++) {
        assert_status(PZ_ERR_IO, kit_set(store, "k", "1"));
        is_said = strstr(kit_error.message, "0 of 1 replicas") != NULL;
    }
    if (!is_said)
        fail_msg("%s", kit_error.message);
    pz__store_close(store);
}

static pz_status set_as(pz__store *store, pz__durability durability, const char *key)
{
    pz__store_txn *txn;
    assert_ok(pz__store_begin_as(store, durability, &txn, &kit_error));
    assert_ok(kit_txn_set(txn, key, "v"));
    return pz__store_commit(txn, &kit_error);
}

static void a_lazy_write_waits_for_no_replica_and_a_durable_one_does(void **state)
{
    (void)state;
    pz__store *store, *hasty;
    char address[400];
    pz__store_options options = {.durability = PZ__LAZY, .module = pz_redis_module()};
    servers_address(&alone, "?prefix=lazy:&wait=1&wait_ms=50", address);
    assert_ok(pz__store_open(&store, address, &options, &kit_error));
    servers_address(&alone, "?prefix=lazy:&wait=1&wait_ms=50&deadline_ms=300", address);
    assert_ok(pz__store_open(&hasty, address, &options, &kit_error));
    assert_ok(set_as(store, PZ__LAZY, "a"));
    assert_record(store, "a", "v");
    assert_status(PZ_ERR_IO, set_as(hasty, PZ__DURABLE, "b"));
    assert_status(PZ_ERR_IO, set_as(hasty, PZ__GROUPED, "c"));
    assert_ok(set_as(store, PZ__LAZY, "d"));
    pz__store_close(hasty);
    pz__store_close(store);
}

static void a_password_is_used_and_never_told(void **state)
{
    (void)state;
    char out[64], address[400];
    pz__store *store;
    assert_true(server_ask(&alone.list[0], "ACL SETUSER crm on >s3cret ~* &* +@all", out, 64));
    snprintf(address, sizeof address,
             "redis://crm:s3cret@127.0.0.1:%u?prefix=acl:", alone.list[0].port);
    assert_ok(open_address(&store, address));
    assert_ok(kit_set(store, "k", "v"));
    pz__store_close(store);
    snprintf(address, sizeof address, "redis://crm:wr0ng@127.0.0.1:%u", alone.list[0].port);
    assert_ok(open_address(&store, address));
    assert_status(PZ_ERR_IO, kit_set(store, "k", "v"));
    assert_non_null(strstr(kit_error.message, "refuses the user or password"));
    assert_null(strstr(kit_error.message, "wr0ng"));
    assert_null(strstr(kit_error.message, "crm"));
    pz__store_close(store);
}

static void databases_are_apart(void **state)
{
    (void)state;
    pz__store *zero = open_alone("/0?prefix=db:"), *one = open_alone("/1?prefix=db:");
    assert_ok(kit_set(zero, "k", "zero"));
    assert_no_record(one, "k");
    pz__store_close(zero);
    pz__store_close(one);
}

static void a_prefix_may_begin_with_anothers(void **state)
{
    (void)state;
    uint64_t count;
    pz__store *one = open_alone("?prefix=dev"), *other = open_alone("?prefix=devr");
    assert_ok(kit_set(one, "a", "1"));
    assert_ok(kit_set(other, "b", "1"));
    assert_ok(kit_set(other, "c", "1"));
    assert_ok(pz__store_count(one, &count, &kit_error));
    assert_int_equal(count, 1);
    assert_ok(pz__store_count(other, &count, &kit_error));
    assert_int_equal(count, 2);
    pz__store_close(one);
    pz__store_close(other);
}

static void a_forked_child_has_connections_of_its_own(void **state)
{
    (void)state;
    pz__store *store = open_alone("?prefix=fork:");
    int status;
    assert_ok(kit_set(store, "n", "0"));
    pid_t children[4];
    for (int i = 0; i < 4; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            for (int j = 0; j < 50; j++)
                if (kit_increment(store, "n") != PZ_OK)
                    _exit(1);
            _exit(0);
        }
    }
    for (int j = 0; j < 50; j++)
        assert_ok(kit_increment(store, "n"));
    for (int i = 0; i < 4; i++) {
        waitpid(children[i], &status, 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(kit_number(store, "n"), 250);
    pz__store_close(store);
}

static void what_is_no_item_is_corrupt(void **state)
{
    (void)state;
    char room[PZ__ITEM_NAME_MAX], command[600], out[64];
    pz__client *client = test_calloc(1, sizeof *client);
    pz__store *store = open_alone("?prefix=bad:");
    snprintf(client->options.prefix, sizeof client->options.prefix, "bad:");
    const pz_str key = PZ__STR("k");
    const pz_str name = pz__item_name(room, client, PZ__ITEM_RECORD, key, key.data, key.len);
    snprintf(command, sizeof command, "SET %.*s rubbish", (int)name.len, name.data);
    assert_true(server_ask(&alone.list[0], command, out, sizeof out));
    pz__buf bytes;
    pz__buf_init(&bytes, NULL, 100);
    assert_status(PZ_ERR_CORRUPT, pz__store_get(store, key, &bytes, &kit_error));
    assert_status(PZ_ERR_CORRUPT, kit_set(store, "k", "v"));
    snprintf(command, sizeof command, "DEL %.*s", (int)name.len, name.data);
    assert_true(server_ask(&alone.list[0], command, out, sizeof out));
    snprintf(command, sizeof command, "RPUSH %.*s of-another-kind", (int)name.len, name.data);
    assert_true(server_ask(&alone.list[0], command, out, sizeof out));
    assert_status(PZ_ERR_CORRUPT, pz__store_get(store, key, &bytes, &kit_error));
    assert_non_null(strstr(kit_error.message, "another program"));
    assert_status(PZ_ERR_CORRUPT, kit_set(store, "k", "v"));
    pz__store_close(store);
    test_free(client);
}

/* ---- answers that get lost ---- */

/* What becomes of the first scripts that are sent, one letter each: l(ost after they were carried
 * out), r(efused, as while slots have no server), p(assed). */
typedef struct losses {
    const char *fates;
    atomic_uint seen;
} losses;

static proxy_fate lose(void *payload, const char *bytes, size_t len, const char **text,
                       size_t *text_len)
{
    losses *l = payload;
    if (!memmem(bytes, len, "EVAL", 4))
        return PROXY_PASS;
    const unsigned n = atomic_fetch_add(&l->seen, 1);
    const char fate = n < strlen(l->fates) ? l->fates[n] : 'p';
    *text = "-CLUSTERDOWN The cluster is down\r\n";
    *text_len = strlen(*text);
    return fate == 'l' ? PROXY_LOSE_ANSWER : fate == 'r' ? PROXY_ANSWER : PROXY_PASS;
}

static void an_update_whose_answer_is_lost_counts_once(void **state)
{
    (void)state;
    static const char *const fates[] = {"l", "ll", "lr", "rl", "lrrl", "rlr"};
    pz__store *direct = open_alone("?prefix=lost:");
    assert_ok(kit_set(direct, "n", "0"));
    for (size_t i = 0; i < sizeof fates / sizeof fates[0]; i++) {
        losses l = {.fates = fates[i]};
        proxy p;
        char address[128];
        pz__store *store;
        proxy_start(&p, alone.list[0].port, lose, &l);
        snprintf(address, sizeof address, "redis://127.0.0.1:%u?prefix=lost:", p.port);
        assert_ok(open_address(&store, address));
        assert_ok(kit_increment(store, "n"));
        assert_true(atomic_load(&l.seen) > strlen(fates[i]));
        assert_int_equal(kit_number(direct, "n"), i + 1);
        pz__store_close(store);
        proxy_stop(&p);
    }
    pz__store_close(direct);
}

/* Refused until time is up, after one answer was lost: nobody may say that nothing was written. */
static void a_lost_answer_is_not_forgotten_over_a_refusal(void **state)
{
    (void)state;
    losses l = {.fates = "lrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"};
    proxy p;
    char address[128];
    pz__store *store, *direct = open_alone("?prefix=lost:");
    assert_ok(kit_set(direct, "m", "0"));
    proxy_start(&p, alone.list[0].port, lose, &l);
    snprintf(address, sizeof address, "redis://127.0.0.1:%u?prefix=lost:&deadline_ms=2000", p.port);
    assert_ok(open_address(&store, address));
    assert_status(PZ_ERR_IO, kit_set(store, "m", "1"));
    assert_non_null(strstr(kit_error.message, "whether this was written is not known"));
    assert_record(direct, "m", "1");
    pz__store_close(store);
    pz__store_close(direct);
    proxy_stop(&p);
}

/* ---- servers that are none ---- */

typedef struct impostor {
    int listening;
    uint16_t port;
    atomic_int what;
    atomic_bool stop;
    pthread_t thread;
} impostor;

enum {
    LIE_RANDOM,
    LIE_TEXT,
    LIE_HUGE,
    LIE_DEEP,
    LIE_OK,
    LIE_ONES,
    LIE_NIL,
    LIE_CLOSE,
    LIE_DRIP,
    LIE_SILENT,
    LIE_GREET,
    LIE_MOVED,
    LIE_COUNT
};

/* What a server of Redis would say at first, and then something else. */
static size_t lie(int what, bool is_first, gen *g, char out[512])
{
    static const char *const texts[LIE_COUNT] = {
        [LIE_TEXT] = "HTTP/1.1 400 Bad Request\r\n\r\n",
        [LIE_HUGE] = "*2000000000\r\n$1000000000\r\n",
        [LIE_DEEP] = "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
        [LIE_OK] = "+OK\r\n+OK\r\n+OK\r\n",
        [LIE_ONES] = ":1\r\n:1\r\n:1\r\n",
        [LIE_NIL] = "$-1\r\n$-1\r\n",
        [LIE_DRIP] = "$",
        [LIE_GREET] = "+OK\r\n:1\r\n*0\r\n",
        [LIE_MOVED] = "-MOVED 1 127.0.0.1:1\r\n",
    };
    if ((what == LIE_GREET || what == LIE_MOVED) && is_first)
        return (size_t)snprintf(
            out, 512,
            "$69\r\nredis_mode:standalone\r\nrun_id:%040d\r\n\r\n$13\r\nrole:master\r\n\r\n", 7);
    if (what != LIE_RANDOM)
        return texts[what] ? (size_t)snprintf(out, 512, "%s", texts[what]) : 0;
    size_t len = (size_t)gen_below(g, 200) + 1;
    for (size_t i = 0; i < len; i++)
        out[i] = gen_chance(g, 1, 3) ? "$*+-:\r\n01"[gen_below(g, 9)] : (char)gen_below(g, 256);
    return len;
}

typedef struct talk {
    int fd;
    bool has_spoken;
} talk;

static void answer(impostor *i, talk *t, gen *g)
{
    char room[4096], out[512];
    const int what = atomic_load(&i->what);
    if (recv(t->fd, room, sizeof room, MSG_DONTWAIT) <= 0 || what == LIE_CLOSE) {
        close(t->fd);
        t->fd = -1;
        return;
    }
    const size_t len = lie(what, !t->has_spoken, g, out);
    t->has_spoken = true;
    if (len)
        send(t->fd, out, len, MSG_NOSIGNAL);
}

static void *impersonate(void *payload)
{
    impostor *i = payload;
    talk talks[32];
    gen g = gen_from(5);
    for (int j = 0; j < 32; j++)
        talks[j] = (talk){-1, false};
    while (!atomic_load(&i->stop)) {
        struct pollfd waiting[33] = {{i->listening, POLLIN, 0}};
        for (int j = 0; j < 32; j++)
            waiting[j + 1] = (struct pollfd){talks[j].fd, POLLIN, 0};
        poll(waiting, 33, 20);
        for (int j = 0; j < 32; j++)
            if (waiting[j + 1].revents && talks[j].fd >= 0)
                answer(i, &talks[j], &g);
            else if (talks[j].fd >= 0 && talks[j].has_spoken && atomic_load(&i->what) == LIE_DRIP)
                send(talks[j].fd, "1", 1, MSG_NOSIGNAL);
        for (int j = 0; j < 32 && waiting[0].revents; j++)
            if (talks[j].fd < 0) {
                talks[j] = (talk){accept(i->listening, NULL, NULL), false};
                break;
            }
    }
    for (int j = 0; j < 32; j++)
        if (talks[j].fd >= 0)
            close(talks[j].fd);
    return NULL;
}

static void impostor_start(impostor *i)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    i->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(i->listening, (struct sockaddr *)&at, sizeof at), 0);
    listen(i->listening, 16);
    getsockname(i->listening, (struct sockaddr *)&at, &size);
    i->port = ntohs(at.sin_port);
    atomic_store(&i->stop, false);
    pthread_create(&i->thread, NULL, impersonate, i);
}

static void impostor_stop(impostor *i)
{
    atomic_store(&i->stop, true);
    pthread_join(i->thread, NULL);
    close(i->listening);
}

static void nonsense_is_never_an_answer(void **state)
{
    (void)state;
    impostor i;
    char address[400];
    impostor_start(&i);
    snprintf(address, sizeof address, "redis://127.0.0.1:%u?timeout_ms=60&deadline_ms=250", i.port);
    for (int what = 0; what < LIE_COUNT; what++) {
        pz__store *store;
        pz__buf out;
        uint64_t count;
        size_t found;
        atomic_store(&i.what, what);
        pz__buf_init(&out, NULL, 1000);
        assert_ok(open_address(&store, address));
        const int64_t began = pz__redis_now();
        const pz_status statuses[] = {
            pz__store_get(store, PZ__STR("k"), &out, &kit_error),
            kit_set(store, "k", "v"),
            pz__store_lookup(store, PZ__STR("id"), &out, &found, &kit_error),
            pz__store_count(store, &count, &kit_error),
        };
        assert_true(pz__redis_now() - began < 15 * 1000); /* one deadline that was not set */
        for (size_t j = 0; j < 4; j++)
            if (statuses[j] != PZ_ERR_IO && statuses[j] != PZ_ERR_CORRUPT &&
                statuses[j] != PZ_ERR_NOMEM)
                fail_msg("lie %d, call %zu: %s", what, j, pz_status_name(statuses[j]));
        assert_int_equal(out.len, 0);
        pz__buf_clear(&out);
        pz__store_close(store);
    }
    impostor_stop(&i);
}

static void a_liar_among_the_ways_in_is_passed_over(void **state)
{
    (void)state;
    impostor i = {.what = LIE_TEXT};
    char address[400];
    pz__store *store;
    impostor_start(&i);
    snprintf(address, sizeof address,
             "redis://127.0.0.1:%u,127.0.0.1:1,127.0.0.1:%u?prefix=liar:&timeout_ms=100", i.port,
             alone.list[0].port);
    assert_ok(open_address(&store, address));
    assert_ok(kit_set(store, "k", "v"));
    assert_record(store, "k", "v");
    pz__store_close(store);
    impostor_stop(&i);
}

static void nobody_there_is_told_at_first_use(void **state)
{
    (void)state;
    pz__store *store;
    assert_ok(open_address(&store, "redis://u:hidden@127.0.0.1:1?deadline_ms=100"));
    const int64_t began = pz__redis_now();
    assert_status(PZ_ERR_IO, kit_set(store, "k", "v"));
    assert_true(pz__redis_now() - began < 15 * 1000); /* the deadline that was not set */
    assert_non_null(strstr(kit_error.message, "127.0.0.1:1"));
    assert_null(strstr(kit_error.message, "hidden"));
    pz__store_close(store);
}

static int start_alone(void **state)
{
    (void)state;
    servers_start_one(&alone);
    return 0;
}

static int stop_alone(void **state)
{
    (void)state;
    servers_stop(&alone);
    return 0;
}

int main(void)
{
    const struct CMUnitTest by_itself[] = {
        cmocka_unit_test(an_address_is_taken_apart),
        cmocka_unit_test(wrong_addresses_are_told_without_secrets),
        cmocka_unit_test(encryption_by_tls_is_told_to_be_the_tunnels),
        cmocka_unit_test(slots_are_those_of_redis),
        cmocka_unit_test(the_server_knows_scripts_by_our_names),
        cmocka_unit_test(nonsense_is_never_an_answer),
        cmocka_unit_test(nobody_there_is_told_at_first_use),
    };
    const struct CMUnitTest served[] = {
        cmocka_unit_test(a_server_that_forgets_scripts_is_told_again),
        cmocka_unit_test(a_server_that_is_started_again_is_found_again),
        cmocka_unit_test(who_writes_on_to_a_server_that_was_emptied_has_its_new_writer_id),
        cmocka_unit_test(who_seals_on_in_a_server_that_was_emptied_marks_it_anew),
        cmocka_unit_test(who_wrote_in_the_clear_does_not_where_others_have_sealed_since),
        cmocka_unit_test(too_few_replicas_are_an_error_that_says_so),
        cmocka_unit_test(a_lazy_write_waits_for_no_replica_and_a_durable_one_does),
        cmocka_unit_test(a_password_is_used_and_never_told),
        cmocka_unit_test(databases_are_apart),
        cmocka_unit_test(a_prefix_may_begin_with_anothers),
        cmocka_unit_test(a_forked_child_has_connections_of_its_own),
        cmocka_unit_test(what_is_no_item_is_corrupt),
        cmocka_unit_test(an_update_whose_answer_is_lost_counts_once),
        cmocka_unit_test(a_lost_answer_is_not_forgotten_over_a_refusal),
        cmocka_unit_test(a_liar_among_the_ways_in_is_passed_over),
    };
    int failed = cmocka_run_group_tests(by_itself, NULL, NULL);
    if (servers_are_there())
        failed += cmocka_run_group_tests(served, start_alone, stop_alone);
    return failed != 0;
}
