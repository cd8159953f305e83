/*
 * module.c: stores that are libraries of their own, loaded when an address asks for one.
 *
 * The command needs no hiredis until somebody names a Redis store. Then libpersonalize-redis is
 * looked for beside the command, as in a build tree; where `make install` puts libraries, seen from
 * there; and where the system finds libraries. It stays loaded until the command ends.
 */
#include "cli.h"

#include <personalize/redis.h>

#include <dlfcn.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libpersonalize-redis.so." PZ_SOVERSION
#define SCHEME "redis:"

/* Where the command itself lies, with its final slash; "" if that cannot be told. */
static void own_directory(char out[PATH_MAX])
{
    const ssize_t len = readlink("/proc/self/exe", out, PATH_MAX - 1);
    out[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(out, '/');
    if (slash)
        slash[1] = '\0';
    else
        out[0] = '\0';
}

static void *load(void)
{
    static const char *const places[] = {"", PZ_LIBRARY_FROM_COMMAND "/"};
    char own[PATH_MAX], path[2 * PATH_MAX];
    own_directory(own);
    for (size_t i = 0; own[0] && i < sizeof places / sizeof places[0]; i++) {
        snprintf(path, sizeof path, "%s%s" LIBRARY, own, places[i]);
        void *library = access(path, R_OK) == 0 ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
        if (library)
            return library;
    }
    return dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
}

int cli_module(const char *address, const struct pz_store_module **out)
{
    *out = NULL;
    if (!address || strncmp(address, SCHEME, sizeof SCHEME - 1) != 0)
        return EXIT_DONE;
    void *library = load();
    if (!library) {
        const char *why = dlerror();
        return cli_fail(EXIT_FAILED,
                        "a store in Redis needs " LIBRARY ", which cannot be loaded (%s): install "
                        "it, it is built with -DPZ_REDIS=ON",
                        why ? why : "it is not there");
    }
    union {
        void *object;
        const pz_store_module *(*function)(void);
    } found = {dlsym(library, "pz_redis_module")};
    if (!found.object)
        return cli_fail(EXIT_FAILED, LIBRARY " is not the library of that name: it has no "
                                             "pz_redis_module()");
    *out = found.function();
    return EXIT_DONE;
}
