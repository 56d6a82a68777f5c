//! The seam for time and randomness: nothing else in the engine asks the machine for either.

/// Where the engine gets the time from.
pub trait Clock: Send + Sync {
    /// Microseconds since 1970-01-01T00:00:00Z. May jump; the store keeps recorded time from going
    /// back.
    fn now_us(&self) -> i64;
}

/// Where the engine gets randomness from: store ids, event ids, salts of segments.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`; cryptographic quality is expected of the real one.
    fn fill(&self, bytes: &mut [u8]);
}
