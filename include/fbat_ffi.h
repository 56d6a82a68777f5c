/* fbat.h for tools that have no preprocessor: cffi, LuaJIT, PHP FFI. Types of stdbool.h,
 * stddef.h and stdint.h are taken for granted. Generated as fbat.h is, which says what all
 * this means. */
enum {
  FBAT_OK = 0,
  FBAT_ERR_INVALID_ARGUMENT = 100,
  FBAT_ERR_INVALID_HANDLE = 110,
  FBAT_ERR_INVALID_UTF8 = 120,
  FBAT_ERR_INVALID_COORDINATE = 130,
  FBAT_ERR_RESERVED_KIND = 140,
  FBAT_ERR_RESERVED_EXTENSION = 150,
  FBAT_ERR_LIMIT_EXCEEDED = 160,
  FBAT_ERR_NOT_FOUND = 200,
  FBAT_ERR_STORE_NOT_FOUND = 210,
  FBAT_ERR_IDEMPOTENCY_CONFLICT = 300,
  FBAT_ERR_VERSION_CONFLICT = 310,
  FBAT_ERR_IMPORT_CONFLICT = 320,
  FBAT_ERR_STORE_EXISTS = 330,
  FBAT_ERR_SOURCE_DIVERGED = 340,
  FBAT_ERR_BUSY = 400,
  FBAT_ERR_CLOSED = 500,
  FBAT_ERR_POISONED = 510,
  FBAT_ERR_FORKED = 520,
  FBAT_ERR_READ_ONLY = 530,
  FBAT_ERR_IO = 600,
  FBAT_ERR_NO_SPACE = 610,
  FBAT_ERR_NO_MEMORY = 620,
  FBAT_ERR_CORRUPT = 700,
  FBAT_ERR_WIRE_FRAMING = 710,
  FBAT_ERR_WIRE_CHECKSUM = 720,
  FBAT_ERR_WIRE_BODY = 730,
  FBAT_ERR_WIRE_NOT_CANONICAL = 740,
  FBAT_ERR_FUTURE_VERSION = 800,
  FBAT_ERR_UNSUPPORTED = 810,
  FBAT_ERR_CANCELLED = 900,
  FBAT_ERR_TIMEOUT = 910,
  FBAT_ERR_PANIC = 1000,
  FBAT_ERR_INTERNAL = 1010,
  FBAT_CATEGORY_NONE = 0,
  FBAT_CATEGORY_INVALID = 1,
  FBAT_CATEGORY_NOT_FOUND = 2,
  FBAT_CATEGORY_CONFLICT = 3,
  FBAT_CATEGORY_BUSY = 4,
  FBAT_CATEGORY_CLOSED = 5,
  FBAT_CATEGORY_IO = 6,
  FBAT_CATEGORY_CORRUPT = 7,
  FBAT_CATEGORY_UNSUPPORTED = 8,
  FBAT_CATEGORY_CANCELLED = 9,
  FBAT_CATEGORY_INTERNAL = 10,
  FBAT_VERSION_MAJOR = 0,
  FBAT_VERSION_MINOR = 2,
  FBAT_VERSION_PATCH = 0,
  FBAT_ABI_VERSION = 2,
  FBAT_ID_HEX_SIZE = 33,
  FBAT_HASH_HEX_SIZE = 65,
  FBAT_LOG_ERROR = 1,
  FBAT_LOG_WARNING = 2,
  FBAT_LOG_INFO = 3,
  FBAT_REGION_TIMESTAMP = 1,
  FBAT_REGION_RECORDED = 2,
  FBAT_OPEN_CREATE_IF_MISSING = 0,
  FBAT_OPEN_MUST_EXIST = 1,
  FBAT_OPEN_MUST_BE_NEW = 2,
  FBAT_OPEN_READ_ONLY = 3,
  FBAT_DURABILITY_DURABLE = 0,
  FBAT_DURABILITY_OS = 1,
  FBAT_NEWS_NONE = 0,
  FBAT_NEWS_PROCESS = 1,
  FBAT_NEWS_KERNEL = 2,
  FBAT_NEWS_POLL = 3,
  FBAT_OPEN_REPORT_CREATED = 1,
  FBAT_OPEN_REPORT_UNCLEAN = 2,
  FBAT_WAIT_DURABLE = 1,
  FBAT_WAIT_HAS_TIMEOUT = 2,
  FBAT_EXPECT_ANY = 0,
  FBAT_EXPECT_ABSENT = 1,
  FBAT_EXPECT_PRESENT = 2,
  FBAT_EXPECT_VERSION = 3,
  FBAT_EVENT_HAS_TIMESTAMP = 1,
  FBAT_RECEIPT_REPLAYED = 1,
  FBAT_RECEIPT_DURABLE = 2,
  FBAT_RECEIPT_IMPORTED = 4,
  FBAT_COLUMN_PAYLOAD = 1,
  FBAT_COLUMN_EXTENSIONS = 2,
  FBAT_COLUMN_PREVIOUS_HASH = 4,
  FBAT_COLUMN_FIXED = 8,
  FBAT_RECORD_IMPORTED = 1,
  FBAT_RECORD_HAS_PREVIOUS_HASH = 2,
  FBAT_RECORD_PROVENANCE_UNREADABLE = 4,
  FBAT_QUERY_BACKWARD = 1,
  FBAT_QUERY_SYSTEM = 2,
  FBAT_LIST_SYSTEM = 1,
  FBAT_PROVENANCE_SCHEMA_VERSION = 1,
  FBAT_WIRE_LENIENT = 1,
  FBAT_IMPORT_DURABILITY_END = 0,
  FBAT_IMPORT_DURABILITY_CHUNK = 1,
  FBAT_ON_CONFLICT_FAIL = 0,
  FBAT_ON_CONFLICT_SKIP = 1,
  FBAT_ON_CONFLICT_KEEP = 2,
  FBAT_IMPORT_IDENTITY_SOURCE = 0,
  FBAT_IMPORT_IDENTITY_ORIGIN = 1,
  FBAT_IMPORT_REHASH = 1,
  FBAT_IMPORT_ONE_THREAD = 2,
  FBAT_IMPORT_ALLOW_SELF = 4,
  FBAT_IMPORT_ALLOW_OTHER_STORE = 8,
  FBAT_IMPORT_ALLOW_OTHER_IDENTITY = 16,
  FBAT_IMPORT_DRY_RUN = 64,
  FBAT_IMPORT_NO_RESUME = 32,
  FBAT_SOURCE_STATE_UNKNOWN = 0,
  FBAT_SOURCE_STATE_GOES_ON = 1,
  FBAT_SOURCE_STATE_RESTORED = 2,
  FBAT_SOURCE_STATE_DIVERGED = 3,
  FBAT_SOURCE_STATE_FORKED = 4,
  FBAT_IMPORT_REPORT_SELECTOR_CHANGED = 1,
  FBAT_PLAN_REST = 1,
  FBAT_SOURCE_FILTERED = 1,
  FBAT_SOURCE_CONFLICTS_LEFT_OUT = 2,
  FBAT_SOURCE_TWO_NAMES = 4,
  FBAT_BACKUP_LINK = 1,
  FBAT_BACKUP_NEW_IDENTITY = 2,
  FBAT_REPAIR_IDENTITY_REBUILT = 1,
  FBAT_REPAIR_IDENTITY_UNCERTAIN = 2,
};
typedef struct fbat_id {
  uint8_t bytes[16];
} fbat_id;
typedef struct fbat_hash {
  uint8_t bytes[32];
} fbat_hash;
typedef struct fbat_str {
  const char *data;
  size_t len;
} fbat_str;
typedef struct fbat_extension {
  fbat_str key;
  const uint8_t *value;
  size_t value_len;
} fbat_extension;
typedef struct fbat_kind_range {
  uint16_t first;
  uint16_t last;
} fbat_kind_range;
typedef void (*fbat_destroy_fn)(void *user_data);
typedef int32_t fbat_status;
typedef uint32_t fbat_category;
typedef struct fbat_error fbat_error;
typedef struct fbat_error_detail {
  size_t struct_size;
  fbat_status status;
  int32_t os_error;
  fbat_str message;
  fbat_str path;
  int64_t offset;
  int64_t item;
  uint64_t sequence;
  fbat_id event_id;
  uint64_t actual;
  uint64_t allowed;
} fbat_error_detail;
typedef struct fbat_buffer fbat_buffer;
typedef void (*fbat_log_fn)(void *user_data, uint32_t level, const char *message, size_t message_len);
typedef struct fbat_cancel fbat_cancel;
typedef struct fbat_progress {
  size_t struct_size;
  uint64_t done;
  uint64_t total;
} fbat_progress;
typedef int32_t (*fbat_progress_fn)(void *user_data, const fbat_progress *progress);
typedef struct fbat_region {
  size_t struct_size;
  fbat_str entity;
  const fbat_str *scopes;
  size_t scope_count;
  const fbat_kind_range *kinds;
  size_t kind_count;
  uint32_t flags;
  uint32_t reserved;
  uint64_t version_first;
  uint64_t version_last;
  int64_t timestamp_first_us;
  int64_t timestamp_last_us;
  int64_t recorded_first_us;
  int64_t recorded_last_us;
} fbat_region;
typedef struct fbat_store fbat_store;
typedef struct fbat_open_options {
  size_t struct_size;
  uint32_t mode;
  uint32_t durability;
  fbat_str label;
  size_t payload_bytes_max;
  size_t batch_events_max;
  size_t batch_bytes_max;
  uint64_t segment_bytes;
  size_t files_max;
  fbat_progress_fn progress;
  void *progress_data;
  const fbat_cancel *cancel;
} fbat_open_options;
typedef struct fbat_frontier {
  size_t struct_size;
  uint64_t visible;
  uint64_t durable;
} fbat_frontier;
typedef struct fbat_head {
  size_t struct_size;
  uint64_t version;
  uint64_t sequence;
  fbat_id event_id;
  fbat_hash event_hash;
} fbat_head;
typedef struct fbat_stats {
  size_t struct_size;
  uint64_t events;
  uint64_t segments;
  uint64_t log_bytes;
  uint64_t index_bytes;
  uint64_t unindexed_events;
  uint64_t memory_bytes;
  uint64_t clock_behind_us;
  uint64_t system_events;
  uint32_t news;
  uint32_t reserved;
} fbat_stats;
typedef struct fbat_open_report {
  size_t struct_size;
  uint32_t flags;
  uint32_t reserved;
  uint64_t dropped_bytes;
  uint64_t dropped_offset;
  fbat_str dropped_path;
  uint64_t dropped_batches;
  uint64_t dropped_events;
  uint64_t gap_first;
  uint64_t gap_last;
  uint64_t indexes_rebuilt;
  uint64_t clock_behind_us;
} fbat_open_report;
typedef struct fbat_wait_options {
  size_t struct_size;
  uint64_t timeout_ms;
  uint32_t flags;
  uint32_t reserved;
  const fbat_cancel *cancel;
} fbat_wait_options;
typedef struct fbat_event {
  size_t struct_size;
  fbat_str entity;
  fbat_str scope;
  uint16_t kind;
  uint16_t payload_version;
  uint32_t event_flags;
  const void *payload;
  size_t payload_len;
  fbat_id key;
  uint32_t expect;
  uint32_t flags;
  uint64_t expected_version;
  int64_t timestamp_us;
  fbat_id correlation;
  fbat_id causation;
  size_t causation_item;
  const fbat_extension *extensions;
  size_t extension_count;
} fbat_event;
typedef struct fbat_receipt {
  size_t struct_size;
  fbat_id id;
  uint64_t sequence;
  uint64_t version;
  int64_t timestamp_us;
  int64_t recorded_us;
  fbat_hash content_hash;
  fbat_hash event_hash;
  fbat_hash previous_hash;
  uint32_t flags;
  uint32_t reserved;
} fbat_receipt;
typedef struct fbat_batch fbat_batch;
typedef struct fbat_page fbat_page;
typedef struct fbat_record {
  size_t struct_size;
  fbat_id id;
  uint64_t sequence;
  fbat_str entity;
  fbat_str scope;
  uint16_t kind;
  uint16_t payload_version;
  uint32_t flags;
  uint32_t record_flags;
  uint32_t reserved;
  uint64_t version;
  int64_t timestamp_us;
  int64_t recorded_us;
  fbat_id correlation;
  fbat_id causation;
  const uint8_t *payload;
  size_t payload_len;
  size_t stored_payload_len;
  const fbat_extension *extensions;
  size_t extension_count;
  fbat_hash content_hash;
  fbat_hash event_hash;
  fbat_hash previous_hash;
  fbat_str source_namespace;
  fbat_id source_event_id;
  uint64_t source_sequence;
  const uint8_t *raw_provenance;
  size_t raw_provenance_len;
} fbat_record;
typedef struct fbat_cursor fbat_cursor;
typedef struct fbat_query {
  size_t struct_size;
  const fbat_region *region;
  uint64_t after;
  uint64_t until;
  uint64_t limit;
  size_t page_rows;
  uint32_t columns;
  uint32_t flags;
  fbat_progress_fn progress;
  void *progress_data;
  const fbat_cancel *cancel;
} fbat_query;
typedef struct fbat_summaries fbat_summaries;
typedef struct fbat_list_options {
  size_t struct_size;
  fbat_str entity;
  fbat_str after;
  size_t page_rows;
  uint32_t flags;
  uint32_t reserved;
} fbat_list_options;
typedef struct fbat_summary {
  size_t struct_size;
  fbat_str name;
  uint64_t events;
  uint64_t first_sequence;
  uint64_t last_sequence;
  int64_t first_timestamp_us;
  int64_t last_timestamp_us;
} fbat_summary;
typedef struct fbat_provenance {
  size_t struct_size;
  uint16_t schema_version;
  fbat_str source_namespace;
  fbat_id source_event_id;
  uint64_t source_sequence;
  uint16_t source_kind;
  fbat_hash source_content_hash;
} fbat_provenance;
typedef int32_t (*fbat_filter_fn)(void *user_data, const fbat_record *record);
typedef struct fbat_import_report {
  size_t struct_size;
  uint64_t imported;
  uint64_t deduplicated;
  uint64_t skipped_reserved;
  uint64_t skipped_filtered;
  uint64_t skipped_reimported;
  uint64_t conflicts;
  uint64_t overtaken;
  uint64_t restored;
  uint64_t conflicts_kept;
  uint64_t source_high_watermark;
  uint64_t resume_after;
  uint64_t source_ceiling;
  uint64_t destination_visible;
  uint64_t destination_durable;
  uint64_t source_position;
  uint64_t started_after;
  uint32_t source_state;
  uint32_t flags;
} fbat_import_report;
typedef int32_t (*fbat_import_progress_fn)(void *user_data, const fbat_import_report *report);
typedef struct fbat_import_options {
  size_t struct_size;
  fbat_str source_namespace;
  const fbat_region *region;
  uint64_t after;
  size_t chunk_size;
  fbat_filter_fn filter;
  void *filter_data;
  fbat_import_progress_fn progress;
  void *progress_data;
  const fbat_cancel *cancel;
  uint32_t filter_columns;
  uint32_t durability;
  uint32_t on_conflict;
  uint32_t flags;
  uint32_t identity;
  uint32_t reserved;
  fbat_str name;
} fbat_import_options;
typedef struct fbat_plan fbat_plan;
typedef struct fbat_plan_row {
  size_t struct_size;
  fbat_str source_namespace;
  fbat_str entity_prefix;
  uint64_t events;
  uint64_t payload_bytes;
  uint32_t row_flags;
  uint16_t kind;
  uint16_t reserved;
} fbat_plan_row;
typedef struct fbat_conflicts fbat_conflicts;
typedef struct fbat_sources fbat_sources;
typedef struct fbat_conflict {
  size_t struct_size;
  uint64_t sequence;
  fbat_str source_namespace;
  fbat_id source_event_id;
  fbat_id first_id;
  uint64_t first_sequence;
  fbat_hash first_content_hash;
  fbat_id kept_id;
  uint64_t kept_sequence;
  fbat_hash kept_content_hash;
} fbat_conflict;
typedef struct fbat_source {
  size_t struct_size;
  fbat_id log_id;
  fbat_id store_id;
  fbat_str source_namespace;
  fbat_str label;
  fbat_str name;
  fbat_str region;
  uint32_t identity;
  uint32_t source_flags;
  uint64_t runs;
  uint64_t imported;
  uint64_t deduplicated;
  uint64_t restored;
  uint64_t conflicts;
  uint64_t conflicts_kept;
  int64_t first_us;
  int64_t last_us;
  uint64_t last_sequence;
  uint64_t watermark;
  fbat_hash watermark_log_hash;
} fbat_source;
typedef struct fbat_differences fbat_differences;
typedef struct fbat_origins fbat_origins;
typedef struct fbat_set_digest {
  size_t struct_size;
  uint64_t events;
  fbat_hash fingerprint;
} fbat_set_digest;
typedef struct fbat_origins_options {
  size_t struct_size;
  const fbat_region *region;
  fbat_str after;
  size_t page_rows;
} fbat_origins_options;
typedef struct fbat_diff_options {
  size_t struct_size;
  const fbat_region *region;
  fbat_str after;
  size_t page_rows;
} fbat_diff_options;
typedef struct fbat_origin {
  size_t struct_size;
  fbat_str source_namespace;
  uint64_t events;
  fbat_hash fingerprint;
  uint64_t last_source_sequence;
} fbat_origin;
typedef struct fbat_difference {
  size_t struct_size;
  fbat_str source_namespace;
  fbat_id source_event_id;
  uint64_t source_sequence;
  fbat_hash content_hash;
  uint64_t sequence;
  uint32_t in_other;
  uint32_t reserved;
  fbat_str position;
} fbat_difference;
typedef struct fbat_findings fbat_findings;
typedef struct fbat_finding {
  size_t struct_size;
  fbat_str path;
  uint64_t offset;
  uint64_t first_sequence;
  uint64_t last_sequence;
  fbat_str message;
} fbat_finding;
typedef struct fbat_verify_options {
  size_t struct_size;
  const fbat_region *region;
  fbat_progress_fn progress;
  void *progress_data;
  const fbat_cancel *cancel;
} fbat_verify_options;
typedef struct fbat_verify_report {
  size_t struct_size;
  uint64_t events;
  uint64_t system_events;
  uint64_t batches;
  uint64_t segments;
  uint64_t log_bytes;
  uint64_t gaps;
  uint64_t gap_sequences;
  uint64_t losses;
  uint64_t lost_sequences;
  uint64_t unlinked_events;
  uint64_t findings;
  uint64_t events_not_examined;
  uint64_t bytes_not_examined;
  uint64_t last_sequence;
  fbat_hash log_hash;
} fbat_verify_report;
typedef struct fbat_backup_options {
  size_t struct_size;
  uint32_t flags;
  uint32_t reserved;
  fbat_progress_fn progress;
  void *progress_data;
  const fbat_cancel *cancel;
} fbat_backup_options;
typedef struct fbat_backup_report {
  size_t struct_size;
  uint64_t events;
  uint64_t segments;
  uint64_t linked_segments;
  uint64_t log_bytes;
  uint64_t last_sequence;
  fbat_hash log_hash;
} fbat_backup_report;
typedef struct fbat_compress_options {
  size_t struct_size;
  uint64_t through;
  uint32_t level;
  uint32_t reserved;
  fbat_progress_fn progress;
  void *progress_data;
  const fbat_cancel *cancel;
} fbat_compress_options;
typedef struct fbat_compress_report {
  size_t struct_size;
  uint64_t segments;
  uint64_t segments_left;
  uint64_t bytes_before;
  uint64_t bytes_after;
} fbat_compress_report;
typedef struct fbat_repair_options {
  size_t struct_size;
  fbat_progress_fn progress;
  void *progress_data;
  const fbat_cancel *cancel;
} fbat_repair_options;
typedef struct fbat_repair_report {
  size_t struct_size;
  uint64_t events;
  uint64_t system_events;
  uint64_t unlinked_events;
  uint64_t segments;
  uint64_t headers_rebuilt;
  uint64_t bytes_unread;
  uint64_t findings;
  uint64_t lost_sequences;
  uint64_t gap_first;
  uint64_t gap_last;
  uint32_t flags;
  uint32_t reserved;
} fbat_repair_report;
const char *fbat_status_name(fbat_status status);
const char *fbat_status_message(fbat_status status);
fbat_category fbat_status_category(fbat_status status);
const char *fbat_version_string(void);
uint32_t fbat_abi_version(void);
size_t fbat_live_handles(void);
fbat_status fbat_error_code(const fbat_error *err);
fbat_str fbat_error_message(const fbat_error *err);
fbat_status fbat_error_get(const fbat_error *err, fbat_error_detail *out_detail);
void fbat_error_free(fbat_error *err);
const uint8_t *fbat_buffer_data(const fbat_buffer *buffer);
size_t fbat_buffer_len(const fbat_buffer *buffer);
void fbat_buffer_free(fbat_buffer *buffer);
fbat_status fbat_id_to_hex(const fbat_id *id, char *out_text, size_t out_size);
fbat_status fbat_id_from_hex(const char *text, size_t len, fbat_id *out_id);
fbat_status fbat_hash_to_hex(const fbat_hash *hash, char *out_text, size_t out_size);
fbat_status fbat_hash_from_hex(const char *text, size_t len, fbat_hash *out_hash);
fbat_status fbat_content_hash(const uint8_t *data, size_t len, fbat_hash *out_hash);
fbat_status fbat_kind(uint32_t category, uint32_t type, uint16_t *out_kind);
uint32_t fbat_kind_category(uint16_t kind);
uint32_t fbat_kind_type(uint16_t kind);
fbat_status fbat_operation_key(const char *domain,
                               size_t domain_len,
                               const fbat_str *parts,
                               size_t count,
                               fbat_id *out_key);
