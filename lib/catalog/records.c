/*
 * records.c: what becomes of decision records.
 *
 *     "records": {"retention": "90d"}
 *
 * Retention counts from the moment of the decision. Without one, records stay until they are
 * removed by a call or their person is erased. The catalog only says how long; engine removes them.
 */
#include "catalog/build.h"

static void read_retention(pz__build *build, void *into, const pz__node *node)
{
    (void)into;
    build->catalog->record_retention_ms = pz__read_span(build, node);
}

static const pz__member record_members[] = {
    {"retention", PZ__OPTIONAL, PZ__WANT_TEXT, read_retention, "a span such as \"90d\"",
     "How long decision records are kept; for good unless declared."},
};
const pz__members pz__record_members = PZ__MEMBERS("\"records\"", record_members);

void pz__read_records(pz__build *build, const pz__node *node)
{
    pz__read_members(build, node, &pz__record_members, build);
}
