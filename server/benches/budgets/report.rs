//! The table that a run comes to.

/// One line of it.
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// What it came to.
    pub(crate) figure: String,
    /// What was measured beside it, and what that came to.
    pub(crate) beside: String,
    /// One by the other.
    pub(crate) ratio: Option<f64>,
    /// What DESIGN asks for, and whether it is so; `None` for a line that is
    /// there to explain another.
    pub(crate) budget: Option<(&'static str, bool)>,
}

impl Row {
    /// Says on the terminal what has been found so far.
    pub(crate) fn say(self) -> Self {
        let met = self.budget.map_or("", |(_, met)| if met { " – met" } else { " – NOT met" });
        println!("{}: {}, beside it {}{met}", self.what, self.figure, self.beside);
        self
    }
}

/// The table with the facts it depends on, as Markdown.
pub(crate) fn markdown(rows: &[Row], facts: &[String]) -> String {
    let mut text =
        String::from("| what | figure | beside it | ratio | budget | met |\n|---|---|---|---|---|---|\n");
    for row in rows {
        let ratio = row.ratio.map_or("–".to_string(), |ratio| format!("{ratio:.2}"));
        let (budget, met) =
            row.budget.map_or(("–", "–"), |(budget, met)| (budget, if met { "yes" } else { "**no**" }));
        let Row { what, figure, beside, .. } = row;
        text += &format!("| {what} | {figure} | {beside} | {ratio} | {budget} | {met} |\n");
    }
    text.push('\n');
    for fact in facts {
        text += &format!("- {fact}\n");
    }
    text
}

/// A number with its thousands apart.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
