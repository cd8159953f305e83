-- library.lua: the C library as LuaJIT's FFI sees it: where it is, its structs and its functions.
--
-- What is declared here is what the public headers say, word for word; a test compares the two. A
-- status and every other enumeration is an int, so that LuaJIT makes numbers of them, not objects.
--
-- LuaJIT compiles no call that takes or gives a struct by value; it leaves the whole trace. What a
-- request calls is therefore declared a second time, "by words": a pz_value travels as two integer
-- registers, and so does a pair of uint64_t. That holds on the 64-bit ABIs that LuaJIT has and the
-- library is built for (SysV x86-64, AAPCS64); elsewhere the structs are passed as structs.
--
-- The library is looked for in this order: PERSONALIZE_LIBRARY, a full path (a wrong one is an
-- error); beside this package or where it lies in a build tree or below one prefix; where the C module
-- of Lua 5.1 would find it; by its soname.
local ffi = require "ffi"

local MAJOR, MINOR = 0, 1
local ABI = MAJOR > 0 and tostring(MAJOR) or ("0.%d"):format(MINOR)
local SONAME = "libpersonalize.so." .. ABI

local DECLARATIONS = [[
typedef int pz_status;
typedef int pz_severity;
typedef int pz_kind;
typedef int pz_subject;
typedef int pz_mode;
typedef int pz_durability;

/* base.h */
const char *pz_status_name(pz_status status);
const char *pz_status_text(pz_status status);
const char *pz_version(void);
typedef struct pz_str { const char *data; size_t len; } pz_str;
typedef struct pz_error {
  uint32_t size; pz_status status; uint32_t line; uint32_t column; char message[512];
} pz_error;
typedef void *(*pz_realloc_fn)(void *payload, void *ptr, size_t old_size, size_t new_size);
typedef struct pz_alloc { pz_realloc_fn fn; void *payload; } pz_alloc;

/* report.h */
typedef struct pz_diagnostic {
  uint32_t size; pz_severity severity; const char *file; uint32_t line; uint32_t column;
  uint32_t length; const char *path; const char *message; const char *suggestion;
  const char *source;
} pz_diagnostic;
typedef struct pz_report pz_report;
uint32_t pz_report_count(const pz_report *report);
pz_status pz_report_get(const pz_report *report, uint32_t index, pz_diagnostic *out);
void pz_report_free(pz_report *report);

/* value.h */
typedef struct pz_map pz_map;
typedef struct pz_value {
  uint32_t kind; uint32_t len;
  union {
    bool b; int64_t i; uint64_t u; double d; const char *text; const struct pz_value *items;
    const pz_map *map;
  } as;
} pz_value;
typedef struct pz_entry { pz_value key; pz_value value; } pz_entry;
const char *pz_kind_name(pz_kind kind);
const pz_entry *pz_value_entries(pz_value map);
bool pz_value_equal(pz_value a, pz_value b);
int pz_value_compare(pz_value a, pz_value b);
typedef struct pz_pool pz_pool;
pz_status pz_pool_new(pz_pool **out, const pz_alloc *alloc);
void pz_pool_reset(pz_pool *pool);
void pz_pool_free(pz_pool *pool);
pz_status pz_pool_string(pz_pool *pool, pz_value *out, const char *text, size_t len);
pz_status pz_pool_list(pz_pool *pool, pz_value *out, const pz_value *items, size_t count);
pz_status pz_pool_map_sorted(pz_pool *pool, pz_value *out, const pz_entry *entries, size_t count);
pz_status pz_pool_map(pz_pool *pool, pz_value *out, const pz_entry *entries, size_t count);
pz_status pz_pool_copy(pz_pool *pool, pz_value *out, pz_value v);
pz_status pz_value_parse(pz_pool *pool, pz_value *out, const char *json, size_t len, uint32_t flags, pz_error *err);
pz_status pz_value_print(pz_pool *pool, pz_str *out, pz_value v, uint32_t indent);

/* program.h, which the engine needs too */
typedef pz_status (*pz_function_fn)(void *payload, pz_pool *pool, const pz_value *args, size_t count, pz_value *out, pz_error *err);
typedef struct pz_function {
  const char *name; const char *signature; pz_function_fn call; void *payload;
} pz_function;

/* engine.h */
typedef struct pz_record_sink {
  uint32_t size; void *payload; pz_status (*take)(void *payload, pz_value record);
  pz_status (*erase)(void *payload, pz_str id);
} pz_record_sink;
typedef struct pz_engine pz_engine;
typedef int64_t (*pz_clock_fn)(void *payload);
typedef struct pz_engine_options {
  uint32_t size; uint32_t flags; const char *catalog; const char *store; const pz_alloc *alloc;
  pz_clock_fn clock; void *clock_payload; int64_t skew_ms; uint64_t store_bytes;
  const struct pz_store_module *module; const pz_function *functions; size_t function_count;
  const pz_record_sink *records; const struct pz_store_hooks *hooks;
} pz_engine_options;
pz_status pz_engine_open(pz_engine **out, const pz_engine_options *options, pz_error *err);
void pz_engine_close(pz_engine *engine);
pz_status pz_engine_load(pz_engine *engine, const char *path, pz_report **report, pz_error *err);
pz_status pz_engine_load_text(pz_engine *engine, const char *name, const char *text, size_t len, pz_report **report, pz_error *err);
pz_status pz_engine_test(pz_engine *engine, pz_report **report, uint32_t *passed, uint32_t *failed, pz_error *err);
pz_status pz_engine_catalog_hash(pz_engine *engine, char out[33]);
typedef struct pz_observed {
  uint32_t size; pz_status status; bool is_new; char message[256];
} pz_observed;
pz_status pz_observe_many(pz_engine *engine, const pz_value *events, size_t count, int64_t now_ms, uint32_t flags, pz_observed *results, pz_error *err);

/* profile.h */
typedef struct pz_profile pz_profile;
typedef struct pz_write {
  uint32_t size; uint32_t flags; int64_t at_ms; int64_t now_ms; int64_t expires_ms;
  const char *channel; const char *who; const char *writer;
  pz_durability durability;
} pz_write;
pz_status pz_apply_many(pz_engine *engine, const pz_value *rows, size_t count, const struct pz_write *defaults, uint32_t flags, pz_observed *results, pz_error *err);
pz_status pz_customer(pz_profile **out, pz_engine *engine, const char *kind, const char *value, pz_error *err);
pz_status pz_profile_open(pz_profile **out, pz_engine *engine, const char *id, pz_error *err);
pz_status pz_profile_new(pz_profile **out, pz_engine *engine, pz_subject subject, const char *id, pz_error *err);
pz_status pz_profile_decode(pz_profile **out, pz_engine *engine, const void *bytes, size_t len, pz_error *err);
pz_status pz_profile_view(pz_profile **out, pz_engine *engine, const void *bytes, size_t len, pz_error *err);
void pz_profile_free(pz_profile *profile);
pz_str pz_profile_id(const pz_profile *profile);
bool pz_profile_exists(const pz_profile *profile);
pz_status pz_profile_refresh(pz_profile *profile, pz_error *err);
pz_status pz_choose(pz_profile *profile, const char *attribute, pz_value value, const pz_write *write, pz_error *err);
pz_status pz_reject(pz_profile *profile, const char *attribute, pz_value value, const pz_write *write, pz_error *err);
pz_status pz_clear(pz_profile *profile, const char *attribute, const pz_write *write, pz_error *err);
pz_status pz_clear_member(pz_profile *profile, const char *attribute, const char *member, const pz_write *write, pz_error *err);
pz_status pz_edit(pz_profile *profile, const char *attribute, const char *item, pz_value what, const pz_write *write, pz_error *err);
pz_status pz_set_mode(pz_profile *profile, const char *attribute, pz_mode mode, const pz_write *write, pz_error *err);
pz_status pz_set_level(pz_profile *profile, const char *level, const pz_write *write, pz_error *err);
pz_status pz_undo(pz_profile *profile, const char *attribute, const pz_write *write, pz_error *err);
pz_status pz_declare(pz_profile *profile, const char *attribute, pz_value value, const pz_write *write, pz_error *err);
pz_status pz_infer(pz_profile *profile, const char *attribute, pz_value value, double confidence, const pz_write *write, pz_error *err);
pz_status pz_identify(pz_profile *profile, const char *kind, const char *value, const pz_write *write, pz_error *err);
pz_status pz_observe(pz_profile *profile, pz_value event, const pz_write *write, bool *is_new, pz_error *err);
pz_status pz_consent(pz_profile *profile, const char *purpose, bool is_granted, const pz_write *write, pz_error *err);
pz_status pz_consent_tcf(pz_profile *profile, const char *tc_string, const pz_write *write, uint32_t *changed, pz_error *err);
pz_status pz_consent_gpc(pz_profile *profile, bool is_on, const pz_write *write, uint32_t *changed, pz_error *err);
typedef struct pz_tcf {
  uint32_t size; uint16_t cmp_id; uint16_t cmp_version; uint16_t vendor_list_version;
  uint8_t policy_version; uint8_t screen; const char *language; const char *publisher_country;
} pz_tcf;
pz_status pz_profile_tcf(const pz_profile *profile, const pz_tcf *options, pz_pool *pool, pz_str *out, pz_error *err);
typedef struct pz_span { int64_t from_ms; int64_t to_ms; } pz_span;
pz_status pz_forget(pz_profile *profile, const char *attribute, const pz_span *span, const pz_write *write, pz_error *err);
pz_status pz_expire(pz_profile *profile, const char *attribute, const pz_write *write, uint32_t *count, pz_error *err);
pz_status pz_retract(pz_profile *profile, const char *source, const char *id, const pz_write *write, pz_error *err);
pz_status pz_retract_all(pz_profile *profile, const char *attribute, const pz_span *span, const pz_write *write, uint32_t *count, pz_error *err);
pz_status pz_link(pz_profile *profile, const char *other, double strength, const pz_write *write, pz_error *err);
pz_status pz_unlink(pz_profile *profile, const char *other, const pz_write *write, pz_error *err);
pz_status pz_switch(pz_profile *profile, const char *other, const pz_write *write, pz_error *err);
pz_status pz_set_account(pz_profile *profile, const char *account, const pz_write *write, pz_error *err);
pz_status pz_profile_apply(pz_profile *profile, pz_value operation, const pz_write *defaults, pz_error *err);
pz_status pz_merge(pz_profile *profile, const pz_profile *other, pz_error *err);
pz_status pz_profile_encode(const pz_profile *profile, pz_pool *pool, pz_value *out, pz_error *err);
pz_status pz_profile_export(const pz_profile *profile, pz_pool *pool, pz_str *out, uint32_t indent, pz_error *err);
pz_status pz_profile_export_text(const pz_profile *profile, pz_pool *pool, pz_str *out, pz_error *err);
pz_status pz_profile_ids(pz_engine *engine, pz_pool *pool, pz_value *out, pz_error *err);
pz_status pz_profile_count(pz_engine *engine, uint64_t *out, pz_error *err);

/* people.h */
typedef struct pz_context pz_context;
pz_status pz_profile_person(pz_profile *profile, const pz_profile *const *others, size_t count, pz_error *err);
pz_status pz_person(pz_value *out, pz_context *context, const pz_profile *profile, pz_error *err);
pz_status pz_erase(pz_engine *engine, const char *id, const pz_write *write, uint32_t flags, uint32_t *erased, pz_error *err);

/* decide.h */
pz_status pz_context_new(pz_context **out, pz_engine *engine, pz_error *err);
void pz_context_free(pz_context *context);
pz_status pz_context_begin(pz_context *context, int64_t now_ms, pz_error *err);
pz_status pz_context_set(pz_context *context, const char *key, pz_value value, pz_error *err);
pz_status pz_context_account(pz_context *context, const pz_profile *account, pz_error *err);
pz_status pz_context_level(pz_context *context, const char *level, pz_error *err);
typedef struct pz_resolution {
  uint32_t size; bool is_resolved; bool has_confidence; pz_value value; const char *tier;
  const char *reason; double confidence; pz_str channel; pz_str who; int64_t at_ms;
  pz_value members;
} pz_resolution;
pz_status pz_resolve(pz_resolution *out, pz_context *context, const pz_profile *profile, const char *attribute, pz_error *err);
pz_status pz_inspect(pz_value *out, pz_context *context, const pz_profile *profile, const char *attribute, pz_error *err);
pz_status pz_inspect_privileged(pz_value *out, pz_context *context, const pz_profile *profile, const char *attribute, pz_error *err);
typedef struct pz_batch {
  uint32_t size; uint32_t profile_count; const pz_profile *const *profiles;
  const char *const *attributes; uint32_t attribute_count;
} pz_batch;
pz_status pz_resolve_many(pz_resolution *out, pz_context *context, const pz_batch *batch, pz_error *err);
pz_status pz_inspect_many(pz_value *out, pz_context *context, const pz_batch *batch, pz_error *err);
pz_status pz_segments(pz_value *out, pz_context *context, const pz_profile *profile, pz_error *err);
typedef struct pz_decision pz_decision;
pz_status pz_decide(const pz_decision **out, pz_context *context, const pz_profile *profile, const char *name, pz_error *err);
typedef struct pz_decided {
  uint32_t size; pz_value value; const char *reason; const char *rule; double confidence;
} pz_decided;
bool pz_decision_is_impure(const pz_decision *decision);
pz_status pz_decision_read(pz_decided *out, const pz_decision *decision);
pz_status pz_decide_for(const pz_decision **out, pz_context *context, const char *kind, const char *value, const char *name, pz_error *err);
pz_status pz_decision_bytes(pz_value *out, pz_context *context, const pz_decision *decision, pz_error *err);
pz_status pz_decision_id(pz_str *out, pz_context *context, const pz_decision *decision, pz_error *err);
pz_status pz_explain(pz_value *out, pz_context *context, const pz_decision *decision, pz_error *err);
pz_status pz_explain_text(pz_str *out, pz_context *context, const pz_decision *decision, pz_error *err);
typedef struct pz_many {
  uint32_t size; uint32_t flags; uint32_t by; uint32_t count; const pz_profile *const *profiles;
  const char *texts; const uint64_t *ends; const char *kind; const char *const *names;
  uint32_t name_count; uint32_t *numbers;
} pz_many;
pz_status pz_decide_many(pz_str *out, pz_context *context, pz_pool *pool, const pz_many *many, pz_error *err);
pz_status pz_answer_many(pz_str *out, pz_context *context, pz_pool *pool, const pz_many *many, pz_error *err);
pz_status pz_segments_many(pz_str *out, pz_context *context, pz_pool *pool, const pz_many *many, pz_error *err);
pz_status pz_eval(pz_value *out, pz_pool *pool, const char *expression, size_t len, pz_value variables, pz_error *err);

/* record.h */
typedef struct pz_record_options {
  uint32_t size; uint32_t flags; const char *note; pz_durability durability;
} pz_record_options;
pz_status pz_decision_record(pz_value *out, pz_context *context, const pz_decision *decision, const pz_record_options *options, pz_error *err);
pz_status pz_record(uint64_t *number, pz_context *context, const pz_decision *decision, const pz_record_options *options, pz_error *err);
pz_status pz_record_many(pz_engine *engine, const pz_value *records, size_t count, const pz_write *write, uint64_t *numbers, pz_error *err);
typedef struct pz_record_query {
  uint32_t size; uint32_t flags; uint64_t from; uint64_t limit; const char *subject; const char *id;
} pz_record_query;
pz_status pz_record_list(pz_engine *engine, const pz_record_query *query, pz_pool *pool, pz_value *out, pz_error *err);
pz_status pz_records_expire(pz_engine *engine, int64_t before_ms, uint64_t *removed, pz_error *err);

/* program.h */
typedef struct pz_program pz_program;
typedef struct pz_variable { const char *name; const char *type; uint64_t size_max; } pz_variable;
typedef struct pz_program_options {
  uint32_t size; uint32_t flags; const pz_alloc *alloc; const char *container; const char *result;
  const pz_variable *variables; size_t variable_count; const pz_function *functions;
  size_t function_count; uint64_t cost_limit; uint32_t step_limit;
} pz_program_options;
pz_status pz_program_compile(pz_program **out, const char *source, size_t len, const pz_program_options *options, pz_error *err);
void pz_program_unref(pz_program *program);
typedef struct pz_evaluation {
  uint32_t size; uint32_t unknown_count; const uint32_t *unknowns; pz_value value; uint64_t cost;
  uint32_t wants_cost; uint32_t reserved;
} pz_evaluation;
pz_status pz_program_eval_map(const pz_program *program, pz_pool *pool, pz_value variables, pz_evaluation *out, pz_error *err);
void pz_program_cost(const pz_program *program, uint64_t *least, uint64_t *most);
pz_status pz_program_type(const pz_program *program, pz_pool *pool, pz_str *out);
pz_status pz_program_text(const pz_program *program, pz_pool *pool, pz_str *out);
bool pz_program_reads(const pz_program *program, size_t index);
]]

