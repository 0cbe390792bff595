//! Settings for how keys live that change, on one node or on one of several.

use super::*;

impl World {
    /// The use cases with this setting changed.
    fn with(&self, name: &'static str, value: &str) -> Ops {
        let key_file = self.ops.config.key_file.display().to_string();
        let flags = [
            ("database_url", self.ops.config.database_url.clone()),
            ("key_file", key_file),
            (name, value.to_string()),
        ];
        let config = Config::from_sources(&Sources::read(None, [], flags).unwrap()).unwrap();
        Ops::new(self.ops.store.clone(), Arc::new(config), self.ops.clock.clone())
    }

    /// The settings are noted, and the domain's rotation waits.
    async fn at_rest(&self) {
        self.ready().await;
        let noted = async || self.ops.store.kept("key_rules").await.unwrap().unwrap_or_default();
        while !noted().await.contains("\"followed\":true") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let now = self.ops.clock.now();
        self.until("at rest", |keys| keys.due_at.is_some_and(|due| due > now)).await;
    }

    async fn due_in(&self) -> SignedDuration {
        let due = self.keys().await.unwrap().due_at.unwrap();
        due.duration_since(self.ops.clock.now())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_settings_hold_from_the_start_of_a_node_on() {
    let mut world = World::new(&[]).await;
    world.at_rest().await;
    world.crash().await;
    assert!(world.due_in().await > DAY);
    world.ops = world.with("dkim_ed25519", "true");
    world.start_workers().await;
    // It is that very moment still.
    world.until_stages(["active", "companion"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_noted_once_for_each_change_of_them() {
    let mut world = World::new(&[]).await;
    world.at_rest().await;
    world.crash().await;
    let note = async |ops: &Ops| ops.note_key_rules().await.unwrap();
    assert_eq!(note(&world.ops).await, None, "it was noted at the start");
    assert!(world.due_in().await > DAY);
    let other = world.with("dkim_rotation", "1h");
    assert!(note(&other).await.is_some());
    assert!(world.due_in().await <= SignedDuration::ZERO);
    assert_eq!(note(&other).await, None);
    assert!(note(&world.with("dkim_keep", "8d")).await.is_some(), "each of them matters");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stopped_node_began_is_gone_on_with() {
    let mut world = World::new(&[]).await;
    world.at_rest().await;
    world.crash().await;
    let store = &world.ops.store;
    let whole = store.kept("key_rules").await.unwrap().unwrap();
    let begun = whole.replace("\"followed\":true", "\"followed\":false");
    assert!(store.replace_kept("key_rules", Some(&whole), &begun).await.unwrap());
    assert!(world.ops.note_key_rules().await.unwrap().is_some());
    assert_eq!(store.kept("key_rules").await.unwrap(), Some(whole));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_with_older_settings_makes_nothing_wait_for_long() {
    let world = World::new(&[]).await;
    world.at_rest().await;
    let newer = world.with("dkim_rotation", "1h");
    let noted = world.ops.store.kept("key_rules").await.unwrap();
    newer.note_key_rules().await.unwrap();
    assert_ne!(world.ops.store.kept("key_rules").await.unwrap(), noted);
    // The workers here are older, take what is due now, and would let it wait for days.
    world.until("waits", |keys| keys.due_at.is_some_and(|due| due > world.ops.clock.now())).await;
    assert_eq!(world.due_in().await, HOUR * 6);
    assert!(world.ops.note_key_rules().await.unwrap().is_some(), "whoever starts last is right");
}
