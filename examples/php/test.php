<?php
/* What the PHP class promises, asked of it. Run with PERSONALIZE_LIBRARY and the catalog as argument. */
declare(strict_types=1);

require __DIR__ . '/Personalize.php';

use Personalize\{PersonalizeException, Shop};

$catalog = $argv[1];
$folder = $argv[2];
$checks = 0;

function same(mixed $expected, mixed $found, string $claim): void
{
    global $checks;
    $checks++;
    if ($expected !== $found) {
        fwrite(STDERR, "$claim: expected " . json_encode($expected) . ', found ' . json_encode($found) . "\n");
        exit(1);
    }
}

function refused(string $status, callable $call, string $claim): PersonalizeException
{
    try {
        $call();
    } catch (PersonalizeException $e) {
        same($status, $e->status, $claim);
        return $e;
    }
    same('an exception', 'none', $claim);
}

$shop = new Shop($catalog, "lmdb:$folder/customers");
$ann = $shop->customer('email', 'ann@example.com');
$ann->declare('language', 'fr', at: '2026-01-01T00:00:00Z');
same('fr', $shop->resolve('language', $ann)['value'], 'a recorded fact answers');
$ann->choose('language', 'de', channel: 'phone', who: 'agent:7', at: '2026-02-01T00:00:00Z');
$found = $shop->resolve('language', $ann);
same(['value' => 'de', 'tier' => 'CHOICE', 'reason' => 'EXPLICIT', 'channel' => 'phone', 'who' => 'agent:7',
    'at' => strtotime('2026-02-01T00:00:00Z') * 1000], $found, 'a choice stands above it, with its source');
same(['value' => 'hallo', 'reason' => 'TARGETING_MATCH', 'rule' => 'german', 'confidence' => 1.0],
    $shop->decide('letter', $ann, ['channel' => 'mail']), 'a decision');
same(['value' => 'hello', 'reason' => 'DEFAULT', 'rule' => '', 'confidence' => 1.0], $shop->decide('letter'), 'nobody');
$why = $shop->explain('letter', $ann, ['channel' => 'mail']);
same('german', $why['rule'], 'an explanation decides too');
same(true, str_contains($why['text'], 'the customer chose it'), 'and says why in sentences');
same(['percent' => 7.5, 'until' => 3], $shop->decide('discount', null, ['basket' => 101])['value'], 'kinds come through');
same(null, $shop->decide('discount', null, ['basket' => 100])['value'], 'no default is null');
foreach ([1, 2] as $i) {
    $ann->observe(['kind' => 'order', 'source' => 'shop', 'id' => "o$i", 'time' => gmdate('Y-m-d\TH:i:s\Z'), 'total' => 12.5]);
}
same(['german', 'buyer'], array_values(array_intersect(['german', 'buyer', 'adult'], $shop->segments($ann))), 'segments');
$ann->choose('language', 'de', channel: '0', who: '0');
$found = $shop->resolve('language', $ann);
same(['0', '0'], [$found['channel'] ?? null, $found['who'] ?? null], 'a source may be named "0"');
$ann->clear('language');
same('fr', $shop->resolve('language', $ann)['value'], 'taking back a choice shows what stands beneath');
$ann->declare('city', "Kö\0ln");
same("Kö\0ln", $shop->resolve('city', $ann)['value'], 'a value may hold NUL');
$ann->declare('age', 41);
same(null, $shop->resolve('age', $ann, ['level' => 'basic'])['value'], 'a level leaves out what may not be used');
same(true, is_array($ann->export()), 'everything can be told');

