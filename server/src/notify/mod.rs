//! What our messages say. How they leave is the mailer's.

pub mod instructions;
pub mod operator;
pub mod webhook;

use askama::Template;

fn rendered(template: &impl Template) -> String {
    template.render().expect("rendering into memory from compiled templates cannot fail")
}
