//! One decision out of all findings.

use super::{AfterQuestionnaire, Finding, Outcome, Policy};
use crate::lifecycle::Asked;

/// What the review comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// The domain may send.
    Approve,
    /// The sender has to do something first.
    Ask {
        /// Answer the questionnaire.
        questionnaire: bool,
        /// Pass the card check.
        card: bool,
    },
    /// The operator decides.
    Refer,
    /// The domain may not send.
    Reject,
}

impl Decided {
    /// As in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Ask { .. } => "ask",
            Self::Refer => "refer",
            Self::Reject => "reject",
        }
    }
}

/// Decides.
///
/// * A rejection wins.
/// * What is asked for and not there is asked for, before the operator is
///   troubled: the answers help whoever decides. So is what has been asked for
///   before and is still to come. A card check that failed is not asked again.
/// * An answered questionnaire goes to the operator, unless the policy takes it
///   as satisfied. A passed card check satisfies the rule that asked for it.
/// * Otherwise the operator decides where a rule says so, or the card check
///   failed.
/// * Otherwise nothing speaks against the sender. A rule whose source could not
///   be reached decides nothing; see [`undecided`].
#[must_use]
pub fn decide(
    findings: &[Finding],
    questionnaire: Asked,
    card: Asked,
    card_failed: bool,
    policy: &Policy,
) -> Decided {
    let any = |outcome| findings.iter().any(|finding| finding.outcome == Some(outcome));
    if any(Outcome::Reject) {
        return Decided::Reject;
    }
    let wanted = |asked, outcome| match asked {
        Asked::Open => true,
        Asked::No => any(outcome),
        Asked::Met => false,
    };
    let ask_questionnaire = wanted(questionnaire, Outcome::AskQuestionnaire);
    let ask_card = !card_failed && wanted(card, Outcome::AskCard);
    if ask_questionnaire || ask_card {
        return Decided::Ask { questionnaire: ask_questionnaire, card: ask_card };
    }
    let answers_to_read =
        any(Outcome::AskQuestionnaire) && policy.after_questionnaire == AfterQuestionnaire::Refer;
    if answers_to_read || card_failed || any(Outcome::Refer) { Decided::Refer } else { Decided::Approve }
}

/// Whether nothing was decided but that nothing is known against the sender,
/// while some source could not be reached.
#[must_use]
pub fn undecided(findings: &[Finding], decided: Decided) -> bool {
    decided == Decided::Approve && findings.iter().any(|finding| finding.outcome.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Asked::{Met, No, Open};
    use Outcome::{AskCard, AskQuestionnaire, Pass, Refer, Reject};
    use alloc::{string::String, vec::Vec};

    fn findings(outcomes: &[Option<Outcome>]) -> Vec<Finding> {
        let finding = |&outcome: &Option<Outcome>| Finding {
            rule: String::from("rule"),
            outcome,
            evidence: String::new(),
            source: String::new(),
        };
        outcomes.iter().map(finding).collect()
    }

    #[test]
    fn the_table() {
        let ask = |questionnaire, card| Decided::Ask { questionnaire, card };
        let rows: &[(&[Outcome], Asked, Asked, bool, Decided)] = &[
            (&[], No, No, false, Decided::Approve),
            (&[Pass, Pass], No, No, false, Decided::Approve),
            (&[Pass, Refer], No, No, false, Decided::Refer),
            (&[Refer, Reject, AskCard], No, No, false, Decided::Reject),
            (&[Reject], Met, Met, false, Decided::Reject),
            // Asking comes before referring.
            (&[AskQuestionnaire, Refer], No, No, false, ask(true, false)),
            (&[AskCard], No, No, false, ask(false, true)),
            (&[AskQuestionnaire, AskCard], No, No, false, ask(true, true)),
            (&[AskQuestionnaire, AskCard], Open, Open, false, ask(true, true)),
            // One of two is there.
            (&[AskQuestionnaire, AskCard], Met, Open, false, ask(false, true)),
            (&[AskQuestionnaire, AskCard], Open, Met, false, ask(true, false)),
            // What was asked for stays asked for though the rule is passed now.
            (&[Pass], Open, No, false, ask(true, false)),
            (&[], No, Open, false, ask(false, true)),
            // Answers are read; a passed card check is enough.
            (&[AskQuestionnaire], Met, No, false, Decided::Refer),
            (&[AskCard], No, Met, false, Decided::Approve),
            (&[AskQuestionnaire, AskCard], Met, Met, false, Decided::Refer),
            (&[AskCard, Refer], No, Met, false, Decided::Refer),
            (&[Pass], Met, Met, false, Decided::Approve),
            // A failed card check is for the operator, after the questions.
            (&[AskCard], No, Open, true, Decided::Refer),
            (&[Pass], No, No, true, Decided::Refer),
            (&[AskQuestionnaire, AskCard], No, Open, true, ask(true, false)),
        ];
        for (outcomes, questionnaire, card, failed, decided) in rows {
            let outcomes: Vec<_> = outcomes.iter().copied().map(Some).collect();
            let got = decide(&findings(&outcomes), *questionnaire, *card, *failed, &Policy::default());
            assert_eq!(got, *decided, "{outcomes:?} {questionnaire:?} {card:?} {failed}");
        }
    }

    #[test]
    fn a_policy_may_take_the_questionnaire_as_enough() {
        let policy = Policy { after_questionnaire: AfterQuestionnaire::Pass, ..Policy::default() };
        let asked = findings(&[Some(AskQuestionnaire)]);
        assert_eq!(decide(&asked, Met, No, false, &policy), Decided::Approve);
        assert_eq!(decide(&asked, No, No, false, &policy), Decided::Ask { questionnaire: true, card: false });
        let also = findings(&[Some(AskQuestionnaire), Some(Refer)]);
        assert_eq!(decide(&also, Met, No, false, &policy), Decided::Refer);
    }

    #[test]
    fn what_could_not_be_reached_decides_nothing() {
        let policy = Policy::default();
        let nothing = findings(&[None, Some(Pass)]);
        let decided = decide(&nothing, No, No, false, &policy);
        assert_eq!(decided, Decided::Approve);
        assert!(undecided(&nothing, decided));
        let something = findings(&[None, Some(Refer)]);
        let decided = decide(&something, No, No, false, &policy);
        assert!(decided == Decided::Refer && !undecided(&something, decided));
        assert!(!undecided(&findings(&[Some(Pass)]), Decided::Approve));
    }
}
