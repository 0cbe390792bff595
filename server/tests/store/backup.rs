//! Backups: taken while the server runs, restored into either database.

use super::{keys::keep, *};
use signet::config::{Config, Sources};
use signet_core::rotation::{Published, Stage, Step};
use std::path::PathBuf;

on_both! {
    a_backup_moves_to_the_same_and_the_other_database a_damaged_backup_is_refused
    restoring_needs_an_empty_database nothing_is_believed_after_a_restore a_backup_under_load_is_of_one_moment
}

fn directory_and_file() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("backup.json");
    (directory, file)
}

/// A database with something in every table.
async fn filled(place: &Place) -> (Arc<dyn Store>, AccountId) {
    let store = place.open().await;
    let first = NewAccount {
        name: "First".to_string(),
        owner_email: email("postmaster@signet.test"),
        demo: (domain_name(&format!("f{}.demo.signet.test", fresh())), record_id()),
        demo_allowance: 50,
    };
    let account = store
        .initialise(&first, Some((TokenHash([1; 32]), "aaaa")), "print", &cause(0))
        .await
        .unwrap()
        .unwrap()
        .id;
    let domain = register(&store, account, "example.com").await;
    look_at(&store, &domain, DnsState::Verified { at: at(5) }, 5).await;
    for keyless in store.keyless(10).await.unwrap() {
        let keys = Selector::BOTH.map(new_key);
        store.add_keys(&keyless, &keys, &cause(6)).await.unwrap();
    }
    store.create_company(account, &company(), &cause(7)).await.unwrap();
    let key = NewDnsAccess {
        account,
        zone: Name::parse("example.com").unwrap(),
        provider: "rfc2136".to_string(),
        settings: [("server".to_string(), "192.0.2.53".to_string())].into(),
        secret: sealed_by_nobody(&[7, 0, 255]),
    };
    store.give_dns_access(&key, 9, &cause(7)).await.unwrap().unwrap();
    let caps = InstructionCaps { per_account: 9, per_recipient: 9 };
    let (text, now) = (message("a@b.example"), cause(8));
    let queued = store.queue_instructions(account, domain.id, "a@b.example", &text, caps, &now).await;
    queued.unwrap().unwrap().unwrap();
    let scope = IdempotencyScope { owner: "o".into(), method: "m".into(), path: "p".into(), key: "k".into() };
    store.idempotency_begin(&scope, "hash", at(9)).await.unwrap();
    let answer = StoredAnswer { status: 200, body: "{}".to_string() };
    store.idempotency_end(&scope, Some(&answer), None).await.unwrap();
    let demo = store.domains(account, &TokenScope::Account, None, Some(1)).await.unwrap().remove(0);
    store.spend_demo(demo.id, "instance", &cause(9)).await.unwrap();
    for name in ["gone.example", "last.example"] {
        let gone = register(&store, account, name).await;
        store.delete_domain(account, gone.id, &cause(10)).await.unwrap();
    }
    (store, account)
}

/// A backup's lines without the first and the last, which have time and hash.
fn rows(file: &std::path::Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_string).collect();
    lines[1..lines.len() - 1].to_vec()
}

/// Those that restoring leaves as they are: what was seen is to be seen anew.
fn as_they_were(file: &std::path::Path) -> Vec<String> {
    let anew = ["\"dkim_key\"", "\"rotation\"", "\"look\""];
    rows(file).into_iter().filter(|row| !anew.iter().any(|table| row.contains(table))).collect()
}

async fn nothing_is_believed_after_a_restore(place: Place) {
    let (store, account) = filled(&place).await;
    let domains = store.domains(account, &TokenScope::Account, None, None).await.unwrap();
    let domain = domains.into_iter().find(|domain| domain.name.as_str() == "example.com").unwrap();
    let keys = store.key_ring(account, domain.id).await.unwrap().unwrap();
    let (old, proven) =
        (at(6), Published { clear_at: Some(at(7)), seen_at: Some(at(7)), ..Published::new(at(6)) });
    let turn = Turn {
        account,
        domain: domain.id,
        version: keys.version,
        slots: [keep(Stage::Next(proven)), keep(Stage::Active { since: old })],
        wanted: None,
        due_at: Some(at(10_000_000)),
        failures: 9,
        stuck: None,
        told_at: None,
        notice: None,
        events: vec![],
    };
    assert!(store.turn_keys(&turn, &cause(7)).await.unwrap());
    let keyless = register(&store, account, "keyless.example").await;
    let (_directory, file) = directory_and_file();
    store.backup(&file).await.unwrap();
    let target = place.another(true).await.unwrap();
    let restored = target.open().await;
    restored.restore(&file).await.unwrap();

    let keys = restored.key_ring(account, domain.id).await.unwrap().unwrap();
    let ring = keys.ring();
    assert!(ring.restored, "the world may remember others");
    assert_eq!(ring.signing(|_| false), [None, None], "nothing signs before it was seen");
    let published = |selector| ring.on(selector).unwrap().stage.published().unwrap();
    let [first, second] = Selector::BOTH.map(published);
    assert_eq!([first.clear_at, first.seen_at, second.clear_at, second.seen_at], [None; 4]);
    let now = restored.now().await.unwrap();
    assert!(second.at == old && first.at > old && first.at <= now);
    // The one that signed is looked for first, and everything at once.
    let rules = Config::from_sources(&Sources::read(None, [], []).unwrap()).unwrap().rotation;
    assert_eq!(ring.step(&rules, now), Step::Prove(Selector::Second));
    let claimed = restored.claim_rotations(now, now, 100).await.unwrap();
    assert!(claimed.iter().any(|due| due.domain.id == domain.id));
    let due = restored.claim_due(now, now, 100).await.unwrap();
    assert!(due.iter().any(|due| due.domain.id == domain.id));

    // So it is where the first keys came after the backup, until one signs.
    let another = register(&restored, account, "another.example").await;
    for (domain, of_backup) in [(&keyless, true), (&another, false)] {
        let owner = Keyless { account, domain: domain.id, record_id: domain.record_id.clone() };
        assert!(restored.add_keys(&owner, &Selector::BOTH.map(new_key), &cause(20)).await.unwrap());
        let keys = restored.key_ring(account, domain.id).await.unwrap().unwrap();
        assert_eq!(keys.restored, of_backup);
    }
    for [first, second] in [
        [Stage::Next(Published::new(at(6))), Stage::Revoked { since: at(6) }],
        [Stage::Active { since: at(7) }, Stage::Revoked { since: at(6) }],
    ] {
        let before = restored.key_ring(account, domain.id).await.unwrap().unwrap();
        let signs = first.signs();
        let turn = Turn { version: before.version, slots: [keep(first), keep(second)], ..turn.clone() };
        assert!(restored.turn_keys(&turn, &cause(21)).await.unwrap());
        let after = restored.key_ring(account, domain.id).await.unwrap().unwrap();
        assert_eq!(after.restored, !signs);
    }
}

