/**
 * An embedded, append-only event store with exactly-once import.
 *
 * <p>Begin with {@link fbat.Store#open(java.nio.file.Path)}. A failure of the library is an {@link
 * fbat.FbatException}. Everything that is read is a copy, which outlives the store it came from.
 */
package fbat;
