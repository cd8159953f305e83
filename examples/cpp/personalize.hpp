// personalize.hpp: what a C++17 program needs of libpersonalize, as owners that free themselves.
//
// An Engine, a Context, a Profile and a Pool each own one handle: they move, do not copy, and are
// destroyed in the order of their scopes, so a Profile has to be declared after its Engine. Failures
// throw Error, which carries the status and the place. Answers of a Context are borrowed views, good
// until the context begins anew or their Profile is written, moved to or destroyed; what a program wants to
// keep it copies into its own types.
#ifndef CRM_PERSONALIZE_HPP
#define CRM_PERSONALIZE_HPP

#include <personalize.h>

#include <cstdint>
#include <exception>
#include <initializer_list>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace crm {

class Error : public std::runtime_error {
public:
    Error(pz_status returned, const pz_error &err)
        : std::runtime_error(err.message[0] ? err.message : pz_status_text(returned)),
          status(returned), line(err.line), column(err.column)
    {
    }
    pz_status status;
    unsigned line, column;
};

// Calls a function of the library with an error of its own as last argument.
template <typename Function, typename... Arguments>
void call(Function function, Arguments &&...arguments)
{
    pz_error err = PZ_ERROR_INIT;
    if (const pz_status status = function(std::forward<Arguments>(arguments)..., &err); status != PZ_OK)
        throw Error(status, err);
}

template <auto Free> struct Deleter {
    template <typename T> void operator()(T *handle) const { Free(handle); }
};
template <typename T, auto Free> using Handle = std::unique_ptr<T, Deleter<Free>>;

// Views of text, both ways. A std::string_view longer than 4 GiB becomes null and is refused.
inline std::string_view view(pz_str text) { return text.len ? std::string_view(text.data, text.len) : ""; }
inline pz_value value(std::string_view text) { return pz_value_strn(text.data(), text.size()); }
inline pz_value value(const char *text) { return pz_value_str(text); }
inline pz_value value(bool truth) { return pz_value_bool(truth); }
inline pz_value value(double number) { return pz_value_double(number); }
template <typename Int, std::enable_if_t<std::is_integral_v<Int>, int> = 0> pz_value value(Int number)
{
    if constexpr (std::is_signed_v<Int>)
        return pz_value_int(number);
    else
        return pz_value_uint(number);
}

// Owns values that are made, such as events.
class Pool {
public:
    Pool()
    {
        pz_pool *pool = nullptr;
        if (pz_pool_new(&pool, nullptr) != PZ_OK)
            throw std::bad_alloc();
        pool_.reset(pool);
    }
    pz_value map(std::initializer_list<std::pair<const char *, pz_value>> members)
    {
        std::vector<pz_entry> entries;
        for (const auto &[name, member] : members)
            entries.push_back({value(name), member});
        pz_value out = pz_value_null();
        pz_error err = PZ_ERROR_INIT;
        if (const auto status = pz_pool_map(pool_.get(), &out, entries.data(), entries.size()); status != PZ_OK)
            throw Error(status, err);
        return out;
    }
    std::string json(pz_value printed)
    {
        pz_str out{};
        pz_error err = PZ_ERROR_INIT;
        if (const auto status = pz_value_print(pool_.get(), &out, printed, 0); status != PZ_OK)
            throw Error(status, err);
        return std::string(view(out));
    }
    pz_pool *get() const { return pool_.get(); }

private:
    Handle<pz_pool, pz_pool_free> pool_;
};

// Who writes, where; the members of pz_write that a CRM has.
struct By {
    const char *channel = nullptr;
    const char *who = nullptr;
    pz_write write() const
    {
        pz_write out{};
        out.size = sizeof out;
        out.channel = channel;
        out.who = who;
        return out;
    }
};

