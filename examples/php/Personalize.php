<?php
/*
 * Personalize.php: libpersonalize for PHP 8.1 and later, through FFI.
 *
 * Values cross the border as JSON, which both sides read exactly: integers of 64 bits stay what they
 * are, 1.0 stays a double, an empty PHP array is a list (write new stdClass for an empty map). What
 * JSON has no word for comes out as text: times as RFC 3339, bytes as base64.
 *
 * Shop owns everything made from it: closing it, or the end of the script, frees its customers first,
 * in whatever order PHP destroys objects. Answers are plain arrays that borrow nothing. Every failure
 * is a PersonalizeException; nothing returns false.
 */
declare(strict_types=1);

namespace Personalize;

use FFI;

/**
 * What the library says went wrong. Its place, if it has one, is in the text that was read. Of a catalog, `report` has
 * every mistake, a line each.
 */
final class PersonalizeException extends \RuntimeException
{
    public function __construct(string $message, public readonly string $status,
        public readonly int $textLine = 0, public readonly int $textColumn = 0, public readonly string $report = '')
    {
        parent::__construct($message);
    }
}

/** The functions of the library that are used here, as its headers declare them. */
final class Library
{
    private const DECLARATIONS = <<<'C'
        typedef struct pz_engine pz_engine; typedef struct pz_context pz_context;
        typedef struct pz_profile pz_profile; typedef struct pz_pool pz_pool;
        typedef struct pz_decision pz_decision; typedef struct pz_report pz_report;
        typedef struct { const char *data; size_t len; } pz_str;
        typedef struct { uint32_t kind; uint32_t len; int64_t bits; } pz_value;
        typedef struct { uint32_t size; int status; uint32_t line; uint32_t column; char message[512]; } pz_error;
        typedef struct { uint32_t size; uint32_t flags; const char *catalog; const char *store; const void *alloc;
            void *clock; void *clock_payload; int64_t skew_ms; uint64_t store_bytes; } pz_engine_options;
        typedef struct { uint32_t size; bool is_resolved; bool has_confidence; pz_value value; const char *tier;
            const char *reason; double confidence; pz_str channel; pz_str who; int64_t at_ms; pz_value members;
        } pz_resolution;
        typedef struct { uint32_t size; int status; bool is_new; char message[256]; } pz_observed;
        typedef struct { uint32_t size; uint32_t flags; uint32_t by; uint32_t count; const void *profiles;
            const char *texts; const uint64_t *ends; const char *kind; const char *const *names; uint32_t name_count;
            uint32_t *numbers; } pz_many;
        const char *pz_version(void);
        const char *pz_status_name(int);
        const char *pz_status_text(int);
        int pz_engine_open(pz_engine **, const pz_engine_options *, pz_error *);
        void pz_engine_close(pz_engine *);
        int pz_engine_load(pz_engine *, const char *, pz_report **, pz_error *);
        const char *pz_report_text(pz_report *, bool);
        void pz_report_free(pz_report *);
        int pz_observe_many(pz_engine *, const pz_value *, size_t, int64_t, uint32_t, pz_observed *, pz_error *);
        int pz_apply_many(pz_engine *, const pz_value *, size_t, const void *, uint32_t, pz_observed *, pz_error *);
        int pz_erase(pz_engine *, const char *, const void *, uint32_t, uint32_t *, pz_error *);
        int pz_pool_new(pz_pool **, const void *);
        void pz_pool_reset(pz_pool *);
        void pz_pool_free(pz_pool *);
        int pz_value_parse(pz_pool *, pz_value *, const char *, size_t, uint32_t, pz_error *);
        int pz_value_print(pz_pool *, pz_str *, pz_value, uint32_t);
        int pz_customer(pz_profile **, pz_engine *, const char *, const char *, pz_error *);
        int pz_profile_apply(pz_profile *, pz_value, const void *, pz_error *);
        int pz_profile_refresh(pz_profile *, pz_error *);
        int pz_profile_export(const pz_profile *, pz_pool *, pz_str *, uint32_t, pz_error *);
        int pz_profile_export_text(const pz_profile *, pz_pool *, pz_str *, pz_error *);
        pz_str pz_profile_id(const pz_profile *);
        void pz_profile_free(pz_profile *);
        int pz_context_new(pz_context **, pz_engine *, pz_error *);
        void pz_context_free(pz_context *);
        int pz_context_begin(pz_context *, int64_t, pz_error *);
        int pz_context_set(pz_context *, const char *, pz_value, pz_error *);
        int pz_context_level(pz_context *, const char *, pz_error *);
        int pz_context_account(pz_context *, const pz_profile *, pz_error *);
        int pz_resolve(pz_resolution *, pz_context *, const pz_profile *, const char *, pz_error *);
        int pz_segments(pz_value *, pz_context *, const pz_profile *, pz_error *);
        int pz_decide(const pz_decision **, pz_context *, const pz_profile *, const char *, pz_error *);
        pz_value pz_decision_value(const pz_decision *);
        const char *pz_decision_reason(const pz_decision *);
        const char *pz_decision_rule(const pz_decision *);
        double pz_decision_confidence(const pz_decision *);
        int pz_decide_many(pz_str *, pz_context *, pz_pool *, const pz_many *, pz_error *);
        int pz_record(uint64_t *, pz_context *, const pz_decision *, const void *, pz_error *);
        int pz_explain(pz_value *, pz_context *, const pz_decision *, pz_error *);
        int pz_explain_text(pz_str *, pz_context *, const pz_decision *, pz_error *);
        C;