fbat_status fbat_namespace_from_path(const char *path,
                                     fbat_buffer **out_namespace,
                                     fbat_error **err);
fbat_status fbat_entity_encode(const char *text,
                               size_t text_len,
                               fbat_buffer **out_entity,
                               fbat_error **err);
fbat_status fbat_entity_decode(const char *entity,
                               size_t entity_len,
                               fbat_buffer **out_text,
                               fbat_error **err);
fbat_status fbat_set_log_callback(fbat_log_fn callback, void *user_data, fbat_destroy_fn destroy);
fbat_cancel *fbat_cancel_new(void);
fbat_status fbat_cancel_trigger(const fbat_cancel *cancel);
bool fbat_cancel_is_triggered(const fbat_cancel *cancel);
void fbat_cancel_free(fbat_cancel *cancel);
void fbat_set_mapped_reads(bool mapped);
fbat_status fbat_store_open(const char *path,
                            const fbat_open_options *options,
                            fbat_store **out_store,
                            fbat_error **err);
fbat_status fbat_store_open_read_only(const char *path,
                                      fbat_store **out_store,
                                      fbat_error **err);
fbat_status fbat_store_close(fbat_store *store, fbat_error **err);
void fbat_store_free(fbat_store *store);
fbat_status fbat_store_sync(const fbat_store *store,
                            fbat_frontier *out_frontier,
                            fbat_error **err);
