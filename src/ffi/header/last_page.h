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

/** An #fbat_frontier to be filled in. @since 0.1 */
#define FBAT_FRONTIER_INIT {sizeof(fbat_frontier), 0, 0}

/** An #fbat_head to be filled in. @since 0.1 */
#define FBAT_HEAD_INIT {sizeof(fbat_head), 0, 0, FBAT_ID_INIT, FBAT_HASH_INIT}

/** An #fbat_stats to be filled in. @since 0.1 */
#define FBAT_STATS_INIT {sizeof(fbat_stats), 0, 0, 0, 0, 0, 0}

/** An #fbat_open_report to be filled in. @since 0.1 */
#define FBAT_OPEN_REPORT_INIT                                                                     \
  {sizeof(fbat_open_report), 0, 0, 0, 0, FBAT_STR_INIT, 0, 0, 0, 0, 0}

/** An #fbat_event that needs entity, scope and kind. @since 0.1 */
#define FBAT_EVENT_INIT                                                                           \
  {sizeof(fbat_event), FBAT_STR_INIT, FBAT_STR_INIT, 0, 0, 0, NULL, 0, FBAT_ID_INIT, 0, 0, 0, 0,  \
   FBAT_ID_INIT, FBAT_ID_INIT, 0, NULL, 0}

/** An #fbat_receipt to be filled in. @since 0.1 */
#define FBAT_RECEIPT_INIT                                                                         \
  {sizeof(fbat_receipt), FBAT_ID_INIT, 0, 0, 0, 0, FBAT_HASH_INIT, FBAT_HASH_INIT,                \
   FBAT_HASH_INIT, 0, 0}

/** An #fbat_import_report to be filled in. @since 0.1 */
#define FBAT_IMPORT_REPORT_INIT {sizeof(fbat_import_report), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** An #fbat_verify_totals to be filled in. @since 0.1 */
#define FBAT_VERIFY_TOTALS_INIT {sizeof(fbat_verify_totals), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** An #fbat_finding to be filled in. @since 0.1 */
#define FBAT_FINDING_INIT {sizeof(fbat_finding), FBAT_STR_INIT, 0, 0, FBAT_STR_INIT}

/** An #fbat_backup_report to be filled in. @since 0.1 */
#define FBAT_BACKUP_REPORT_INIT {sizeof(fbat_backup_report), 0, 0, 0, 0, 0, FBAT_HASH_INIT}

/** An #fbat_repair_totals to be filled in. @since 0.1 */
#define FBAT_REPAIR_TOTALS_INIT {sizeof(fbat_repair_totals), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/** An #fbat_loss to be filled in. @since 0.1 */
#define FBAT_LOSS_INIT {sizeof(fbat_loss), FBAT_STR_INIT, 0, 0, 0, FBAT_STR_INIT}

/** @} */

#ifdef __cplusplus
}
#endif

#endif

/* Generated from src/ffi; make header writes it again. */
