//! The replies to questions asked together.

use super::sockets::Received;
use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Waited for by one task, which is woken once: when all are there.
pub(super) struct Salvo {
    state: Mutex<State>,
    complete: Notify,
}

struct State {
    replies: Vec<Option<Received>>,
    missing: usize,
    over: bool,
}

impl Salvo {
    pub(super) fn new(questions: usize) -> Arc<Self> {
        let state = State { replies: Vec::with_capacity(questions), missing: 0, over: false };
        Arc::new(Self { state: Mutex::new(state), complete: Notify::new() })
    }

    /// A place for the reply to one more question.
    pub(super) fn expect(&self) -> Option<usize> {
        let mut state = self.lock();
        if state.over {
            return None;
        }
        state.replies.push(None);
        state.missing += 1;
        Some(state.replies.len() - 1)
    }

    /// The question at `place`, the last one, has not gone out.
    pub(super) fn give_up(&self, place: usize) {
        let mut state = self.lock();
        state.replies.truncate(place);
        state.missing -= 1;
    }

    /// Takes a reply; whether it was waited for.
    pub(super) fn hear(&self, place: usize, received: Received) -> bool {
        let mut state = self.lock();
        if state.over {
            return false;
        }
        match state.replies.get_mut(place) {
            Some(reply @ None) => *reply = Some(received),
            _ => return false,
        }
        state.missing -= 1;
        if state.missing == 0 {
            self.complete.notify_one();
        }
        true
    }

    /// Waits until every reply is there.
    pub(super) async fn complete(&self) {
        // Replies may come in while others are still being sent: a permit left
        // from then is for a state that is over.
        while self.lock().missing > 0 {
            self.complete.notified().await;
        }
    }

    /// What is there. Whatever comes now comes too late.
    pub(super) fn end(&self) -> Vec<Option<Received>> {
        let mut state = self.lock();
        state.over = true;
        std::mem::take(&mut state.replies)
    }

    pub(super) fn is_over(&self) -> bool {
        self.lock().over
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
