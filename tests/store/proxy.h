/*
 * proxy.h: a way to a server on which answers get lost, are made up, mixed up or stop halfway.
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
    PROXY_ANSWER,      /* with the text given, and the server never sees it */
    PROXY_HALVE,       /* half of the server's answer, and then nothing any more */
    PROXY_MIX_UP,      /* the answer that was passed on before this one, to whomever */
    PROXY_IGNORE       /* no answer */
} proxy_fate;

/* Decide about what a client sends. *text and *text_len are what PROXY_ANSWER says. */
typedef proxy_fate (*proxy_fn)(void *payload, const char *bytes, size_t len, const char **text,
                               size_t *text_len);

/* What becomes of what replicas copy. */
typedef enum proxy_copying { PROXY_COPY, PROXY_HOLD, PROXY_CUT } proxy_copying;

#define PROXY_TALKS 64
#define PROXY_PIECE 65536

typedef struct proxy_talk {
    int client, server;
    proxy_fate fate; /* of the server's next answer */
    bool is_mute;
    bool is_replica; /* the client copies all that the server writes */
} proxy_talk;

typedef struct proxy {
    int listening;
    uint16_t port;
    _Atomic uint16_t to;
    proxy_fn fn;
    void *payload;
    atomic_bool stop;
    _Atomic proxy_copying copying;
    atomic_bool hangs_up;  /* ends all connections but those of replicas, once */
    atomic_uint replicas;  /* that have come so far */
    pthread_t thread;
    proxy_talk talks[PROXY_TALKS];
    size_t last_len; /* of the last answer passed on */
    char last[PROXY_PIECE];
} proxy;

void proxy_start(proxy *p, uint16_t to, proxy_fn fn, void *payload);
void proxy_stop(proxy *p);

#endif
