//! Reconciliation by ranges: both sides find what differs, also against the implementation of
//! others, and a peer that lies costs bounded work.

use crate::common::*;
use fbat::engine::import::{ImportIdentity, ImportOptions};
use fbat::engine::model::error::{Code, Result};
use fbat::engine::model::id::Hash;
use fbat::engine::store::ranges::{
    Answer, Element, Elements, Session, Sum, FRAME_MAX, FRAME_MIN, ROUNDS_MAX,
};
use negentropy::{Id, Negentropy, NegentropyStorageVector};
use std::cell::Cell;
use std::collections::BTreeSet;

/// Elements in memory, which count what they were asked for.
#[derive(Default)]
struct Set {
    elements: Vec<Element>,
    listed: Cell<usize>,
    summed: Cell<usize>,
}

impl Set {
    fn new(elements: &BTreeSet<Element>) -> Set {
        Set { elements: elements.iter().copied().collect(), ..Set::default() }
    }

    fn between(&self, from: &Element, to: &Element) -> &[Element] {
        let place = |bound| self.elements.partition_point(|element| element < bound);
        self.elements.get(place(from)..place(to)).unwrap_or_default()
    }

    fn oracle(&self) -> NegentropyStorageVector {
        let mut storage = NegentropyStorageVector::new();
        for element in &self.elements {
            storage.insert(element.timestamp, Id::from_byte_array(element.id.0)).unwrap();
        }
        storage.seal().unwrap();
        storage
    }
}

impl Elements for Set {
    fn sum(&self, from: &Element, to: &Element) -> Result<Sum> {
        let (mut sum, found) = (Sum::default(), self.between(from, to));
        self.summed.set(self.summed.get() + found.len());
        found.iter().for_each(|element| sum.add(&Sum::of(&element.id)));
        Ok(sum)
    }

    fn list(&self, from: &Element, to: &Element, most: usize) -> Result<Vec<Element>> {
        let found = self.between(from, to);
        let found = found[..most.min(found.len())].to_vec();
        self.listed.set(self.listed.get() + found.len());
        Ok(found)
    }

    fn greatest(&self) -> u64 {
        self.elements.last().map_or(0, |last| last.timestamp)
    }
}

/// Two sets that have something in common, as a rule.
fn sets(rng: &mut Rng) -> (BTreeSet<Element>, BTreeSet<Element>) {
    let count = match rng.below(20) {
        0 => rng.below(6000),
        1..6 => rng.below(400),
        _ => rng.below(60),
    };
    let spread = *rng.pick(&[1, 7, 1000, 1 << 20, 1 << 40, u64::MAX]);
    let differing = *rng.pick(&[0, 1, 5, 50, 100]);
    let (mut a, mut b) = (BTreeSet::new(), BTreeSet::new());
    for at in 0..count {
        let timestamp = if spread == 1 { at } else { rng.below(spread) };
        let mut id = Hash::ZERO;
        id.0.copy_from_slice(&rng.bytes(32));
        // Ids that begin alike.
        if rng.one_in(4) {
            id.0[..28].fill(7);
        }
        let element = Element { timestamp: timestamp.min(u64::MAX - 1), id };
        match rng.below(200) < differing {
            true if rng.one_in(2) => drop(a.insert(element)),
            true => drop(b.insert(element)),
            false => drop((a.insert(element), b.insert(element))),
        }
    }
    (a, b)
}

struct Found {
    have: BTreeSet<Hash>,
    need: BTreeSet<Hash>,
    rounds: u32,
    bytes: usize,
}

/// What each has that the other has not, by ids.
fn differences(a: &Set, b: &Set) -> (BTreeSet<Hash>, BTreeSet<Hash>) {
    let ids = |set: &Set| set.elements.iter().map(|element| element.id).collect::<BTreeSet<_>>();
    (&ids(a) - &ids(b), &ids(b) - &ids(a))
}

/// Whether so much differs that small messages may not do in the rounds that there are.
fn is_much((have, need): &(BTreeSet<Hash>, BTreeSet<Hash>)) -> bool {
    have.len() + need.len() > 1000
}

/// A session to its end. `None`: all is to be sent.
fn session(
    a: &dyn Elements,
    frame_max: usize,
    gives_up: bool,
    answer: &mut dyn FnMut(&[u8]) -> Vec<u8>,
) -> Option<Found> {
    let (mut session, mut message) = Session::initiator(a, frame_max).unwrap();
    session.gives_up = gives_up;
    let (mut bytes, mut rounds) = (0, 0);
    loop {
        assert!(message.len() <= frame_max, "{} of {frame_max}", message.len());
        let answered = answer(&message);
        (bytes, rounds) = (bytes + message.len() + answered.len(), rounds + 1);
        match session.take(&answered).unwrap() {
            Answer::Send(next) => message = next,
            Answer::Done => break,
            Answer::Stream => return None,
        }
    }
    let have = session.have.iter().map(|element| element.id).collect();
    Some(Found { have, need: session.need.into_iter().collect(), rounds, bytes })
}