    /** What these declarations were copied from: below 1.0 another minor version may differ. */
    private const VERSION = '0.1.';

    /** PERSONALIZE_LIBRARY (a full path), else whatever the dynamic linker finds. */
    public static function load(): FFI
    {
        static $ffi = null;
        if ($ffi) {
            return $ffi;
        }
        try {
            $soname = 'libpersonalize.so.' . rtrim(self::VERSION, '.');
            $loaded = FFI::cdef(self::DECLARATIONS, getenv('PERSONALIZE_LIBRARY') ?: $soname);
        } catch (FFI\Exception $e) {
            throw new PersonalizeException($e->getMessage() . '; run ldconfig or name the library in '
                . 'PERSONALIZE_LIBRARY, and see that ffi.enable allows FFI here', 'ERR_IO');
        }
        $version = $loaded->pz_version();
        if (!str_starts_with($version, self::VERSION)) {
            throw new PersonalizeException("libpersonalize $version is loaded, Personalize.php was made for "
                . self::VERSION . 'x; copy it from the release that is installed', 'ERR_VERSION');
        }
        return $ffi = $loaded;
    }
}

/** A catalog in force and a store of customers. One for each process is enough. */
final class Shop
{
    private FFI $c;
    private FFI\CData $err;
    private ?FFI\CData $engine = null;
    private ?FFI\CData $context = null;
    private ?FFI\CData $pool = null;
    /** @var array<int, FFI\CData> The profiles of the customers, by object id. */
    private array $profiles = [];

    public function __construct(string $catalog, string $store = 'memory:')
    {
        $this->c = Library::load();
        $this->err = $this->c->new('pz_error');
        $options = $this->c->new('pz_engine_options');
        $options->size = FFI::sizeof($options);
        // A text that a struct points to has to outlive the call.
        $text = $this->text($store);
        $options->store = $this->c->cast('char *', FFI::addr($text));
        try {
            $this->engine = $this->made('pz_engine *', fn ($out) =>
                $this->c->pz_engine_open($out, FFI::addr($options), $this->err()));
            $this->load($catalog);
            $this->context = $this->made('pz_context *', fn ($out) =>
                $this->c->pz_context_new($out, $this->engine, $this->err()));
            $this->pool = $this->made('pz_pool *', fn ($out) => $this->c->pz_pool_new($out, null));
        } catch (PersonalizeException $e) {
            $this->close(); // PHP destroys nothing whose constructor throws
            throw $e;
        }
    }

    public function __destruct()
    {
        $this->close();
    }

    /** Free everything, customers first. Closing twice does nothing; using a closed shop throws. */
    public function close(): void
    {
        foreach ($this->profiles as $profile) {
            $this->c->pz_profile_free($profile);
        }
        $this->profiles = [];
        if ($this->pool) {
            $this->c->pz_pool_free($this->pool);
        }
        if ($this->context) {
            $this->c->pz_context_free($this->context);
        }
        if ($this->engine) {
            $this->c->pz_engine_close($this->engine);
        }
        $this->engine = $this->context = $this->pool = null;
    }

