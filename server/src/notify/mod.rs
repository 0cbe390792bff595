//! What our messages say. How they leave is the mailer's.

pub mod instructions;
