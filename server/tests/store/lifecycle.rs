//! The lifecycle as a model: whatever happens, in whatever order, the status is
//! what COMPLIANCE's table says of the facts, and every change of it has exactly
//! one history row, one notice to the owner and one delivery to a webhook.

use super::*;
use crate::raw::Raw;
use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use signet_core::lifecycle::{Asked, ComplianceStatus, Decision};
use std::collections::BTreeMap;

on_both! { random_lives }

/// Something that changes a fact, or does not.
#[derive(Clone, Debug)]
enum Step {
    /// A look finds the domain verified or not; whether the owner hears of it as
    /// an alert.
    Dns {
        domain: usize,
        verified: bool,
        alert: bool,
    },
    /// The company information becomes complete, or not.
    Company {
        complete: bool,
    },
    Rule {
        domain: usize,
        ruling: Ruling,
    },
    SuspendAccount(Option<Suspension>),
    /// The rules run on whatever is due, and come to this.
    Run(Conclusion),
    /// The questionnaire is answered, if it is asked.
    Answer {
        domain: usize,
    },
    /// The card check is passed or not, if there is one.
    Card {
        domain: usize,
        passed: bool,
    },
    /// The demo domain sends a message; a repeated one has been sent before.
    Spend {
        repeated: bool,
    },
    /// The process ends and another begins.
    Restart,
}

/// Domains of the account beside its demo domain, which is number 0.
const DOMAINS: usize = 2;
const ALLOWANCE: u32 = 3;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let domain = 0..=DOMAINS;
    let suspension = prop_oneof![Just(Suspension::Hold), Just(Suspension::Abuse)];
    let ruling = prop_oneof![
        3 => Just(Ruling::Approve),
        2 => Just(Ruling::Reject),
        1 => Just(Ruling::Reopen),
        2 => suspension.clone().prop_map(Ruling::Suspend),
        2 => Just(Ruling::Lift),
    ];
    let conclusion = prop_oneof![
        Just(Conclusion::Approve),
        Just(Conclusion::Reject),
        Just(Conclusion::Refer),
        (any::<bool>(), any::<bool>()).prop_map(|(questionnaire, card)| Conclusion::Ask {
            questionnaire,
            card: card.then(String::new),
        }),
    ];
    let step = prop_oneof![
        5 => conclusion.prop_map(Step::Run),
        3 => (1..=DOMAINS).prop_map(|domain| Step::Answer { domain }),
        3 => (1..=DOMAINS, any::<bool>()).prop_map(|(domain, passed)| Step::Card { domain, passed }),
        4 => (1..=DOMAINS, any::<bool>(), any::<bool>())
            .prop_map(|(domain, verified, alert)| Step::Dns { domain, verified, alert }),
        2 => any::<bool>().prop_map(|complete| Step::Company { complete }),
        4 => (domain, ruling).prop_map(|(domain, ruling)| Step::Rule { domain, ruling }),
        1 => proptest::option::of(suspension).prop_map(Step::SuspendAccount),
        2 => any::<bool>().prop_map(|repeated| Step::Spend { repeated }),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..40)
}

/// What the model knows of a domain.
#[derive(Clone, Debug)]
struct Life {
    demo: bool,
    left: u32,
    verified: bool,
    suspension: Option<Suspension>,
    decision: Option<Decision>,
    questionnaire: Asked,
    card: Asked,
    /// Whether the card check asked for, if any, failed.
    card_failed: bool,
    review: Review,
    /// What the last step asked for while the status stayed.
    asked: i64,
}

impl Life {
    /// A decision is made.
    fn decide(&mut self, decision: Decision) {
        self.decision = Some(decision);
        self.review = Review::None;
        for asked in [&mut self.questionnaire, &mut self.card] {
            if *asked == Asked::Open {
                *asked = Asked::No;
            }
        }
    }

    fn waits_for_owner(&self) -> bool {
        self.questionnaire == Asked::Open || (self.card == Asked::Open && !self.card_failed)
    }

