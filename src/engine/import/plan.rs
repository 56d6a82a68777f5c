//! What an import would bring, summed up.

use crate::engine::model::event::Event;
use crate::engine::model::id::Kind;
use foldhash::HashMap;
use std::sync::Arc;

/// So many rows a plan has at most, and one for the rest.
pub const PLAN_ROWS_MAX: usize = 65_536;

/// Events of one origin, one kind, and entities that begin alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlanRow {
    /// What the events have in common; none in the row that sums up the rest.
    pub group: Option<Group>,
    pub events: u64,
    pub payload_bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    pub namespace: Arc<str>,
    /// Of the entity, what is before the first colon.
    pub entity_prefix: Box<str>,
    pub kind: Kind,
}

#[derive(Default)]
struct Sum {
    events: u64,
    payload_bytes: u64,
}

impl Sum {
    fn add(&mut self, event: &Event<'_>) {
        self.events += 1;
        self.payload_bytes += event.payload_len as u64;
    }

    fn row(self, group: Option<Group>) -> PlanRow {
        PlanRow { group, events: self.events, payload_bytes: self.payload_bytes }
    }
}

/// The rows of a plan, while events are met.
#[derive(Default)]
pub struct Sums {
    groups: HashMap<Group, Sum>,
    rest: Sum,
}

impl Sums {
    pub fn add(&mut self, event: &Event<'_>, namespace: &Arc<str>) {
        let prefix = event.entity.split(':').next().unwrap_or(event.entity);
        let (namespace, kind) = (namespace.clone(), event.kind);
        let group = Group { namespace, entity_prefix: prefix.into(), kind };
        match self.groups.len() < PLAN_ROWS_MAX || self.groups.contains_key(&group) {
            true => self.groups.entry(group).or_default().add(event),
            false => self.rest.add(event),
        }
    }

    /// In the order of namespace, prefix and kind; the rest comes last.
    pub fn rows(self) -> Vec<PlanRow> {
        let Sums { groups, rest } = self;
        let row = |(group, sum): (Group, Sum)| sum.row(Some(group));
        let mut rows: Vec<PlanRow> = groups.into_iter().map(row).collect();
        rows.sort_unstable_by(|a, b| a.group.cmp(&b.group));
        rows.extend((rest.events > 0).then(|| rest.row(None)));
        rows
    }
}
