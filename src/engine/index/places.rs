//! A hash table of numbers, 8 bytes a place: what a number stands for is kept elsewhere. It has a
//! part of each hash, so that growing reads nothing but itself. Open addressing with linear
//! probing, as in Knuth's The Art of Computer Programming, volume 3, section 6.4.

use foldhash::fast::RandomState;
use std::hash::{BuildHasher, Hash};

#[derive(Clone, Default)]
pub struct Places {
    /// Hash, and number plus one; 0: free. A power of two.
    places: Vec<(u32, u32)>,
    len: usize,
    hasher: RandomState,
}

const PLACES_MIN: usize = 16;

impl Places {
    fn hash(&self, key: impl Hash) -> u32 {
        (self.hasher.hash_one(key) >> 32) as u32
    }

    /// The number for which `is` says that it stands for this key.
    pub fn get(&self, key: impl Hash, is: impl Fn(u32) -> bool) -> Option<u32> {
        if self.places.is_empty() {
            return None;
        }
        let at = self.find(self.hash(key), is);
        self.places[at].1.checked_sub(1)
    }

    /// Where a key is, or is to be put.
    fn find(&self, hash: u32, is: impl Fn(u32) -> bool) -> usize {
        let mask = self.places.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            match self.places[at] {
                (_, 0) => return at,
                (of, number) if of == hash && is(number - 1) => return at,
                _ => at = (at + 1) & mask,
            }
        }
    }

    /// Lets `number` stand for this key, for which others may be until now.
    pub fn set(&mut self, key: impl Hash, number: u32, is: impl Fn(u32) -> bool) {
        if self.len * 4 >= self.places.len() * 3 {
            self.grow();
        }
        let hash = self.hash(key);
        let at = self.find(hash, is);
        self.len += usize::from(self.places[at].1 == 0);
        self.places[at] = (hash, number + 1);
    }

    fn grow(&mut self) {
        let larger = vec![(0, 0); (self.places.len() * 2).max(PLACES_MIN)];
        for (hash, number) in std::mem::replace(&mut self.places, larger) {
            if number > 0 {
                let at = self.find(hash, |_| false);
                self.places[at] = (hash, number);
            }
        }
    }

    pub fn memory_bytes(&self) -> usize {
        self.places.capacity() * size_of::<(u32, u32)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_found_by_its_key_and_the_last_one_counts() {
        let mut places = Places::default();
        let key = |number: u32| format!("key {}", number % 5_000);
        assert_eq!(places.get(key(1), |_| true), None);
        for number in 0..10_000 {
            places.set(key(number), number, |there| key(there) == key(number));
        }
        for number in 5_000..10_000 {
            assert_eq!(places.get(key(number), |there| key(there) == key(number)), Some(number));
        }
        assert_eq!(places.get("another", |there| key(there) == "another"), None);
        assert_eq!(places.len, 5_000);
    }
}
