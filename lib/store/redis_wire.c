/*
 * redis_wire.c: one connection to one Redis server, the only file that includes hiredis.
 *
 * hiredis takes the protocol apart; the socket is ours. Its own input and output cannot be used in
 * a host's process: it waits without a deadline for a server that sends a byte now and then, it
 * dies of SIGPIPE, and its sockets survive an exec. Here a socket never blocks: every wait is a
 * poll() with two ends, one for silence and one for the whole operation (pz__patience).
 *
 * hiredis is given functions that make replies in the caller's arena, so that a pipeline of ten
 * thousand replies is freed at once, and so that a server's claim to send a billion elements is
 * refused instead of believed. What hiredis itself holds (the reader and its input buffer) comes
 * from the C library's heap: version 0.14 knows no other. The buffer is bounded by
 * PZ__REPLY_BYTES_MAX.
 *
 * A fork: the socket is shared with the parent then, so the child closes its copy and reads and
 * writes nothing. The process that opened a wire is noted in it.
 *
 * Not here: which server, authentication, what an error reply means (redis_client.c).
 */
#include "store/redis_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "base/error.h"
#include "base/number.h"

#define READ_SIZE 65536u
/* hiredis moves what it has not read yet with every reply: it gets little at once. */
#define FEED_SIZE 4096u

struct pz__wire {
    pz_alloc alloc;
    pz__arena *arena;
    redisReader *reader;
    size_t fed;   /* bytes since the last whole reply */
    size_t items; /* as well */
    int fd;
    pid_t process;
    size_t at, len; /* what of the room is not fed yet */
    char room[READ_SIZE];
};

/* ---- the clock ---- */

int64_t pz__redis_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void pz__redis_sleep(int32_t ms)
{
    struct timespec left = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&left, NULL);
}

/* ---- replies, as hiredis makes them ---- */

/* Make a reply and hang it into the array that it is an element of. */
static void *make(const redisReadTask *task, pz__reply_kind kind)
{
    pz__wire *wire = task->privdata;
    if (++wire->items > PZ__REPLY_ITEMS_MAX)
        return NULL;
    pz__reply *reply = pz__arena_zero(wire->arena, 1, sizeof *reply);
    if (!reply)
        return NULL;
    reply->kind = kind;
    if (task->parent) {
        pz__reply *parent = task->parent->obj;
        parent->items[task->idx] = reply;
    }
    return reply;
}

static void *make_text(const redisReadTask *task, char *text, size_t len)
{
    const pz__wire *wire = task->privdata;
    const pz__reply_kind kind = task->type == REDIS_REPLY_ERROR    ? PZ__REPLY_ERROR
                                : task->type == REDIS_REPLY_STATUS ? PZ__REPLY_STATUS
                                                                   : PZ__REPLY_TEXT;
    pz__reply *reply = make(task, kind);
    const char *copy = reply ? pz__arena_text(wire->arena, text, len) : NULL;
    if (!copy)
        return NULL;
    reply->text = (pz_str){copy, len};
    return reply;
}

#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif

static void *make_array(const redisReadTask *task, element_count count)
{
    pz__wire *wire = task->privdata;
    if (count < 0 || (uint64_t)count > PZ__REPLY_ITEMS_MAX) {
        wire->items = PZ__REPLY_ITEMS_MAX + 1;
        return NULL;
    }
    pz__reply *reply = make(task, PZ__REPLY_ARRAY);
    if (!reply)
        return NULL;
    reply->count = (size_t)count;
    reply->items = pz__arena_zero(wire->arena, reply->count, sizeof(pz__reply *));
    return reply->items || count == 0 ? reply : NULL;
}

static void *make_integer(const redisReadTask *task, long long n)
{
    pz__reply *reply = make(task, PZ__REPLY_INTEGER);
    if (reply)
        reply->integer = n;
    return reply;
}

static void *make_nil(const redisReadTask *task)
{
    return make(task, PZ__REPLY_NIL);
}

/* Replies go with their arena. */
static void forget(void *reply)
{
    (void)reply;
}

#if HIREDIS_MAJOR >= 1
static void *make_double(const redisReadTask *task, double value, char *text, size_t len)
{
    (void)value;
    return make_text(task, text, len);
}

