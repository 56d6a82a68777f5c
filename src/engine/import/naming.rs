//! What an event of the source is called: the name of a store, the id and the sequence that it has
//! there, and the id in the destination that follows from these.

use super::names::Earlier;
use crate::engine::format::identity::{Change, Identity};
use crate::engine::model::error::Result;
use crate::engine::model::event::{Event, Source};
use crate::engine::model::id::Id;
use crate::engine::model::key::{native_namespace, ImportKeys};
use crate::engine::model::limits::NAMESPACE_BYTES_MAX;
use foldhash::{HashMap, HashMapExt};
use std::sync::Arc;

/// Origins that are remembered beside those of the two stores, so that memory is bounded.
const FOREIGN_MAX: usize = 1024;

/// How the events of an import are named.
pub enum Naming {
    /// By the namespace of the import and their id in the source. `after_losses`: a repair of the
    /// destination left something out.
    Source { namespace: Namespace, earlier: Earlier, after_losses: bool },
    /// By the store where they were first appended, and their id there.
    Origin(Origins),
}

/// A namespace, and the ids that it gives.
pub struct Namespace {
    pub text: Arc<str>,
    keys: ImportKeys,
}

impl Namespace {
    pub fn new(text: &str) -> Namespace {
        Namespace { text: text.into(), keys: ImportKeys::new(text) }
    }
}

/// What an event is called.
pub struct Name<'n> {
    pub namespace: &'n Arc<str>,
    pub event_id: Id,
    /// The provenance that the event is to have.
    pub source: Source<'n>,
    /// It was first appended to the destination, under its id.
    pub is_own: bool,
    /// Its first place in the destination may be empty or have another event, and it be in the next
    /// one: after a repair that left something out, or under one of several store ids.
    pub may_be_elsewhere: bool,
    keys: &'n mut ImportKeys,
    /// Computed when it is asked for.
    key: Option<Id>,
    expected: Expected,
}

/// The id that an event has in the source, if no other event there has its name: what a conflict
/// kept has an id of its own.
enum Expected {
    Any,
    Key,
    Id(Id),
}

impl Name<'_> {
    /// The id of an event of this name, unless it is the destination's own.
    pub fn key(&mut self) -> Id {
        let Name { keys, event_id, key, .. } = self;
        *key.get_or_insert_with(|| keys.key(*event_id))
    }

    /// The id that the first event of this name has in the source, if another may have it, too.
    pub fn first_in_source(&mut self) -> Option<Id> {
        match self.expected {
            Expected::Any => None,
            Expected::Key => Some(self.key()),
            Expected::Id(expected) => Some(expected),
        }
    }

    /// Whether the event with this id is where the first one of its name is. Another one of its
    /// name is where this is not so.
    pub fn is_alone(&mut self, id: Id) -> bool {
        self.first_in_source().is_none_or(|first| first == id)
    }
}

impl Naming {
    /// A namespace has at most so many bytes here.
    pub fn bytes_max(&self) -> usize {
        match self {
            Naming::Source { namespace, .. } => namespace.text.len(),
            Naming::Origin(_) => NAMESPACE_BYTES_MAX,
        }
    }

    pub fn name<'n>(&'n mut self, event: &Event<'n>) -> Result<Name<'n>> {
        match self {
            Naming::Source { namespace, after_losses, .. } => Ok(Name {
                may_be_elsewhere: *after_losses,
                namespace: &namespace.text,
                event_id: event.id,
                source: first_hop(&namespace.text, event),
                is_own: false,
                keys: &mut namespace.keys,
                key: None,
                expected: Expected::Any,
            }),
            Naming::Origin(origins) => origins.name(event),
        }
    }
}

/// The provenance of an event that comes from where it was appended.
fn first_hop<'n>(namespace: &'n str, event: &Event<'_>) -> Source<'n> {
    Source::Import { namespace, event_id: event.id, sequence: event.sequence }
}

/// An origin of events of the source.
struct Origin {
    namespace: Namespace,
    /// It is a store id of the destination, or of the source.
    of_destination: bool,
    of_source: bool,
}

/// The origins that an import has met.
pub struct Origins {
    known: Vec<Origin>,
    by_name: HashMap<Arc<str>, usize>,
    /// The store ids of the source, by their first sequence: origins of what was appended there.
    native: Vec<(u64, usize)>,
    /// The destination has had several store ids; a repair of it left something out.
    several: bool,
    after_losses: bool,
    /// Those of the two stores come first.
    fixed: usize,
    /// The one that was met last.
    last: usize,
}

impl Origins {
    pub fn new(destination: &Identity, source: &Identity) -> Origins {
        let mut origins = Origins {
            known: Vec::new(),
            by_name: HashMap::new(),
            native: Vec::new(),
            several: !destination.changes.is_empty(),
            after_losses: destination.repaired_through > 0,
            fixed: 0,
            last: 0,
        };
        for Change { store_id, first_sequence } in source.store_ids() {
            let at = origins.at(&native_namespace(store_id));
            origins.known[at].of_source = true;
            origins.native.push((first_sequence, at));
        }
        for Change { store_id, .. } in destination.store_ids() {
            let at = origins.at(&native_namespace(store_id));
            origins.known[at].of_destination = true;
        }
        origins.fixed = origins.known.len();
        origins
    }

    /// The place of an origin among those that are known.
    fn at(&mut self, namespace: &str) -> usize {
        match self.known.get(self.last) {
            Some(last) if *last.namespace.text == *namespace => return self.last,
            _ => {}
        }
        self.last = match self.by_name.get(namespace) {
            Some(at) => *at,
            None => self.add(namespace),
        };
        self.last
    }

    fn add(&mut self, namespace: &str) -> usize {
        if self.fixed > 0 && self.known.len() - self.fixed == FOREIGN_MAX {
            let fixed = self.fixed;
            self.known.truncate(fixed);
            self.by_name.retain(|_, at| *at < fixed);
        }
        let namespace = Namespace::new(namespace);
        self.by_name.insert(namespace.text.clone(), self.known.len());
        self.known.push(Origin { namespace, of_destination: false, of_source: false });
        self.known.len() - 1
    }

    fn name<'n>(&'n mut self, event: &Event<'n>) -> Result<Name<'n>> {
        let (at, event_id) = match event.imported_from()? {
            Some((namespace, event_id)) => (self.at(namespace), event_id),
            None => {
                let after = self.native.partition_point(|(first, _)| *first <= event.sequence);
                (self.native[after - 1].1, event.id)
            }
        };
        let Origin { namespace, of_destination, of_source } = &mut self.known[at];
        Ok(Name {
            namespace: &namespace.text,
            event_id,
            source: match event.source {
                Source::None => first_hop(&namespace.text, event),
                carried => carried,
            },
            is_own: *of_destination,
            may_be_elsewhere: self.after_losses || (self.several && *of_destination),
            keys: &mut namespace.keys,
            key: None,
            expected: if *of_source { Expected::Id(event_id) } else { Expected::Key },
        })
    }
}
