/*
 * main.c: a store that nobody can read without the keys.
 *
 *     encryption key                           print a new key: encryption key >>keys
 *     encryption say  STORE KEYS EMAIL LANG    the customer's own choice
 *     encryption ask  STORE KEYS EMAIL         what it is
 *     encryption erase STORE KEYS EMAIL        erase the person
 *
 * KEYS is a file as sodium_hooks.h describes it, or "-" to open the store without hooks, which a
 * sealed store refuses.
 */
#include <personalize.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "sodium_hooks.h"

static const char catalog[] =
    "{\"attributes\": {\"language\": {\"type\": \"string\", \"default\": \"none\"}},"
    " \"decisions\": {\"greet\": {\"rules\": [{\"id\": \"own\", \"expr\": "
    "\"profile.language\"}]}}}";

static int fail(pz_status status, const pz_error *err)
{
    fprintf(stderr, "%s: %s\n", pz_status_name(status), err->message);
    return 1;
}

static pz_status say(pz_profile *customer, const char *language, pz_error *err)
{
    return pz_choose(customer, "language", pz_value_str(language), NULL, err);
}

/* Decide, keep a record of it, and print the answer. */
static pz_status ask(pz_engine *engine, const pz_profile *customer, pz_error *err)
{
    pz_context *context;
    const pz_decision *greet;
    pz_status status = pz_context_new(&context, engine, err);
    if (status != PZ_OK)
        return status;
    status = pz_context_begin(context, 0, err);
    if (status == PZ_OK)
        status = pz_decide(&greet, context, customer, "greet", err);
    if (status == PZ_OK)
        printf("%s\n", pz_decision_str(greet, "?"));
    if (status == PZ_OK && pz_profile_exists(customer))
        status = pz_record(NULL, context, greet, NULL, err);
    pz_context_free(context);
    return status;
}

static pz_status erase(pz_engine *engine, const pz_profile *customer, pz_error *err)
{
    char id[65] = "";
    const pz_str text = pz_profile_id(customer);
    memcpy(id, text.data, text.len);
    return pz_erase(engine, id, NULL, 0, NULL, err);
}

static pz_status run(pz_engine *engine, char **words, pz_error *err)
{
    pz_profile *customer;
    pz_status status =
        pz_engine_load_text(engine, "catalog", catalog, sizeof catalog - 1, NULL, err);
    if (status == PZ_OK)
        status = pz_customer(&customer, engine, "email", words[3], err);
    if (status != PZ_OK)
        return status;
    if (strcmp(words[0], "say") == 0)
        status = say(customer, words[4], err);
    else if (strcmp(words[0], "erase") == 0)
        status = erase(engine, customer, err);
    else
        status = ask(engine, customer, err);
    pz_profile_free(customer);
    return status;
}

static int new_key(void)
{
    unsigned char key[32];
    char text[65];
    if (sodium_init() < 0)
        return 1;
    randombytes_buf(key, sizeof key);
    puts(sodium_bin2hex(text, sizeof text, key, sizeof key));
    return 0;
}

int main(int argc, char **argv)
{
    static sodium_keys keys;
    pz_error err = PZ_ERROR_INIT;
    pz_engine *engine;
    if (argc == 2 && strcmp(argv[1], "key") == 0)
        return new_key();
    if (argc < 5 || argc != (strcmp(argv[1], "say") == 0 ? 6 : 5)) {
        fprintf(stderr, "usage: encryption key | say|ask|erase STORE KEYS EMAIL [LANGUAGE]\n");
        return 2;
    }
    const char *wrong = strcmp(argv[3], "-") == 0 ? NULL : sodium_keys_read(&keys, argv[3]);
    if (wrong) {
        fprintf(stderr, "%s\n", wrong);
        return 2;
    }
    const pz_store_hooks hooks = sodium_hooks(&keys);
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .store = argv[2],
                                       .hooks = keys.count ? &hooks : NULL};
    pz_status status = pz_engine_open(&engine, &options, &err);
    if (status == PZ_OK) {
        char *words[] = {argv[1], argv[2], argv[3], argv[4], argc > 5 ? argv[5] : NULL};
        status = run(engine, words, &err);
        pz_engine_close(engine);
    }
    sodium_keys_forget(&keys);
    return status == PZ_OK ? 0 : fail(status, &err);
}