fbat_status fbat_store_frontier(const fbat_store *store,
                                fbat_frontier *out_frontier,
                                fbat_error **err);
fbat_status fbat_store_head(const fbat_store *store,
                            const char *entity,
                            size_t entity_len,
                            fbat_head *out_head,
                            fbat_error **err);
fbat_status fbat_store_stats(const fbat_store *store,
                             fbat_stats *out_stats,
                             fbat_error **err);
fbat_status fbat_store_open_report(const fbat_store *store,
                                   fbat_open_report *out_report,
                                   fbat_error **err);
fbat_status fbat_store_log_hash(const fbat_store *store, fbat_hash *out_hash, fbat_error **err);
fbat_status fbat_store_log_hash_at(const fbat_store *store,
                                   uint64_t sequence,
                                   fbat_hash *out_hash,
                                   fbat_error **err);
fbat_id fbat_store_id(const fbat_store *store);
fbat_str fbat_store_namespace(const fbat_store *store);
fbat_str fbat_store_label(const fbat_store *store);
fbat_str fbat_store_path(const fbat_store *store);
bool fbat_store_is_read_only(const fbat_store *store);
fbat_status fbat_store_wait(const fbat_store *store,
                            uint64_t after,
                            const fbat_wait_options *options,
                            fbat_frontier *out_frontier,
                            fbat_error **err);
