/*
 * rules.c: from the text of a rule inside the document to a program, and its mistakes back to the
 * bytes they stand on.
 *
 * A rule is a JSON string, so what the compiler sees is not what the document holds: \" is one byte
 * there and two here, \u00e9 two and six. A mistake at byte n of the rule is placed by walking the
 * string as it is written until n decoded bytes have gone by; a position inside an escape is the
 * escape's beginning.
 */
#include "catalog/build.h"

/* How many bytes of the document one character of a string takes, and how many it decodes to. */
typedef struct step {
    uint32_t written, decoded;
} step;

static uint32_t hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0');
    return (uint32_t)((c | 0x20) - 'a' + 10);
}

static uint32_t hex_unit(const char *digits)
{
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++)
        unit = unit << 4 | hex_digit(digits[i]);
    return unit;
}

/* The string has been read already, so every escape is well formed. */
static step step_at(const char *at)
{
    if (at[0] != '\\')
        return (step){1, 1};
    if (at[1] != 'u')
        return (step){2, 1};
    uint32_t unit = hex_unit(at + 2);
    if (unit >= 0xd800 && unit < 0xdc00)
        return (step){12, 4};
    uint32_t decoded = unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
    return (step){6, decoded};
}

uint32_t pz__place_in_text(const pz__build *build, const pz__node *node, uint32_t offset)
{
    const char *text = build->catalog->source.data;
    uint32_t place = node->start + 1, decoded = 0;
    while (place + 1 < node->end && decoded < offset) {
        step s = step_at(text + place);
        if (decoded + s.decoded > offset)
            break;
        decoded += s.decoded;
        place += s.written;
    }
    return place;
}

/* A search among the names of an environment for "context.NAME", given NAME: exactly so called, or
 * nearly. */
typedef struct search {
    pz_str wanted, found;
    pz__near near;
    pz_str near_whole;
} search;

static void match_last_part(void *payload, pz_str name)
{
    search *s = payload;
    const char *dot = memchr(name.data, '.', name.len);
    if (s->found.len || !dot)
        return;
    const pz_str last = {dot + 1, name.len - (size_t)(dot + 1 - name.data)};
    const size_t before_len = name.len > s->wanted.len ? name.len - s->wanted.len : 0;
    if (before_len && name.data[before_len - 1] == '.' &&
        memcmp(name.data + before_len, s->wanted.data, s->wanted.len) == 0) {
        s->found = name;
        return;
    }
    const char *before = s->near.name.data;
    pz__nearer(&s->near, s->wanted, last);
    if (s->near.name.data != before)
        s->near_whole = name;
}

/* The whole name, where a rule says only its last part ("profile.language" for "language", or for
 * "langauge"), or has it under another roof ("context.country" for "profile.country"). */
static pz_str whole_name(const pz__cel_env *env, pz_str rule, const pz__cel_issue *issue)
{
    search s = {.found = {NULL, 0}};
    if (!issue->is_unknown_name || issue->start >= issue->end || issue->end > rule.len)
        return s.found;
    s.wanted = (pz_str){rule.data + issue->start, issue->end - issue->start};
    const char *dot = memchr(s.wanted.data, '.', s.wanted.len);
    if (dot)
        s.wanted = (pz_str){dot + 1, s.wanted.len - (size_t)(dot + 1 - s.wanted.data)};
    if (env->suggest)
        env->suggest(env->self, match_last_part, &s);
    /* A short word is more likely a text without quotes than a name. */
    const bool is_nearly = !dot && !s.found.len && !issue->suggestion.len && s.wanted.len > 4;
    return is_nearly ? s.near_whole : s.found;
}

/* What else is said of a name that nothing is nearly called like. */
static const char *about_name(const pz__cel_env *env, pz_str name)
{
    static const pz_str roots[] = {{"profile", 7}, {"context", 7}, {"segment", 7}};
    const bool is_of_event = name.len >= 5 && memcmp(name.data, "event", 5) == 0 &&
                             (name.len == 5 || name.data[5] == '.');
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
        if (pz__str_equal(name, roots[i]))
            return "; a name is written with a dot, as in profile.language";
    return is_of_event && env->derive ? "; only the rules of signals see the event" : NULL;
}

/* True if a rule of a signal, whose environment derives nothing, asks for a name of segments and
 * decisions. */
static bool is_about_customer(const pz__cel_env *env, pz_str rule, const pz__cel_issue *issue)
{
    static const char *const roots[] = {"profile.", "context.", "segment."};
    for (size_t i = 0; !env->derive && i < sizeof roots / sizeof roots[0]; i++) {
        const size_t len = strlen(roots[i]);
        if (issue->start + len < issue->end && issue->end <= rule.len &&
            memcmp(rule.data + issue->start, roots[i], len) == 0)
            return true;
    }
    return false;
}

static void tell_issues(pz__build *build, const pz__node *node, const pz__cel_env *env,
                        const pz__cel_issues *issues)
{
    const pz_str rule = pz_value_text(node->value);
    for (uint32_t i = 0; i < issues->count && !pz__is_stopped(build); i++) {
        const pz__cel_issue *issue = &issues->list[i];
        uint32_t start = pz__place_in_text(build, node, issue->start);
        uint32_t end =
            issue->end > issue->start ? pz__place_in_text(build, node, issue->end) : start;
        if (end <= start)
            end = start + 1;
        const pz_str whole = whole_name(env, rule, issue);
        const pz_str name = {rule.data + issue->start, issue->end - issue->start};
        const char *about = issue->is_unknown_name ? about_name(env, name) : NULL;
        if (is_about_customer(env, rule, issue))
            pz__mistake(build, start, end, (pz_str){NULL, 0},
                        "a signal's rules see the event alone: write event.MEMBER, and ask for "
                        "'%.*s' in a segment or a decision",
                        PZ__STR_ARG(name));
        else if (about)
            pz__mistake(build, start, end, (pz_str){NULL, 0}, "unknown name '%.*s'%s",
                        PZ__STR_ARG(name), about);
        else if (whole.len)
            pz__mistake(build, start, end, whole, "unknown name '%.*s'%s", PZ__STR_ARG(name),
                        memchr(name.data, '.', name.len) ? "" : "; a rule says names in full");
        else
            pz__mistake(build, start, end, issue->suggestion, "%s", issue->message);
    }
}

const pz__program *pz__read_rule(pz__build *build, const pz__node *node, const pz__cel_env *env,
                                 const pz__type *expect)
{
    const pz__program *program = NULL;
    pz__cel_issues issues = {NULL, 0};
    pz__cel_options options = {.expect = expect};
    build->rule = node;
    pz_status status =
        pz__cel_compile(build->arena, &program, pz_value_text(node->value), env, &options, &issues);
    if (status == PZ_ERR_NOMEM || build->is_out_of_memory) {
        build->is_out_of_memory = true;
        return NULL;
    }
    if (status == PZ_OK)
        return program;
    tell_issues(build, node, env, &issues);
    if (issues.count == 0)
        pz__mistake_at(build, node, "this rule cannot be compiled: %s", pz_status_text(status));
    return NULL;
}
