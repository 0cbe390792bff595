//! What concerns the operator: the brake on mass demotions, and being told.

use super::*;

on_both! { losses_are_counted the_operator_is_told_once }

const HOUR: i64 = 3600;

async fn losses_are_counted(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let mut domains = Vec::new();
    for n in 0..24 {
        domains.push(register(&store, account, &format!("d{n}.example")).await);
    }
    let since = at(0);
    for (n, domain) in domains.iter().enumerate() {
        let n = i64::try_from(n).unwrap();
        let state = match n {
            // Within the hour before and after, and not.
            0..8 => DnsState::Lost { at: at(10 * HOUR - n) },
            8 => DnsState::Lost { at: at(8 * HOUR) },
            9..16 => {
                DnsState::AtRisk { at: since, since, deadline: at(10 * HOUR + n), unaligned_since: None }
            }
            16 => DnsState::AtRisk { at: since, since, deadline: at(12 * HOUR), unaligned_since: None },
            17..22 => DnsState::Suspect { at: since, since, unaligned_since: Some(since) },
            22 => DnsState::Suspect { at: since, since, unaligned_since: None },
            _ => DnsState::Verified { at: since },
        };
        look_at(&store, domain, state, 20 + 70 * n).await;
    }
    let demotions = store.demotions(at(10 * HOUR)).await.unwrap();
    assert_eq!((demotions.at_stake.lost, demotions.at_stake.losing), (8, 12));
    assert_eq!(demotions.at_stake.verified, 15, "the demo domain is none of them");
    assert!(demotions.are_frozen(at(10 * HOUR)));
    store.release_demotions(at(11 * HOUR), &cause(600)).await.unwrap();
    let released = store.demotions(at(10 * HOUR)).await.unwrap();
    assert!(!released.are_frozen(at(10 * HOUR)));
    assert!(released.are_frozen(at(11 * HOUR)));
    let few = store.demotions(at(13 * HOUR)).await.unwrap().at_stake;
    assert_eq!((few.lost, few.verified), (0, 0), "not counted where there are few");
}

async fn the_operator_is_told_once(place: Place) {
    let store = place.open().await;
    let notice = message("operator@signet.test");
    let freeze = async |seconds| {
        store.raise(Matter::DemotionsFrozen, AccountId(1), &notice, at(seconds)).await.unwrap()
    };
    assert!(freeze(10).await);
    assert!(!freeze(20).await);
    assert!(!store.settle(Matter::Blind).await.unwrap(), "another matter");
    assert!(store.settle(Matter::DemotionsFrozen).await.unwrap());
    assert!(!store.settle(Matter::DemotionsFrozen).await.unwrap());
    assert!(freeze(40).await);
    assert_eq!(store.claim_outbox(at(50), at(60), 10).await.unwrap().len(), 2, "once each time");
}