    /** Put another catalog in force. One with mistakes throws with all of them, and the old one stays. */
    public function load(string $catalog): void
    {
        $this->open();
        $report = $this->c->new('pz_report *');
        $status = $this->c->pz_engine_load($this->engine, $this->name($catalog), FFI::addr($report), $this->err());
        $text = '';
        if (!FFI::isNull($report)) {
            $text = $this->c->pz_report_text($report, false) ?? '';
            $this->c->pz_report_free($report);
        }
        $this->check($status, $text);
    }

    /** The customer with an identifier, found or new: customer('email', 'ann@example.com'). */
    public function customer(string $kind, string|int $value): Customer
    {
        $this->open();
        $value = (string) $value;
        $profile = $this->made('pz_profile *', fn ($out) => $this->c->pz_customer(
            $out, $this->engine, $this->name($kind), $this->name($value), $this->err()));
        $customer = new Customer($this);
        $this->profiles[spl_object_id($customer)] = $profile;
        return $customer;
    }

    /** @return array{value: mixed, reason: string, rule: string, confidence: float} */
    public function decide(string $name, ?Customer $customer = null, array $context = []): array
    {
        return $this->answer($this->decision($name, $customer, $context));
    }

    /** As decide(), with every rule, every layer, and 'text': the reasons in sentences. */
    public function explain(string $name, ?Customer $customer = null, array $context = []): array
    {
        $decision = $this->decision($name, $customer, $context);
        $map = $this->c->new('pz_value');
        $text = $this->c->new('pz_str');
        $this->check($this->c->pz_explain(FFI::addr($map), $this->context, $decision, $this->err()));
        $this->check($this->c->pz_explain_text(FFI::addr($text), $this->context, $decision, $this->err()));
        return $this->value($map) + ['text' => $this->string($text)];
    }

    /** @return array{value: mixed, tier: string, reason: string} and confidence, channel, who, at, members */
    public function resolve(string $attribute, ?Customer $customer = null, array $context = []): array
    {
        $this->begin($context);
        $found = $this->c->new('pz_resolution');
        $found->size = FFI::sizeof($found);
        $this->check($this->c->pz_resolve(FFI::addr($found), $this->context, $this->profile($customer),
            $this->name($attribute), $this->err()));
        $told = ['value' => $this->value($found->value), 'tier' => $found->tier, 'reason' => $found->reason];
        if ($found->has_confidence) {
            $told['confidence'] = $found->confidence;
        }
        return $told + array_filter(['channel' => $this->string($found->channel), 'who' => $this->string($found->who),
            'at' => $found->at_ms, 'members' => $this->value($found->members)],
            fn ($one) => !in_array($one, ['', 0, null, []], true)); // a channel may be named "0"
    }

    /** @return list<string> */
    public function segments(?Customer $customer = null, array $context = []): array
    {
        $this->begin($context);
        $list = $this->c->new('pz_value');
        $this->check($this->c->pz_segments(FFI::addr($list), $this->context, $this->profile($customer), $this->err()));
        return $this->value($list);
    }

    /**
     * As decide(), and a record of it stays in the store (docs/records.md): its number besides, 0 where none was kept.
     * @return array{value: mixed, reason: string, rule: string, confidence: float, number: int}
     */
    public function record(string $name, ?Customer $customer = null, array $context = []): array
    {
        $decision = $this->decision($name, $customer, $context);
        $number = $this->c->new('uint64_t');
        $this->check($this->c->pz_record(FFI::addr($number), $this->context, $decision, null, $this->err()));
        return $this->answer($decision) + ['number' => $number->cdata];
    }