-- A pz_value by words: kind and len, then the union.
local BY_WORDS = [[
pz_status pzl_pool_copy(pz_pool *, pz_value *, uint64_t, uint64_t) asm("pz_pool_copy");
pz_status pzl_context_set(pz_context *, const char *, uint64_t, uint64_t, pz_error *)
  asm("pz_context_set");
const pz_entry *pzl_value_entries(uint64_t, uint64_t) asm("pz_value_entries");
bool pzl_value_equal(uint64_t, uint64_t, uint64_t, uint64_t) asm("pz_value_equal");
int pzl_value_compare(uint64_t, uint64_t, uint64_t, uint64_t) asm("pz_value_compare");
pz_status pzl_program_eval_map(const pz_program *, pz_pool *, uint64_t, uint64_t, pz_evaluation *,
  pz_error *) asm("pz_program_eval_map");
]]

-- What this package keeps for itself; handle.lua tells. `struct pzl_engine` is allocated by malloc(),
-- since finalizers may run in any order.
local PRIVATE = [[
void *malloc(size_t size);
void free(void *block);
struct pzl_engine { pz_engine *engine; uint32_t children; bool is_closed, has_handle; };
struct pzl_engine_box { struct pzl_engine *core; };
struct pzl_profile_box {
  struct pzl_engine *core; pz_profile *profile; uint32_t readers, asked; bool is_open;
};
struct pzl_session_box {
  struct pzl_engine *core; pz_context *context; pz_pool *pool; bool is_open;
};
struct pzl_program_box { pz_program *program; };
struct pzl_report_box { pz_report *report[1]; };
typedef struct pzl_scalar { pz_value value; char octets[?]; } pzl_scalar;
]]

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