    /// The owner has done something.
    fn go_on(&mut self) {
        if matches!(self.review, Review::None | Review::Open) {
            self.review = if self.waits_for_owner() { Review::Open } else { Review::Due };
        }
    }
}

/// The model of an account.
#[derive(Clone, Debug)]
struct Model {
    suspension: Option<Suspension>,
    company: bool,
    lives: Vec<Life>,
}

impl Model {
    fn new() -> Self {
        let fresh = Life {
            demo: false,
            left: 0,
            verified: false,
            suspension: None,
            decision: None,
            questionnaire: Asked::No,
            card: Asked::No,
            card_failed: false,
            review: Review::None,
            asked: 0,
        };
        let demo = Life { demo: true, left: ALLOWANCE, verified: true, ..fresh.clone() };
        let lives = std::iter::once(demo).chain(std::iter::repeat_n(fresh, DOMAINS)).collect();
        Self { suspension: None, company: false, lives }
    }

    /// COMPLIANCE's table once more, written down row by row.
    fn status(&self, n: usize) -> ComplianceStatus {
        use ComplianceStatus as S;
        let life = &self.lives[n];
        let rows = [
            (self.suspension.is_some() || life.suspension.is_some(), S::Suspended),
            (life.demo && life.left == 0, S::DemoExhausted),
            (life.demo, S::Demo),
            (!life.verified, S::UnverifiedDns),
            (!self.company, S::MissingCompanyInfo),
            (life.decision == Some(Decision::Rejected), S::NonCompliant),
            (life.decision == Some(Decision::Approved), S::Compliant),
            (life.questionnaire == Asked::Open, S::AwaitingQuestionnaire),
            (life.card == Asked::Open, S::AwaitingCardVerification),
            (true, S::UnderReview),
        ];
        rows.into_iter().find(|(holds, _)| *holds).unwrap().1
    }

    fn rule(&mut self, n: usize, ruling: Ruling) {
        let life = &mut self.lives[n];
        match ruling {
            Ruling::Approve => life.decide(Decision::Approved),
            Ruling::Reject => life.decide(Decision::Rejected),
            Ruling::Reopen => {
                (life.decision, life.review) = (None, Review::Due);
                (life.questionnaire, life.card) = (Asked::No, Asked::No);
            }
            Ruling::Suspend(suspension) => life.suspension = Some(suspension),
            Ruling::Lift => life.suspension = None,
        }
    }
}

impl Model {
    /// Whether the rules have anything to decide on.
    fn is_to_be_reviewed(&self, n: usize) -> bool {
        let decided = self.lives[n].decision.is_some() && !self.lives[n].demo;
        decided || self.status(n) == ComplianceStatus::UnderReview
    }

    fn conclude(&mut self, n: usize, conclusion: &Conclusion) {
        let before = self.status(n);
        let life = &mut self.lives[n];
        let mut asked = 0;
        match conclusion {
            Conclusion::Approve => life.decide(Decision::Approved),
            Conclusion::Reject => life.decide(Decision::Rejected),
            Conclusion::Refer => life.review = Review::Referred,
            Conclusion::Ask { questionnaire, card } => {
                life.review = Review::Open;
                if *questionnaire && life.questionnaire != Asked::Open {
                    life.questionnaire = Asked::Open;
                    asked += 1;
                }
                if card.is_some() && life.card != Asked::Open {
                    (life.card, life.card_failed) = (Asked::Open, false);
                    asked += 1;
                }
            }
        }
        self.lives[n].asked = if self.status(n) == before { asked } else { 0 };
    }

    fn company_changed(&mut self) {
        for life in &mut self.lives {
            if !life.demo && (life.decision.is_some() || life.review != Review::None) {
                if life.review == Review::None {
                    (life.questionnaire, life.card) = (Asked::No, Asked::No);
                }
                life.review = Review::Due;
            }
        }
    }

