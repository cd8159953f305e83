/*
 * table.h: tables of customers: records of a file, and the mapping from columns to operations.
 */
#ifndef PZ_TOOLS_TABLE_H
#define PZ_TOOLS_TABLE_H

#include "cli.h"

#include "value/value.h"

/* csv.c: records of a CSV file (RFC 4180), one at a time. */
typedef struct csv csv;

#define CSV_FIELDS_MAX 1024u
#define CSV_RECORD_MAX (1u << 20)

int csv_open(csv **out, const char *path, char separator);
/* The next record's fields, without quotes; false at the end or on failure. A record that is not
 * well formed has *why, and no fields. Borrowed until the next call. */
bool csv_next(csv *c, const pz_str **fields, uint32_t *count, const char **why);
/* Where the record that was read begins, and its text as it stands in the file. */
uint64_t csv_line(const csv *c);
pz_str csv_text(const csv *c);
/* Whether that record is the last, as nobody can tell where the next one would begin. */
bool csv_is_over(const csv *c);
double csv_share(const csv *c);
int csv_close(csv *c);

/* mapping.c: what the columns are. */
#define MAPPING_COLUMNS_MAX 512u

typedef enum column_role {
    ROLE_CUSTOMER,
    ROLE_IDENTIFIER,
    ROLE_ATTRIBUTE,
    ROLE_CONSENT,
    ROLE_ACCOUNT,
    ROLE_AT
} column_role;

typedef enum column_form { FORM_TEXT, FORM_NUMBER, FORM_BOOL, FORM_DATE, FORM_AUTO } column_form;

typedef struct column {
    column_role role;
    pz_str name;   /* of the attribute or purpose; the kind of an identifier */
    pz_str source; /* the column's name in the file */
    column_form form;
    pz_str date;    /* "DD.MM.YYYY"; "" for RFC 3339 */
    pz_str list;    /* what separates the elements of a list; "" for one value */
    pz_str decimal; /* "," or "."; "" for "." */
    const pz__node *values; /* NULL, or a map from text to value */
    bool is_choice;         /* the customer's own */
    bool keeps_empty;       /* an empty field is an empty text, not absent */
    uint32_t line, place;   /* in the mapping */
    uint32_t index;         /* of the field; UINT32_MAX while not known, or no object had it */
} column;

typedef struct mapping {
    pz_pool *pool;
    char *text;
    const char *path;
    column *columns;
    uint32_t count;
    bool is_jsonl;
    bool has_no_header;
    char separator;
    char channel[129], who[257];
} mapping;

/* Read a mapping and check it against the catalog of the engine. Every mistake is told with its line
 * and column; EXIT_CATALOG. */
int mapping_open(mapping *m, const char *path, pz_engine *engine);
void mapping_close(mapping *m);
/* The operations of one record. `get` gives a column's content; kind PZ_NULL: absent. *why tells what
 * does not fit, *which the column. */
typedef pz_value (*mapping_get)(void *payload, const column *c);
bool mapping_row(const mapping *m, pz_pool *pool, mapping_get get, void *payload, pz_value *row,
                 const column **which, char why[256]);
/* The other way: the content of a column that says `value`, which is no null; a text, or for
 * `is_json` what JSON has for it. Null if the mapping's "values" have no text for it. *is_lossy: read
 * as a row it would be another value. What is made belongs to the pool. */
pz_status mapping_cell(const column *c, pz_pool *pool, pz_value value, bool is_json, pz_value *out,
                       bool *is_lossy);

#endif
