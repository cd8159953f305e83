/*
 * servers.c: see servers.h.
 *
 * A server is forked and told to die with its parent (PR_SET_PDEATHSIG), so that a test that is
 * killed leaves none behind. The protocol is spoken by hand: what is under test is not used to test
 * itself.
 */
#include "store/servers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void sleep_ms(int ms)
{
    nanosleep(&(struct timespec){ms / 1000, (long)(ms % 1000) * 1000000}, NULL);
}

bool servers_are_there(void)
{
    static int known = -1;
    if (known < 0) {
        known = system("redis-server --version >/dev/null 2>&1") == 0;
        if (!known)
            printf("redis-server is missing: the tests of the Redis store are SKIPPED\n");
    }
    return known;
}

/* ---- ports ---- */

static int bound_socket(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Claim a port for this test until its process ends, by an abstract name that no other test can
 * take meanwhile: also while the server behind it is stopped, nobody else's server comes up there,
 * which clients and nodes that remember the address would take for the old one. */
static bool claim(unsigned port)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    const int len = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "pz-test-port-%u", port);
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&name, size) == 0)
        return true; /* the socket stays open on purpose */
    close(fd);
    return false;
}

/* Below what Linux gives to connections (32768): while a server is down nobody's connection takes
 * its port either. */
#define PORT_MIN 12000u
#define PORT_MAX 22000u

/* A port that is free, as is the one that a cluster's nodes talk on (ten thousand above). */
static uint16_t free_port(void)
{
    static unsigned next;
    if (!next)
        next = PORT_MIN + (unsigned)getpid() * 7 % (PORT_MAX - PORT_MIN);
    for (int tries = 0; tries < 1000; tries++) {
        next = next >= PORT_MAX ? PORT_MIN : next + 1;
        int one = bound_socket((uint16_t)next), two = bound_socket((uint16_t)(next + 10000));
        close(one);
        close(two);
        if (one >= 0 && two >= 0 && claim(next) && claim(next + 10000))
            return (uint16_t)next;
    }
    fail_msg("no free port");
    return 0;
}

/* ---- asking ---- */