class Engine {
public:
    explicit Engine(const char *catalog, const char *store = "memory:")
    {
        pz_engine_options options{};
        options.size = sizeof options;
        options.catalog = catalog;
        options.store = store;
        pz_engine *engine = nullptr;
        call(pz_engine_open, &engine, &options);
        engine_.reset(engine);
    }
    // A catalog with mistakes throws and the old one stays.
    void load(const char *catalog) { call(pz_engine_load, engine_.get(), catalog, nullptr); }
    // Calls visit(const pz_profile *) for everybody in the store. An exception must not pass through
    // the library, so what `visit` throws is kept until that has returned, and thrown again.
    template <typename Visit> void each(Visit visit) const
    {
        struct Visiting {
            Visit &visit;
            std::exception_ptr thrown;
        } visiting{visit, nullptr};
        const pz_profile_fn step = [](void *payload, const pz_profile *profile) {
            auto &now = *static_cast<Visiting *>(payload);
            try {
                now.visit(profile);
                return PZ_OK;
            } catch (...) {
                now.thrown = std::current_exception();
                return PZ_ERR_STATE;
            }
        };
        pz_error err = PZ_ERROR_INIT;
        const pz_status status = pz_each_profile(engine_.get(), step, &visiting, &err);
        if (visiting.thrown)
            std::rethrow_exception(visiting.thrown);
        if (status != PZ_OK)
            throw Error(status, err);
    }
    pz_engine *get() const { return engine_.get(); }

private:
    Handle<pz_engine, pz_engine_close> engine_;
};

class Profile {
public:
    // Found by an identifier, or new.
    Profile(const Engine &engine, const char *kind, const char *identifier)
    {
        pz_profile *profile = nullptr;
        call(pz_customer, &profile, engine.get(), kind, identifier);
        profile_.reset(profile);
    }
    template <typename T> void choose(const char *attribute, T chosen, const By &by = {})
    {
        const pz_write write = by.write();
        call(pz_choose, profile_.get(), attribute, value(chosen), &write);
    }
    template <typename T> void declare(const char *attribute, T known, const By &by = {})
    {
        const pz_write write = by.write();
        call(pz_declare, profile_.get(), attribute, value(known), &write);
    }
    void clear(const char *attribute) { call(pz_clear, profile_.get(), attribute, nullptr); }
    // True if the event is new.
    bool observe(pz_value event)
    {
        bool is_new = false;
        call(pz_observe, profile_.get(), event, nullptr, &is_new);
        return is_new;
    }
    std::string id() const { return std::string(view(pz_profile_id(profile_.get()))); }
    const pz_profile *get() const { return profile_.get(); }

private:
    Handle<pz_profile, pz_profile_free> profile_;
};

// What was decided; views into the context.
struct Decision {
    const pz_decision *handle;
    pz_value value() const { return pz_decision_value(handle); }
    std::string_view text(const char *fallback) const { return pz_decision_str(handle, fallback); }
    std::string_view reason() const { return pz_decision_reason(handle); }
    std::string_view rule() const { return pz_decision_rule(handle); }
    double confidence() const { return pz_decision_confidence(handle); }
};

// One for each thread.
class Context {
public:
    explicit Context(const Engine &engine)
    {
        pz_context *context = nullptr;
        call(pz_context_new, &context, engine.get());
        context_.reset(context);
    }
    Context &begin(std::initializer_list<std::pair<const char *, pz_value>> circumstances = {})
    {
        call(pz_context_begin, context_.get(), std::int64_t{0});
        for (const auto &[key, said] : circumstances)
            call(pz_context_set, context_.get(), key, said);
        return *this;
    }
    Decision decide(const char *name, const Profile *profile = nullptr)
    {
        Decision out{};
        call(pz_decide, &out.handle, context_.get(), profile ? profile->get() : nullptr, name);
        return out;
    }
    std::string_view explain(const Decision &decision)
    {
        pz_str out{};
        call(pz_explain_text, &out, context_.get(), decision.handle);
        return view(out);
    }
    std::vector<std::string> segments(const Profile &profile)
    {
        pz_value list = pz_value_null();
        call(pz_segments, &list, context_.get(), profile.get());
        std::vector<std::string> out;
        for (std::uint32_t i = 0; i < list.len; i++)
            out.emplace_back(view(pz_value_text(pz_value_item(list, i))));
        return out;
    }
    pz_resolution resolve(const char *attribute, const Profile &profile)
    {
        pz_resolution out{};
        out.size = sizeof out;
        call(pz_resolve, &out, context_.get(), profile.get(), attribute);
        return out;
    }

private:
    Handle<pz_context, pz_context_free> context_;
};

} // namespace crm

#endif
