//! What those who wait with a handle need.

use crate::engine::platform::news::{Descriptor, News};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

/// What waiting with this handle needs, made when somebody first waits.
#[derive(Default)]
pub(crate) struct Waiting {
    pub news: OnceLock<Arc<dyn News>>,
    pub descriptor: OnceLock<Descriptor>,
    /// How long the descriptor was to be silent last, in milliseconds, and what was visible then.
    pub pause_ms: AtomicU64,
    pub seen: AtomicU64,
}

impl Waiting {
    /// Has everybody who waits look at what has become of the handle.
    pub fn call(&self) {
        if let Some(news) = self.news.get() {
            news.call();
        }
    }
}
