//! Where the workers get DKIM keys from.

use crate::{
    keys::KeyFile,
    ops::Ops,
    store::{KeyOrigin, Keyless, NewKey, StoreError},
};
use signet_core::rotation::{Algorithm, Selector};

/// A fresh key for a domain's selector, sealed.
///
/// # Errors
/// When the cryptography library makes none.
pub(super) async fn key(
    ops: &Ops,
    file: &KeyFile,
    owner: &Keyless,
    selector: Selector,
    algorithm: Algorithm,
) -> Result<NewKey, StoreError> {
    let made = ops.maker.next_key(algorithm).await;
    let made = made.map_err(|_| StoreError::Corrupt("the cryptography library makes no keys".to_string()))?;
    let id = ops.random.uuid(ops.clock.now()).to_string();
    Ok(file.keep(&made, KeyOrigin::Made, owner, selector, id, &ops.random))
}