$e = refused('ERR_NOT_FOUND', fn () => $shop->decide('lettre', $ann), 'a wrong name');
same(true, str_contains($e->getMessage(), "did you mean 'letter'"), 'the nearest name is told');
refused('ERR_DOMAIN', fn () => $ann->choose('language', 'it'), 'a wrong value');
refused('ERR_TYPE', fn () => $ann->chose('language', 'de'), 'a wrong verb');
refused('ERR_ARG', fn () => $shop->decide("letter\0x"), 'a name with NUL');
refused('ERR_NOT_FOUND', fn () => $shop->decide('letter', null, ['chanel' => 'web']), 'a wrong circumstance');
refused('ERR_ARG', fn () => $ann->declare('city', "\xff"), 'text that is no UTF-8');
$before = ini_set('serialize_precision', '5');
$e = refused('ERR_TYPE', fn () => $ann->declare('age', 1234567.25), 'a number that does not fit');
same(true, str_contains($e->getMessage(), '1234567.25'), 'numbers cross whole, whatever php.ini rounds to');
same('5', ini_set('serialize_precision', $before), 'and the setting stays');
refused('ERR_ARG', fn () => $ann->declare('age', NAN), 'what JSON has no word for');
$year = ['now' => strtotime('2026-01-15T00:00:00Z') * 1000];
foreach ([$year['now'], '2026-01-15T00:00:00Z', new DateTimeImmutable('2026-01-15T01:00:00+01:00')] as $now) {
    same('fr', $shop->resolve('language', $ann, ['now' => $now])['value'], 'the moment, however it is said');
}
same('en', $shop->resolve('language', $ann, ['now' => '2025-12-31T00:00:00Z'])['value'], 'before it was known');
foreach (['soon', 1.5, []] as $now) {
    refused('ERR_TIME', fn () => $shop->decide('letter', $ann, ['now' => $now]), 'no moment');
}
foreach ([5, [], true] as $level) {
    refused('ERR_ARG', fn () => $shop->decide('letter', $ann, ['level' => $level]), 'no level');
}
// A value may be an object of the host that asks the same shop while it is told.
$asking = new class($shop) implements JsonSerializable {
    public function __construct(private Shop $shop)
    {
    }
    public function jsonSerialize(): mixed
    {
        $this->shop->decide('discount', null, ['basket' => 1]);
        return 'mail';
    }
};
same(['percent' => 7.5, 'until' => 3], $shop->decide('discount', null, ['basket' => 101, 'channel' => $asking])['value'],
    'circumstances hold though one of them asked, too');
try {
    clone $shop;
    same('an exception', 'none', 'a copy of a shop');
} catch (Error) {
    $checks++;
}
// What the company chose counts beneath what the person did.
$firm = $shop->customer('firm', 'ACME');
$firm->choose('language', 'fr');
same('ACCOUNT_CHOICE', $shop->resolve('language', $ann, ['account' => $firm])['tier'], 'an account has a say');
same('DECLARED', $shop->resolve('language', $ann)['tier'], 'for the one question');
refused('ERR_ARG', fn () => $shop->resolve('language', $ann, ['account' => 'ACME']), 'no account');
same(true, str_contains($ann->exportText(), 'language'), 'everything in sentences');
same(1, $shop->record('letter', $ann, ['channel' => 'mail'])['number'], 'a decision is kept');
same(2, $shop->record('letter', null)['number'], 'and the next');

// A night's work: the table, the orders, the letters.
$rows = [[['email' => 'bob@example.com'], ['declare', 'language', 'de'], ['declare', 'age', 50]],
    [['email' => 'cem@example.com'], ['declare', 'language', 'it']]];
$took = $shop->applyMany($rows, settled: true);
same(['OK', true, ''], array_values($took[0]), 'a row is carried out');
same(['ERR_DOMAIN', false], array_slice(array_values($took[1]), 0, 2), 'one that does not fit is told');
same(false, $shop->applyMany($rows, settled: true)[0]['isNew'], 'a table may be taken in again');
$order = ['kind' => 'order', 'source' => 'shop', 'id' => '7', 'time' => gmdate('Y-m-d\TH:i:s\Z'), 'total' => 9.5];
$took = $shop->observeMany([['customer' => ['email' => 'bob@example.com']] + $order,
    ['customer' => ['email' => 'bob@example.com']] + $order, $order]);
same([['OK', true], ['OK', false]], array_map(fn ($one) => [$one['status'], $one['isNew']], array_slice($took, 0, 2)),
    'events are taken once');