    fn card(&mut self, n: usize, passed: bool) {
        let life = &mut self.lives[n];
        match (life.card, passed) {
            (Asked::Open, true) => {
                if life.card_failed && life.review == Review::Referred {
                    life.review = Review::Open;
                }
                (life.card, life.card_failed) = (Asked::Met, false);
                life.go_on();
            }
            (Asked::Open | Asked::Met, false) => {
                (life.card, life.card_failed, life.review) = (Asked::Open, true, Review::Referred);
            }
            _ => {}
        }
    }
}

const NOTICES: &str = "SELECT domain_id, COUNT(*) FROM notice WHERE account_id = $1 GROUP BY domain_id";
const DELIVERIES: &str = "SELECT d.event_id, e.domain_id FROM delivery d JOIN event e ON e.id = d.event_id \
        WHERE e.account_id = $1 ORDER BY d.id";

/// An account being lived through.
struct World<'a> {
    place: &'a Place,
    store: Arc<dyn Store>,
    raw: Raw,
    account: AccountId,
    ids: Vec<DomainId>,
    model: Model,
    seconds: i64,
    sent: u64,
    /// Notices so far, by domain; alerts among them.
    notices: BTreeMap<i64, i64>,
    /// How many history rows each domain has.
    rows: Vec<usize>,
}

impl<'a> World<'a> {
    async fn new(place: &'a Place) -> Self {
        let store = place.open().await;
        let n = fresh();
        let new = NewAccount {
            name: format!("Account {n}"),
            owner_email: email("owner@example.org"),
            demo: (domain_name(&format!("d{n}.demo.signet.test")), record_id()),
            demo_allowance: ALLOWANCE,
        };
        let account = store.create_account(&new, &cause(0)).await.unwrap().id;
        let events = [EventKind::DomainCreated, EventKind::ComplianceChanged, EventKind::DomainDeleted];
        let webhook = NewWebhook {
            account,
            url: "https://hook.example/".to_string(),
            description: String::new(),
            events: events.to_vec(),
            active: true,
            secret: sealed_by_nobody(&[1, 2, 3]),
        };
        store.create_webhook(&webhook, 1, &cause(0)).await.unwrap().unwrap();
        let raw = Raw::connect(&place.url).await;
        let mut ids = vec![store.domains(account, &TokenScope::Account, None, None).await.unwrap()[0].id];
        for n in 0..DOMAINS {
            ids.push(register(&store, account, &format!("domain{n}.example")).await.id);
        }
        let rows = vec![1; ids.len()];
        let (model, notices) = (Model::new(), BTreeMap::new());
        Self { place, store, raw, account, ids, model, seconds: 1, sent: 0, notices, rows }
    }

    async fn domain(&self, n: usize) -> Domain {
        self.store.domain(self.account, self.ids[n]).await.unwrap().unwrap()
    }

    /// Takes a step; the domain whose owner is alerted by it, if any.
    async fn take(&mut self, step: &Step) -> Option<usize> {
        self.seconds += 700;
        let because = cause(self.seconds);
        self.model.lives.iter_mut().for_each(|life| life.asked = 0);
        let before = self.model.clone();
        let alerted = self.take_it(step, &because).await;
        for n in 0..self.ids.len() {
            let changed = before.status(n) != self.model.status(n);
            let life = &mut self.model.lives[n];
            if changed && life.review != Review::Referred {
                let under_review = self.model.status(n) == ComplianceStatus::UnderReview;
                if under_review {
                    self.model.lives[n].review = Review::Due;
                }
            }
        }
        alerted
    }

