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

/// That a delivery waits as if it had never been tried, where `excluded` is
/// what it would be if it were new.
macro_rules! waiting_again {
    () => {
        "queued_at = excluded.queued_at, state = 'waiting', attempts = 0, tried_at = NULL, \
         last_status = NULL, last_error = NULL, finished_at = NULL "
    };
}