fn ours(b: &dyn Elements, frame_max: usize) -> impl FnMut(&[u8]) -> Vec<u8> + '_ {
    let mut responder = Session::responder(b, frame_max).unwrap();
    move |message| match responder.take(message).unwrap() {
        Answer::Send(answer) => {
            assert!(answer.len() <= frame_max, "{} of {frame_max}", answer.len());
            answer
        }
        other => panic!("a responder answers, and not {other:?}"),
    }
}

#[test]
fn agrees_with_the_oracle_on_either_side() {
    let mut rng = Rng(seed_from_env());
    for round in 0..count_from_env("FBAT_RANGES", 10_000) {
        let (a, b) = sets(&mut rng);
        let (a, b) = (Set::new(&a), Set::new(&b));
        let expected = differences(&a, &b);
        let frame_max = *rng.pick(&[FRAME_MIN, FRAME_MIN, 10_000, FRAME_MAX]);
        // Ids that are there under two timestamps are reported by some.
        let (storage_a, storage_b) = (a.oracle(), b.oracle());
        match round % 3 {
            0 => {
                let limit = if rng.one_in(2) { frame_max as u64 } else { 0 };
                let mut oracle = Negentropy::borrowed(&storage_b, limit).unwrap();
                let mut answer = |message: &[u8]| oracle.reconcile(message).unwrap();
                let Some(found) = session(&a, frame_max, false, &mut answer) else {
                    assert!(is_much(&expected), "round {round}");
                    continue;
                };
                assert_eq!((found.have, found.need), expected, "round {round}");
            }
            1 => {
                let mut oracle = Negentropy::borrowed(&storage_a, frame_max as u64).unwrap();
                let mut answer = ours(&b, frame_max);
                let (mut have, mut need) = (Vec::new(), Vec::new());
                let mut message = oracle.initiate().unwrap();
                loop {
                    let answered = answer(&message);
                    let next = oracle.reconcile_with_ids(&answered, &mut have, &mut need).unwrap();
                    let Some(next) = next else { break };
                    message = next;
                }
                let ids = |ids: Vec<Id>| ids.iter().map(|id| Hash(*id.as_bytes())).collect();
                assert_eq!((ids(have), ids(need)), expected, "round {round}");
            }
            _ => {
                let Some(found) = session(&a, frame_max, false, &mut ours(&b, frame_max)) else {
                    assert!(is_much(&expected), "round {round}");
                    continue;
                };
                assert_eq!((found.have, found.need), expected, "round {round}");
                assert!(found.rounds <= ROUNDS_MAX);
            }
        }
    }
}

/// As many elements, one for each timestamp.
fn numbered(count: u64) -> BTreeSet<Element> {
    let id = |at: u64| Hash(*blake3::hash(&at.to_le_bytes()).as_bytes());
    (0..count).map(|at| Element { timestamp: at, id: id(at) }).collect()
}

#[test]
fn little_that_differs_costs_little_and_much_is_sent_as_a_whole() {
    let all = numbered(100_000);
    let b = Set::new(&all);
    let without = |missing: &mut dyn FnMut(u64) -> bool| {
        Set::new(&all.iter().copied().filter(|element| !missing(element.timestamp)).collect())
    };
    let run = |a: &Set| session(a, FRAME_MAX, true, &mut ours(&b, FRAME_MAX));
    let equal = run(&without(&mut |_| false)).unwrap();
    assert_eq!((equal.rounds, equal.need.len()), (1, 0));
    assert!(equal.bytes < 2048, "{}", equal.bytes);
    let ten = run(&without(&mut |at| at % 10_000 == 77)).unwrap();
    assert_eq!(ten.need.len(), 10);
    assert!(ten.rounds <= 4 && ten.bytes < 32_000, "{} in {}", ten.bytes, ten.rounds);
    let gap = run(&without(&mut |at| (5000..6000).contains(&at))).unwrap();
    assert_eq!((gap.need.len(), gap.have.len()), (1000, 0));
    assert!(run(&without(&mut |at| at % 2 == 0)).is_none());
    assert!(run(&Set::default()).is_none() || run(&Set::default()).unwrap().need.len() == 100_000);
}

