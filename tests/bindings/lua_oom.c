/*
 * lua_oom.c: the Lua module when Lua runs out of memory: lua_oom SHOP VERBS, two catalogs.
 *
 * A scenario is run again and again; Lua's allocator fails at its first request, then at its
 * second, and so on until the scenario comes to its end. The C library allocates elsewhere and
 * never fails here: whatever a raising call leaves behind is found by the leak checker of an
 * address-sanitized build, and whatever it freed too early by the address checker.
 */
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

int luaopen_personalize(lua_State *L);

/* Counts requests and refuses the one that is due, and the hundred after it: Lua collects garbage
 * and asks again. */
typedef struct budget {
    unsigned long count, fail_at;
} budget;

static void *allocate(void *payload, void *block, size_t old_size, size_t new_size)
{
    budget *b = payload;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    if (!block || new_size > old_size) {
        b->count++;
        if (b->fail_at && b->count >= b->fail_at && b->count < b->fail_at + 100)
            return NULL;
    }
    return realloc(block, new_size);
}

static const char scenario[] =
    "local p = require 'personalize'\n"
    "local shop = p.open(CATALOG)\n"
    "local ann = shop:customer('email', 'ann@example.com')\n"
    "ann:choose('language', 'de', {channel = 'web', at = '2026-03-20T12:00:00Z'})\n"
    "local now = {now = '2026-03-20T12:00:00Z'}\n"
    "ann:observe({kind = 'visit', source = 's', id = '1', time = now.now}, now)\n"
    "local why = shop:explain('home.hero', ann, {country = 'DE', basket = 4})\n"
    "assert(why.text and why.map.layers)\n"
    "shop:observe_many({{kind = 'visit', source = 's', id = '2', customer = 'c',\n"
    "                     time = now.now}}, now)\n"
    "shop:record('home.hero', ann, {basket = 4}, nil, nil, {note = 'r-17'})\n"
    "shop:record_many {shop:decision_record('home.hero', ann)}\n"
    "assert(#shop:records {limit = 9} == 2) shop:expire_records(now.now)\n"
    "shop:inspect('language', ann) shop:segments(ann) shop:resolve('language', ann)\n"
    "local copy = shop:decode(ann:bytes()) copy:export()\n"
    "p.safe.eval('1 +') p.safe.eval('x', {x = {1, {a = p.bytes 'b'}}})\n"
    "assert(#p.check(CATALOG) == 0)\n"
    "p.parse(p.print {1, 2, {a = p.duration '1s'}})\n"
    "local verbs = p.open(VERBS)\n"
    "local me, you = verbs:detached 'me', verbs:detached 'you'\n"
    "me:choose('address', {city = 'Bonn'}, now) me:clear('address', {member = 'city'})\n"
    "me:edit('toolbar', 'help', {pin = 0}, now) me:set_mode('language', 'OFF', now)\n"
    "me:set_level('deep', now) me:undo(nil, now) me:consent('ads', true, now)\n"
    "you:consent_tcf(me:tcf {language = 'DE'}, now) you:consent_gpc(true, now)\n"
    "me:link('you', {strength = 0.5}) me:set_account('firm') me:person {you}\n"
    "assert(#verbs:person(me).members == 2) me:unlink 'you' me:switch 'you'\n"
    "me:observe({kind = 'visit', source = 's', id = '1', time = now.now}, now)\n"
    "me:retract('s', '1', now) me:forget('language', {from = now.now, now = now.now})\n"
    "local view = verbs:view(me:bytes()) me:export_text()\n"
    "verbs:resolve_many({'language', 'topics'}, {me, false, view})\n"
    "verbs:answer_many('language', {'a', 'b'}, now, nil, 'deep', {by = 'customer'})\n"
    "verbs:segments_many({me, false}, now, nil, nil, {jsonl = true})\n"
    "verbs:inspect_many({'language'}, {me}) verbs:inspect_privileged('age', me)\n"
    "local rule = p.compile('a > b', {variables = {a = 'int', b = 'int'}, sizes = {a = 1}})\n"
    "assert(rule:evaluate({a = 1}).unknowns[1] == 'b') rule:reads() rule:text()\n"
    "assert(rule:eval {a = p.int '2', b = p.int '1'}) rule:close()\n"
    /* Lua called from C: what fails there is raised where the question was asked. */
    "local hosted\n"
    "hosted = p.open {functions = {f = {function(town)\n"
    "    hosted:decide 'pure' return {town .. '!'} end, {'string'}, 'dyn'}},\n"
    "  records = {take = function(record) return record.id .. '.' end, erase = tostring}}\n"
    "hosted:load_text [[{\"attributes\": {\"town\": {\"type\": \"string\", \"default\": \"B\"}},\n"
    "  \"segments\": {\"s\": \"f(profile.town)[0] == 'B!'\"}, \"decisions\": {\"pure\": "
    "{\"default\": 1},\n"
    "  \"d\": {\"rules\": [{\"id\": \"r\", \"when\": \"segment.s\", \"value\": 1}]}}}]]\n"
    "local you = hosted:customer('email', 'x') you:choose('town', 'B', now)\n"
    "assert(hosted:explain('d', you).value == 1 and hosted:record('d', you).number == 0)\n"
    "assert(#hosted:decide_many('d', {you, false}) == 2 and hosted:test() == 0)\n"
    "hosted:record_many {hosted:decision_record('d', you)} hosted:erase(you:id())\n"
    "p.safe.compile('g()', {functions = {g = {error, '() -> int'}}}):eval()\n"
    "assert(p.compile('g(1u)', {functions = {g = {{tostring, {'uint'}, 'string'}}}}):eval() == "
    "'1')\n";

static int run(lua_State *L)
{
    luaL_openlibs(L);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "preload");
    lua_pushcfunction(L, luaopen_personalize);
    lua_setfield(L, -2, "personalize");
    const char *const *catalogs = lua_touserdata(L, 1);
    lua_pushstring(L, catalogs[0]);
    lua_setglobal(L, "CATALOG");
    lua_pushstring(L, catalogs[1]);
    lua_setglobal(L, "VERBS");
    if (luaL_loadstring(L, scenario) != LUA_OK)
        return lua_error(L);
    lua_call(L, 0, 0);
    return 0;
}

/* Whether the scenario came to its end. */
static int attempt(char **catalogs, unsigned long fail_at)
{
    budget b = {0, fail_at};
    lua_State *L = lua_newstate(allocate, &b);
    if (!L)
        return 0;
    /* Lua forgets a finalizer that it has no memory to call, so none runs before there is again. */
    lua_gc(L, LUA_GCSTOP, 0);
    lua_pushcfunction(L, run);
    lua_pushlightuserdata(L, catalogs);
    const int result = lua_pcall(L, 1, 0, 0);
    if (result != LUA_OK && !fail_at)
        printf("%s\n", lua_tostring(L, -1));
    const int is_whole = result == LUA_OK && b.count < (fail_at ? fail_at : b.count + 1);
    /* The engine is closed here at the latest, whatever was left in the middle. */
    b.fail_at = 0;
    lua_close(L);
    return is_whole;
}

int main(int argc, char **argv)
{
    if (argc != 3 || !attempt(argv + 1, 0)) {
        fprintf(stderr, "lua_oom SHOP VERBS: the scenario fails with all the memory it wants\n");
        return 1;
    }
    unsigned long fail_at = 1;
    while (!attempt(argv + 1, fail_at))
        fail_at++;
    printf("%lu allocations, each failed in turn\n", fail_at - 1);
    return fail_at > 100 ? 0 : 1;
}
