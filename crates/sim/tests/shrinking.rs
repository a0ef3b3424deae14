//! A failing history is shrunk to what matters, and can be told again from its text.

use qixian_sim::{History, Sabotage, Scenery, replay, shrink};

/// Days the failing seeds live.
const DAYS: i64 = 120;

#[test]
fn a_failing_history_is_shrunk_and_still_fails() {
    let scenery = Scenery::shipped().unwrap_or_else(|why| panic!("{why}"));
    for bug in [Sabotage::TimerLost, Sabotage::RungSkipped] {
        let failing = (1..40).find_map(|seed| {
            let whole = History::whole(seed, DAYS);
            let lived = replay(&whole, &scenery, Some(bug));
            (lived.outcome.is_err() && lived.happened.len() >= 60).then_some(whole)
        });
        let whole = failing.expect("some seed fails after a while");
        let kept = shrink(&whole, &scenery, Some(bug)).expect("it fails");
        let text = kept.to_text();
        println!("{text}");
        let (left, of) = (kept.happened.len(), kept.of);
        assert!(left * 4 <= of, "{bug:?}: {left} things left of {of}");
        let read = History::parse(&text).expect("it reads what it wrote");
        assert_eq!(read, kept.history);
        let again = replay(&read, &scenery, Some(bug));
        assert_eq!(again.outcome, Err(kept.failure), "it fails to the letter");
        let without = replay(&read, &scenery, None);
        assert!(without.outcome.is_ok(), "it is the bug that fails");
    }
}