static void *make_bool(const redisReadTask *task, int value)
{
    return make_integer(task, value);
}
#endif

/* hiredis wants it without const, and only reads it. */
static redisReader *new_reader(void)
{
    static const redisReplyObjectFunctions functions = {
        .createString = make_text,
        .createArray = make_array,
        .createInteger = make_integer,
        .createNil = make_nil,
        .freeObject = forget,
#if HIREDIS_MAJOR >= 1
        .createDouble = make_double,
        .createBool = make_bool,
#endif
    };
    union {
        const redisReplyObjectFunctions *from;
        redisReplyObjectFunctions *to;
    } table = {&functions};
    return redisReaderCreateWithFunctions(table.to);
}

/* ---- waiting ---- */

static pz_status silence(int64_t waited_ms, pz_error *err)
{
    return pz__fail(err, PZ_ERR_IO, "no answer within %u ms", (unsigned)waited_ms);
}

static pz_status refused(int number, pz_error *err)
{
    char room[128];
    return pz__fail(err, PZ_ERR_IO, "%s", strerror_r(number, room, sizeof room));
}

/* Wait until the socket can do what `events` says. */
static pz_status wait_for(int fd, short events, pz__patience patience, pz_error *err)
{
    const int64_t began = pz__redis_now();
    for (;;) {
        const int64_t now = pz__redis_now();
        int64_t left = patience.until_ms - now;
        if (left > began + patience.step_ms - now)
            left = began + patience.step_ms - now;
        if (left <= 0)
            return silence(now - began, err);
        struct pollfd waiting = {fd, events, 0};
        const int ready = poll(&waiting, 1, (int)left);
        if (ready > 0)
            return PZ_OK;
        if (ready < 0 && errno != EINTR)
            return refused(errno, err);
    }
}

/* ---- opening ---- */

static pz_status connect_to(int *out, const struct addrinfo *to, pz__patience patience,
                            pz_error *err)
{
    const int yes = 1;
    const int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return refused(errno, err);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    pz_status status = PZ_OK;
    if (connect(fd, to->ai_addr, to->ai_addrlen) != 0) {
        int number = errno;
        if (number == EINPROGRESS) {
            socklen_t size = sizeof number;
            status = wait_for(fd, POLLOUT, patience, err);
            if (status == PZ_OK && getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) != 0)
                number = errno;
        }
        if (status == PZ_OK && number != 0)
            status = refused(number, err);
    }
    if (status != PZ_OK) {
        close(fd);
        return status;
    }
    *out = fd;
    return PZ_OK;
}

static pz_status connect_by_name(int *out, const char *host, uint16_t port, pz__patience patience,
                                 pz_error *err)
{
    char service[8];
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list;
    snprintf(service, sizeof service, "%u", port);
    const int rc = getaddrinfo(host, service, &hints, &list);
    if (rc != 0)
        return pz__fail(err, PZ_ERR_IO, "%s", gai_strerror(rc));
    pz_status status = PZ_ERR_IO;
    for (const struct addrinfo *to = list; to && status != PZ_OK; to = to->ai_next)
        status = connect_to(out, to, patience, err);
    freeaddrinfo(list);
    return status;
}

pz_status pz__wire_open(pz__wire **out, const pz_alloc *alloc, pz__arena *arena, const char *host,
                        uint16_t port, pz__patience patience, pz_error *err)
{
    *out = NULL;
    pz__wire *wire = pz__mem_new(alloc, 1, sizeof *wire);
    if (!wire)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory connecting to a store");
    wire->alloc = *alloc;
    wire->arena = arena;
    wire->fed = 0;
    wire->items = 0;
    wire->at = wire->len = 0;
    wire->process = getpid();
    wire->fd = -1;
    wire->reader = new_reader();
    pz_status status = wire->reader
                           ? connect_by_name(&wire->fd, host, port, patience, err)
                           : pz__fail(err, PZ_ERR_NOMEM, "out of memory connecting to a store");
    if (status != PZ_OK) {
        pz__wire_close(wire);
        return status;
    }
    wire->reader->privdata = wire;
    *out = wire;
    return PZ_OK;
}