fbat_status fbat_store_wait_fd(const fbat_store *store, int32_t *out_fd, fbat_error **err);
fbat_status fbat_append(const fbat_store *store,
                        const fbat_event *event,
                        fbat_receipt *out_receipt,
                        fbat_error **err);
fbat_status fbat_append_batch(const fbat_store *store,
                              const fbat_event *events,
                              size_t count,
                              fbat_receipt *out_receipts,
                              fbat_error **err);
fbat_batch *fbat_batch_new(void);
fbat_status fbat_batch_add(fbat_batch *batch,
                           const fbat_event *event,
                           fbat_error **err);
size_t fbat_batch_len(const fbat_batch *batch);
fbat_status fbat_batch_append(fbat_batch *batch,
                              const fbat_store *store,
                              fbat_receipt *out_receipts,
                              fbat_error **err);
void fbat_batch_clear(fbat_batch *batch);
void fbat_batch_free(fbat_batch *batch);
fbat_status fbat_event_get(const fbat_store *store,
                           const fbat_id *event_id,
                           uint32_t columns,
                           fbat_page **out_page,
                           fbat_error **err);
size_t fbat_page_len(const fbat_page *page);
const fbat_record *fbat_page_row(const fbat_page *page, size_t index);
const fbat_record *fbat_page_rows(const fbat_page *page);
uint64_t fbat_page_resume(const fbat_page *page);
bool fbat_page_is_end(const fbat_page *page);
void fbat_page_free(fbat_page *page);
fbat_status fbat_store_query(const fbat_store *store,
                             const fbat_query *query,
                             fbat_page **out_page,
                             fbat_error **err);
