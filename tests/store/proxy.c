/*
 * proxy.c: see proxy.h. One thread, all descriptors in one poll().
 */
#include "store/proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "store/kit.h"

static void end_talk(proxy_talk *t)
{
    if (t->client >= 0)
        close(t->client);
    if (t->server >= 0)
        close(t->server);
    *t = (proxy_talk){.client = -1, .server = -1};
}

static void begin_talk(proxy *p, proxy_talk *t)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atomic_load(&p->to))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *t = (proxy_talk){.client = accept(p->listening, NULL, NULL)};
    t->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(t->server, (struct sockaddr *)&to, sizeof to) != 0)
        end_talk(t);
}

static void hear_client(proxy *p, proxy_talk *t)
{
    char bytes[PROXY_PIECE];
    const char *text = "";
    size_t text_len = 0;
    const ssize_t len = recv(t->client, bytes, sizeof bytes, 0);
    if (len <= 0) {
        end_talk(t);
        return;
    }
    if (memmem(bytes, (size_t)len, "PSYNC", 5)) {
        t->is_replica = true;
        atomic_fetch_add(&p->replicas, 1);
    }
    t->fate = p->fn(p->payload, bytes, (size_t)len, &text, &text_len);
    if (t->fate == PROXY_ANSWER)
        send(t->client, text, text_len, MSG_NOSIGNAL);
    else if (t->fate != PROXY_IGNORE)
        send(t->server, bytes, (size_t)len, MSG_NOSIGNAL);
}

static void pass_back(proxy *p, proxy_talk *t, const char *bytes, size_t len)
{
    if (!t->is_mute)
        send(t->client, bytes, len, MSG_NOSIGNAL);
    memcpy(p->last, bytes, len);
    p->last_len = len;
}

static void hear_server(proxy *p, proxy_talk *t)
{
    char bytes[PROXY_PIECE];
    const ssize_t len = recv(t->server, bytes, sizeof bytes, 0);
    if (len <= 0 || t->fate == PROXY_LOSE_ANSWER) {
        end_talk(t);
    } else if (t->fate == PROXY_HALVE) {
        pass_back(p, t, bytes, (size_t)len / 2);
        t->is_mute = true;
    } else if (t->fate == PROXY_MIX_UP && p->last_len) {
        send(t->client, p->last, p->last_len, MSG_NOSIGNAL);
        memcpy(p->last, bytes, (size_t)len);
        p->last_len = (size_t)len;
    } else if (t->is_replica) {
        send(t->client, bytes, (size_t)len, MSG_NOSIGNAL);
    } else {
        pass_back(p, t, bytes, (size_t)len);
    }
}

static int server_of(const proxy *p, const proxy_talk *t)
{
    return t->is_replica && atomic_load(&p->copying) != PROXY_COPY ? -1 : t->server;
}

static void pass_on_once(proxy *p)
{
    struct pollfd waiting[1 + 2 * PROXY_TALKS] = {{p->listening, POLLIN, 0}};
    for (int i = 0; i < PROXY_TALKS; i++) {
        waiting[1 + 2 * i] = (struct pollfd){p->talks[i].client, POLLIN, 0};
        waiting[2 + 2 * i] = (struct pollfd){server_of(p, &p->talks[i]), POLLIN, 0};
    }
    poll(waiting, 1 + 2 * PROXY_TALKS, 20);
    const bool hangs_up = atomic_exchange(&p->hangs_up, false);
    for (int i = 0; i < PROXY_TALKS; i++) {
        proxy_talk *t = &p->talks[i];
        if (hangs_up && !t->is_replica)
            end_talk(t);
        if (t->is_replica && atomic_load(&p->copying) == PROXY_CUT)
            end_talk(t);
        if (waiting[1 + 2 * i].revents && t->client >= 0)
            hear_client(p, t);
        if (waiting[2 + 2 * i].revents && server_of(p, t) >= 0)
            hear_server(p, t);
    }
    for (int i = 0; i < PROXY_TALKS && waiting[0].revents; i++)
        if (p->talks[i].client < 0) {
            begin_talk(p, &p->talks[i]);
            break;
        }
}

static void *pass_on(void *payload)
{
    proxy *p = payload;
    while (!atomic_load(&p->stop))
        pass_on_once(p);
    return NULL;
}

void proxy_start(proxy *p, uint16_t to, proxy_fn fn, void *payload)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(p->listening, (struct sockaddr *)&at, sizeof at), 0);
    listen(p->listening, 64);
    getsockname(p->listening, (struct sockaddr *)&at, &size);
    p->port = ntohs(at.sin_port);
    atomic_store(&p->to, to);
    p->fn = fn;
    p->payload = payload;
    p->last_len = 0;
    for (int i = 0; i < PROXY_TALKS; i++)
        p->talks[i] = (proxy_talk){.client = -1, .server = -1};
    atomic_store(&p->copying, PROXY_COPY);
    atomic_store(&p->hangs_up, false);
    atomic_store(&p->replicas, 0);
    atomic_store(&p->stop, false);
    assert_int_equal(pthread_create(&p->thread, NULL, pass_on, p), 0);
}

void proxy_stop(proxy *p)
{
    atomic_store(&p->stop, true);
    pthread_join(p->thread, NULL);
    for (int i = 0; i < PROXY_TALKS; i++)
        end_talk(&p->talks[i]);
    close(p->listening);
}
