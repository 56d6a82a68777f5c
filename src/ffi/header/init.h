// Initializers
// Macros that begin a struct. Each names every member, so that no compiler warns.

/** A string literal as an #fbat_str. @since 0.2 */
#ifdef __cplusplus
#define FBAT_STR(literal) (fbat_str{"" literal, sizeof(literal) - 1})
#else
#define FBAT_STR(literal) ((fbat_str){"" literal, sizeof(literal) - 1})
#endif

/** Begins an #fbat_kind_range: one kind. @since 0.2 */
#define FBAT_KIND_EXACT(kind) {(uint16_t)(kind), (uint16_t)(kind)}

/** Begins an #fbat_kind_range: all kinds of a category, 0 to 15. @since 0.2 */
#define FBAT_KIND_CATEGORY(category)                                                              \
  {(uint16_t)((category) << 12), (uint16_t)((category) << 12 | 0xfff)}
