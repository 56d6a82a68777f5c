/**
 * The version of this header as text.
 * @since 0.1
 */
#define FBAT_VERSION "@VERSION@"