static int connect_to(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool read_line(FILE *from, char *out, size_t size)
{
    if (!fgets(out, (int)size, from))
        return false;
    out[strcspn(out, "\r\n")] = '\0';
    return true;
}

static bool read_reply(FILE *from, char *out, size_t size)
{
    char line[512];
    size_t used = strlen(out);
    if (!read_line(from, line, sizeof line))
        return false;
    long n = strtol(line + 1, NULL, 10);
    if (line[0] == '*') {
        for (long i = 0; i < n; i++) {
            if (!read_reply(from, out, size))
                return false;
            used = strlen(out);
            if (used + 2 < size)
                memcpy(out + used, "\n", 2);
        }
        return true;
    }
    if (line[0] != '$') {
        snprintf(out + used, size - used, "%s", line[0] == '+' ? line + 1 : line);
        return true;
    }
    for (long i = 0; i < n + 2 && n >= 0; i++) {
        int c = fgetc(from);
        if (c == EOF)
            return false;
        if (i < n && used + 1 < size)
            out[used++] = (char)c;
    }
    out[used] = '\0';
    return true;
}

/* Far more than a server takes, also on a busy machine. */
#define ASK_SECONDS 10

bool server_ask(const server *one, const char *command, char *out, size_t out_size)
{
    char words[1024];
    snprintf(words, sizeof words, "%s\r\n", command);
    out[0] = '\0';
    int fd = connect_to(one->port);
    if (fd < 0)
        return false;
    struct timeval patience = {ASK_SECONDS, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    bool ok = send(fd, words, strlen(words), MSG_NOSIGNAL) == (ssize_t)strlen(words);
    FILE *from = fdopen(fd, "r");
    ok = ok && read_reply(from, out, out_size);
    fclose(from);
    return ok;
}

static void must_ask(const server *one, const char *command)
{
    char out[1024];
    assert_true(server_ask(one, command, out, sizeof out));
    if (out[0] == '-')
        fail_msg("%s: %s", command, out);
}

/* ---- starting and stopping ---- */

/* Whether the server that was forked answers, and not somebody else's on its port. */
static bool answers(const server *one)
{
    char out[8192], own[40];
    snprintf(own, sizeof own, "process_id:%d\r", (int)one->process);
    for (int i = 0; i < 2400; i++, sleep_ms(25)) {
        if (!server_ask(one, "INFO server", out, sizeof out) || out[0] == '-')
            continue;
        return strstr(out, own) != NULL;
    }
    return false;
}

static void launch(servers *s, server *one)
{
    char port[8], log[400], patience[12];
    snprintf(port, sizeof port, "%u", one->port);
    snprintf(log, sizeof log, "%s/log", one->directory);
    const char *arguments[40] = {
        "redis-server",
        "--port",
        port,
        "--bind",
        "127.0.0.1",
        "--dir",
        one->directory,
        "--logfile",
        log,
        "--save",
        "",
        "--appendonly",
        s->is_cluster ? "yes" : "no",
        "--appendfsync",
        "no",
        "--protected-mode",
        "no",
        "--daemonize",
        "no",
        "--repl-diskless-sync-delay",
        "0",
    };
    if (s->is_cluster) {
        snprintf(patience, sizeof patience, "%u", s->node_timeout_ms);
        const char *const more[] = {"--cluster-enabled",
                                    "yes",
                                    "--cluster-node-timeout",
                                    patience,
                                    "--cluster-replica-validity-factor",
                                    "0",
                                    "--repl-ping-replica-period",
                                    "1"};
        size_t at = 0;
        while (arguments[at])
            at++;
        memcpy(&arguments[at], more, sizeof more);
    }
    pid_t parent = getpid();
    one->process = fork();
    if (one->process == 0) {
        union {
            const char **from;
            char *const *to;
        } words = {arguments};
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        execvp("redis-server", words.to);
        _exit(127);
    }
    if (!answers(one))
        fail_msg("redis-server does not answer on port %u", one->port);
}

static void start(servers *s, uint32_t count)
{
    kit_make_directory(s->directory);
    s->count = count;
    for (uint32_t i = 0; i < count; i++) {
        server *one = &s->list[i];
        one->port = free_port();
        snprintf(one->directory, sizeof one->directory, "%s/%u", s->directory, one->port);
        mkdir(one->directory, 0700);
        launch(s, one);
    }
}

void servers_start_one(servers *s)
{
    memset(s, 0, sizeof *s);
    start(s, 1);
}

void servers_start_cluster(servers *s, unsigned node_timeout_ms)
{
    char command[256];
    memset(s, 0, sizeof *s);
    s->is_cluster = true;
    s->node_timeout_ms = node_timeout_ms;
    start(s, 6);
    for (uint32_t i = 0; i < 6; i++) {
        assert_true(server_ask(&s->list[i], "CLUSTER MYID", s->list[i].id, sizeof s->list[i].id));
        snprintf(command, sizeof command, "CLUSTER SET-CONFIG-EPOCH %u", i + 1);
        must_ask(&s->list[i], command);
        if (i < 3) {
            snprintf(command, sizeof command, "CLUSTER ADDSLOTSRANGE %u %u", i * 16384 / 3,
                     (i + 1) * 16384 / 3 - 1);
            must_ask(&s->list[i], command);
        }
    }
    for (uint32_t i = 1; i < 6; i++) {
        snprintf(command, sizeof command, "CLUSTER MEET 127.0.0.1 %u", s->list[i].port);
        must_ask(&s->list[0], command);
    }
    for (uint32_t i = 3; i < 6; i++) {
        char out[256];
        snprintf(command, sizeof command, "CLUSTER REPLICATE %s", s->list[i - 3].id);
        for (int tries = 0; tries < 200; tries++, sleep_ms(50))
            if (server_ask(&s->list[i], command, out, sizeof out) && strcmp(out, "OK") == 0)
                break;
    }
    if (!servers_wait(s, 3, 30))
        fail_msg("the cluster does not come up");
}

void servers_start_hermit(servers *s)
{
    memset(s, 0, sizeof *s);
    s->is_cluster = true;
    s->node_timeout_ms = 60000;
    start(s, 1);
    must_ask(&s->list[0], "CLUSTER ADDSLOTSRANGE 0 16383");
    assert_true(servers_wait(s, 0, 60));
}

void server_kill(server *one)
{
    if (!one->process)
        return;
    kill(one->process, SIGKILL);
    waitpid(one->process, NULL, 0);
    one->process = 0;
}

void server_restart(servers *s, uint32_t which)
{
    server_kill(&s->list[which]);
    launch(s, &s->list[which]);
}

void servers_stop(servers *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        server_kill(&s->list[i]);
    kit_remove_directory(s->directory);
}

void servers_address(const servers *s, const char *more, char out[400])
{
    size_t used = (size_t)snprintf(out, 400, "redis://");
    for (uint32_t i = 0; i < s->count; i++)
        used += (size_t)snprintf(out + used, 400 - used, "%s127.0.0.1:%u", i ? "," : "",
                                 s->list[i].port);
    snprintf(out + used, 400 - used, "%s", more);
}

/* ---- clusters ---- */

/* What a node says of the cluster: "SLOT=PORT" wherever the owner changes, as it sees it. */
static void print_map(const server *one, char out[4096])
{
    char nodes[8192];
    uint16_t owners[16384] = {0};
    size_t used = 0;
    out[0] = '\0';
    if (!server_ask(one, "CLUSTER NODES", nodes, sizeof nodes))
        return;
    for (char *line = strtok(nodes, "\n"); line; line = strtok(NULL, "\n")) {
        char *colon = strchr(line, ':'), *slots = strstr(line, "connected");
        for (char *range = slots ? strchr(slots, ' ') : NULL; range && colon;
             range = strchr(range + 1, ' ')) {
            unsigned first, last;
            int found = sscanf(range, " %u-%u", &first, &last);
            for (last = found == 1 ? first : last; found >= 1 && first <= last; first++)
                owners[first] = (uint16_t)strtoul(colon + 1, NULL, 10);
        }
    }
    for (unsigned i = 0; i < 16384; i++)
        if (used < 4000 && (i == 0 || owners[i] != owners[i - 1]))
            used += (size_t)snprintf(out + used, 4096 - used, "%u=%u ", i, owners[i]);
}

static unsigned field_of(const char *info, const char *name)
{
    const char *found = strstr(info, name);
    return found ? (unsigned)strtoul(found + strlen(name), NULL, 10) : 0;
}

/* Well is a cluster whose nodes are all of one mind: about who owns what, and about the number that
 * the next change has to exceed. Two owners that take slots under one number contradict each other
 * for good, and one of them drops the keys. */
static bool is_well(const servers *s, uint32_t replicated)
{
    char out[8192], map[4096] = "", other[4096];
    uint32_t masters = 0;
    unsigned epoch = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        const server *one = &s->list[i];
        if (!one->process)
            continue;
        if (!server_ask(one, "CLUSTER INFO", out, sizeof out) || !strstr(out, "cluster_state:ok") ||
            !strstr(out, "cluster_slots_ok:16384"))
            return false;
        if (epoch && epoch != field_of(out, "cluster_current_epoch:"))
            return false;
        epoch = field_of(out, "cluster_current_epoch:");
        if (!server_ask(one, "INFO replication", out, sizeof out))
            return false;
        print_map(one, other);
        if (map[0] && strcmp(map, other) != 0)
            return false;
        memcpy(map, other, sizeof map);
        char own[16];
        snprintf(own, sizeof own, "=%u ", one->port);
        const bool is_owner = strstr(map, own) != NULL;
        if (is_owner != (strstr(out, "role:master") != NULL))
            return false;
        masters += is_owner && strstr(out, "state=online");
    }
    return masters >= replicated;
}

bool servers_wait(const servers *s, uint32_t replicated, int seconds)
{
    for (int i = 0; i < seconds * 20; i++, sleep_ms(50))
        if (is_well(s, replicated))
            return true;
    return false;
}

static int server_of_port(const servers *s, unsigned port)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->list[i].port == port)
            return (int)i;
    return -1;
}