    /**
     * Decide for many customers in one call, named by their ids or, with `by`, by identifiers of that kind. An answer
     * has 'customer' and 'decision' besides; one about whom nothing can be said has 'error' and 'status' in their place.
     * @param string|list<string> $names
     * A number is as good as its text, for PHP makes one of a key that looks like it.
     * @param list<string|int> $customers
     * @return list<array<string, mixed>> one for each customer and name, customer by customer
     */
    public function decideMany(string|array $names, array $customers, array $context = [], ?string $by = null): array
    {
        $this->begin($context);
        $names = $this->list((array) $names);
        $customers = $this->list($customers);
        if (!$names || !$customers) {
            return [];
        }
        $texts = array_map($this->text(...), $names);
        $pointers = $this->c->new('const char *[' . count($texts) . ']');
        foreach ($texts as $i => $text) {
            $pointers[$i] = $this->c->cast('char *', FFI::addr($text));
        }
        $ends = $this->c->new('uint64_t[' . count($customers) . ']');
        $end = 0;
        foreach ($customers as $i => $customer) {
            $ends[$i] = $end += strlen($this->name($customer));
        }
        $together = $this->text(implode('', $customers));
        $kind = $by === null ? null : $this->text($by);
        $many = $this->c->new('pz_many');
        $many->size = FFI::sizeof($many);
        $many->by = $by === null ? 1 : 2;
        $many->count = count($customers);
        $many->texts = $this->c->cast('char *', FFI::addr($together));
        $many->ends = $this->c->cast('uint64_t *', FFI::addr($ends));
        $many->kind = $kind === null ? null : $this->c->cast('char *', FFI::addr($kind));
        $many->names = $this->c->cast('const char *const *', FFI::addr($pointers));
        $many->name_count = count($texts);
        $lines = $this->c->new('pz_str');
        $this->check($this->c->pz_decide_many(FFI::addr($lines), $this->context, $this->pool, FFI::addr($many),
            $this->err()));
        return array_map($this->decoded(...), explode("\n", rtrim($this->string($lines), "\n")));
    }

    /**
     * Take many events, of any customers, in one transaction; each names its customer by the member 'customer', such as
     * ['email' => 'ann@example.com'].
     * @return list<array{status: string, isNew: bool, message: string}> what became of each
     */
    public function observeMany(array $events): array
    {
        return $this->takeIn($events, fn ($list, $count, $results) =>
            $this->c->pz_observe_many($this->engine, $list, $count, 0, 0, $results, $this->err()));
    }

    /**
     * Carry out many rows in one transaction, all of a row or none of it: the customer, then operations, such as
     * [['email' => 'ann@example.com'], ['declare', 'city', 'Bonn']]. With `settled` a row that says what stands already
     * changes nothing, so a table may be taken in every night.
     * @return list<array{status: string, isNew: bool, message: string}> what became of each
     */
    public function applyMany(array $rows, bool $settled = false): array
    {
        return $this->takeIn($rows, fn ($list, $count, $results) => $this->c->pz_apply_many(
            $this->engine, $list, $count, null, $settled ? 1 : 0, $results, $this->err()));
    }

    /** Erase a person from the store, by the id of a profile: how many profiles went. */
    public function erase(string $id): int
    {
        $this->open();
        $erased = $this->c->new('uint32_t');
        $this->check($this->c->pz_erase($this->engine, $this->name($id), null, 0, FFI::addr($erased), $this->err()));
        return $erased->cdata;
    }

    /** @internal For Customer: one operation as data. */
    public function apply(Customer $customer, array $operation): void
    {
        $json = $this->json($operation);
        $profile = $this->profile($customer);
        $this->c->pz_pool_reset($this->pool);
        $this->check($this->c->pz_profile_apply($profile, $this->parsed($json), null, $this->err()));
    }

    /** @internal */
    public function export(Customer $customer): array
    {
        $json = $this->c->new('pz_str');
        $profile = $this->profile($customer);
        $this->c->pz_pool_reset($this->pool);
        $this->check($this->c->pz_profile_export($profile, $this->pool, FFI::addr($json), 0, $this->err()));
        return $this->decoded($this->string($json));
    }

    /** @internal */
    public function exportText(Customer $customer): string
    {
        $text = $this->c->new('pz_str');
        $profile = $this->profile($customer);
        $this->c->pz_pool_reset($this->pool);
        $this->check($this->c->pz_profile_export_text($profile, $this->pool, FFI::addr($text), $this->err()));
        return $this->string($text);
    }

    /** @internal */
    public function id(Customer $customer): string
    {
        return $this->string($this->c->pz_profile_id($this->profile($customer)));
    }

