/*
 * test_history.c: each verb of the customer is one entry, and can be taken back.
 */
#include "profile/kit.h"
#include "profile/state.h"
#include "support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static pz_status put_part(pz__profile *p, const char *writer, pz__claim_slot slot, const char *part,
                          const char *value)
{
    pz__write write = kit_write(writer, KIT_NOW);
    if (writer[0] == 'b')
        write.channel = PZ__STR("app");
    const pz__claim claim = {.attribute = PZ__STR("x"),
                             .slot = (uint8_t)slot,
                             .part = pz_str_of(part),
                             .value = pz_value_str(value ? value : ""),
                             .is_cleared = value == NULL};
    return pz__profile_put(p, &write, &claim, NULL);
}

/* One verb that sets one register. */
static pz_status verb(pz__profile *p, const char *writer, pz__claim_slot slot, const char *part,
                      const char *value)
{
    pz__profile_note_begin(p, PZ__STR("choose"));
    const pz_status status = put_part(p, writer, slot, part, value);
    pz__profile_note_end(p);
    return status;
}

static void choose(pz__profile *p, const char *writer, const char *value)
{
    assert_int_equal(verb(p, writer, PZ__SLOT_CHOICE, "", value), PZ_OK);
}

static pz_status undo(pz__profile *p, const char *writer)
{
    const pz__write write = kit_write(writer, KIT_NOW);
    return pz__profile_undo(p, &write, PZ__STR("x"), NULL);
}

/* What the register holds, by the rules of whoever resolves; "" for nothing. */
static const char *value_of(pz__profile *p, pz__claim_slot slot, const char *part)
{
    static char text[32];
    assert_int_equal(pz__profile_seal(p), PZ_OK);
    const pz__claims all = pz__profile_claims(p, PZ__STR("x"));
    const pz__claim *found = NULL, *whole = NULL;
    for (uint32_t i = 0; i < all.count; i++) {
        const pz__claim *c = &all.list[i];
        if (!found && c->slot == slot && pz__str_equal(c->part, pz_str_of(part)))
            found = c;
        if ((c->slot == PZ__SLOT_CHOICE || c->slot == PZ__SLOT_REJECT) && c->part.len == 0 &&
            c->is_cleared && (!whole || pz__claim_rank(c, whole) > 0))
            whole = c;
    }
    text[0] = 0;
    if (found && !found->is_cleared &&
        (slot == PZ__SLOT_MODE || !whole || pz__claim_rank(found, whole) > 0))
        snprintf(text, sizeof text, "%.*s", (int)found->value.len, found->value.as.text);
    return text;
}

#define assert_choice(p, text) assert_string_equal(value_of(p, PZ__SLOT_CHOICE, ""), text)

static void undo_goes_back_step_by_step(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    choose(p, "a", "one");
    choose(p, "a", "two");
    choose(p, "a", "three");
    assert_int_equal(undo(p, "a"), PZ_OK);
    assert_choice(p, "two");
    assert_int_equal(undo(p, "a"), PZ_OK);
    assert_choice(p, "one");
    choose(p, "a", "four");
    assert_int_equal(undo(p, "a"), PZ_OK);
    assert_choice(p, "one");
    assert_int_equal(undo(p, "a"), PZ_OK);
    assert_choice(p, "");
    pz__profile *before = kit_copy(p);
    assert_int_equal(undo(p, "a"), PZ_ERR_NOT_FOUND);
    kit_assert_same(p, before);
    kit_check(p);
    pz__profile_free(p);
    pz__profile_free(before);
}

static void an_entry_of_another_writer_is_undone(void **state)
{
    (void)state;
    pz__profile *a = kit_new(NULL);
    choose(a, "a", "one");
    pz__profile *b = kit_copy(a);
    choose(b, "b", "two");
    assert_int_equal(undo(b, "c"), PZ_OK);
    assert_choice(b, "one");
    assert_int_equal(pz__profile_join(a, b, NULL), PZ_OK);
    assert_choice(a, "one");
    assert_int_equal(undo(a, "a"), PZ_OK);
    assert_choice(a, "");
    kit_check(a);
    pz__profile_free(a);
    pz__profile_free(b);
}

