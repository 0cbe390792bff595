//! How SQL is written down: every statement has a name and is in a list, so
//! that all of them can be put before a database and none is forgotten.

/// Constants of SQL, and `STATEMENTS` with all of them.
macro_rules! statements {
    ($($(#[$meta:meta])* $name:ident = $sql:expr;)+) => {
        $($(#[$meta])* pub(super) const $name: &str = $sql;)+

        /// Every statement here, with its name.
        pub(super) const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}
