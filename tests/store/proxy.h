/*
 * proxy.h: a way to a server on which answers get lost, are made up or stop halfway.
 *
 * A proxy passes connections on to a server of loopback and asks a function of the test what is to
 * become of each piece that a client sends. The client's pieces are small and come whole.
 */
#ifndef PZ_TESTS_STORE_PROXY_H
#define PZ_TESTS_STORE_PROXY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum proxy_fate {
    PROXY_PASS,
    PROXY_LOSE_ANSWER, /* carried out by the server; then the connection ends */
    PROXY_ANSWER       /* with the text given, and the server never sees it */
} proxy_fate;

/* Decide about what a client sends. `text` is what PROXY_ANSWER says. */
typedef proxy_fate (*proxy_fn)(void *payload, const char *bytes, size_t len, const char **text);

#define PROXY_TALKS 32

typedef struct proxy {
    int listening;
    uint16_t port, to;
    proxy_fn fn;
    void *payload;
    atomic_bool stop;
    pthread_t thread;
    struct {
        int client, server;
        bool is_last; /* close both when the server has answered */
    } talks[PROXY_TALKS];
} proxy;

void proxy_start(proxy *p, uint16_t to, proxy_fn fn, void *payload);
void proxy_stop(proxy *p);

#endif