static void a_verb_of_many_registers_is_one_entry(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    assert_int_equal(verb(p, "a", PZ__SLOT_CHOICE, "", "de"), PZ_OK);
    assert_int_equal(verb(p, "a", PZ__SLOT_REJECT, "fr", "fr"), PZ_OK);
    assert_int_equal(verb(p, "a", PZ__SLOT_REJECT, "it", "it"), PZ_OK);
    /* A clearing writes the register of the whole and each that is set. */
    pz__profile_note_begin(p, PZ__STR("clear"));
    put_part(p, "a", PZ__SLOT_REJECT, "fr", NULL);
    put_part(p, "a", PZ__SLOT_REJECT, "it", NULL);
    put_part(p, "a", PZ__SLOT_REJECT, "", NULL);
    put_part(p, "a", PZ__SLOT_CHOICE, "", NULL);
    pz__profile_note_end(p);
    assert_int_equal(p->segments[0]->history_count, 4);
    assert_int_equal(p->segments[0]->history[3].before_count, 4);
    assert_string_equal(value_of(p, PZ__SLOT_REJECT, "fr"), "");
    assert_int_equal(undo(p, "a"), PZ_OK);
    assert_choice(p, "de");
    assert_string_equal(value_of(p, PZ__SLOT_REJECT, "fr"), "fr");
    assert_string_equal(value_of(p, PZ__SLOT_REJECT, "it"), "it");
    kit_check(p);
    pz__profile_free(p);
}

static void undoing_a_choice_leaves_rejections_alone(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    assert_int_equal(verb(p, "b", PZ__SLOT_REJECT, "fr", "fr"), PZ_OK);
    choose(p, "a", "de");
    assert_int_equal(undo(p, "a"), PZ_OK);
    assert_choice(p, "");
    assert_string_equal(value_of(p, PZ__SLOT_REJECT, "fr"), "fr");
    pz__profile_free(p);
}

static void edits_keep_their_order(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    verb(p, "a", PZ__SLOT_EDIT_PLACE, "a", "after x");
    verb(p, "b", PZ__SLOT_EDIT_PLACE, "b", "after x");
    verb(p, "a", PZ__SLOT_EDIT_PLACE, "a", "pinned");
    assert_int_equal(undo(p, "a"), PZ_OK);
    assert_string_equal(value_of(p, PZ__SLOT_EDIT_PLACE, "a"), "after x");
    const pz__claims all = pz__profile_claims(p, PZ__STR("x"));
    uint32_t b = 0;
    while (all.list[b].part.data[0] != 'b')
        b++;
    assert_true(all.list[0].stamp < all.list[b].stamp);
    assert_memory_equal(all.list[b].channel.data, "app", 3);
    pz__profile_free(p);
}

static void modes_are_undone_and_facts_not_noted(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    assert_int_equal(verb(p, "a", PZ__SLOT_MODE, "", "OFF"), PZ_OK);
    assert_int_equal(verb(p, "a", PZ__SLOT_DECLARED, "", "fact"), PZ_OK);
    assert_int_equal(p->segments[0]->history_count, 1);
    assert_int_equal(undo(p, "a"), PZ_OK);
    assert_string_equal(value_of(p, PZ__SLOT_MODE, ""), "");
    assert_int_equal(undo(p, "a"), PZ_ERR_NOT_FOUND);
    pz__profile_free(p);
}

static void what_was_forgotten_does_not_come_back_by_undoing(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    choose(p, "a", "secret");
    choose(p, "b", "two");
    const pz__write write = kit_write("c", KIT_NOW);
    const pz__forgetting f = {PZ__STR("x"), INT64_MIN, INT64_MAX, PZ__FORGET_ALL};
    assert_int_equal(pz__profile_forget(p, &write, &f, NULL), PZ_OK);
    assert_int_equal(undo(p, "c"), PZ_ERR_NOT_FOUND);
    choose(p, "b", "three");
    assert_int_equal(undo(p, "c"), PZ_OK);
    assert_choice(p, "");
    assert_int_equal(undo(p, "c"), PZ_ERR_NOT_FOUND);
    pz__profile_free(p);
}

static void the_oldest_entry_goes_first(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    char value[16];
    for (unsigned i = 0; i <= PZ__SEGMENT_HISTORY_MAX; i++) {
        snprintf(value, sizeof value, "v%u", i);
        choose(p, "a", value);
        assert_int_equal(p->segments[0]->history_count,
                         i < PZ__SEGMENT_HISTORY_MAX ? i + 1 : PZ__SEGMENT_HISTORY_MAX);
    }
    unsigned undone = 0;
    while (undo(p, "b") == PZ_OK)
        undone++;
    assert_int_equal(undone, PZ__SEGMENT_HISTORY_MAX);
    kit_check(p);
    pz__profile_free(p);
}

static void choose_at(pz__profile *p, const char *writer, const char *attribute, const char *value,
                      int64_t at_ms)
{
    pz__profile_note_begin(p, PZ__STR("choose"));
    assert_int_equal(kit_put(p, writer, PZ__SLOT_CHOICE, attribute, value, at_ms, at_ms), PZ_OK);
    pz__profile_note_end(p);
}

