/* The small shop that the engine's tests decide in. */
#ifndef PZ_TESTS_ENGINE_SHOP_H
#define PZ_TESTS_ENGINE_SHOP_H

static const char shop_json[] =
    "{ \"catalog\": \"shop\",\n"
    "  \"context\": {\"country\": \"string\"},\n"
    "  \"attributes\": {\n"
    "    \"language\": {\"type\": \"string\", \"one_of\": [\"en\", \"de\", \"fr\"],\n"
    "                 \"threshold\": 0.75, \"default\": \"en\"},\n"
    "    \"category\": {\"type\": \"string\", \"one_of\": [\"garden\", \"home\"], \"threshold\": "
    "0.75},\n"
    "    \"age\": {\"type\": \"int\", \"min\": 0, \"max\": 150},\n"
    "    \"member\": {\"type\": \"bool\"}\n"
    "  },\n"
    "  \"signals\": [\n"
    "    {\"on\": \"view\", \"about\": \"category\", \"value\": \"event.category\", \"weight\": "
    "1},\n"
    "    {\"on\": \"visit\", \"about\": \"language\", \"value\": \"event.language\", \"weight\": "
    "1}\n"
    "  ],\n"
    "  \"segments\": {\"regular\": \"count('view', duration('720h')) >= 3\"},\n"
    "  \"decisions\": {\n"
    "    \"hero\": {\"rules\": [\n"
    "      {\"id\": \"adult\", \"when\": \"profile.age >= 18 && context.country == 'DE'\",\n"
    "       \"value\": \"adult\"},\n"
    "      {\"id\": \"garden\", \"when\": \"segment.regular && profile.category == 'garden'\",\n"
    "       \"value\": \"spring\"}],\n"
    "      \"default\": \"generic\"},\n"
    "    \"speak\": {\"rules\": [{\"id\": \"own\", \"expr\": \"profile.language\"}]}\n"
    "  }\n"
    "}\n";

/* 2026-03-10T00:00:00Z */
#define SHOP_NOW INT64_C(1773100800000)
#define SHOP_DAY INT64_C(86400000)

#endif
