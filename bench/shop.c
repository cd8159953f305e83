/*
 * shop.c: see shop.h.
 *
 * A seventh of all facts is missing, so that rules also come to unknown. What a customer likes is
 * not declared but inferred from fifteen events, the costliest kind of answer; half of the
 * customers have that evidence. Purchases lie in the last 60 days, which the segment's window of 90
 * covers whole.
 */
#include "shop.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

const char shop_catalog[] =
    "{\"catalog\": \"bench\", \"context\": {\"channel\": \"string\"},\n"
    "\"attributes\": {\n"
    "  \"country\": {\"type\": \"string\", \"one_of\": [\"DE\", \"AT\", \"CH\", \"FR\", \"NL\"]},\n"
    "  \"plan\": {\"type\": \"string\", \"one_of\": [\"free\", \"plus\", \"pro\"]},\n"
    "  \"language\": {\"type\": \"string\", \"one_of\": [\"de\", \"en\", \"fr\"]},\n"
    "  \"city\": {\"type\": \"string\"}, \"age\": {\"type\": \"int\"},\n"
    "  \"newsletter\": {\"type\": \"bool\"}, \"score\": {\"type\": \"double\"},\n"
    "  \"category\": {\"type\": \"string\", \"one_of\": [\"garden\", \"home\", \"toys\", "
    "\"books\"],\n"
    "    \"half_life\": \"90d\", \"threshold\": 0.75}},\n"
    "\"signals\": [{\"on\": \"view\", \"about\": \"category\", \"value\": \"event.category\", "
    "\"weight\": 1}],\n"
    "\"segments\": {\"regular\": \"count('purchase', duration('2160h')) >= 3\"},\n"
    "\"decisions\": {\"home.hero\": {\"rules\": [\n"
    "  {\"id\": \"minors\", \"when\": \"profile.age < 18\", \"value\": \"family\"},\n"
    "  {\"id\": \"upgrade\", \"value\": \"upgrade\",\n"
    "   \"when\": \"segment.regular && profile.plan == 'free' && profile.newsletter\"},\n"
    "  {\"id\": \"garden\", \"value\": \"spring-planting\",\n"
    "   \"when\": \"profile.category == 'garden' && profile.country in ['DE', 'AT', 'CH']\"},\n"
    "  {\"id\": \"lounge\", \"value\": \"lounge\", \"because\": \"Good customers near a "
    "lounge.\",\n"
    "   \"when\": \"profile.score > 0.8 && profile.plan != 'free' && "
    "profile.city.startsWith('B')\"},\n"
    "  {\"id\": \"german\", \"value\": \"willkommen\",\n"
    "   \"when\": \"profile.language == 'de' && !segment.regular && context.channel == 'web'\"}],\n"
    "  \"default\": \"generic\"}}}";

static const char *pick(uint64_t *state, const char *const *from, uint32_t count)
{
    return bench_below(state, 7) == 0 ? NULL : from[bench_below(state, count)];
}

shop_facts shop_facts_of(uint32_t number)
{
    static const char *const countries[] = {"DE", "AT", "CH", "FR", "NL"};
    static const char *const plans[] = {"free", "plus", "pro"};
    static const char *const languages[] = {"de", "en", "fr"};
    static const char *const cities[] = {"Berlin", "Bern", "Wien", "Paris", "Bonn", "Utrecht"};
    uint64_t state = UINT64_C(20260309) * (number + 1);
    shop_facts f = {.age = -1, .newsletter = -1, .score = -1};
    f.country = pick(&state, countries, 5);
    f.plan = pick(&state, plans, 3);
    f.language = pick(&state, languages, 3);
    f.city = pick(&state, cities, 6);
    if (bench_below(&state, 7))
        f.age = 12 + (int32_t)bench_below(&state, 60);
    if (bench_below(&state, 7))
        f.newsletter = (int32_t)bench_below(&state, 2);
    if (bench_below(&state, 7))
        f.score = (double)bench_below(&state, 100) / 100.0;
    f.purchases = bench_below(&state, 6);
    f.likes_garden = bench_below(&state, 2);
    return f;
}

static bool is(const char *fact, const char *text)
{
    return fact && strcmp(fact, text) == 0;
}

const char *shop_expected(const shop_facts *f)
{
    const bool is_regular = f->purchases >= 3;
    if (f->age >= 0 && f->age < 18)
        return "family";
    if (is_regular && is(f->plan, "free") && f->newsletter == 1)
        return "upgrade";
    if (f->likes_garden && (is(f->country, "DE") || is(f->country, "AT") || is(f->country, "CH")))
        return "spring-planting";
    if (f->score > 0.8 && f->plan && !is(f->plan, "free") && f->city && f->city[0] == 'B')
        return "lounge";
    if (is(f->language, "de") && !is_regular)
        return "willkommen";
    return "generic";
}

static const pz_write by_web = {PZ_WRITE, .channel = "web", .writer = "a-store-of-ours!"};

static void declare(pz_profile *profile, const char *name, pz_value value)
{
    pz_error err = PZ_ERROR_INIT;
    if (value.kind != PZ_NULL)
        bench_must(pz_declare(profile, name, value, &by_web, &err), &err, name);
}

static void observe(pz_profile *profile, const char *kind, uint32_t number, int64_t at_ms)
{
    char id[32];
    pz_pool *pool;
    pz_value event;
    pz_error err = PZ_ERROR_INIT;
    snprintf(id, sizeof id, "%s-%u", kind, number);
    const pz_entry entries[] = {
        {pz_value_str("kind"), pz_value_str(kind)},
        {pz_value_str("source"), pz_value_str("shop")},
        {pz_value_str("id"), pz_value_str(id)},
        {pz_value_str("time"), pz_value_time_ms(at_ms)},
        {pz_value_str("category"), pz_value_str("garden")},
    };
    bench_must(pz_pool_new(&pool, NULL), NULL, "a pool");
    bench_must(pz_pool_map(pool, &event, entries, 5), NULL, "an event");
    bench_must(pz_observe(profile, event, &by_web, NULL, &err), &err, "an event");
    pz_pool_free(pool);
}

pz_profile *shop_profile(pz_engine *engine, uint32_t number)
{
    const shop_facts f = shop_facts_of(number);
    char id[40], name[16];
    pz_profile *profile;
    pz_error err = PZ_ERROR_INIT;
    snprintf(id, sizeof id, "00000000-0000-4000-8000-%012u", number);
    snprintf(name, sizeof name, "c%u", number);
    bench_must(pz_profile_new(&profile, engine, PZ_PERSON, id, &err), &err, "a profile");
    bench_must(pz_identify(profile, "customer", name, &by_web, &err), &err, "an identifier");
    declare(profile, "country", pz_value_str(f.country));
    declare(profile, "plan", pz_value_str(f.plan));
    declare(profile, "language", pz_value_str(f.language));
    declare(profile, "city", pz_value_str(f.city));
    declare(profile, "age", f.age < 0 ? pz_value_null() : pz_value_int(f.age));
    declare(profile, "newsletter",
            f.newsletter < 0 ? pz_value_null() : pz_value_bool(f.newsletter == 1));
    declare(profile, "score", f.score < 0 ? pz_value_null() : pz_value_double(f.score));
    for (uint32_t i = 0; i < f.purchases; i++)
        observe(profile, "purchase", i, BENCH_NOW - (i + 1) * 10 * DAY_MS);
    for (uint32_t i = 0; f.likes_garden && i < 15; i++)
        observe(profile, "view", i, BENCH_NOW - (i + 1) * DAY_MS);
    return profile;
}
