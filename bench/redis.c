/*
 * redis.c: the store on Redis beside hiredis, on one server, in one run.
 *
 * A server of its own is started on a free port of loopback for the time of the run; without
 * redis-server the workload is skipped. 10,000 items of 1,000 bytes stand in it.
 *
 *     reference   64 GETs of such items, pipelined by hiredis
 *     pipelined   the same 64 items read by the store in one round, checked and taken apart
 *     get         one record by pz__store_get(), a round trip
 *     raw_get     the same GET by hiredis
 *     update      one record read, changed and written by pz__store_update(): two round trips
 *
 * Checked: that every item read has its bytes.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include <personalize/redis.h>

#include "store/backend.h"
#include "store/redis_address.h"
#include "store/redis_item.h"

#define ITEMS_MAX 10000u
#define ITEM_BYTES 1000u
#define PIPELINE 64u

typedef struct redis_world {
    pid_t server;
    unsigned port;
    uint32_t items;
    uint64_t state;
    redisContext *raw;
    pz__store *store;
    pz__client *client;
    char names[ITEMS_MAX][64];
    size_t name_lens[ITEMS_MAX];
} redis_world;

static unsigned free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bench_expect(bind(fd, (struct sockaddr *)&at, sizeof at) == 0, "a port");
    getsockname(fd, (struct sockaddr *)&at, &size);
    close(fd);
    return ntohs(at.sin_port);
}

static bool start_server(redis_world *w)
{
    char port[12];
    w->port = free_port();
    snprintf(port, sizeof port, "%u", w->port);
    w->server = fork();
    if (w->server == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "",
               "--appendonly", "no", (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 100; i++) {
        nanosleep(&(struct timespec){0, 20000000}, NULL);
        w->raw = redisConnect("127.0.0.1", (int)w->port);
        if (w->raw && !w->raw->err)
            return true;
        redisFree(w->raw);
        w->raw = NULL;
        if (waitpid(w->server, NULL, WNOHANG) == w->server) {
            w->server = 0;
            return false;
        }
    }
    return false;
}

static pz_str key_of(char room[16], uint32_t number)
{
    return (pz_str){room, (size_t)snprintf(room, 16, "c%u", number)};
}

static pz_status write_item(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                            pz__buf *new_bytes, pz__update_action *action)
{
    char text[ITEM_BYTES];
    (void)txn, (void)bytes, (void)len;
    memset(text, *(const char *)payload, sizeof text);
    pz__buf_put(new_bytes, text, sizeof text);
    *action = PZ__WRITE;
    return PZ_OK;
}

static void fill(redis_world *w)
{
    pz_error err = PZ_ERROR_INIT;
    for (uint32_t i = 0; i < w->items; i++) {
        char room[16], name[PZ__ITEM_NAME_MAX];
        const pz_str key = key_of(room, i);
        bench_must(pz__store_update(w->store, key, write_item, room, &err), &err, "an item");
        const pz_str full = pz__item_name(name, w->client, PZ__ITEM_RECORD, key, key.data, key.len);
        memcpy(w->names[i], full.data, full.len);
        w->name_lens[i] = full.len;
    }
}

static uint64_t run_reference(void *payload, uint64_t count)
{
    redis_world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < PIPELINE; j++) {
            const uint32_t n = bench_below(&w->state, w->items);
            const char *args[2] = {"GET", w->names[n]};
            const size_t lens[2] = {3, w->name_lens[n]};
            redisAppendCommandArgv(w->raw, 2, args, lens);
        }
        for (uint32_t j = 0; j < PIPELINE; j++) {
            redisReply *reply = NULL;
            bench_expect(redisGetReply(w->raw, (void **)&reply) == REDIS_OK &&
                             reply->len > ITEM_BYTES,
                         "a reply");
            sum += (uint64_t)reply->str[reply->len - 1];
            freeReplyObject(reply);
        }
    }
    return sum;
}

static uint64_t run_pipelined(void *payload, uint64_t count)
{
    redis_world *w = payload;
    uint64_t sum = 0;
    pz_error err = PZ_ERROR_INIT;
    for (uint64_t i = 0; i < count; i++) {
        pz__session *session;
        pz__item items[PIPELINE];
        bench_must(pz__session_take(w->client, &session, &err), &err, "a session");
        for (uint32_t j = 0; j < PIPELINE; j++) {
            const uint32_t n = bench_below(&w->state, w->items);
            items[j] = (pz__item){.name = {w->names[n], w->name_lens[n]}};
        }
        bench_must(pz__items_read(session, items, PIPELINE, &err), &err, "reading");
        for (uint32_t j = 0; j < PIPELINE; j++) {
            bench_expect(items[j].bytes.len == ITEM_BYTES, "an item");
            sum += (uint64_t)items[j].bytes.data[ITEM_BYTES - 1];
        }
        pz__session_give(session);
    }
    return sum;
}

static uint64_t run_raw_get(void *payload, uint64_t count)
{
    redis_world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        const uint32_t n = bench_below(&w->state, w->items);
        redisReply *reply = redisCommand(w->raw, "GET %b", w->names[n], w->name_lens[n]);
        bench_expect(reply && reply->len > ITEM_BYTES, "a reply");
        sum += (uint64_t)reply->str[0];
        freeReplyObject(reply);
    }
    return sum;
}

static uint64_t run_get(void *payload, uint64_t count)
{
    redis_world *w = payload;
    uint64_t sum = 0;
    pz__buf out;
    pz_error err = PZ_ERROR_INIT;
    pz__buf_init(&out, NULL, 2 * ITEM_BYTES);
    for (uint64_t i = 0; i < count; i++) {
        char room[16];
        pz__buf_reset(&out);
        bench_must(
            pz__store_get(w->store, key_of(room, bench_below(&w->state, w->items)), &out, &err),
            &err, "a record");
        sum += out.len;
    }
    pz__buf_clear(&out);
    return sum;
}

static uint64_t run_update(void *payload, uint64_t count)
{
    redis_world *w = payload;
    pz_error err = PZ_ERROR_INIT;
    for (uint64_t i = 0; i < count; i++) {
        char room[16];
        const pz_str key = key_of(room, bench_below(&w->state, w->items));
        bench_must(pz__store_update(w->store, key, write_item, room, &err), &err, "an update");
    }
    return count;
}

static void run_all(const bench *b, redis_world *w)
{
    char address[64];
    pz_error err = PZ_ERROR_INIT;
    const pz_alloc alloc = pz__alloc_or_default(NULL);
    snprintf(address, sizeof address, "redis://127.0.0.1:%u", w->port);
    const pz__store_options options = {.module = pz_redis_module()};
    bench_must(pz__store_open(&w->store, address, &options, &err), &err, "a store");
    w->client = calloc(1, sizeof *w->client);
    bench_expect(w->client != NULL, "memory");
    pz__client_init(w->client, &alloc);
    bench_must(pz__redis_address(w->client, pz_str_of(address + 6), &err), &err, "an address");
    fill(w);
    const bench_case cases[] = {
        {"reference", run_reference, NULL, w, .units = PIPELINE, .checked = w->items},
        {"pipelined", run_pipelined, NULL, w, .units = PIPELINE, .checked = w->items},
        {"raw_get", run_raw_get, NULL, w, .checked = w->items},
        {"get", run_get, NULL, w, .checked = w->items},
        {"update", run_update, NULL, w, .checked = w->items},
    };
    bench_compare(b, "store", "redis", cases, 5);
    pz__store_close(w->store);
    pz__client_clear(w->client);
    free(w->client);
}

void bench_redis(const bench *b)
{
    redis_world *w = calloc(1, sizeof *w);
    bench_expect(w != NULL, "memory");
    w->items = b->is_quick ? 200 : ITEMS_MAX;
    if (start_server(w))
        run_all(b, w);
    else
        bench_skip("store", "redis", "redis-server is missing");
    if (w->raw)
        redisFree(w->raw);
    if (w->server) {
        kill(w->server, SIGKILL);
        waitpid(w->server, NULL, 0);
    }
    free(w);
}
