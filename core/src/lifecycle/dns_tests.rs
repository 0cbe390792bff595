use super::*;
use alloc::vec;
use proptest::prelude::*;

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + minutes * 60).unwrap()
}

fn wrong(corroborated: bool, aligned: bool, undelegated: bool) -> Gate {
    Gate::Wrong(Wrong { records: vec![RecordKey::Verification], corroborated, aligned, undelegated })
}

/// Runs looks at the given minutes and lists what happened.
fn run(looks: &[(i64, Gate)]) -> (DnsState, Vec<(i64, Change)>) {
    let mut state = DnsState::Verified { at: at(-1000) };
    let mut changes = vec![];
    for (minute, gate) in looks {
        let (next, change) = state.after(gate, true, false, at(*minute), &Rules::default());
        state = next;
        changes.extend(change.map(|c| (*minute, c)));
    }
    (state, changes)
}

#[test]
fn a_whole_right_look_verifies_and_a_part_does_not() {
    let rules = Rules::default();
    assert_eq!(DnsState::Pending.after(&Gate::Right, false, false, at(0), &rules), (DnsState::Pending, None));
    let verified = DnsState::Verified { at: at(0) };
    assert_eq!(
        DnsState::Pending.after(&Gate::Right, true, false, at(0), &rules),
        (verified, Some(Change::Verified))
    );
}

#[test]
fn one_wrong_look_only_raises_suspicion() {
    let (state, changes) = run(&[(0, wrong(true, true, false)), (9, wrong(true, true, false))]);
    assert!(matches!(state, DnsState::Suspect { .. }) && state.is_verified());
    assert_eq!(changes, []);
    let (state, changes) = run(&[(0, wrong(true, true, false)), (9, Gate::Right)]);
    assert_eq!((state, changes), (DnsState::Verified { at: at(-1000) }, vec![]));
}

#[test]
fn one_server_alone_confirms_nothing() {
    let looks: Vec<_> = (0..100).map(|n| (n * 60, wrong(false, false, false))).collect();
    assert!(run(&looks).0.is_verified());
}

#[test]
fn confirmed_the_grace_runs_and_is_kept() {
    let deadline = at(10 + 72 * 60);
    let bad = || wrong(true, true, false);
    let (state, changes) = run(&[(0, bad()), (10, bad()), (10 + 72 * 60 - 1, bad())]);
    assert!(state.is_verified());
    assert_eq!(changes, [(10, Change::AtRisk { deadline })]);
    let (state, changes) = run(&[(0, bad()), (10, bad()), (10 + 72 * 60, bad())]);
    assert_eq!(state, DnsState::Lost { at: deadline });
    assert_eq!(changes.last(), Some(&(10 + 72 * 60, Change::Lost)));
}

#[test]
fn mended_in_time() {
    let bad = || wrong(true, true, false);
    let (state, changes) = run(&[(0, bad()), (10, bad()), (60, Gate::Right)]);
    assert_eq!(state, DnsState::Verified { at: at(-1000) });
    assert_eq!(changes.last(), Some(&(60, Change::Mended)));
}

#[test]
fn nothing_aligned_any_more_is_lost_once_confirmed() {
    let (state, changes) = run(&[(0, wrong(true, false, false)), (10, wrong(true, false, false))]);
    assert_eq!((state, changes), (DnsState::Lost { at: at(10) }, vec![(10, Change::Lost)]));
}

#[test]
fn what_gets_worse_is_confirmed_anew() {
    let (state, _) = run(&[
        (0, wrong(true, true, false)),
        (10, wrong(true, true, false)),
        (20, wrong(true, false, false)),
    ]);
    assert!(state.is_verified(), "one look at the worse state is one look");
    let (state, _) = state.after(&wrong(true, false, false), true, false, at(30), &Rules::default());
    assert_eq!(state, DnsState::Lost { at: at(30) });
}

#[test]
fn an_undelegated_domain_has_a_day() {
    let gone = || wrong(true, false, true);
    let (state, changes) = run(&[(0, gone()), (10, gone()), (60, gone())]);
    assert!(state.is_verified());
    assert_eq!(changes, [(10, Change::AtRisk { deadline: at(10 + 24 * 60) })]);
}

#[test]
fn a_rival_with_proof_ends_the_grace() {
    let bad = wrong(true, true, false);
    let (state, _) = run(&[(0, bad.clone()), (10, bad.clone())]);
    let (state, change) = state.after(&bad, true, true, at(11), &Rules::default());
    assert_eq!((state, change), (DnsState::Lost { at: at(11) }, Some(Change::Lost)));
    let healthy = DnsState::Verified { at: at(0) };
    assert_eq!(healthy.after(&Gate::Right, true, true, at(11), &Rules::default()), (healthy, None));
}

#[test]
fn shown_status_is_patient_for_an_hour() {
    let shown = Shown::UNCHECKED.after(Status::Pass, at(0));
    assert_eq!(shown.after(Status::NetworkError, at(60)).status, Status::Pass);
    assert_eq!(shown.after(Status::NetworkError, at(61)).status, Status::NetworkError);
    assert_eq!(Shown::UNCHECKED.after(Status::NetworkError, at(0)).status, Status::NetworkError);
    assert_eq!(shown.after(Status::Missing, at(1)).status, Status::Missing);
}

fn any_gate() -> impl Strategy<Value = Gate> {
    prop_oneof![
        Just(Gate::Right),
        Just(Gate::Unknown),
        (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(c, a, u)| wrong(c, a, u)),
    ]
}

proptest! {
    #[test]
    fn lost_only_by_confirmed_evidence(looks in prop::collection::vec((1i64..600, any_gate(), any::<bool>()), 1..60)) {
        let rules = Rules::default();
        let (mut state, mut now) = (DnsState::Pending, 0);
        let mut wrong_since_right: Vec<i64> = vec![];
        let mut told = None;
        for (wait, gate, whole) in looks {
            now += wait;
            let before = state;
            let (next, change) = before.after(&gate, whole, false, at(now), &rules);
            match &gate {
                Gate::Right => { wrong_since_right.clear(); told = None; }
                Gate::Wrong(_) if before.is_verified() => wrong_since_right.push(now),
                _ => prop_assert_eq!(next, before, "an unknown changes nothing"),
            }
            if before.is_verified() && !next.is_verified() {
                let first = wrong_since_right[0];
                prop_assert!(now - first >= 10, "lost without a second look");
                prop_assert!(matches!(&gate, Gate::Wrong(w) if w.corroborated));
                prop_assert!(told.is_none_or(|d| at(now) >= d) || matches!(&gate, Gate::Wrong(w) if !w.aligned));
            }
            if !before.is_verified() && next.is_verified() {
                prop_assert!(gate == Gate::Right && whole);
            }
            match change {
                Some(Change::AtRisk { deadline } | Change::DeadlineMoved { deadline }) => {
                    prop_assert!(deadline > at(now));
                    told = Some(deadline);
                }
                Some(Change::Lost) => { told = None; wrong_since_right.clear(); }
                _ => {}
            }
            state = next;
        }
        let (recovered, _) = state.after(&Gate::Right, true, false, at(now + 1), &rules);
        prop_assert!(recovered.is_verified(), "recovery is automatic");
    }
}
