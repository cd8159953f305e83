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

static void end_talk(proxy *p, int i)
{
    if (p->talks[i].client >= 0)
        close(p->talks[i].client);
    if (p->talks[i].server >= 0)
        close(p->talks[i].server);
    p->talks[i].client = p->talks[i].server = -1;
    p->talks[i].is_last = false;
}

static void begin_talk(proxy *p, int i)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(p->to)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->talks[i].client = accept(p->listening, NULL, NULL);
    p->talks[i].server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(p->talks[i].server, (struct sockaddr *)&to, sizeof to) != 0)
        end_talk(p, i);
}

static void hear_client(proxy *p, int i)
{
    char bytes[16384];
    const char *text = "";
    const ssize_t len = recv(p->talks[i].client, bytes, sizeof bytes, 0);
    const proxy_fate fate =
        len > 0 ? p->fn(p->payload, bytes, (size_t)len, &text) : PROXY_LOSE_ANSWER;
    if (len <= 0)
        end_talk(p, i);
    else if (fate == PROXY_ANSWER)
        send(p->talks[i].client, text, strlen(text), MSG_NOSIGNAL);
    else
        send(p->talks[i].server, bytes, (size_t)len, MSG_NOSIGNAL);
    p->talks[i].is_last = len > 0 && fate == PROXY_LOSE_ANSWER;
}

static void hear_server(proxy *p, int i)
{
    char bytes[16384];
    const ssize_t len = recv(p->talks[i].server, bytes, sizeof bytes, 0);
    if (len <= 0 || p->talks[i].is_last)
        end_talk(p, i);
    else
        send(p->talks[i].client, bytes, (size_t)len, MSG_NOSIGNAL);
}

static void *pass_on(void *payload)
{
    proxy *p = payload;
    while (!atomic_load(&p->stop)) {
        struct pollfd waiting[1 + 2 * PROXY_TALKS] = {{p->listening, POLLIN, 0}};
        for (int i = 0; i < PROXY_TALKS; i++) {
            waiting[1 + 2 * i] = (struct pollfd){p->talks[i].client, POLLIN, 0};
            waiting[2 + 2 * i] = (struct pollfd){p->talks[i].server, POLLIN, 0};
        }
        poll(waiting, 1 + 2 * PROXY_TALKS, 20);
        for (int i = 0; i < PROXY_TALKS; i++) {
            if (waiting[1 + 2 * i].revents && p->talks[i].client >= 0)
                hear_client(p, i);
            if (waiting[2 + 2 * i].revents && p->talks[i].server >= 0)
                hear_server(p, i);
        }
        for (int i = 0; i < PROXY_TALKS && waiting[0].revents; i++)
            if (p->talks[i].client < 0) {
                begin_talk(p, i);
                break;
            }
    }
    return NULL;
}

void proxy_start(proxy *p, uint16_t to, proxy_fn fn, void *payload)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(p->listening, (struct sockaddr *)&at, sizeof at), 0);
    listen(p->listening, 16);
    getsockname(p->listening, (struct sockaddr *)&at, &size);
    p->port = ntohs(at.sin_port);
    p->to = to;
    p->fn = fn;
    p->payload = payload;
    for (int i = 0; i < PROXY_TALKS; i++)
        p->talks[i].client = p->talks[i].server = -1;
    atomic_store(&p->stop, false);
    assert_int_equal(pthread_create(&p->thread, NULL, pass_on, p), 0);
}

void proxy_stop(proxy *p)
{
    atomic_store(&p->stop, true);
    pthread_join(p->thread, NULL);
    for (int i = 0; i < PROXY_TALKS; i++)
        end_talk(p, i);
    close(p->listening);
}
