/* A scanner over the bytes of one JSON object (RFC 8259). It copies nothing until a member is asked
 * for. */
#include "json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32 };

/* What is left to read. Every function below moves `at` behind what it took, or answers false. */
typedef struct {
    const char *at, *end;
} scanner;

static void skip_space(scanner *s) {
    while (s->at < s->end &&
           (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r')) {
        s->at++;
    }
}

static bool take(scanner *s, char expected) {
    skip_space(s);
    if (s->at == s->end || *s->at != expected) {
        return false;
    }
    s->at++;
    return true;
}

/* A string; `*from` and `*len` are what stands between the quotes, escapes as they are. */
static bool take_string(scanner *s, const char **from, size_t *len) {
    if (!take(s, '"')) {
        return false;
    }
    *from = s->at;
    while (s->at < s->end && *s->at != '"') {
        if ((unsigned char)*s->at < 0x20) {
            return false;
        }
        s->at += *s->at == '\\' && s->at + 1 < s->end ? 2 : 1;
    }
    *len = (size_t)(s->at - *from);
    return take(s, '"');
}

static bool take_value(scanner *s, int depth);

static bool take_members(scanner *s, char close, bool named, int depth) {
    const char *name;
    size_t len;
    if (take(s, close)) {
        return true;
    }
    do {
        if (named && !(take_string(s, &name, &len) && take(s, ':'))) {
            return false;
        }
        if (!take_value(s, depth)) {
            return false;
        }
    } while (take(s, ','));
    return take(s, close);
}

static bool take_value(scanner *s, int depth) {
    const char *from;
    size_t len;
    skip_space(s);
    if (s->at == s->end || depth == DEPTH_MAX) {
        return false;
    }
    switch (*s->at) {
    case '"': return take_string(s, &from, &len);
    case '{': s->at++; return take_members(s, '}', true, depth + 1);
    case '[': s->at++; return take_members(s, ']', false, depth + 1);
    default: /* a number, true, false or null: whoever reads it looks closer */
        from = s->at;
        while (s->at < s->end && strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", *s->at) &&
               *s->at) {
            s->at++;
        }
        return s->at > from;
    }
}

bool json_is_object(const char *object, size_t len) {
    scanner s = {object, object + len};
    if (!take(&s, '{') || !take_members(&s, '}', true, 0)) {
        return false;
    }
    skip_space(&s);
    return s.at == s.end;
}

/* Puts the scanner in front of the value of the member `name`. */
static bool find(scanner *s, const char *name) {
    const char *found;
    size_t len;
    if (!take(s, '{')) {
        return false;
    }
    while (take_string(s, &found, &len) && take(s, ':')) {
        if (len == strlen(name) && memcmp(found, name, len) == 0) {
            skip_space(s);
            return s->at < s->end;
        }
        if (!take_value(s, 0) || !take(s, ',')) {
            return false;
        }
    }
    return false;
}

/* The member as the text of a number, in `text`. */
static bool number_text(const char *object, size_t len, const char *name, char *text, size_t size) {
    scanner s = {object, object + len};
    if (!find(&s, name)) {
        return false;
    }
    const char *from = s.at;
    if (*from == '"' || !take_value(&s, 0) || (size_t)(s.at - from) >= size) {
        return false;
    }
    memcpy(text, from, (size_t)(s.at - from));
    text[s.at - from] = '\0';
    return *text == '-' || (*text >= '0' && *text <= '9');
}

bool json_number(const char *object, size_t len, const char *name, double *out) {
    char text[64], *end;
    if (!number_text(object, len, name, text, sizeof text)) {
        return false;
    }
    *out = strtod(text, &end);
    return *end == '\0';
}

bool json_integer(const char *object, size_t len, const char *name, int64_t *out) {
    char text[64], *end;
    if (!number_text(object, len, name, text, sizeof text)) {
        return false;
    }
    errno = 0;
    *out = strtoll(text, &end, 10);
    return *end == '\0' && errno == 0;
}

static bool take_hex4(scanner *s, uint32_t *unit) {
    *unit = 0;
    for (int i = 0; i < 4; i++, s->at++) {
        static const char digits[] = "0123456789abcdefABCDEF";
        const char *digit = s->at < s->end && *s->at ? strchr(digits, *s->at) : NULL;
        if (!digit) {
            return false;
        }
        size_t value = (size_t)(digit - digits);
        *unit = *unit << 4 | (uint32_t)(value < 16 ? value : value - 6);
    }
    return true;
}

/* What stands behind \u: one UTF-16 unit, or a pair of surrogates with a \u of its own. */
static bool take_code_point(scanner *s, uint32_t *code) {
    uint32_t low;
    if (!take_hex4(s, code)) {
        return false;
    }
    if (*code < 0xd800 || *code > 0xdfff) {
        return true;
    }
    if (*code > 0xdbff || s->end - s->at < 6 || s->at[0] != '\\' || s->at[1] != 'u') {
        return false;
    }
    s->at += 2;
    if (!take_hex4(s, &low) || low < 0xdc00 || low > 0xdfff) {
        return false;
    }
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

static size_t put_utf8(uint32_t code, char *out) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(lead[more] | code >> (6 * more));
    for (size_t i = 1; i <= more; i++) {
        out[i] = (char)(0x80 | (code >> (6 * (more - i)) & 0x3f));
    }
    return more + 1;
}

bool json_text(const char *object, size_t len, const char *name, char *out, size_t size) {
    static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    scanner s = {object, object + len};
    const char *from;
    size_t raw_len, n = 0;
    if (!find(&s, name) || !take_string(&s, &from, &raw_len)) {
        return false;
    }
    for (s = (scanner){from, from + raw_len}; s.at < s.end;) {
        uint32_t code;
        if (n + 5 > size) { /* the longest character and the NUL */
            return false;
        }
        if (*s.at != '\\') {
            out[n++] = *s.at++;
            continue;
        }
        const char *escape = strchr(escapes, s.at[1]);
        s.at += 2;
        if (s.at[-1] == 'u') {
            if (!take_code_point(&s, &code) || code == 0) { /* a NUL would end the text early */
                return false;
            }
            n += put_utf8(code, out + n);
        } else if (escape && *escape) {
            out[n++] = meanings[escape - escapes];
        } else {
            return false;
        }
    }
    out[n] = '\0';
    return true;
}