int servers_owner(const servers *s, uint16_t slot, uint32_t except)
{
    char out[8192];
    for (uint32_t i = 0; i < s->count; i++) {
        if (!s->list[i].process || i == except ||
            !server_ask(&s->list[i], "CLUSTER NODES", out, sizeof out))
            continue;
        for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
            char *colon = strchr(line, ':'), *slots = strstr(line, "connected");
            if (!colon || !slots || strstr(line, "fail"))
                continue;
            for (char *range = strchr(slots, ' '); range; range = strchr(range + 1, ' ')) {
                unsigned first, last;
                int found = sscanf(range, " %u-%u", &first, &last);
                if (found == 1)
                    last = first;
                if (found >= 1 && slot >= first && slot <= last)
                    return server_of_port(s, (unsigned)strtoul(colon + 1, NULL, 10));
            }
        }
    }
    return -1;
}

void servers_announce(const servers *s, uint32_t which, uint16_t port)
{
    char command[64], known[32], out[8192];
    snprintf(command, sizeof command, "CONFIG SET cluster-announce-bus-port %u",
             s->list[which].port + 10000);
    must_ask(&s->list[which], command);
    snprintf(command, sizeof command, "CONFIG SET cluster-announce-port %u", port);
    must_ask(&s->list[which], command);
    snprintf(known, sizeof known, ":%u@", port);
    for (uint32_t i = 0, tries = 0; i < s->count && tries < 2400; tries++) {
        if (server_ask(&s->list[i], "CLUSTER NODES", out, sizeof out) && strstr(out, known))
            i++;
        else
            sleep_ms(25);
    }
}

