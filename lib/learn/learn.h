/*
 * learn.h: the door of the learn room: events become evidence and counters.
 *
 * An event is a map: kind, source, id, time, channel, and the members of its data. The catalog's
 * signals say about which attribute it speaks, for which value and with what weight; the catalog's
 * counters say what to count. Nothing is changed here: the result is an observation for
 * pz__profile_observe. Pure.
 */
#ifndef PZ_LEARN_ROOM_H
#define PZ_LEARN_ROOM_H

#include "catalog/catalog.h"

/* Limits on one event: contributions it may make. */
#define PZ__EVENT_CONTRIBUTIONS_MAX 256u

/* The fixed members of an event, read and checked. */
typedef struct pz__event {
    pz_str kind, source, id, channel;
    int64_t time_ms;
    pz_value subject; /* "customer" (or CloudEvents' "subject"); null if there is none */
    pz_value data;    /* the whole event as rules see it: `event.NAME` */
} pz__event;

/*
 * Read an event from a map: either the short form {"kind", "source", "id", "time", "channel",
 * "customer", ...members} or a CloudEvents 1.0 document (it has "specversion": type, source, id,
 * time, subject, data; members of data become members of the event). "time" is RFC 3339 text.
 * PZ_ERR_TYPE or PZ_ERR_PARSE names the member that is missing or wrong.
 */
pz_status pz__event_read(pz__arena *arena, pz__event *out, pz_value document, pz_error *err);

/*
 * The members of an event as the catalog declares them: a text as the timestamp, duration or bytes
 * it stands for, a whole number as the double, int or uint it is. What is not declared
 * stays as it came; maps have their entries in the order of their keys, and so has the event where a
 * rule may walk through it. pz__learn_event() does it. PZ_ERR_TYPE, naming the member, for what does
 * not fit; PZ_ERR_NOMEM.
 */
pz_status pz__event_fit(pz__arena *arena, const pz__catalog *catalog, pz__event *event,
                        pz_error *err);

/* Say that the catalog's "events" do not declare a kind; with `is_near`, which takes a look at all of
 * them, with the one that may have been meant. */
void pz__event_say_undeclared(const pz__catalog *catalog, pz_str kind, bool is_near, pz_error *note);

/* Which attributes evidence may be gathered about, here and now: asked of each that a signal speaks
 * about. */
typedef struct pz__gathering {
    void *self;
    bool (*allows)(void *self, const pz__attribute *attribute);
} pz__gathering;

/*
 * What the event adds, as far as `gathering` allows (NULL: of everything). Values outside the
 * attribute's domain are dropped; a signal whose rule is not TRUE, or whose value fails, does not
 * speak. Counters of the event's kind count 1; sums add the member times its scale, rounded half to
 * even, saturating (a member that is missing, or of type dyn and no number, adds nothing). Everything
 * is in the arena. PZ_ERR_TYPE for a member that is not what the catalog declares, PZ_ERR_LIMIT,
 * PZ_ERR_NOMEM.
 */
pz_status pz__learn_event(pz__arena *arena, const pz__catalog *catalog, const pz__event *event,
                          const pz__gathering *gathering, pz__observation *out, pz_error *err);

#endif
