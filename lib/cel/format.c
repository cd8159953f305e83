/*
 * format.c: 'template'.format(list).
 *
 * A clause is '%', an optional precision such as '.3', and a verb; it takes the next element of the
 * list, and "%%" is a percent sign. Elements left over are ignored, an element that is missing is
 * an error, and so is a verb that there is not or that does not take a value of this type. One
 * table says which function each verb is.
 *
 * The result is built in a buffer bounded by the steps left (text.h). Numbers under %f and %e are
 * the decimals they exactly are (exact.h), rounded half to even; under %s and %d a double is the
 * shortest decimal that reads back to it, never with an exponent. What a value is as text is in
 * format_value.c.
 */
#include "cel/format.h"

#include "base/number.h"
#include "cel/exact.h"

static const char *const integer_text =
    "%b, %o, %x and %X take whole numbers only; %b takes bools, "
    "%x and %X take strings and bytes too";

/* ---- the verbs: true, or false with f->problem set ---- */

static bool refuse(pz__formatter *f, const char *why)
{
    f->problem = why;
    return false;
}

static bool is_whole(pz_value v)
{
    return v.kind == PZ_INT || v.kind == PZ_UINT;
}

static bool is_finite(double d)
{
    return d - d == 0;
}

/* The digits of a whole number in a base of 2^shift, the sign first. */
static bool put_base(pz__formatter *f, pz_value v, unsigned shift, const char *digits)
{
    char text[64];
    size_t at = sizeof text;
    if (!is_whole(v))
        return refuse(f, integer_text);
    bool is_negative = v.kind == PZ_INT && v.as.i < 0;
    uint64_t n = is_negative ? 0 - v.as.u : v.as.u;
    do {
        text[--at] = digits[n & ((1u << shift) - 1)];
        n >>= shift;
    } while (n);
    if (is_negative)
        pz__buf_byte(&f->out, '-');
    pz__buf_put(&f->out, text + at, sizeof text - at);
    return true;
}

static bool put_binary(pz__formatter *f, pz_value v)
{
    if (v.kind != PZ_BOOL)
        return put_base(f, v, 1, "01");
    pz__buf_byte(&f->out, v.as.b ? '1' : '0');
    return true;
}

static bool put_octal(pz__formatter *f, pz_value v)
{
    return put_base(f, v, 3, "01234567");
}

static bool put_hex(pz__formatter *f, pz_value v, const char *digits)
{
    if (v.kind != PZ_STRING && v.kind != PZ_BYTES)
        return put_base(f, v, 4, digits);
    for (uint32_t i = 0; i < v.len && f->out.status == PZ_OK; i++) {
        unsigned char octet = (unsigned char)v.as.text[i];
        pz__buf_byte(&f->out, (uint8_t)digits[octet >> 4]);
        pz__buf_byte(&f->out, (uint8_t)digits[octet & 15]);
    }
    return true;
}

static bool put_lower_hex(pz__formatter *f, pz_value v)
{
    return put_hex(f, v, "0123456789abcdef");
}

static bool put_upper_hex(pz__formatter *f, pz_value v)
{
    return put_hex(f, v, "0123456789ABCDEF");
}

static bool put_decimal(pz__formatter *f, pz_value v)
{
    if (!is_whole(v) && v.kind != PZ_DOUBLE)
        return refuse(f, "%d takes numbers only");
    return pz__format_value(f, v, 0);
}

/* The number as a decimal; false after writing an infinity or NaN, or refusing. */
static bool decimal_of(pz__formatter *f, pz_value v, pz__decimal *out)
{
    if (is_whole(v)) {
        bool is_negative = v.kind == PZ_INT && v.as.i < 0;
        pz__decimal_of_uint(out, is_negative ? 0 - v.as.u : v.as.u, is_negative);
        return true;
    }
    if (v.kind != PZ_DOUBLE)
        return refuse(f, "the clauses f and e take numbers only");
    if (!is_finite(v.as.d)) {
        pz__format_value(f, v, 0);
        return false;
    }
    pz__decimal_of_double(out, v.as.d);
    return true;
}

static bool put_fixed(pz__formatter *f, pz_value v)
{
    pz__decimal d;
    if (decimal_of(f, v, &d))
        pz__decimal_fixed(&f->out, d, f->precision);
    return f->problem == NULL;
}

static bool put_scientific(pz__formatter *f, pz_value v)
{
    pz__decimal d;
    if (decimal_of(f, v, &d))
        pz__decimal_scientific(&f->out, d, f->precision);
    return f->problem == NULL;
}

static bool put_text(pz__formatter *f, pz_value v)
{
    return pz__format_value(f, v, 0);
}

static const struct {
    char letter;
    bool (*put)(pz__formatter *f, pz_value v);
} verbs[] = {{'s', put_text},   {'d', put_decimal}, {'f', put_fixed},     {'e', put_scientific},
             {'b', put_binary}, {'o', put_octal},   {'x', put_lower_hex}, {'X', put_upper_hex}};

/* ---- the template ---- */

/* Digits of a precision behind the point; false if there are none, or too many. */
static bool read_precision(pz__formatter *f, pz_str text, size_t *at)
{
    size_t start = ++*at;
    f->precision = 0;
    for (; *at < text.len && text.data[*at] >= '0' && text.data[*at] <= '9'; ++*at) {
        f->precision = f->precision * 10 + (uint32_t)(text.data[*at] - '0');
        if (f->precision > PZ__FORMAT_PRECISION_MAX)
            return refuse(f, "a format has at most 100000000 digits behind the point");
    }
    return *at > start || refuse(f, "a '.' in a format is followed by the number of digits");
}

/* One clause; `at` stands behind its '%' and is moved behind the clause. */
static bool put_clause(pz__formatter *f, pz_str text, size_t *at, pz_value list, uint32_t *used)
{
    f->precision = 6;
    if (*at < text.len && text.data[*at] == '.' && !read_precision(f, text, at))
        return false;
    if (*at == text.len)
        return refuse(f, "the format ends in the middle of a clause; write %% for a percent sign");
    char letter = text.data[(*at)++];
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (verbs[i].letter != letter)
            continue;
        if (*used == list.len)
            return refuse(f, "the format has more clauses than the list has elements");
        return verbs[i].put(f, list.as.items[(*used)++]);
    }
    return refuse(f, "the format has a clause other than those of s, d, f, e, b, o, x, X and %%");
}

static void put_template(pz__formatter *f, pz_str text, pz_value list)
{
    uint32_t used = 0;
    for (size_t at = 0; at < text.len && f->out.status == PZ_OK && !f->problem;) {
        const char *percent = memchr(text.data + at, '%', text.len - at);
        size_t end = percent ? (size_t)(percent - text.data) : text.len;
        pz__buf_put(&f->out, text.data + at, end - at);
        at = end + 1;
        if (!percent)
            return;
        if (at < text.len && text.data[at] == '%') {
            pz__buf_byte(&f->out, '%');
            at++;
        } else {
            put_clause(f, text, &at, list, &used);
        }
    }
}

pz_value pz__fn_format(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (args[0].kind != PZ_STRING || args[1].kind != PZ_LIST)
        return pz__call_no_overload(call);
    pz__formatter f = {.call = call};
    pz__text_open(call, &f.out);
    put_template(&f, pz_value_text(args[0]), args[1]);
    pz_value text = pz__text_close(call, &f.out, PZ_STRING);
    return text.kind != PZ__V_ERROR && f.problem ? pz__call_fail(call, f.problem) : text;
}
