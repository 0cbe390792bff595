//! What a review asks of an owner: the questionnaire, the card check.

use super::{
    Conn, Row, dialect, lock, query, review,
    rows::{get, get_time, get_time_opt},
};
use crate::store::{
    AccountId, Answered, CardCheck, CardOf, CardState, Case, Cause, DomainId, EventKind, NewEvent,
    Questionnaire, Resolved, Result, Review,
    stored::{self, clean, corrupt},
};
use signet_core::{lifecycle::Asked, questionnaire::Answers};
use sqlx::Executor as _;

macro_rules! select_card_check {
    ($rest:expr) => {
        concat!(
            "SELECT domain_id, account_id, reference, asked_at, state, resolved_at, detail FROM card_check ",
            $rest
        )
    };
}

statements! {
    ASK_QUESTIONNAIRE = "INSERT INTO questionnaire (domain_id, account_id, asked_at) VALUES ($1, $2, $3) \
        ON CONFLICT (domain_id) DO UPDATE SET asked_at = excluded.asked_at, answered_at = NULL, \
        answered_by = NULL, answers = NULL";
    ASK_CARD = "INSERT INTO card_check (domain_id, account_id, reference, asked_at, state) \
        VALUES ($1, $2, $3, $4, 'open') \
        ON CONFLICT (domain_id) DO UPDATE SET reference = excluded.reference, asked_at = excluded.asked_at, \
        state = 'open', resolved_at = NULL, detail = NULL";
    QUESTIONNAIRE = "SELECT domain_id, asked_at, answered_at, answered_by, answers FROM questionnaire \
        WHERE domain_id = $1 AND account_id = $2";
    ANSWER = "UPDATE questionnaire SET answered_at = $2, answered_by = $3, answers = $4 WHERE domain_id = $1";
    CARD_CHECK = select_card_check!("WHERE domain_id = $1 AND account_id = $2");
    CARD_CHECK_BY_DOMAIN = select_card_check!("WHERE domain_id = $1");
    CARD_CHECK_BY_REFERENCE = select_card_check!("WHERE reference = $1");
    RESOLVE = "UPDATE card_check SET state = $2, resolved_at = $3, detail = $4 WHERE domain_id = $1";
}

/// Notes that the questionnaire is asked for, whatever was answered before.
pub(super) async fn ask_questionnaire(conn: &mut Conn, case: &Case, cause: &Cause) -> Result<()> {
    let (account, id) = (case.domain.account, case.domain.id);
    conn.execute(query(ASK_QUESTIONNAIRE).bind(id.0).bind(account.0).bind(cause.at.as_microsecond())).await?;
    Ok(())
}

/// Notes that a new card check is asked for.
pub(super) async fn ask_card(conn: &mut Conn, case: &Case, reference: &str, cause: &Cause) -> Result<()> {
    let ask = query(ASK_CARD).bind(case.domain.id.0).bind(case.domain.account.0).bind(clean(reference));
    conn.execute(ask.bind(cause.at.as_microsecond())).await?;
    Ok(())
}

/// See [`crate::store::ReviewStore::questionnaire`].
pub(super) async fn questionnaire(
    conn: &mut Conn,
    account: AccountId,
    id: DomainId,
) -> Result<Option<Questionnaire>> {
    let row = conn.fetch_optional(query(QUESTIONNAIRE).bind(id.0).bind(account.0)).await?;
    let read = |row: &Row| {
        let answers = get::<Option<&str>>(row, "answers")?.map(stored::answers).transpose()?;
        Ok(Questionnaire {
            domain: DomainId(get(row, "domain_id")?),
            asked_at: get_time(row, "asked_at")?,
            answered_at: get_time_opt(row, "answered_at")?,
            answered_by: get(row, "answered_by")?,
            answers,
        })
    };
    row.as_ref().map(read).transpose()
}

