/*
 * via.c: the same cases through a binding.
 *
 *     conformance authority FILE... --via python
 *     conformance cel FILE... --via lua5.4
 *
 * The program becomes the interpreter, running the driver of the suite that is written in its
 * language (authority.py, cel.lua) with the binding of this build. Only the driver and the
 * binding's public calls judge the cases then. An interpreter that is not installed is said plainly
 * and counts as skipped.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"

#define ARGUMENTS_MAX 256

static const struct route {
    const char *name;     /* after --via */
    const char *program;  /* the interpreter */
    const char *language; /* what the drivers in tests/conformance end in */
    const char *variable; /* where it looks for the binding ... */
    const char *folder;   /* ... and what to put there, in the build tree */
} routes[] = {
    {"python", "python3", "py", "PYTHONPATH", "python"},
    {"lua5.1", "lua5.1", "lua", "LUA_CPATH", "lua/5.1/?.so"},
    {"lua5.3", "lua5.3", "lua", "LUA_CPATH", "lua/5.3/?.so"},
    {"lua5.4", "lua5.4", "lua", "LUA_CPATH", "lua/5.4/?.so"},
    {"luajit", "luajit", "lua", "LUA_CPATH", "lua/5.1/?.so"},
    {"luajit-ffi", "luajit", "lua", "LUA_PATH", "lua/ffi/?.lua;;"},
};

static const struct route *find_route(const char *name)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        if (strcmp(routes[i].name, name) == 0)
            return &routes[i];
    return NULL;
}

static int unknown_route(const char *name)
{
    fprintf(stderr, "conformance: there is no way '%s'; there are", name);
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        fprintf(stderr, " %s", routes[i].name);
    fprintf(stderr, "\n");
    return 2;
}

static const char *const driven[] = {"authority", "cel"};

static bool is_driven(const char *suite)
{
    bool found = false;
    for (size_t i = 0; i < sizeof driven / sizeof driven[0]; i++)
        found |= strcmp(driven[i], suite) == 0;
    return found;
}

int suite_via(const char *name, const char *suite, char **files, int count)
{
    const struct route *route = find_route(name);
    char driver[4096], folder[4096];
    char *arguments[ARGUMENTS_MAX];
    if (!route)
        return unknown_route(name);
    if (!is_driven(suite) || count + 3 > ARGUMENTS_MAX) {
        fprintf(stderr, "conformance: --via runs 'authority' and 'cel', over at most %d files\n",
                ARGUMENTS_MAX - 3);
        return 2;
    }
    snprintf(driver, sizeof driver, "%s/tests/conformance/%s.%s", PZ_SOURCE_DIR, suite,
             route->language);
    snprintf(folder, sizeof folder, "%s/%s", PZ_BINARY_DIR, route->folder);
    setenv(route->variable, folder, 1);
    setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
    int used = 0;
    arguments[used++] = (char *)(uintptr_t)route->program;
    arguments[used++] = driver;
    for (int i = 0; i < count; i++)
        arguments[used++] = files[i];
    arguments[used] = NULL;
    fflush(stdout);
    execvp(route->program, arguments);
    if (errno == ENOENT) {
        printf("skipped: %s is not installed\n", route->program);
        return 0;
    }
    perror(route->program);
    return 1;
}
