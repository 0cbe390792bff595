//! Doors for the fuzz targets in `fuzz/`, to the two places where octets from
//! strangers are read. Nothing else of this crate is for anybody but itself, and
//! nothing here is in a build without the feature `testing`.

pub use crate::{ask::fuzzing::look, zone::fuzzing::Listener};