    /** @internal */
    public function refresh(Customer $customer): void
    {
        $this->check($this->c->pz_profile_refresh($this->profile($customer), $this->err()));
    }

    /** @internal */
    public function release(Customer $customer): void
    {
        $id = spl_object_id($customer);
        if (isset($this->profiles[$id])) {
            $this->c->pz_profile_free($this->profiles[$id]);
            unset($this->profiles[$id]);
        }
    }

    private function open(): void
    {
        $this->engine ?? throw new PersonalizeException('the shop is closed', 'ERR_STATE');
    }

    private function profile(?Customer $customer): ?FFI\CData
    {
        $this->open();
        return $customer === null ? null : $this->profiles[spl_object_id($customer)]
            ?? throw new PersonalizeException('the customer is of another shop', 'ERR_ARG');
    }

    /** Two of them would free the same handles. */
    private function __clone()
    {
    }

    /** Milliseconds since 1970; 0: now. FFI would make 2026 of '2026-01-01'. */
    private function moment(mixed $now): int
    {
        if (is_string($now)) {
            $now = date_create_immutable($now);
        }
        return match (true) {
            is_int($now) => $now,
            $now instanceof \DateTimeInterface => (int) $now->format('Uv'),
            default => throw new PersonalizeException(
                "'now' is milliseconds since 1970, a DateTimeInterface or a time as text", 'ERR_TIME'),
        };
    }

    /** Hand a list to a call that takes many things at once. */
    private function takeIn(array $given, callable $call): array
    {
        $json = $this->json(array_values($given));
        $this->open();
        $this->c->pz_pool_reset($this->pool);
        $list = $this->parsed($json);
        $count = count($given);
        $results = $this->c->new('pz_observed[' . max($count, 1) . ']');
        for ($i = 0; $i < $count; $i++) {
            $results[$i]->size = FFI::sizeof($results[$i]);
        }
        $items = $this->c->cast('pz_value *', $list->bits);
        $this->check($call($items, $count, FFI::addr($results[0])));
        $told = [];
        for ($i = 0; $i < $count; $i++) {
            $told[] = ['status' => $this->c->pz_status_name($results[$i]->status), 'isNew' => $results[$i]->is_new,
                'message' => FFI::string($results[$i]->message)];
        }
        return $told;
    }

    /**
     * Begin a request. 'now' (see moment()), 'level' and 'account', the Customer who is the account, are no keys of the
     * catalog.
     */
    private function begin(array $context): void
    {
        // First, for the objects among the values may ask this shop themselves.
        $said = array_map($this->json(...), array_diff_key($context, ['now' => 0, 'level' => 0, 'account' => 0]));
        $level = $context['level'] ?? null;
        if ($level !== null && !is_string($level)) {
            throw new PersonalizeException("'level' is the name of a level", 'ERR_ARG');
        }
        $account = $context['account'] ?? null;
        if ($account !== null && !$account instanceof Customer) {
            throw new PersonalizeException("'account' is a Customer", 'ERR_ARG');
        }
        $account = $this->profile($account);
        $this->c->pz_pool_reset($this->pool);
        $this->check($this->c->pz_context_begin($this->context, $this->moment($context['now'] ?? 0), $this->err()));
        if ($level !== null) {
            $this->check($this->c->pz_context_level($this->context, $this->name($level), $this->err()));
        }
        if ($account !== null) {
            $this->check($this->c->pz_context_account($this->context, $account, $this->err()));
        }
        foreach ($said as $key => $json) {
            $this->check($this->c->pz_context_set($this->context, $this->name((string) $key), $this->parsed($json),
                $this->err()));
        }
    }

    private function decision(string $name, ?Customer $customer, array $context): FFI\CData
    {
        $this->begin($context);
        $out = $this->c->new('const pz_decision *');
        $this->check($this->c->pz_decide(FFI::addr($out), $this->context, $this->profile($customer),
            $this->name($name), $this->err()));
        return $out;
    }

    private function answer(FFI\CData $decision): array
    {
        return ['value' => $this->value($this->c->pz_decision_value($decision)),
            'reason' => $this->c->pz_decision_reason($decision), 'rule' => $this->c->pz_decision_rule($decision),
            'confidence' => $this->c->pz_decision_confidence($decision)];
    }

