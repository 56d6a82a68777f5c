//! Look-ups by id and by entity in sealed segments: right answers whatever ids and names a caller
//! chooses, and whatever becomes of an index while it is open.

use crate::common::*;
use fbat::engine::model::error::Code;
use fbat::engine::model::event::NewEvent;
use fbat::engine::model::id::Id;
use fbat::engine::model::region::Region;
use fbat::engine::store::query::Query;
use fbat::engine::store::Store;
use std::collections::BTreeMap;
use std::fs;

/// Ids that an index knows by the same key: it folds the halves of an id.
fn same_key(n: u64) -> Id {
    let low = 0x0123_4567_89ab_cdef ^ n.rotate_left(32);
    Id(u128::from(n) << 64 | u128::from(low))
}

/// Closes a store whose segments all have an index then.
fn sealed(store: Store) -> Store {
    let path = store.path().to_owned();
    for number in 0..4 {
        store.append(&event("filler", &[number; 40 << 10])).unwrap();
    }
    store.close().unwrap();
    open_quick(&path)
}

#[test]
fn ids_that_were_chosen_to_have_one_key_are_told_apart() {
    let dir = TempDir::in_memory("one-key");
    let store = open_quick(&dir.join("s"));
    let payload = |n: u64| n.to_le_bytes();
    // Two of three have equal content: the id alone differs.
    let chosen = |n: u64, payload: &'static [u8; 8]| NewEvent {
        key: same_key(n),
        ..event("chosen", payload)
    };
    for n in 0..60 {
        let payload = Box::leak(Box::new(payload(n / 3)));
        store.append(&chosen(n, payload)).unwrap();
    }
    let store = sealed(store);
    for n in 0..60 {
        let row = get(&store, same_key(n)).unwrap();
        assert_eq!((row.id, &row.payload[..]), (same_key(n), &payload(n / 3)[..]));
    }
    assert!((60..200).all(|n| get(&store, same_key(n)).is_none()));
    let before = store.frontier().unwrap().visible;
    for n in 0..60 {
        let same = Box::leak(Box::new(payload(n / 3)));
        assert!(store.append(&chosen(n, same)).unwrap().replayed, "{n}");
        let other = Box::leak(Box::new(payload(n / 3 + 1)));
        assert_eq!(code_of(store.append(&chosen(n, other))), Code::IdempotencyConflict);
    }
    assert_eq!(store.frontier().unwrap().visible, before);
    // Content that the segment has, under an id of the same key that it does not have.
    for n in 60..80 {
        assert!(!store.append(&chosen(n, Box::leak(Box::new(payload(1))))).unwrap().replayed);
    }
    assert_sound(&store);
}

#[test]
fn entities_of_many_colons_have_their_own_events_and_those_below() {
    let dir = TempDir::in_memory("colons");
    for colons in [1, 3, 60] {
        let store = open_quick(&dir.join(&format!("s{colons}")));
        let mut names: Vec<String> = (0..200).map(|n| format!("e{}", n % 90)).collect();
        names.extend((0..300).map(|n| format!("e{}{}x{n}", n % 90, ":y".repeat(n % colons))));
        names.extend((0..40).map(|n| format!("e{n}{}", ":".repeat(colons))));
        for name in &names {
            store.append(&event(name, b"")).unwrap();
        }
        let store = sealed(store);
        let mut asked: Vec<String> = names.clone();
        asked.extend(["e", "e1:", "e1:y", "e1:y:y", "e999", "f", "e1;"].map(String::from));
        for entity in asked {
            let of = |name: &String| *name == entity || name.starts_with(&format!("{entity}:"));
            let region = Region { entity: Some(entity.clone()), ..Region::default() };
            let query = Query { region, ..Query::default() };
            let expected: Vec<&String> = names.iter().filter(|name| of(name)).collect();
            let found = read_pages(&store, &query);
            assert!(found.iter().map(|row| &row.entity).eq(expected), "{entity} {colons}");
        }
        assert_sound(&store);
    }
}

#[test]
fn an_index_that_is_damaged_while_it_is_open_gives_no_wrong_answer() {
    let dir = TempDir::new("damaged-open");
    let path = dir.join("s");
    let store = open_quick(&path);
    fill(&store, 0, 900);
    store.close().unwrap();
    let all = rows(&open_reader(&path));
    let mut by_entity: BTreeMap<&String, usize> = BTreeMap::new();
    all.iter().for_each(|row| *by_entity.entry(&row.entity).or_default() += 1);
    let check = |store: &Store| {
        assert!(all.iter().all(|row| get(store, row.id).as_ref() == Some(row)));
        for entity in by_entity.keys() {
            let region = Region { entity: Some(entity.to_string()), ..Region::default() };
            let of = |row: &&Row| row.entity.starts_with(&format!("{entity}:"));
            let below = all.iter().filter(of).count();
            let found = read_pages(store, &Query { region, ..Query::default() });
            assert_eq!(found.len(), by_entity[entity] + below, "{entity}");
        }
    };
    for bit in [0, 5, 7] {
        let store = open_reader(&path);
        check(&store);
        let indexes: Vec<_> = segments(&path).iter().map(|log| log.with_extension("idx")).collect();
        let sound: Vec<_> = indexes.iter().filter_map(|index| fs::read(index).ok()).collect();
        assert!(sound.len() > 2, "several segments have an index");
        for (index, sound) in indexes.iter().zip(&sound) {
            let flipped = sound.iter().enumerate();
            let flipped = flipped.map(|(at, byte)| byte ^ u8::from(at % 256 == 9 + bit) << bit);
            // In its place: the file stays the one that is open.
            use std::os::unix::fs::FileExt;
            let file = fs::File::options().write(true).open(index).unwrap();
            file.write_all_at(&flipped.collect::<Vec<u8>>(), 0).unwrap();
        }
        check(&store);
        drop(store);
        indexes.iter().zip(&sound).for_each(|(index, sound)| fs::write(index, sound).unwrap());
    }
}

#[test]
fn no_bit_that_flips_in_an_open_index_hides_an_event_or_makes_one_up() {
    use std::os::unix::fs::FileExt;
    let dir = TempDir::new("flipped-open");
    let path = dir.join("s");
    let store = open_quick(&path);
    fill(&store, 0, 150);
    store.close().unwrap();
    let all = rows(&open_reader(&path));
    let absent = [1, 2, 3].map(|n| Id((0x5eed << 64) | (n * 0x9e37_79b9_7f4a_7c15)));
    for log in segments(&path) {
        let Ok(sound) = fs::read(log.with_extension("idx")) else { continue };
        let file = fs::File::options().write(true).open(log.with_extension("idx")).unwrap();
        for first in (0..sound.len()).step_by(64) {
            // What an open store has learnt to be damaged, it does not ask again.
            let store = open_reader(&path);
            for at in (first..sound.len().min(first + 64)).step_by(3) {
                let bit = 1u8 << ((at / 3 + at / 256) % 8);
                file.write_all_at(&[sound[at] ^ bit], at as u64).unwrap();
                for row in all.iter().skip(at % 3).step_by(3) {
                    assert_eq!(get(&store, row.id).as_ref(), Some(row), "byte {at}");
                }
                assert!(absent.iter().all(|id| get(&store, *id).is_none()), "byte {at}");
                file.write_all_at(&sound[at..=at], at as u64).unwrap();
            }
        }
    }
}