fbat_status fbat_cursor_new(const fbat_store *store,
                            const fbat_query *query,
                            fbat_cursor **out_cursor,
                            fbat_error **err);
fbat_status fbat_cursor_next(fbat_cursor *cursor,
                             fbat_page **out_page,
                             fbat_error **err);
fbat_status fbat_cursor_wait(fbat_cursor *cursor,
                             const fbat_wait_options *options,
                             fbat_page **out_page,
                             fbat_error **err);
void fbat_cursor_free(fbat_cursor *cursor);
fbat_status fbat_store_count(const fbat_store *store,
                             const fbat_query *query,
                             uint64_t *out_count,
                             fbat_error **err);
fbat_status fbat_store_entities(const fbat_store *store,
                                const fbat_list_options *options,
                                fbat_summaries **out_summaries,
                                fbat_error **err);
fbat_status fbat_store_scopes(const fbat_store *store,
                              const fbat_list_options *options,
                              fbat_summaries **out_summaries,
                              fbat_error **err);
size_t fbat_summaries_len(const fbat_summaries *summaries);
const fbat_summary *fbat_summaries_get(const fbat_summaries *summaries, size_t index);
bool fbat_summaries_is_end(const fbat_summaries *summaries);
void fbat_summaries_free(fbat_summaries *summaries);
bool fbat_record_provenance(const fbat_record *record, fbat_provenance *out_provenance);
fbat_status fbat_provenance_from_extension(const uint8_t *body,
                                           size_t body_len,
                                           uint32_t flags,
                                           fbat_provenance *out_provenance,
                                           fbat_error **err);