    private function json(mixed $value): string
    {
        $precision = ini_get('serialize_precision');
        if ($precision !== '-1') { // php.ini may have numbers rounded
            ini_set('serialize_precision', '-1');
        }
        try {
            return json_encode($value, JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION | JSON_UNESCAPED_UNICODE);
        } catch (\JsonException $e) {
            throw new PersonalizeException('a value that JSON cannot say: ' . $e->getMessage(), 'ERR_ARG');
        } finally {
            if ($precision !== '-1') {
                ini_set('serialize_precision', $precision);
            }
        }
    }

    private function parsed(string $json): FFI\CData
    {
        $out = $this->c->new('pz_value');
        $this->check($this->c->pz_value_parse($this->pool, FFI::addr($out), $json, strlen($json), 0, $this->err()));
        return $out;
    }

    private function value(FFI\CData $value): mixed
    {
        $json = $this->c->new('pz_str');
        $this->check($this->c->pz_value_print($this->pool, FFI::addr($json), $value, 0));
        return $this->decoded($this->string($json));
    }

    /** Maps become arrays by key; integers beyond 64 bits with sign become text. */
    private function decoded(string $json): mixed
    {
        return json_decode($json, true, 1024, JSON_THROW_ON_ERROR | JSON_BIGINT_AS_STRING);
    }

    private function string(FFI\CData $text): string
    {
        return $text->len === 0 ? '' : FFI::string($text->data, $text->len);
    }

    /** A name travels with a NUL at its end, so one inside would cut it. */
    private function name(string $name): string
    {
        return str_contains($name, "\0") ? throw new PersonalizeException('a name holds no NUL', 'ERR_ARG') : $name;
    }

    /** @return list<string> */
    private function list(array $names): array
    {
        foreach ($names as $name) {
            if (!is_string($name) && !is_int($name)) {
                throw new PersonalizeException('a name is text, ' . get_debug_type($name) . ' is none', 'ERR_TYPE');
            }
        }
        return array_map(fn ($name) => (string) $name, array_values($names));
    }

    private function text(string $text): FFI\CData
    {
        $copy = $this->c->new('char[' . strlen($this->name($text)) + 1 . ']');
        FFI::memcpy($copy, $text . "\0", strlen($text) + 1);
        return $copy;
    }

    private function made(string $type, callable $make): FFI\CData
    {
        $out = $this->c->new($type);
        $this->check($make(FFI::addr($out)));
        return $out;
    }

    /** The error that a call is to fill, begun anew. */
    private function err(): FFI\CData
    {
        $this->err->size = FFI::sizeof($this->err);
        $this->err->line = $this->err->column = 0;
        $this->err->message[0] = "\0";
        return FFI::addr($this->err);
    }

    private function check(int $status, string $report = ''): void
    {
        if ($status !== 0) {
            throw new PersonalizeException(FFI::string($this->err->message) ?: $this->c->pz_status_text($status),
                $this->c->pz_status_name($status), $this->err->line, $this->err->column, $report);
        }
    }
}

/**
 * One customer. Every verb of docs/verbs.md is a method; named arguments are its circumstances:
 *     $ann->choose('language', 'de', channel: 'web', who: 'agent:7');
 */
final class Customer
{
    /** @internal Shop::customer() makes them. */
    public function __construct(private Shop $shop)
    {
    }

    public function __destruct()
    {
        $this->shop->release($this);
    }

    public function __call(string $verb, array $arguments): void
    {
        $named = array_filter($arguments, is_string(...), ARRAY_FILTER_USE_KEY);
        $operation = [$verb, ...array_values(array_diff_key($arguments, $named))];
        $this->shop->apply($this, $named ? [...$operation, $named] : $operation);
    }

    /** The id under which the store keeps the customer. */
    public function id(): string
    {
        return $this->shop->id($this);
    }

    /** Everything known, with its provenance. */
    public function export(): array
    {
        return $this->shop->export($this);
    }

    /** The same in plain sentences, for the person it is about. */
    public function exportText(): string
    {
        return $this->shop->exportText($this);
    }

    /** See what other processes have written meanwhile. */
    public function refresh(): void
    {
        $this->shop->refresh($this);
    }

    /** A handle has one owner. */
    private function __clone()
    {
    }
}
