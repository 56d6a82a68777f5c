/** @defgroup fbat_init Initializers
 * Each names every member, so that no compiler warns, in C and in C++.
 * @{
 */

/** No id. @since 0.1 */
#define FBAT_ID_INIT {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}

/** The all-zero hash. @since 0.1 */
#define FBAT_HASH_INIT                                                                            \
  {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}

/** No text. @since 0.1 */
#define FBAT_STR_INIT {NULL, 0}

/** A string literal as an #fbat_str. @since 0.2 */
#ifdef __cplusplus
#define FBAT_STR(literal) (fbat_str{"" literal, sizeof(literal) - 1})
#else
#define FBAT_STR(literal) ((fbat_str){"" literal, sizeof(literal) - 1})
#endif

/** An #fbat_error_detail, all zero but for its size. @since 0.2 */
#define FBAT_ERROR_DETAIL_INIT                                                                    \
  {sizeof(fbat_error_detail), 0, 0, FBAT_STR_INIT, FBAT_STR_INIT, 0, 0, 0, FBAT_ID_INIT, 0, 0}

/** An #fbat_region, all zero but for its size. @since 0.2 */
#define FBAT_REGION_INIT                                                                          \
  {sizeof(fbat_region), FBAT_STR_INIT, FBAT_STR_INIT, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** An #fbat_open_options, all zero but for its size. @since 0.2 */
#define FBAT_OPEN_OPTIONS_INIT                                                                    \
  {sizeof(fbat_open_options), 0, 0, FBAT_STR_INIT, 0, 0, 0, 0, NULL, NULL, NULL}

/** An #fbat_frontier, all zero but for its size. @since 0.2 */
#define FBAT_FRONTIER_INIT {sizeof(fbat_frontier), 0, 0}

/** An #fbat_head, all zero but for its size. @since 0.2 */
#define FBAT_HEAD_INIT {sizeof(fbat_head), 0, 0, FBAT_ID_INIT, FBAT_HASH_INIT}

/** An #fbat_stats, all zero but for its size. @since 0.2 */
#define FBAT_STATS_INIT {sizeof(fbat_stats), 0, 0, 0, 0, 0, 0}

/** An #fbat_open_report, all zero but for its size. @since 0.2 */
#define FBAT_OPEN_REPORT_INIT {sizeof(fbat_open_report), 0, 0, 0, 0, FBAT_STR_INIT, 0, 0, 0, 0, 0}

/** An #fbat_event, all zero but for its size. @since 0.2 */
#define FBAT_EVENT_INIT                                                                           \
  {sizeof(fbat_event), FBAT_STR_INIT, FBAT_STR_INIT, 0, 0, 0, NULL, 0, FBAT_ID_INIT, 0, 0, 0,     \
   0, FBAT_ID_INIT, FBAT_ID_INIT, 0, NULL, 0}

/** An #fbat_receipt, all zero but for its size. @since 0.2 */
#define FBAT_RECEIPT_INIT                                                                         \
  {sizeof(fbat_receipt), FBAT_ID_INIT, 0, 0, 0, 0, FBAT_HASH_INIT, FBAT_HASH_INIT,                \
   FBAT_HASH_INIT, 0, 0}

/** An #fbat_query, all zero but for its size. @since 0.2 */
#define FBAT_QUERY_INIT {sizeof(fbat_query), NULL, 0, 0, 0, 0, 0, NULL, NULL, NULL}

/** An #fbat_provenance of the schema version that this library writes, else zero. @since 0.2 */
#define FBAT_PROVENANCE_INIT                                                                      \
  {sizeof(fbat_provenance), FBAT_PROVENANCE_SCHEMA_VERSION, FBAT_STR_INIT, FBAT_ID_INIT, 0, 0,    \
   FBAT_HASH_INIT}

/** An #fbat_import_report, all zero but for its size. @since 0.2 */
#define FBAT_IMPORT_REPORT_INIT {sizeof(fbat_import_report), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** An #fbat_import_options, all zero but for its size. @since 0.2 */
#define FBAT_IMPORT_OPTIONS_INIT                                                                  \
  {sizeof(fbat_import_options), FBAT_STR_INIT, NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, 0, 0,    \
   0, 0}

/** An #fbat_verify_options, all zero but for its size. @since 0.2 */
#define FBAT_VERIFY_OPTIONS_INIT {sizeof(fbat_verify_options), NULL, NULL, NULL, NULL}

/** An #fbat_verify_report, all zero but for its size. @since 0.2 */
#define FBAT_VERIFY_REPORT_INIT {sizeof(fbat_verify_report), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** An #fbat_backup_options, all zero but for its size. @since 0.2 */
#define FBAT_BACKUP_OPTIONS_INIT {sizeof(fbat_backup_options), 0, 0, NULL, NULL, NULL}

/** An #fbat_backup_report, all zero but for its size. @since 0.2 */
#define FBAT_BACKUP_REPORT_INIT {sizeof(fbat_backup_report), 0, 0, 0, 0, 0, FBAT_HASH_INIT}

/** An #fbat_repair_options, all zero but for its size. @since 0.2 */
#define FBAT_REPAIR_OPTIONS_INIT {sizeof(fbat_repair_options), NULL, NULL, NULL}

/** An #fbat_repair_report, all zero but for its size. @since 0.2 */
#define FBAT_REPAIR_REPORT_INIT {sizeof(fbat_repair_report), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** @} */

#ifdef __cplusplus
}
#endif

#endif

/* Generated from src/ffi; make header writes it again. */