fbat_status fbat_provenance_decode(const uint8_t *frame,
                                   size_t frame_len,
                                   uint32_t flags,
                                   fbat_provenance *out_provenance,
                                   fbat_error **err);
fbat_status fbat_provenance_encode(const fbat_provenance *provenance,
                                   fbat_buffer **out_frame,
                                   fbat_error **err);
fbat_status fbat_provenance_encode_body(const fbat_provenance *provenance,
                                        fbat_buffer **out_body,
                                        fbat_error **err);
fbat_status fbat_import(const fbat_store *destination,
                        const fbat_store *source,
                        const fbat_import_options *options,
                        fbat_import_report *out_report,
                        fbat_error **err);
fbat_status fbat_import_plan(const fbat_store *destination,
                             const fbat_store *source,
                             const fbat_import_options *options,
                             fbat_plan **out_plan,
                             fbat_error **err);
size_t fbat_plan_len(const fbat_plan *plan);
const fbat_plan_row *fbat_plan_get(const fbat_plan *plan, size_t index);
void fbat_plan_free(fbat_plan *plan);
fbat_status fbat_event_by_origin(const fbat_store *store,
                                 fbat_str source_namespace,
                                 const fbat_id *source_event_id,
                                 uint32_t columns,
                                 fbat_page **out_page,
                                 fbat_error **err);
