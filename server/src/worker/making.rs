//! Where the workers get DKIM keys from.

use crate::{
    keys::KeyFile,
    ops::Ops,
    store::{Keyless, NewKey, StoreError},
};
use signet_core::rotation::{Algorithm, Selector};
use std::sync::Arc;

/// A fresh key for a domain's selector, sealed.
///
/// # Errors
/// When the cryptography library makes none.
pub(super) async fn key(
    ops: &Ops,
    file: &Arc<KeyFile>,
    owner: &Keyless,
    selector: Selector,
    algorithm: Algorithm,
) -> Result<NewKey, StoreError> {
    let (file, random, owner) = (file.clone(), ops.random.clone(), owner.clone());
    let id = ops.random.uuid(ops.clock.now()).to_string();
    let made = tokio::task::spawn_blocking(move || file.make(&owner, selector, algorithm, id, &random)).await;
    match made {
        Ok(Ok(key)) => Ok(key),
        _ => Err(StoreError::Corrupt("the cryptography library makes no keys".to_string())),
    }
}
