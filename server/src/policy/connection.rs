//! One connection: requests and answers in turn.

use super::{
    Limits,
    listener::Stream,
    protocol::{self, Attributes, Broken},
};
use crate::ops::Ops;
use signet_core::authz::Answer;
use std::time::Duration;
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    sync::watch,
    time::timeout,
};

/// How much of what follows a malformed request is taken, and for how long, so
/// that the answer is not lost to a reset.
const DRAINED: u64 = 64 * 1024;
const DRAIN: Duration = Duration::from_secs(1);

/// Answers one request after the other, until the client goes, sends nonsense,
/// is too slow, or the server stops.
pub(super) async fn converse(
    ops: Ops,
    stream: Box<dyn Stream>,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let (read, mut write) = tokio::io::split(stream);
    let mut reader = BufReader::new(read);
    while another(&mut reader, limits.idle, &mut stop).await {
        let Ok(request) = timeout(limits.request, Attributes::read(&mut reader)).await else {
            return;
        };
        let answer = match request {
            Ok(Some(attributes)) => answer(&ops, &attributes, limits.decision).await,
            Ok(None) => return,
            Err(broken) => Err(broken),
        };
        let (text, sound) = match answer {
            Ok(text) => (text, true),
            Err(Broken::Io(_)) => return,
            Err(broken) => (protocol::malformed(&broken), false),
        };
        if !matches!(timeout(limits.request, write.write_all(text.as_bytes())).await, Ok(Ok(()))) {
            return;
        }
        if !sound {
            let _ = write.shutdown().await;
            let _ = timeout(DRAIN, tokio::io::copy(&mut reader.take(DRAINED), &mut tokio::io::sink())).await;
            return;
        }
    }
}

/// Waits for a request's first byte; whether there is one.
async fn another(
    reader: &mut (impl AsyncBufRead + Unpin),
    idle: Duration,
    stop: &mut watch::Receiver<bool>,
) -> bool {
    tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => false,
        filled = timeout(idle, reader.fill_buf()) => matches!(filled, Ok(Ok(bytes)) if !bytes.is_empty()),
    }
}

async fn answer(ops: &Ops, attributes: &Attributes, decision: Duration) -> Result<String, Broken> {
    let Some(outgoing) = attributes.outgoing(|| ops.random.uuid(ops.clock.now()).to_string())? else {
        return Ok(protocol::DUNNO.to_string());
    };
    let answer = timeout(decision, ops.authorize(&outgoing)).await.unwrap_or_else(|_| {
        tracing::error!("the sending gate takes too long to decide");
        Answer::trouble()
    });
    Ok(protocol::action(&answer))
}
