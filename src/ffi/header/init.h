// Initializers
// Macros that begin a struct. Each names every member, so that no compiler warns.

/** A string literal as an #fbat_str. @since 0.2 */
#ifdef __cplusplus
#define FBAT_STR(literal) (fbat_str{"" literal, sizeof(literal) - 1})
#else
#define FBAT_STR(literal) ((fbat_str){"" literal, sizeof(literal) - 1})
#endif
