/*
 * redis_address.c: the address of a Redis store.
 *
 *     redis://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]]...[/DATABASE][?NAME=VALUE[&NAME=VALUE]...]
 *
 * User and password may hold any byte as %XX. A host may be a name, an IPv4 address or an IPv6
 * address in brackets. Several hosts are several ways in: to a cluster, of which any node will do,
 * or to a master and its replicas, of which the master is looked for. The table below lists the
 * options. Errors name the part that is wrong and nothing of what stands before the hosts.
 */
#include "store/redis_address.h"

#include <stddef.h>

#include "base/error.h"
#include "base/number.h"

#define PORT_DEFAULT 6379u

static const struct {
    const char *name;
    size_t place; /* of an int32_t or uint32_t in the options */
    int32_t least, most, usual;
} numbers[] = {
    {"wait", offsetof(pz__redis_options, wait_count), 0, 16, 0},
    {"wait_ms", offsetof(pz__redis_options, wait_ms), 1, 60000, 1000},
    {"timeout_ms", offsetof(pz__redis_options, timeout_ms), 10, 600000, 1000},
    {"deadline_ms", offsetof(pz__redis_options, deadline_ms), 10, 3600000, 15000},
};

#define NUMBER_COUNT (sizeof numbers / sizeof numbers[0])

static void set_number(pz__redis_options *options, size_t which, int32_t value)
{
    memcpy((char *)options + numbers[which].place, &value, sizeof value);
}

static pz_status malformed(const char *what, pz_error *err)
{
    return pz__fail(
        err, PZ_ERR_ARG,
        "%s; the address of a Redis store is "
        "redis://[USER:PASSWORD@]HOST:PORT[,HOST:PORT...][/DATABASE][?OPTION=VALUE&...]",
        what);
}

/* What stands before `mark`; *rest is what stands behind it, or all of it if there is none. */
static pz_str cut(pz_str text, char mark, pz_str *rest)
{
    const char *at = text.len ? memchr(text.data, mark, text.len) : NULL;
    if (!at) {
        *rest = (pz_str){NULL, 0};
        return text;
    }
    const size_t len = (size_t)(at - text.data);
    *rest = (pz_str){at + 1, text.len - len - 1};
    return (pz_str){text.data, len};
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Decode %XX. False if it does not fit or is malformed. */
static bool decode(char out[PZ__ADDRESS_TEXT_MAX], pz_str text)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '%') {
            const int high = i + 2 < text.len + 0 ? hex_of(text.data[i + 1]) : -1;
            const int low = high >= 0 ? hex_of(text.data[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (len + 1 >= PZ__ADDRESS_TEXT_MAX || c == '\0')
            return false;
        out[len++] = c;
    }
    out[len] = '\0';
    return true;
}

static pz_status take_secrets(pz__redis_options *options, pz_str secrets, pz_error *err)
{
    pz_str password;
    const pz_str user = cut(secrets, ':', &password);
    if (!decode(options->user, user) || !decode(options->password, password))
        return malformed("the user or the password is too long or malformed", err);
    if (options->user[0] && !options->password[0])
        return malformed("there is a user but no password", err);
    return PZ_OK;
}

static pz_status take_host(pz__client *client, pz_str text, pz_error *err)
{
    pz_str host, port = {NULL, 0};
    uint64_t number = PORT_DEFAULT;
    if (text.len && text.data[0] == '[') {
        host = cut((pz_str){text.data + 1, text.len - 1}, ']', &port);
        if (!port.data || (port.len && port.data[0] != ':'))
            return malformed("an IPv6 address has no end", err);
        port = port.len ? (pz_str){port.data + 1, port.len - 1} : (pz_str){NULL, 0};
    } else {
        host = cut(text, ':', &port);
    }
    if (port.data && (!pz__uint_parse(port.data, port.len, &number) || number - 1 >= 65535))
        return malformed("a port is no number from 1 to 65535", err);
    if (host.len == 0 || host.len >= PZ__HOST_MAX)
        return malformed("a host is missing or too long", err);
    if (pz__client_node(client, host, (uint16_t)number) == PZ__NODE_NONE)
        return malformed("there are too many hosts", err);
    return PZ_OK;
}

static pz_status take_prefix(pz__redis_options *options, pz_str value, pz_error *err)
{
    if (value.len == 0 || value.len >= sizeof options->prefix)
        return malformed("the prefix is empty or too long", err);
    for (size_t i = 0; i < value.len; i++) {
        const char c = value.data[i], lower = (char)(c | 0x20);
        if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && !strchr(":_.-", c))
            return malformed("a prefix has letters, digits and : _ . - only", err);
    }
    memcpy(options->prefix, value.data, value.len);
    options->prefix[value.len] = '\0';
    return PZ_OK;
}

static pz_status take_option(pz__redis_options *options, pz_str text, pz_error *err)
{
    pz_str value;
    uint64_t number;
    const pz_str name = cut(text, '=', &value);
    if (pz__str_equal(name, PZ__STR("prefix")))
        return take_prefix(options, value, err);
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        if (!pz__str_equal(name, pz_str_of(numbers[i].name)))
            continue;
        if (!value.data || !pz__uint_parse(value.data, value.len, &number) ||
            number < (uint64_t)numbers[i].least || number > (uint64_t)numbers[i].most)
            return pz__fail(err, PZ_ERR_ARG, "the option \"%s\" of a Redis store is %u to %u",
                            numbers[i].name, (unsigned)numbers[i].least, (unsigned)numbers[i].most);
        set_number(options, i, (int32_t)number);
        return PZ_OK;
    }
    return malformed("an option is none of prefix, wait, wait_ms, timeout_ms, deadline_ms", err);
}

pz_status pz__redis_address(pz__client *client, pz_str where, pz_error *err)
{
    pz__redis_options *options = &client->options;
    pz_str rest, query, path, hosts;
    for (size_t i = 0; i < NUMBER_COUNT; i++)
        set_number(options, i, numbers[i].usual);
    memcpy(options->prefix, "pz:", sizeof "pz:");
    if (where.len < 3 || memcmp(where.data, "//", 2) != 0)
        return malformed("there is no // after the colon", err);
    where = (pz_str){where.data + 2, where.len - 2};
    pz_status status = PZ_OK;
    const char *at = memrchr(where.data, '@', where.len);
    if (at) {
        const size_t len = (size_t)(at - where.data);
        status = take_secrets(options, (pz_str){where.data, len}, err);
        where = (pz_str){at + 1, where.len - len - 1};
    }
    rest = cut(where, '?', &query);
    hosts = cut(rest, '/', &path);
    do {
        const pz_str one = cut(hosts, ',', &rest);
        if (status == PZ_OK)
            status = take_host(client, one, err);
        hosts = rest;
    } while (hosts.data);
    uint64_t number = 0;
    if (status == PZ_OK && path.len &&
        (!pz__uint_parse(path.data, path.len, &number) || number > 65535))
        return malformed("the database is no number", err);
    options->database = (uint32_t)number;
    while (status == PZ_OK && query.len) {
        const pz_str one = cut(query, '&', &rest);
        status = take_option(options, one, err);
        query = rest;
    }
    return status;
}