/* What was undone may have left a full history, and that it was full outlives a forgetting. */
static void what_was_undone_is_not_undone_again_when_verbs_are_forgotten(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    pz__write write = kit_write("a", KIT_NOW + 3);
    choose_at(p, "b", "x", "one", KIT_NOW + 1);
    choose_at(p, "b", "x", "two", KIT_NOW + 2);
    assert_int_equal(pz__profile_undo(p, &write, PZ__STR("x"), NULL), PZ_OK);
    choose_at(p, "a", "x", "three", KIT_NOW + 4);
    for (unsigned i = 0; i < PZ__SEGMENT_HISTORY_MAX; i++)
        choose_at(p, "a", "y", "secret", KIT_NOW + 5 + i);
    write = kit_write("b", KIT_NOW + 1000);
    const pz__forgetting y = {PZ__STR("y"), INT64_MIN, INT64_MAX, PZ__FORGET_ALL};
    assert_int_equal(pz__profile_forget(p, &write, &y, NULL), PZ_OK);
    assert_int_equal(pz__profile_scrub(p, NULL), PZ_OK);
    kit_check(p);
    assert_int_equal(pz__profile_undo(p, &write, PZ__STR("x"), NULL), PZ_ERR_NOT_FOUND);
    assert_int_equal(pz__profile_seal(p), PZ_OK);
    const pz_str chosen = pz_value_text(pz__profile_claims(p, PZ__STR("x")).list[0].value);
    assert_true(pz__str_equal(chosen, PZ__STR("three")));
    /* Verbs that tell nothing make place for new ones, which are undone. */
    choose_at(p, "a", "x", "four", KIT_NOW + 2000);
    assert_int_equal(pz__profile_segment(p, 0).history_count, PZ__SEGMENT_HISTORY_MAX);
    write = kit_write("a", KIT_NOW + 3000);
    assert_int_equal(pz__profile_undo(p, &write, PZ__STR(""), NULL), PZ_OK);
    pz__buf bytes = kit_bytes(p), text;
    assert_null(memmem(bytes.data, bytes.len, "secret", 6));
    pz__buf_init(&text, NULL, SIZE_MAX);
    assert_int_equal(pz__profile_seal(p), PZ_OK);
    assert_int_equal(pz__profile_export(p, &text, 0), PZ_OK);
    assert_null(memmem(text.data, text.len, "\"verb\":\"forgotten\"", 18));
    pz__buf_clear(&bytes);
    pz__buf_clear(&text);
    pz__profile_free(p);
}

static pz_status choose_and_undo(const pz_alloc *alloc, void *payload)
{
    (void)payload;
    pz__profile *p = kit_new(alloc), *copy = NULL;
    if (!p)
        return PZ_ERR_NOMEM;
    pz_status status = verb(p, "a", PZ__SLOT_CHOICE, "", "one");
    if (status == PZ_OK)
        status = verb(p, "a", PZ__SLOT_CHOICE, "", "two");
    pz__profile_note_begin(p, PZ__STR("clear"));
    static const char *const parts[] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < 5 && status == PZ_OK; i++)
        status = put_part(p, "a", PZ__SLOT_REJECT, parts[i], NULL);
    pz__profile_note_end(p);
    if (status == PZ_OK)
        status = pz__profile_copy(&copy, p);
    if (status == PZ_OK) {
        status = undo(p, "b");
        if (status == PZ_OK)
            status = undo(p, "b");
        oom_calm(alloc->payload);
        if (status != PZ_OK && p->segments[0]->sequence == copy->segments[0]->sequence &&
            p->segment_count == 1)
            kit_assert_same(p, copy);
    }
    pz__profile_free(copy);
    pz__profile_free(p);
    return status;
}

static void undoing_survives_exhaustion(void **state)
{
    (void)state;
    oom_run(choose_and_undo, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(undo_goes_back_step_by_step),
        cmocka_unit_test(an_entry_of_another_writer_is_undone),
        cmocka_unit_test(a_verb_of_many_registers_is_one_entry),
        cmocka_unit_test(undoing_a_choice_leaves_rejections_alone),
        cmocka_unit_test(edits_keep_their_order),
        cmocka_unit_test(modes_are_undone_and_facts_not_noted),
        cmocka_unit_test(what_was_forgotten_does_not_come_back_by_undoing),
        cmocka_unit_test(the_oldest_entry_goes_first),
        cmocka_unit_test(what_was_undone_is_not_undone_again_when_verbs_are_forgotten),
        cmocka_unit_test(undoing_survives_exhaustion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