async fn a_backup_moves_to_the_same_and_the_other_database(place: Place) {
    let (store, account) = filled(&place).await;
    let (directory, file) = directory_and_file();
    store.backup(&file).await.unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing but the backup is left");
    let error = store.backup(&file).await.unwrap_err().to_string();
    assert!(error.contains("already"), "{error}");

    let next = register(&store, account, "next.example").await.id;
    for same_kind in [true, false] {
        let Some(target) = place.another(same_kind).await else { continue };
        let restored = target.open().await;
        restored.restore(&file).await.unwrap();
        let again = directory.path().join(format!("again-{same_kind}.json"));
        restored.backup(&again).await.unwrap();
        assert_eq!(as_they_were(&again), as_they_were(&file), "row for row, number for number");
        assert_eq!(restored.key_fingerprint().await.unwrap().as_deref(), Some("print"));
        assert!(restored.token(&TokenHash([1; 32])).await.unwrap().is_some());
        let new = register(&restored, account, "next.example").await.id;
        assert_eq!(new, next, "numbers go on above those of deleted domains");
        assert_eq!(restored.claim_outbox(at(100), at(160), 9).await.unwrap().len(), 1);
        restored.close().await;
    }
}

async fn a_damaged_backup_is_refused(place: Place) {
    let (store, _) = filled(&place).await;
    let (directory, file) = directory_and_file();
    store.backup(&file).await.unwrap();
    let whole = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let without_end = lines[..lines.len() - 1].join("\n") + "\n";
    let without_a_row = [&lines[..5], &lines[6..]].concat().join("\n") + "\n";
    let target_place = place.another(true).await.unwrap();
    let target = target_place.open().await;
    for (what, text) in [
        ("empty", String::new()),
        ("cut in a line", whole[..whole.len() - 9].to_string()),
        ("cut after a line", without_end),
        ("a row short", without_a_row),
        ("changed", whole.replacen("example.com", "example.net", 1)),
        ("longer", format!("{whole}{}\n", lines[5])),
        ("something else", "{\"a\":1}\n".to_string()),
        ("of another schema", whole.replacen("\"schema\":1", "\"schema\":2", 1)),
    ] {
        let damaged = directory.path().join("damaged.json");
        std::fs::write(&damaged, text).unwrap();
        let error = target.restore(&damaged).await.expect_err(what);
        assert!(matches!(error, StoreError::Backup(_)), "{what}: {error}");
        assert!(target.is_empty().await.unwrap(), "{what}");
    }
    target.restore(&file).await.unwrap();
}

async fn restoring_needs_an_empty_database(place: Place) {
    let (store, account) = filled(&place).await;
    let (_directory, file) = directory_and_file();
    store.backup(&file).await.unwrap();
    let error = store.restore(&file).await.unwrap_err().to_string();
    assert!(error.contains("not empty"), "{error}");
    register(&store, account, "still.example").await;
    let missing = store.restore(&file.with_extension("no")).await.unwrap_err();
    assert!(matches!(missing, StoreError::Backup(_)));
}

async fn a_backup_under_load_is_of_one_moment(place: Place) {
    let (store, account) = filled(&place).await;
    let (_directory, file) = directory_and_file();
    let writer = Arc::clone(&store);
    let writing = tokio::spawn(async move {
        for n in 0.. {
            let domain = register(&writer, account, &format!("d{n}.example")).await;
            if n % 3 == 0 {
                writer.delete_domain(account, domain.id, &cause(1)).await.unwrap();
            }
        }
    });
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    store.backup(&file).await.unwrap();
    assert!(!writing.is_finished(), "writing went on meanwhile");
    writing.abort();
    let target_place = place.another(true).await.unwrap();
    let target = target_place.open().await;
    target.restore(&file).await.unwrap();
    // Each domain with its first history row: never one without the other.
    let domains = target.domains(account, &TokenScope::Account, None, None).await.unwrap();
    for domain in &domains {
        assert!(!history(&target, domain).await.is_empty(), "{}", domain.name);
    }
    let newest = domains.last().unwrap();
    let rows = rows(&file);
    let deleted = rows.iter().filter(|row| row.contains("\"domain.deleted\"")).count();
    let retired = rows.iter().filter(|row| row.contains("\"table\":\"retired_record_id\"")).count();
    assert_eq!(deleted, retired);
    let fresh = register(&target, account, "fresh.example").await;
    assert!(fresh.id > newest.id);
}