same(true, $took[2]['status'] !== 'OK' && $took[2]['message'] !== '', 'an event of nobody is told');
same([[], []], [$shop->observeMany([]), $shop->decideMany('letter', [])], 'nothing is nothing');
$mail = ['channel' => 'mail'];
$bob = $shop->customer('email', 'bob@example.com');
$letters = $shop->decideMany(['letter', 'discount'], ['bob@example.com', 'käthe@example.com'], $mail, by: 'email');
same(['bob@example.com letter "hallo"', 'bob@example.com discount null', 'käthe@example.com letter "hello"',
    'käthe@example.com discount null'], array_map(fn ($one) => "$one[customer] $one[decision] " . json_encode($one['value']),
    $letters), 'many at once, each as alone');
same($shop->decide('letter', $bob, $mail), array_intersect_key($letters[0], $shop->decide('letter', $bob, $mail)), 'the same');
$shop->customer('card', 4711)->choose('language', 'de');
same(['hallo', 'hello'], array_column($shop->decideMany('letter', array_keys(['4711' => 1, '4712' => 1]), $mail, by: 'card'),
    'value'), 'customers may be the keys of an array');
foreach ([[null], [1.5], [[]]] as $wrong) {
    refused('ERR_TYPE', fn () => $shop->decideMany('letter', $wrong), 'no name of a customer');
    refused('ERR_TYPE', fn () => $shop->decideMany($wrong, ['x']), 'no name of a decision');
}
same('ERR_NOT_FOUND', $shop->decideMany('letter', ['nobody'])[0]['status'], 'an id that nobody has');
refused('ERR_NOT_FOUND', fn () => $shop->decideMany('lettre', [$bob->id()]), 'a wrong name of many');
same(1, $shop->erase($bob->id()), 'a person is erased');
same('hello', $shop->decide('letter', $shop->customer('email', 'bob@example.com'), $mail)['value'], 'and known no more');
refused('ERR_NOT_FOUND', fn () => $shop->erase('nobody'), 'nobody to erase');

file_put_contents("$folder/bad.json",
    "{\"catalog\": \"x\",\n \"segments\": {\"s\": \"profile.nope == 1\",\n \"t\": \"profile.none == 1\"}}");
$e = refused('ERR_CATALOG', fn () => new Shop("$folder/bad.json"), 'a broken catalog from the beginning');
same([2, 2], [$e->textLine, substr_count($e->report, ': error: ')], 'every mistake is told');
$e = refused('ERR_CATALOG', fn () => $shop->load("$folder/bad.json"), 'a broken catalog');
same([2, 2], [$e->textLine, substr_count($e->report, ': error: ')], 'its line is told, and all mistakes');
same('hello', $shop->decide('letter')['value'], 'the old one goes on');
$shop->load($catalog);

// A page is served by many processes; each sees what the others write.
$again = new Shop($catalog, "lmdb:$folder/other");
refused('ERR_ARG', fn () => $again->decide('letter', $ann), 'a customer of another shop');
$again->close();
$again->close();
refused('ERR_STATE', fn () => $again->decide('letter'), 'a closed shop');
$id = $ann->id();
unset($ann);
$ann = $shop->customer('email', 'ann@example.com');
same($id, $ann->id(), 'the store keeps a customer');
$begun = memory_get_usage();
$resident = fn () => (int) preg_replace('/.*VmRSS:\s*(\d+).*/s', '$1', file_get_contents('/proc/self/status'));
for ($i = 0; $i < 22000; $i++) {
    if ($i === 2000) {
        $before = $resident();
    }
    $shop->explain('letter', $ann, ['channel' => 'mail']);
    $shop->customer('email', 'ann@example.com');
}
same(true, $resident() - $before <= 1024, 'twenty thousand decisions and handles leave nothing behind');
$begun = hrtime(true);
for ($i = 0; $i < 10000; $i++) {
    $shop->decide('letter', $ann, ['channel' => 'mail']);
}
printf("%d checks; a decision takes %.1f us\n", $checks, (hrtime(true) - $begun) / 1e7);
