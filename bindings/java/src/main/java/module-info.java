/** An embedded, append-only event store with exactly-once import. */
module fbat {
    exports fbat;
}