#[test]
fn messages_of_a_liar_end_or_fail_with_bounded_work() {
    let mut rng = Rng(seed_from_env());
    let set = Set::new(&numbered(3000));
    let (_, first) = Session::initiator(&set, FRAME_MAX).unwrap();
    let other = Set::new(&numbered(2500));
    let mut valid = vec![first];
    let mut responder = Session::responder(&other, FRAME_MAX).unwrap();
    let Answer::Send(second) = responder.take(&valid[0]).unwrap() else { panic!("no answer") };
    valid.push(second);
    let (mut failed, mut went_on) = (0, 0);
    for round in 0..20_000 {
        let mut message = match round % 4 {
            0 => {
                let length = rng.below(300) as usize;
                [vec![0x61], rng.bytes(length)].concat()
            }
            _ => rng.pick(&valid).clone(),
        };
        for _ in 0..if round % 4 == 0 { 0 } else { rng.range(1, 5) } {
            let at = rng.below(message.len() as u64) as usize;
            match rng.below(4) {
                0 => message[at] = rng.next() as u8,
                1 => message.truncate(at.max(1)),
                2 => drop(message.remove(at)),
                _ => message.insert(at, *rng.pick(&[0, 0x7f, 0x80, 0xff])),
            }
            message.push(0);
        }
        let mut sessions = [
            Session::responder(&set, FRAME_MIN).unwrap(),
            Session::initiator(&set, FRAME_MIN).unwrap().0,
        ];
        for session in &mut sessions {
            set.listed.set(0);
            set.summed.set(0);
            match session.take(&message) {
                Ok(Answer::Send(answer)) => {
                    assert!(answer.len() <= FRAME_MIN);
                    went_on += 1;
                }
                Ok(_) => went_on += 1,
                Err(e) => {
                    assert_eq!(e.code(), Code::Corrupt);
                    failed += 1;
                }
            }
            // Each element a few times: ranges of a message do not overlap.
            let most = 4 * set.elements.len();
            assert!(set.listed.get() <= most && set.summed.get() <= most);
        }
    }
    assert!(failed > 1000 && went_on > 1000, "{failed} {went_on}");
}

#[test]
fn versions_and_sizes_are_checked() {
    let set = Set::new(&numbered(10));
    let code = |result: Result<Answer>| code_of(result);
    assert_eq!(code_of(Session::responder(&set, FRAME_MIN - 1).map(drop)), Code::InvalidArgument);
    let mut responder = Session::responder(&set, FRAME_MIN).unwrap();
    for version in [0x60, 0x62, 0x6f] {
        assert_eq!(responder.take(&[version, 1, 2]).unwrap(), Answer::Send(vec![0x61]));
    }
    for bad in [&[][..], &[0x5f], &[0x70], &[0x61, 1], &[0x61, 1, 0, 3], &[0x61, 0, 33]] {
        assert_eq!(code(responder.take(bad)), Code::Corrupt);
    }
    let (mut initiator, _) = Session::initiator(&set, FRAME_MIN).unwrap();
    assert_eq!(code(initiator.take(&[0x62])), Code::Corrupt);
    // A peer that never ends.
    let (mut initiator, first) = Session::initiator(&set, FRAME_MIN).unwrap();
    let mut rounds = 0;
    while initiator.take(&[first.clone(), vec![]].concat()).unwrap() != Answer::Stream {
        rounds += 1;
        assert!(rounds <= ROUNDS_MAX);
    }
}

#[test]
fn stores_reconcile_an_origin() {
    let dir = TempDir::in_memory("ranges");
    let [source, hub] = [("source", 3), ("hub", 4)].map(|(name, seed)| {
        let path = dir.join(name);
        open(&path, &repeatable(seed))
    });
    fill(&source, 0, 5000);
    let by_origin = || ImportOptions { identity: ImportIdentity::Origin, ..Default::default() };
    import_with(&hub, &source, &mut by_origin());
    fill(&hub, 900_000, 300);
    let namespace = source.native_namespace();
    let elements = |store: &fbat::engine::store::Store| store.elements_of(&namespace).unwrap();
    let run = |gives_up| {
        let (a, b) = (elements(&hub), elements(&source));
        let found = session(&a, FRAME_MIN, gives_up, &mut ours(&b, FRAME_MIN));
        found.unwrap()
    };
    let equal = run(true);
    assert_eq!((equal.rounds, equal.have.len(), equal.need.len()), (1, 0, 0));
    fill(&source, 100_000, 700);
    let new = run(false);
    assert_eq!((new.have.len(), new.need.len()), (0, 700));
    // As a set in memory does, and as others do.
    let end = (Element::default(), Element::END);
    let all = elements(&source).list(&end.0, &end.1, usize::MAX).unwrap();
    let set = Set { elements: all, ..Set::default() };
    assert_eq!(set.elements.len(), 5700);
    let a = elements(&hub);
    let found = session(&a, FRAME_MIN, false, &mut ours(&set, FRAME_MIN)).unwrap();
    assert_eq!(found.need, new.need);
    let storage = set.oracle();
    let mut oracle = Negentropy::borrowed(&storage, 0).unwrap();
    let mut answer = |message: &[u8]| oracle.reconcile(message).unwrap();
    assert_eq!(session(&a, FRAME_MIN, false, &mut answer).unwrap().need, new.need);
    let mut rng = Rng(5);
    for _ in 0..300 {
        let bound = |rng: &mut Rng| {
            let timestamp = rng.below(6500);
            let mut id = Hash::ZERO;
            id.0.copy_from_slice(&rng.bytes(32));
            if rng.one_in(2) {
                Element::at(timestamp)
            } else {
                Element { timestamp, id }
            }
        };
        let (from, to) = (bound(&mut rng), bound(&mut rng));
        let b = elements(&source);
        assert_eq!(b.sum(&from, &to).unwrap(), set.sum(&from, &to).unwrap());
        let most = rng.below(40) as usize;
        assert_eq!(b.list(&from, &to, most).unwrap(), set.list(&from, &to, most).unwrap());
    }
}