local function candidates(soname)
  local found = {}
  local folder = debug.getinfo(1, "S").source:match "^@(.*)/personalize_ffi/[^/]*$"
  for _, place in ipairs(folder and {"/", "/../../", "/../../../lib/"} or {}) do
    found[#found + 1] = folder .. place .. soname
  end
  for path in package.cpath:gmatch "(/[^;]*)/%?%.so" do
    found[#found + 1] = path .. "/../../" .. soname
  end
  return found
end

local function open(variable, soname)
  local named = os.getenv(variable)
  if named then return ffi.load(named) end
  for _, path in ipairs(candidates(soname)) do
    if exists(path) then return ffi.load(path) end
  end
  return ffi.load(soname)
end

local words = ffi.abi "64bit" and ffi.os ~= "Windows"
-- Declared once in a Lua state, though a server may load this file again.
if not pcall(ffi.typeof, "pzl_scalar") then
  ffi.cdef(DECLARATIONS)
  ffi.cdef(PRIVATE)
  if words then ffi.cdef(BY_WORDS) end
end

local ok, C = pcall(open, "PERSONALIZE_LIBRARY", SONAME)
if not ok then
  error("libpersonalize was not found; set PERSONALIZE_LIBRARY to its full path: " .. tostring(C), 0)
end
local major, minor = ffi.string(C.pz_version()):match "^(%d+)%.(%d+)"
if tonumber(major) ~= MAJOR or MAJOR == 0 and tonumber(minor) ~= MINOR then
  error(("libpersonalize %s.%s is loaded, this package was made for %d.%d"):format(major, minor, MAJOR, MINOR), 0)
end

return {C = C, words = words, declarations = DECLARATIONS, open = open, ABI = ABI}
