/**
 * The first 6 bytes of a provenance frame.
 * @since 0.1
 */
#define FBAT_PROVENANCE_MAGIC "FBATIP"

