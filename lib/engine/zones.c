/*
 * zones.c: time zones from the system's folder, while a rule or a catalog is compiled.
 *
 * A zone that a rule names is read once and kept in the arena of what is compiled; a catalog is
 * handed the bytes and keeps its own. A rule that
 * computes the name may ask for any, so then the whole folder is read: its regions hold cities, so
 * three levels suffice, and a file that is no compiled zone (tables, notes) is passed over. Names
 * are checked before they become part of a path. The environment variable TZDIR is not heeded: the
 * library reads none.
 */
#include "engine/zones.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#define FOLDER "/usr/share/zoneinfo"
#define LEVELS_MAX 3u
/* Most zones that are kept; the system's folder has about 600. */
#define ZONES_MAX 4096u

void pz__zones_init(pz__zones *zones, pz__arena *arena)
{
    *zones = (pz__zones){.set = {.arena = arena}};
}

pz_status pz__zone_file_read(void *self, pz_str name, pz__buf *out)
{
    char path[sizeof FOLDER + PZ__ZONE_NAME_MAX + 2];
    (void)self;
    if (!pz__zone_name_ok(name))
        return PZ_ERR_NOT_FOUND;
    memcpy(path, FOLDER "/", sizeof FOLDER);
    memcpy(path + sizeof FOLDER, name.data, name.len);
    path[sizeof FOLDER + name.len] = '\0';
    pz_status status = pz__file_read(out, path, NULL);
    return status == PZ_ERR_IO ? PZ_ERR_NOT_FOUND : status;
}

/* ---- names ---- */

/* Two more trees of the same zones, and links to whatever this host is set to. */
static bool is_no_zone(pz_str name)
{
    static const char *const others[] = {"right", "posix", "localtime", "posixrules"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (pz__str_equal(name, pz_str_of(others[i])))
            return true;
    return !pz__zone_name_ok(name);
}

/* A file is handed on, a folder entered. */
static void list_folder(const char *region, uint32_t level, void (*put)(void *payload, pz_str name),
                        void *payload)
{
    char path[sizeof FOLDER + PZ__ZONE_NAME_MAX + 2], name[PZ__ZONE_NAME_MAX + 1];
    int len = snprintf(path, sizeof path, FOLDER "/%s", region);
    DIR *folder = len > 0 && (size_t)len < sizeof path ? opendir(path) : NULL;
    if (!folder)
        return;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        struct stat about;
        len = snprintf(name, sizeof name, "%s%s%s", region, *region ? "/" : "", entry->d_name);
        pz_str text = {name, len > 0 && (size_t)len < sizeof name ? (size_t)len : 0};
        if (is_no_zone(text) || fstatat(dirfd(folder), entry->d_name, &about, 0) != 0)
            continue;
        if (S_ISREG(about.st_mode))
            put(payload, text);
        else if (S_ISDIR(about.st_mode) && level < LEVELS_MAX)
            list_folder(name, level + 1, put, payload);
    }
    closedir(folder);
}

pz_status pz__zone_file_list(void *self, void (*put)(void *payload, pz_str name), void *payload)
{
    (void)self;
    list_folder("", 1, put, payload);
    return PZ_OK;
}

const pz__zone_source pz__zone_files = {NULL, pz__zone_file_read, pz__zone_file_list};

/* ---- zones of a program ---- */

static pz_status read_zone(pz__zones *zones, pz_str name)
{
    pz__buf bytes;
    if (pz__zone_find(&zones->set, name))
        return PZ_OK;
    if (zones->set.count == ZONES_MAX)
        return PZ_ERR_LIMIT;
    pz__buf_init(&bytes, &zones->set.arena->alloc, PZ__ZONE_BYTES_MAX);
    pz_status status = pz__zone_file_read(NULL, name, &bytes);
    pz__zone *zone = pz__arena_new(zones->set.arena, sizeof *zone);
    if (status == PZ_OK && !zone)
        status = PZ_ERR_NOMEM;
    if (status == PZ_OK)
        status = pz__zone_read(zones->set.arena, zone, name, bytes.data, bytes.len, NULL);
    if (status == PZ_OK)
        status = pz__zone_keep(&zones->set, zone);
    pz__buf_clear(&bytes);
    return status;
}

/* All zones at work. */
typedef struct reading {
    pz__zones *zones;
    pz_status status;
} reading;

static void read_listed(void *payload, pz_str name)
{
    reading *r = payload;
    if (r->status == PZ_OK && read_zone(r->zones, name) == PZ_ERR_NOMEM)
        r->status = PZ_ERR_NOMEM; /* anything else is no zone */
}

pz_status pz__zones_need(pz__zones *zones, pz_str name)
{
    reading r = {zones, PZ_OK};
    if (name.len > 0)
        return read_zone(zones, name);
    if (zones->has_all)
        return PZ_OK;
    pz__zone_file_list(NULL, read_listed, &r);
    zones->has_all = r.status == PZ_OK;
    return r.status;
}
