//! The budgets of the API and its store.
fn main() {}