fbat_status fbat_store_conflicts(const fbat_store *store,
                                 uint64_t after,
                                 size_t page_rows,
                                 fbat_conflicts **out_conflicts,
                                 fbat_error **err);
fbat_status fbat_store_sources(const fbat_store *store,
                               fbat_sources **out_sources,
                               fbat_error **err);
size_t fbat_conflicts_len(const fbat_conflicts *conflicts);
const fbat_conflict *fbat_conflicts_get(const fbat_conflicts *conflicts,
                                               size_t index);
bool fbat_conflicts_is_end(const fbat_conflicts *conflicts);
void fbat_conflicts_free(fbat_conflicts *conflicts);
size_t fbat_sources_len(const fbat_sources *sources);
const fbat_source *fbat_sources_get(const fbat_sources *sources, size_t index);
void fbat_sources_free(fbat_sources *sources);
fbat_status fbat_store_set_digest(const fbat_store *store,
                                  const fbat_region *region,
                                  fbat_set_digest *out_digest,
                                  fbat_error **err);
fbat_status fbat_store_origins(const fbat_store *store,
                               const fbat_origins_options *options,
                               fbat_origins **out_origins,
                               fbat_error **err);
fbat_status fbat_store_diff(const fbat_store *store,
                            const fbat_store *other,
                            const fbat_diff_options *options,
                            fbat_differences **out_differences,
                            fbat_error **err);