    async fn take_it(&mut self, step: &Step, because: &Cause) -> Option<usize> {
        let because = because.clone();
        match step.clone() {
            Step::Dns { domain, verified, alert } => {
                return self.look(domain, verified, alert).await.then_some(domain);
            }
            Step::Company { complete } => {
                self.company(complete, &because).await;
            }
            Step::Rule { domain, ruling } => {
                // Demo domains are never reviewed: `ops` refuses that.
                if domain > 0 || matches!(ruling, Ruling::Suspend(_) | Ruling::Lift) {
                    self.store.rule(self.ids[domain], ruling, None, &because).await.unwrap().unwrap();
                    self.model.rule(domain, ruling);
                }
            }
            Step::SuspendAccount(suspension) => {
                self.store.suspend_account(self.account, suspension, None, &because).await.unwrap().unwrap();
                self.model.suspension = suspension;
            }
            Step::Run(conclusion) => self.run_the_rules(&conclusion, &because).await,
            Step::Answer { domain } => {
                let id = self.ids[domain];
                let answered =
                    self.store.answer_questionnaire(self.account, id, &answers(), &because).await.unwrap();
                let life = &mut self.model.lives[domain];
                assert_eq!(matches!(answered, Answered::Now(_)), life.questionnaire == Asked::Open);
                assert_eq!(answered == Answered::Before, life.questionnaire == Asked::Met);
                if life.questionnaire == Asked::Open {
                    life.questionnaire = Asked::Met;
                    life.go_on();
                }
            }
            Step::Card { domain, passed } => {
                let of = CardOf::Domain(self.ids[domain]);
                let resolved = self.store.resolve_card_check(&of, passed, "so", &because).await.unwrap();
                if let Some(Resolved::Now(_)) = resolved {
                    self.model.card(domain, passed);
                }
            }
            Step::Spend { repeated } => {
                self.sent += u64::from(!repeated || self.sent == 0);
                let instance = format!("message {}", self.sent);
                let spent = self.store.spend_demo(self.ids[0], &instance, &because).await.unwrap();
                if spent == Spent::Now {
                    self.model.lives[0].left -= 1;
                }
            }
            Step::Restart => {
                self.store.close().await;
                self.store = self.place.open().await;
            }
        }
        None
    }

    async fn look(&mut self, n: usize, verified: bool, alert: bool) -> bool {
        let domain = self.domain(n).await;
        self.store.request_check(self.account, domain.id, at(self.seconds)).await.unwrap().unwrap();
        let due = claim(&self.store, self.seconds).await;
        let due = due.into_iter().find(|due| due.domain.id == domain.id).expect("it was asked for");
        let now = at(self.seconds);
        let dns = match (verified, domain.dns) {
            (true, _) => DnsState::Verified { at: now },
            (false, DnsState::Pending) => DnsState::Pending,
            (false, _) => DnsState::Lost { at: now },
        };
        // As `ops::checks` has it: a loss is always told as one.
        let alert = alert || (domain.dns.is_verified() && !dns.is_verified());
        let about = if verified { About::Mended } else { About::Lost { wrong: vec![] } };
        let alert = alert.then(|| Alert { about, cause: "a DNS host".to_string() });
        let alerted = alert.is_some();
        let looked = Looked { alert, ..look(&due, dns, self.seconds) };
        assert_eq!(self.store.apply_looks(&[looked], &cause(self.seconds)).await.unwrap(), [true]);
        self.model.lives[n].verified = verified;
        alerted
    }

    /// All that is due is claimed, and no longer than for a moment.
    async fn run_the_rules(&mut self, conclusion: &Conclusion, because: &Cause) {
        let now = because.at;
        let claimed = self.store.claim_reviews(now, now, 1000).await.unwrap();
        for n in 0..self.ids.len() {
            if self.model.lives[n].review != Review::Due {
                assert!(claimed.iter().all(|case| case.domain.id != self.ids[n]));
                continue;
            }
            let case = claimed.iter().find(|case| case.domain.id == self.ids[n]);
            assert_eq!(case.is_some(), self.model.is_to_be_reviewed(n));
            let Some(case) = case else {
                self.model.lives[n].review = Review::None;
                continue;
            };
            // Each new check has a name of its own.
            let conclusion = match conclusion {
                Conclusion::Ask { questionnaire, card } => Conclusion::Ask {
                    questionnaire: *questionnaire,
                    card: card.as_ref().map(|_| format!("card{}", fresh())),
                },
                other => other.clone(),
            };
            let (id, version) = (self.ids[n], case.version);
            let ruled = self.store.conclude_review(id, version, &conclusion, "{}", because).await.unwrap();
            assert!(matches!(ruled, Some(Ruled::Done(_))));
            let again = self.store.conclude_review(id, version, &conclusion, "{}", because).await.unwrap();
            assert!(matches!(again, Some(Ruled::Stale(_))), "a claim is good for one conclusion");
            self.model.conclude(n, &conclusion);
        }
    }

