/* Just enough JSON for one flat object on one line: finds a member by name and reads it as a number
 * or as text. */
#ifndef EXAMPLE_JSON_H
#define EXAMPLE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether `object` (`len` bytes) is one JSON object and nothing else. */
bool json_is_object(const char *object, size_t len);

/* Each reads the member `name` of the object: false where it is missing, null, of another type, or
 * does not fit. */
bool json_number(const char *object, size_t len, const char *name, double *out);
bool json_integer(const char *object, size_t len, const char *name, int64_t *out);

/* As UTF-8 with a NUL at the end; `out` has room for `size` bytes. */
bool json_text(const char *object, size_t len, const char *name, char *out, size_t size);

#endif