size_t fbat_origins_len(const fbat_origins *origins);
const fbat_origin *fbat_origins_get(const fbat_origins *origins, size_t index);
bool fbat_origins_is_end(const fbat_origins *origins);
void fbat_origins_free(fbat_origins *origins);
size_t fbat_differences_len(const fbat_differences *differences);
const fbat_difference *fbat_differences_get(const fbat_differences *differences,
                                                   size_t index);
bool fbat_differences_is_end(const fbat_differences *differences);
void fbat_differences_free(fbat_differences *differences);
size_t fbat_findings_len(const fbat_findings *findings);
const fbat_finding *fbat_findings_get(const fbat_findings *findings, size_t index);
void fbat_findings_free(fbat_findings *findings);
fbat_status fbat_store_verify(const fbat_store *store,
                              const fbat_verify_options *options,
                              fbat_verify_report *out_report,
                              fbat_findings **out_findings,
                              fbat_error **err);
fbat_status fbat_store_backup(const fbat_store *store,
                              const char *destination,
                              const fbat_backup_options *options,
                              fbat_backup_report *out_report,
                              fbat_error **err);
fbat_status fbat_new_identity(const char *path,
                              fbat_id *out_store_id,
                              fbat_error **err);
fbat_status fbat_store_compress(const fbat_store *store,
                                const fbat_compress_options *options,
                                fbat_compress_report *out_report,
                                fbat_error **err);
fbat_status fbat_repair(const char *damaged_path,
                        const char *new_path,
                        const fbat_repair_options *options,
                        fbat_repair_report *out_report,
                        fbat_findings **out_findings,
                        fbat_error **err);