    async fn company(&mut self, complete: bool, because: &Cause) {
        let after = if complete { company() } else { CompanyInfo::default() };
        match self.store.company(self.account).await.unwrap() {
            None => assert!(self.store.create_company(self.account, &after, because).await.unwrap()),
            Some(before) => {
                if before != after {
                    self.model.company_changed();
                }
                assert!(self.store.replace_company(self.account, &before, &after, because).await.unwrap());
            }
        }
        self.model.company = complete;
    }

    /// Holds the database against the model before and after a step.
    async fn check(
        &mut self,
        before: &Model,
        alerted: Option<usize>,
    ) -> std::result::Result<(), TestCaseError> {
        let told: BTreeMap<i64, i64> = self.raw.run(NOTICES, self.account).await.into_iter().collect();
        let deliveries = self.raw.run(DELIVERIES, self.account).await;
        for n in 0..self.ids.len() {
            let (was, is) = (before.status(n), self.model.status(n));
            let domain = self.domain(n).await;
            prop_assert_eq!(domain.compliance(), is);
            let case = self.store.case(domain.id).await.unwrap().unwrap();
            let life = &self.model.lives[n];
            prop_assert_eq!(
                (case.review, case.card_failed),
                (life.review, life.card == Asked::Open && life.card_failed)
            );
            prop_assert_eq!((domain.questionnaire, domain.card), (life.questionnaire, life.card));

            let events = self.store.events(self.account, domain.id, None, 1000).await.unwrap();
            let new = &events[..events.len() - self.rows[n]];
            self.rows[n] = events.len();
            let changes = new.iter().filter(|event| event.kind == "domain.compliance_changed");
            let changes: Vec<_> = changes.map(|e| (e.from.as_deref(), e.to.as_deref())).collect();
            let expected = (was != is).then_some((Some(was.as_str()), Some(is.as_str())));
            prop_assert_eq!(changes, Vec::from_iter(expected), "one row for a change, none for none");

            let notices = told.get(&domain.id.0).copied().unwrap_or(0);
            let before = self.notices.insert(domain.id.0, notices).unwrap_or(0);
            let expected = i64::from(was != is || alerted == Some(n)) + self.model.lives[n].asked;
            prop_assert_eq!(notices - before, expected, "one notice for what happened");

            let published = events
                .iter()
                .rev()
                .filter(|e| matches!(&*e.kind, "domain.created" | "domain.compliance_changed"));
            let mut published: Vec<i64> = published.map(|event| event.id.0).collect();
            if n == 0 {
                // It was there before the webhook.
                published.remove(0);
            }
            let delivered = deliveries.iter().filter(|(_, id)| *id == domain.id.0).map(|(event, _)| *event);
            prop_assert_eq!(delivered.collect::<Vec<_>>(), published, "one delivery each, in order");
        }
        Ok(())
    }
}

async fn random_lives(place: Place) {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(40);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let outcome = tokio::task::block_in_place(|| {
        TestRunner::new(config).run(&steps(), |steps| {
            tokio::runtime::Handle::current().block_on(async {
                let mut world = World::new(&place).await;
                for step in &steps {
                    let before = world.model.clone();
                    let alerted = world.take(step).await;
                    world.check(&before, alerted).await?;
                }
                world.store.close().await;
                Ok(())
            })
        })
    });
    outcome.unwrap();
}
