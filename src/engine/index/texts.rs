//! Strings in one piece of memory, each once, with places in the order in which they came: found by
//! place, by what they say, and in the order of their bytes.

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;
use std::sync::Mutex;

#[derive(Clone, Default)]
pub struct Texts {
    text: String,
    /// Where each ends.
    ends: Vec<u32>,
    places: HashTable<u32>,
    hasher: RandomState,
    sorted: Sorted,
}

/// The places in the order of the strings, as far as somebody asked for that.
#[derive(Default)]
struct Sorted(Mutex<Vec<u32>>);

/// Strings that are not among the sorted ones yet are looked at one by one, up to one in so many.
const UNSORTED_PART: usize = 64;

impl Clone for Sorted {
    fn clone(&self) -> Sorted {
        Sorted::default()
    }
}

impl Texts {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The string at a place.
    pub fn get(&self, place: u32) -> &str {
        text_at(&self.text, &self.ends, place)
    }

    pub fn place(&self, text: &str) -> Option<u32> {
        let is_it = |place: &u32| self.get(*place) == text;
        self.places.find(self.hasher.hash_one(text), is_it).copied()
    }

    /// Adds a string that is not there.
    pub fn add(&mut self, added: &str) {
        let place = self.ends.len() as u32;
        self.text.push_str(added);
        self.ends.push(self.text.len() as u32);
        let Texts { text, ends, places, hasher, .. } = self;
        let hash_of = |place: &u32| hasher.hash_one(text_at(text, ends, *place));
        places.insert_unique(hasher.hash_one(added), place, hash_of);
    }

    /// No more than so many strings come first in [`Texts::visit_from`] without being asked for.
    pub fn most_unsorted(&self) -> usize {
        UNSORTED_PART + self.len() / UNSORTED_PART
    }

    /// Shows the strings from `from` on for which `has` holds, which is so for a stretch of the
    /// order, and with them others, in no order: until `visit` says that it is enough.
    pub fn visit_from(
        &self,
        from: &str,
        has: &dyn Fn(&str) -> bool,
        visit: &mut dyn FnMut(&str, u32) -> bool,
    ) {
        let mut sorted = self.sorted.0.lock().unwrap_or_else(|e| e.into_inner());
        let mut covered = sorted.len();
        if self.len() - covered > UNSORTED_PART + covered / UNSORTED_PART {
            sorted.extend(covered as u32..self.len() as u32);
            // What was in order stays so: this sort only merges in what is new.
            sorted.sort_by(|a, b| self.get(*a).cmp(self.get(*b)));
            covered = self.len();
        }
        for place in covered as u32..self.len() as u32 {
            let text = self.get(place);
            if has(text) && !visit(text, place) {
                return;
            }
        }
        let first = sorted.partition_point(|place| self.get(*place) < from);
        for place in &sorted[first..] {
            let text = self.get(*place);
            if !has(text) || !visit(text, *place) {
                return;
            }
        }
    }

    pub fn memory_bytes(&self) -> usize {
        let sorted = self.sorted.0.lock().unwrap_or_else(|e| e.into_inner());
        self.text.capacity()
            + (self.ends.capacity() + sorted.capacity()) * size_of::<u32>()
            + self.places.allocation_size()
    }
}

fn text_at<'t>(text: &'t str, ends: &[u32], place: u32) -> &'t str {
    let start = place.checked_sub(1).map_or(0, |before| ends[before as usize]);
    &text[start as usize..ends[place as usize] as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_found_by_text_by_place_and_in_order() {
        let mut texts = Texts::default();
        let text = |n: u32| format!("{:x}", n.wrapping_mul(0x9e37_79b1));
        for n in 0..3000 {
            assert_eq!(texts.place(&text(n)), None);
            texts.add(&text(n));
            if n % 500 == 7 {
                let mut seen = Vec::new();
                texts.visit_from("8", &|text| text >= "8", &mut |text, place| {
                    seen.push((text.to_owned(), place));
                    true
                });
                seen.sort();
                let mut wanted: Vec<_> =
                    (0..=n).map(|n| (text(n), n)).filter(|(text, _)| &**text >= "8").collect();
                wanted.sort();
                assert_eq!(seen, wanted);
            }
        }
        assert!((0..3000).all(|n| texts.place(&text(n)) == Some(n) && texts.get(n) == text(n)));
        texts.add("");
        assert_eq!(texts.place(""), Some(3000));
    }
}
