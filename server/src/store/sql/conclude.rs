//! Running the rules: which domains they run on, and what they came to.

use super::{Conn, asked, dialect, lock, notices, query, review, rows::get};
use crate::store::{
    About, Case, Cause, Conclusion, DomainId, EventKind, NewEvent, NewNotice, Notice, Request, Result,
    Review, Ruled, Ruling, stored::json,
};
use jiff::Timestamp;
use signet_core::lifecycle::Asked;
use sqlx::Executor as _;

statements! {
    ANY_DUE = "SELECT EXISTS (SELECT 1 FROM domain WHERE review = 'due' AND review_due_at <= $1) AS any_due";
    // A lease is nothing but being due later.
    PUT_BACK = "UPDATE domain SET review_due_at = $3 WHERE id = $1 AND review_version = $2 AND review = 'due'";
    NOTHING_DUE = concat!("UPDATE domain SET review = 'none', review_due_at = NULL WHERE id IN ", ids!("1"));
}

/// Whether [`claim`] would find any, without writing.
pub(super) async fn any_due(conn: &mut Conn, now: Timestamp) -> Result<bool> {
    get(&conn.fetch_one(query(ANY_DUE).bind(now.as_microsecond())).await?, "any_due")
}

/// See [`crate::store::ReviewStore::claim_reviews`].
pub(super) async fn claim(
    conn: &mut Conn,
    now: Timestamp,
    lease_until: Timestamp,
    limit: u32,
) -> Result<Vec<Case>> {
    let claim = query(dialect::CLAIM_REVIEWS)
        .bind(now.as_microsecond())
        .bind(lease_until.as_microsecond())
        .bind(i64::from(limit));
    let mut ids =
        conn.fetch_all(claim).await?.iter().map(|row| get(row, "id")).collect::<Result<Vec<i64>>>()?;
    ids.sort_unstable();
    let (mut claimed, mut nothing) = (Vec::new(), Vec::new());
    for id in ids {
        match review::case(conn, DomainId(id)).await? {
            Some(case) if case.is_to_be_reviewed() => claimed.push(case),
            // Its compliance has another reason now. Once that is gone it will be
            // under review again, and due with that.
            Some(_) => nothing.push(id),
            None => {}
        }
    }
    if !nothing.is_empty() {
        conn.execute(query(NOTHING_DUE).bind(json(&nothing))).await?;
    }
    Ok(claimed)
}

/// See [`crate::store::ReviewStore::put_back_review`].
pub(super) async fn put_back(conn: &mut Conn, id: DomainId, version: i64, due_at: Timestamp) -> Result<()> {
    conn.execute(query(PUT_BACK).bind(id.0).bind(version).bind(due_at.as_microsecond())).await?;
    Ok(())
}

/// See [`crate::store::ReviewStore::conclude_review`].
pub(super) async fn conclude(
    conn: &mut Conn,
    id: DomainId,
    version: i64,
    conclusion: &Conclusion,
    evidence: &str,
    cause: &Cause,
) -> Result<Option<Ruled<Case>>> {
    lock(conn, dialect::LOCK_DOMAIN, id.0).await?;
    let Some(before) = review::case(conn, id).await? else {
        return Ok(None);
    };
    if before.version != version || before.review != Review::Due || !before.is_to_be_reviewed() {
        return Ok(Some(Ruled::Stale(before)));
    }
    let mut after = before.clone();
    let ran = NewEvent {
        to: Some(conclusion.as_str().to_string()),
        evidence: Some(evidence.to_string()),
        ..NewEvent::of(EventKind::ReviewRan)
    };
    let mut happened = vec![ran];
    match conclusion {
        Conclusion::Approve => happened.push(NewEvent::of(review::apply(Ruling::Approve, &mut after))),
        Conclusion::Reject => happened.push(NewEvent::of(review::apply(Ruling::Reject, &mut after))),
        Conclusion::Refer => after.review = Review::Referred,
        Conclusion::Ask { questionnaire, card } => {
            after.review = Review::Open;
            if *questionnaire && before.domain.questionnaire != Asked::Open {
                asked::ask_questionnaire(conn, &before, cause).await?;
                after.domain.questionnaire = Asked::Open;
                happened.push(NewEvent::of(EventKind::QuestionnaireAsked));
            }
            if let Some(reference) = card
                && before.domain.card != Asked::Open
            {
                asked::ask_card(conn, &before, reference, cause).await?;
                after.domain.card = Asked::Open;
                happened.push(NewEvent::of(EventKind::CardAsked));
            }
        }
    }
    review::change(conn, &before, &after, happened, cause).await?;
    tell_of_questions(conn, &before, &after, cause).await?;
    Ok(review::case(conn, id).await?.map(Ruled::Done))
}

/// Has the owner told what is asked where no change of compliance says so: while
/// the decision of an earlier review stands.
async fn tell_of_questions(conn: &mut Conn, before: &Case, after: &Case, cause: &Cause) -> Result<()> {
    if before.domain.compliance() != after.domain.compliance() {
        return Ok(());
    }
    let asked = [
        (before.domain.questionnaire, after.domain.questionnaire, Request::Questionnaire),
        (before.domain.card, after.domain.card, Request::CardCheck),
    ];
    let new = asked.into_iter().filter(|&(was, is, _)| was != Asked::Open && is == Asked::Open);
    let notices = new.map(|(.., what)| {
        let about = About::Asked { what, reason: cause.reason.clone() };
        NewNotice {
            account: before.domain.account,
            domain: Some(before.domain.id),
            // Of one cause a domain's last notice counts, and these are two.
            cause: what.as_str().to_string(),
            notice: Notice { domain: Some(before.domain.name.as_str().to_string()), about, compliance: None },
        }
    });
    notices::add(conn, &notices.collect::<Vec<_>>(), cause.at).await
}