/// See [`crate::store::ReviewStore::answer_questionnaire`].
pub(super) async fn answer(
    conn: &mut Conn,
    account: AccountId,
    id: DomainId,
    answers: &Answers,
    cause: &Cause,
) -> Result<Answered> {
    lock(conn, dialect::LOCK_DOMAIN, id.0).await?;
    let before = review::case(conn, id).await?.filter(|case| case.domain.account == account);
    let Some(before) = before else {
        return Ok(Answered::NotAsked);
    };
    match before.domain.questionnaire {
        Asked::Open => {}
        Asked::Met => return Ok(Answered::Before),
        Asked::No => return Ok(Answered::NotAsked),
    }
    let answers = stored::answers_json(answers);
    let answer = query(ANSWER).bind(id.0).bind(cause.at.as_microsecond()).bind(clean(&cause.actor));
    conn.execute(answer.bind(answers.clone())).await?;
    let mut after = before.clone();
    after.domain.questionnaire = Asked::Met;
    goes_on(&mut after);
    // Kept for ever with the history: the row is asked anew some day.
    let answered = NewEvent { evidence: Some(answers), ..NewEvent::of(EventKind::QuestionnaireAnswered) };
    review::change(conn, &before, &after, vec![answered], cause).await?;
    let kept = questionnaire(conn, account, id).await?;
    kept.map(Answered::Now).ok_or_else(|| corrupt("a questionnaire that is asked for has no row", id))
}

/// What becomes of a review when its owner has done something for it.
fn goes_on(case: &mut Case) {
    match case.review {
        // The operator has it, or the rules run in any case.
        Review::Referred | Review::Due => {}
        Review::None | Review::Open if case.waits_for_owner() => case.review = Review::Open,
        Review::None | Review::Open => case.review = Review::Due,
    }
}

/// See [`crate::store::ReviewStore::card_check`].
pub(super) async fn card_check(
    conn: &mut Conn,
    account: AccountId,
    id: DomainId,
) -> Result<Option<CardCheck>> {
    let row = conn.fetch_optional(query(CARD_CHECK).bind(id.0).bind(account.0)).await?;
    row.as_ref().map(read_card_check).transpose()
}

async fn find(conn: &mut Conn, of: &CardOf) -> Result<Option<CardCheck>> {
    let select = match of {
        CardOf::Reference(reference) => query(CARD_CHECK_BY_REFERENCE).bind(clean(reference)),
        CardOf::Domain(id) => query(CARD_CHECK_BY_DOMAIN).bind(id.0),
    };
    conn.fetch_optional(select).await?.as_ref().map(read_card_check).transpose()
}

fn read_card_check(row: &Row) -> Result<CardCheck> {
    let state: &str = get(row, "state")?;
    Ok(CardCheck {
        domain: DomainId(get(row, "domain_id")?),
        account: AccountId(get(row, "account_id")?),
        reference: get(row, "reference")?,
        asked_at: get_time(row, "asked_at")?,
        state: CardState::parse(state).ok_or_else(|| corrupt("a card check's state", state))?,
        resolved_at: get_time_opt(row, "resolved_at")?,
        detail: get(row, "detail")?,
    })
}

/// See [`crate::store::ReviewStore::resolve_card_check`].
pub(super) async fn resolve(
    conn: &mut Conn,
    of: &CardOf,
    passed: bool,
    detail: &str,
    cause: &Cause,
) -> Result<Option<Resolved>> {
    let Some(found) = find(conn, of).await? else {
        return Ok(None);
    };
    lock(conn, dialect::LOCK_DOMAIN, found.domain.0).await?;
    // As it is now that nobody else can change it.
    let (Some(check), Some(before)) = (find(conn, of).await?, review::case(conn, found.domain).await?) else {
        return Ok(None);
    };
    let state = if passed { CardState::Passed } else { CardState::Failed };
    if check.state == state {
        return Ok(Some(Resolved::Before(check)));
    }
    if check.state != CardState::Open && matches!(of, CardOf::Reference(_)) {
        return Ok(Some(Resolved::Otherwise(check)));
    }
    let resolve = query(RESOLVE).bind(check.domain.0).bind(state.as_str()).bind(cause.at.as_microsecond());
    conn.execute(resolve.bind(clean(detail))).await?;
    let mut after = before.clone();
    let kind = if passed { pass(&mut after) } else { fail(&mut after) };
    let event = NewEvent { reason: Some(detail.to_string()), ..NewEvent::of(kind) };
    review::change(conn, &before, &after, vec![event], cause).await?;
    Ok(find(conn, of).await?.map(Resolved::Now))
}

/// A review that has ended meanwhile is not touched by either.
fn pass(case: &mut Case) -> EventKind {
    if case.domain.card == Asked::Open {
        case.domain.card = Asked::Met;
        if case.card_failed && case.review == Review::Referred {
            // It was with the operator for having failed.
            case.review = Review::Open;
        }
        case.card_failed = false;
        goes_on(case);
    }
    EventKind::CardPassed
}

fn fail(case: &mut Case) -> EventKind {
    if case.domain.card != Asked::No {
        case.domain.card = Asked::Open;
        case.card_failed = true;
        case.review = Review::Referred;
    }
    EventKind::CardFailed
}
