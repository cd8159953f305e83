/*
 * zones.c: time zones from the system's folder, while a rule is compiled.
 *
 * A zone that a rule names is read once and kept in the arena of what is compiled. A rule that
 * computes the name may ask for any, so then the whole folder is read: its regions hold cities, so
 * three levels suffice, and a file that is no compiled zone (tables, notes) is passed over. Names
 * are checked before they become part of a path. The environment variable TZDIR is not heeded: the
 * library reads none.
 */
#include "engine/zones.h"

#include <dirent.h>
#include <stdio.h>

#define FOLDER "/usr/share/zoneinfo"
#define LEVELS_MAX 3u
/* Most zones that are kept; the system's folder has about 600. */
#define ZONES_MAX 4096u

void pz__zones_init(pz__zones *zones, pz__arena *arena)
{
    *zones = (pz__zones){.set = {.arena = arena}};
}

static pz_status read_zone(pz__zones *zones, pz_str name)
{
    char path[sizeof FOLDER + PZ__ZONE_NAME_MAX + 2];
    pz__buf bytes;
    if (pz__zone_find(&zones->set, name))
        return PZ_OK;
    if (!pz__zone_name_ok(name))
        return PZ_ERR_NOT_FOUND;
    if (zones->set.count == ZONES_MAX)
        return PZ_ERR_LIMIT;
    memcpy(path, FOLDER "/", sizeof FOLDER);
    memcpy(path + sizeof FOLDER, name.data, name.len);
    path[sizeof FOLDER + name.len] = '\0';
    pz__buf_init(&bytes, &zones->set.arena->alloc, PZ__ZONE_BYTES_MAX);
    pz_status status = pz__file_read(&bytes, path, NULL);
    pz__zone *zone = pz__arena_new(zones->set.arena, sizeof *zone);
    if (status == PZ_ERR_IO)
        status = PZ_ERR_NOT_FOUND;
    else if (status == PZ_OK && !zone)
        status = PZ_ERR_NOMEM;
    if (status == PZ_OK)
        status = pz__zone_read(zones->set.arena, zone, name, bytes.data, bytes.len, NULL);
    if (status == PZ_OK)
        status = pz__zone_keep(&zones->set, zone);
    pz__buf_clear(&bytes);
    return status;
}

static pz_status read_folder(pz__zones *zones, const char *region, uint32_t level)
{
    char path[sizeof FOLDER + PZ__ZONE_NAME_MAX + 2], name[PZ__ZONE_NAME_MAX + 1];
    int len = snprintf(path, sizeof path, FOLDER "/%s", region);
    DIR *folder = len > 0 && (size_t)len < sizeof path ? opendir(path) : NULL;
    pz_status status = PZ_OK;
    if (!folder)
        return PZ_OK;
    const struct dirent *entry;
    while (status == PZ_OK && (entry = readdir(folder)) != NULL) {
        len = snprintf(name, sizeof name, "%s%s%s", region, *region ? "/" : "", entry->d_name);
        pz_str text = {name, len > 0 && (size_t)len < sizeof name ? (size_t)len : 0};
        if (!pz__zone_name_ok(text) || pz__str_equal(text, PZ__STR("right")) ||
            pz__str_equal(text, PZ__STR("posix")))
            continue;
        status = read_zone(zones, text);
        if (status == PZ_ERR_NOT_FOUND && level < LEVELS_MAX)
            status = read_folder(zones, name, level + 1);
        if (status != PZ_ERR_NOMEM) /* what is no zone is passed over */
            status = PZ_OK;
    }
    closedir(folder);
    return status;
}

pz_status pz__zones_need(pz__zones *zones, pz_str name)
{
    if (name.len > 0)
        return read_zone(zones, name);
    if (zones->has_all)
        return PZ_OK;
    pz_status status = read_folder(zones, "", 1);
    zones->has_all = status == PZ_OK;
    return status;
}