void pz__wire_close(pz__wire *wire)
{
    if (!wire)
        return;
    if (wire->fd >= 0)
        close(wire->fd);
    if (wire->reader)
        redisReaderFree(wire->reader);
    pz_alloc alloc = wire->alloc;
    pz__mem_free(&alloc, wire, 1, sizeof *wire);
}

/* ---- moving bytes ---- */

pz_status pz__wire_send(pz__wire *wire, const void *bytes, size_t len, pz__patience patience,
                        pz_error *err)
{
    const char *next = bytes;
    while (len > 0) {
        const ssize_t sent = send(wire->fd, next, len, MSG_NOSIGNAL);
        if (sent > 0) {
            next += sent;
            len -= (size_t)sent;
            continue;
        }
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            return refused(errno, err);
        const pz_status status = wait_for(wire->fd, POLLOUT, patience, err);
        if (status != PZ_OK)
            return status;
    }
    return PZ_OK;
}

/* Read what there is, or wait for it. */
static pz_status receive(pz__wire *wire, pz__patience patience, pz_error *err)
{
    for (;;) {
        const ssize_t got = recv(wire->fd, wire->room, READ_SIZE, 0);
        if (got > 0) {
            wire->at = 0;
            wire->len = (size_t)got;
            wire->fed += (size_t)got;
            if (wire->fed > PZ__REPLY_BYTES_MAX)
                return pz__fail(err, PZ_ERR_IO, "an answer of more than %u bytes",
                                PZ__REPLY_BYTES_MAX);
            /* Time may be up even though bytes keep dripping in. */
            return pz__redis_now() > patience.until_ms ? silence(patience.step_ms, err) : PZ_OK;
        }
        if (got == 0)
            return pz__fail(err, PZ_ERR_IO, "the server closed the connection");
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            return refused(errno, err);
        const pz_status status = wait_for(wire->fd, POLLIN, patience, err);
        if (status != PZ_OK)
            return status;
    }
}

/* Hand some of it to hiredis. */
static pz_status feed(pz__wire *wire, pz__patience patience, pz_error *err)
{
    if (wire->at == wire->len) {
        const pz_status status = receive(wire, patience, err);
        if (status != PZ_OK)
            return status;
    }
    const size_t left = wire->len - wire->at;
    const size_t some = left < FEED_SIZE ? left : FEED_SIZE;
    if (redisReaderFeed(wire->reader, wire->room + wire->at, some) != REDIS_OK)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory reading from a store");
    wire->at += some;
    return PZ_OK;
}

pz_status pz__wire_read(pz__wire *wire, pz__reply **out, pz__patience patience, pz_error *err)
{
    for (;;) {
        void *reply = NULL;
        if (redisReaderGetReply(wire->reader, &reply) != REDIS_OK) {
            if (wire->items > PZ__REPLY_ITEMS_MAX)
                return pz__fail(err, PZ_ERR_IO, "an answer of more than %u elements",
                                PZ__REPLY_ITEMS_MAX);
            if (wire->reader->err == REDIS_ERR_OOM)
                return pz__fail(err, PZ_ERR_NOMEM, "an answer of the server does not fit");
            return pz__fail(err, PZ_ERR_IO, "the server answers what is not Redis' protocol");
        }
        if (reply) {
            wire->fed = wire->reader->len - wire->reader->pos + wire->len - wire->at;
            wire->items = 0;
            *out = reply;
            return PZ_OK;
        }
        const pz_status status = feed(wire, patience, err);
        if (status != PZ_OK)
            return status;
    }
}

/* "$12\r\n" */
static void put_head(pz__buf *out, char mark, size_t n)
{
    char line[24];
    line[0] = mark;
    const size_t len = 1 + pz__uint_print(n, line + 1);
    line[len] = '\r';
    line[len + 1] = '\n';
    pz__buf_put(out, line, len + 2);
}

void pz__wire_command(pz__buf *out, const pz_str *args, size_t count)
{
    put_head(out, '*', count);
    for (size_t i = 0; i < count; i++) {
        put_head(out, '$', args[i].len);
        pz__buf_put(out, args[i].data, args[i].len);
        pz__buf_put(out, "\r\n", 2);
    }
}