void servers_set_node_timeout(const servers *s, unsigned ms)
{
    char command[64];
    snprintf(command, sizeof command, "CONFIG SET cluster-node-timeout %u", ms);
    for (uint32_t i = 0; i < s->count; i++)
        must_ask(&s->list[i], command);
}

/* Keys hold bytes of any kind here, so a name is sent by its length. */
static bool migrate_one(const server *from, const server *to, const char *key, size_t len)
{
    char command[2048], port[8], line[256] = "";
    snprintf(port, sizeof port, "%u", to->port);
    int used = snprintf(command, sizeof command,
                        "*7\r\n$7\r\nMIGRATE\r\n$9\r\n127.0.0.1\r\n$%zu\r\n%s\r\n$%zu\r\n",
                        strlen(port), port, len);
    memcpy(command + used, key, len);
    used += (int)len;
    used += snprintf(command + used, sizeof command - (size_t)used,
                     "\r\n$1\r\n0\r\n$4\r\n5000\r\n$7\r\nREPLACE\r\n");
    int fd = connect_to(from->port);
    if (fd < 0)
        return false;
    bool ok = send(fd, command, (size_t)used, MSG_NOSIGNAL) == used;
    FILE *in = fdopen(fd, "r");
    ok = ok && read_line(in, line, sizeof line) && line[0] == '+';
    fclose(in);
    return ok;
}

static bool migrate_keys(const server *from, const server *to, uint16_t slot)
{
    char command[128], line[128];
    for (;;) {
        snprintf(command, sizeof command, "CLUSTER GETKEYSINSLOT %u 20\r\n", slot);
        int fd = connect_to(from->port);
        if (fd < 0 || send(fd, command, strlen(command), MSG_NOSIGNAL) < 0)
            return false;
        FILE *in = fdopen(fd, "r");
        bool ok = read_line(in, line, sizeof line);
        long count = ok ? strtol(line + 1, NULL, 10) : 0;
        for (long i = 0; ok && i < count; i++) {
            char key[1024];
            ok = read_line(in, line, sizeof line);
            size_t len = (size_t)strtoul(line + 1, NULL, 10);
            ok = ok && len < sizeof key && fread(key, 1, len, in) == len && fgetc(in) == '\r' &&
                 fgetc(in) == '\n' && migrate_one(from, to, key, len);
        }
        fclose(in);
        if (!ok || count == 0)
            return ok;
    }
}

bool servers_move_slot(const servers *s, uint16_t slot, uint32_t from, uint32_t to)
{
    char command[160], out[256];
    const server *a = &s->list[from], *b = &s->list[to];
    snprintf(command, sizeof command, "CLUSTER SETSLOT %u IMPORTING %s", slot, a->id);
    if (!server_ask(b, command, out, sizeof out) || out[0] == '-')
        return false;
    snprintf(command, sizeof command, "CLUSTER SETSLOT %u MIGRATING %s", slot, b->id);
    if (!server_ask(a, command, out, sizeof out) || out[0] == '-')
        return false;
    if (!migrate_keys(a, b, slot))
        return false;
    snprintf(command, sizeof command, "CLUSTER SETSLOT %u NODE %s", slot, b->id);
    return server_ask(b, command, out, sizeof out) && out[0] != '-' &&
           server_ask(a, command, out, sizeof out) && out[0] != '-';
}
