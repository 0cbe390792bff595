//! What operations share: how to authenticate, parameters, answers.

use super::{operation::reference, schemas, webhooks, zones};
use serde_json::{Map, Value, json};

/// The `components` object.
pub(super) fn components() -> Value {
    json!({
        "securitySchemes": {
            "HeaderAuth": {
                "type": "apiKey",
                "in": "header",
                "name": "Api-Token",
                "description": "An API token, as made by `signet token create`.",
            },
            "BearerAuth": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "The same API token; or, where the server is configured with an issuer, a JWT of that \
                                issuer with the claims `signet_account` and `signet_access`.",
            },
        },
        "parameters": parameters(),
        "headers": headers(),
        "responses": merged(merged(responses(), account_responses()), export_responses()),
        "schemas": all_schemas(),
    })
}

fn all_schemas() -> Value {
    let mut all = schemas::schemas();
    for (name, schema) in webhooks::schemas().into_iter().chain(zones::schemas()) {
        all[name] = schema;
    }
    all
}

fn parameters() -> Value {
    json!({
        "domain_id": {
            "name": "domain_id",
            "in": "path",
            "required": true,
            "description": "The domain's id, from its creation or from the list.",
            "schema": {"type": "integer"},
            "example": 3938,
        },
        "token_id": {
            "name": "token_id",
            "in": "path",
            "required": true,
            "description": "The token's id, from its creation or from the list.",
            "schema": {"type": "integer"},
            "example": 7,
        },
        "dns_access_id": {
            "name": "dns_access_id",
            "in": "path",
            "required": true,
            "description": "The key's id, from its creation or from the list.",
            "schema": {"type": "integer"},
            "example": 7,
        },
        "webhook_id": {
            "name": "webhook_id",
            "in": "path",
            "required": true,
            "description": "The webhook's id, from its creation or from the list.",
            "schema": {"type": "integer"},
            "example": 7,
        },
        "account_id": {
            "name": "account_id",
            "in": "path",
            "required": true,
            "description": "The id of the account the token belongs to. Under any other nothing exists.",
            "schema": {"type": "integer"},
            "example": 1,
        },
        "idempotency_key": {
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "Any text of printable characters, new for each new request. The same request with the \
                            same key gets the first answer for 24 hours, with `Idempotency-Replayed: true`; another \
                            body under the same key is refused.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            "example": "0198f6a2-7c1e-7b0a-9d52-3f1c2b6a8e44",
        },
    })
}

fn headers() -> Value {
    let header = |description: &str, schema: Value, example: Value| json!({"description": description, "schema": schema, "example": example});
    json!({
        "X-Request-Id": header(
            "Names the request in the server's log; the request's own `X-Request-Id` where it had one.",
            json!({"type": "string"}),
            json!("0198f6a2-7c1e-7b0a-9d52-3f1c2b6a8e44"),
        ),
        "X-RateLimit-Limit": header(
            "How many requests the token may make at once; they come back over 10 seconds.",
            json!({"type": "integer"}),
            json!(150),
        ),
        "X-RateLimit-Remaining": header("How many of them are left.", json!({"type": "integer"}), json!(149)),
        "ETag": header(
            "Stands for the answer's content: send it back as `If-None-Match` to be told whether it changed.",
            json!({"type": "string"}),
            json!("W/\"0c2d5b1f0a9e4d7c8b6a5f4e3d2c1b0a\""),
        ),
        "Content-Disposition": header(
            "What to call the file, where it is one.",
            json!({"type": "string"}),
            json!("attachment; filename=\"example.com.zone\""),
        ),
        "Link": header(
            "The next page, as `<path>; rel=\"next\"`, where there is one.",
            json!({"type": "string"}),
            json!("</api/domains?limit=100&after=3938>; rel=\"next\""),
        ),
        "Signet-Check": header(
            "`pending` when the look asked for had not ended in time; absent otherwise.",
            json!({"type": "string", "enum": ["pending"]}),
            json!("pending"),
        ),
        "Retry-After": header("Seconds to wait before trying again.", json!({"type": "integer"}), json!(1)),
        "WWW-Authenticate": header(
            "How to authenticate.",
            json!({"type": "string"}),
            json!("Token realm=\"Application\""),
        ),
    })
}

fn merged(mut one: Value, mut other: Value) -> Value {
    if let (Some(one), Some(other)) = (one.as_object_mut(), other.as_object_mut()) {
        one.append(other);
    }
    one
}

/// What is answered about an account: its tokens, and what happened in it.
fn account_responses() -> Value {
    let list = |schema: &str| json!({"type": "array", "items": reference("schemas", schema)});
    let schema = |name: &str| reference("schemas", name);
    let wrapped =
        |schema: Value| json!({"type": "object", "properties": {"data": schema}, "required": ["data"]});
    let data = wrapped(list("AuditEvent"));
    json!({
        "AccountsResponse": response("The accounts.", list("AccountAccess"), &["ETag", "Link"]),
        "ApiTokensResponse": response("The tokens.", list("ApiToken"), &["ETag"]),
        "ApiTokenResponse": response("The token.", schema("ApiToken"), &["ETag"]),
        "ApiTokenWithTokenResponse": response(
            "The token, with its secret this once.", schema("ApiTokenWithToken"), &[],
        ),
        "DnsAccessesResponse": response("The keys.", wrapped(list("DnsAccess")), &["ETag"]),
        "DnsAccessResponse": response("The key.", wrapped(schema("DnsAccess")), &["ETag"]),
        "DnsPlanResponse": response("The plan, and what of it has been done.", wrapped(schema("DnsPlan")), &[]),
        "DnsOutdated": response(
            "It is not what was shown any more: `errors.digest` says so, nothing was written. Or a request with the same \
             `Idempotency-Key` is still being answered, as `Retry-After` tells.",
            schema("UnprocessableEntity"),
            &[],
        ),
        "AuditResponse": response("The history, newest first.", data, &["ETag", "Link"]),
        "AuditExportResponse": as_media_type(
            "application/x-ndjson",
            response("One row per line, oldest first.", schema("AuditEvent"), &[]),
        ),
    })
}

/// A domain's records, in whatever form was asked for.
fn export_responses() -> Value {
    let records = json!({
        "type": "object",
        "required": ["data"],
        "properties": {"data": reference("schemas", "DomainZone")},
    });
    let mut zone = response("The records.", records, &["ETag", "Content-Disposition"]);
    for (media_type, what, example) in [
        ("text/dns", "Lines of a zone file.", "sg-link.example.com. 3600 IN CNAME track.signet.test.\n"),
        ("text/csv", "A row per record.", "key,name,name_in_zone,type,value,ttl,required\r\n"),
        ("text/plain", "HCL.", "# DNS records for example.com\n"),
    ] {
        zone["content"][media_type] =
            json!({"schema": {"type": "string", "description": what, "examples": [example]}});
    }
    let offer = json!({
        "type": "object",
        "required": ["data"],
        "properties": {"data": reference("schemas", "DomainConnect")},
    });
    let offer = response("What the DNS host offers.", offer, &["ETag"]);
    json!({"DomainZoneResponse": zone, "DomainConnectResponse": offer})
}

fn responses() -> Value {
    let data =
        |schema: Value| json!({"type": "object", "properties": {"data": schema}, "required": ["data"]});
    let list = |schema: &str| data(json!({"type": "array", "items": reference("schemas", schema)}));
    let schema = |name: &str| reference("schemas", name);
    json!({
        "DomainsResponse": response("The domains.", list("Domain"), &["ETag", "Link"]),
        "DomainResponse": response("The domain.", schema("Domain"), &["ETag"]),
        "DomainCheckResponse": response(
            "The domain, after the look or as it stands.", schema("Domain"), &["Signet-Check"],
        ),
        "CompanyInfoResponse": response("The company information.", data(schema("CompanyInfo")), &["ETag"]),
        "ReportResponse": response("The last look, record by record.", list("ReportEntry"), &["ETag"]),
        "DkimKeysResponse": response("The keys.", data(schema("DkimKeys")), &["ETag"]),
        "EventsResponse": response("The history, newest first.", list("Event"), &["ETag"]),
        "AuthorizationResponse": response("What the gate decided.", data(schema("Authorization")), &[]),
        "AuthorizationTroubleResponse": response(
            "The database cannot be reached now, and nothing was counted: `defer`, with 451 4.3.0.",
            data(schema("Authorization")),
            &["Retry-After"],
        ),
        "QuestionnaireResponse": response("The questionnaire.", data(schema("Questionnaire")), &["ETag"]),
        "CardCheckResponse": response("The card check.", data(schema("CardCheck")), &["ETag"]),
        "CardCheckFileResponse": response("The card check, for operators.", data(schema("CardCheckFile")), &[]),
        "CardResultResponse": response("How the check stands.", data(schema("CardResult")), &[]),
        "ReviewsResponse": response("The reviews.", list("Review"), &["ETag", "Link"]),
        "ReviewResponse": response("The review, afterwards.", data(schema("Review")), &[]),
        "ReviewFileResponse": response("All there is to decide by.", data(schema("ReviewFile")), &["ETag"]),
        "AccountResponse": response("The account, afterwards.", data(schema("Account")), &[]),
        "Outdated": response(
            "Somebody has decided since what was read; `errors.version` tells who, when and why, and the version now. \
             Or a request with the same `Idempotency-Key` is still being answered, as `Retry-After` tells.",
            schema("UnprocessableEntity"),
            &[],
        ),
        "Contradiction": response(
            "The opposite was said before, and stays.", schema("UnprocessableEntity"), &[],
        ),
        "BadSignature": response(
            "The signature is lacking, wrong, or too old.", schema("UnauthenticatedResponse"), &["WWW-Authenticate"],
        ),
        "WebhooksResponse": response("The webhooks.", list("Webhook"), &["ETag"]),
        "WebhookResponse": response("The webhook.", data(schema("Webhook")), &["ETag"]),
        "WebhookWithSecretResponse": response(
            "The webhook, with the secret that is shown this once.", data(schema("WebhookWithSecret")), &[],
        ),
        "WebhookDeliveriesResponse": response(
            "The deliveries, the last queued first.", list("WebhookDelivery"), &["ETag"],
        ),
        "WebhookTestResponse": response("The test is on its way.", data(schema("WebhookTest")), &[]),
        "WebhookReplayResponse": response("They are on their way.", data(schema("WebhookReplay")), &[]),
        "NotModified": {
            "description": "Nothing changed since the answer whose `ETag` was sent as `If-None-Match`.",
        },
        "Unauthorized": response(
            "There is no token, or it is unknown, expired or revoked.",
            schema("UnauthenticatedResponse"),
            &["WWW-Authenticate"],
        ),
        "Forbidden": response("The token does not allow this.", schema("PermissionsDeniedResponse"), &[]),
        "NotFound": response(
            "There is no such thing, as far as this token can see.", schema("NotFoundResponse"), &[],
        ),
        "RequestTimeout": response("The body did not arrive in time.", schema("UnprocessableEntity"), &[]),
        "Conflict": response(
            "A request with the same `Idempotency-Key` is still being answered.",
            schema("UnprocessableEntity"),
            &["Retry-After"],
        ),
        "PayloadTooLarge": response("The body is over 1 MiB.", schema("UnprocessableEntity"), &[]),
        "UnprocessableEntity": response(
            "Something about the request is wrong; `errors` says what, by attribute.",
            schema("UnprocessableEntity"),
            &[],
        ),
        "TooManyRequests": response(
            "The token's limit is used up.", schema("TooManyRequestsResponse"), &["Retry-After"],
        ),
        "InternalServerError": response(
            "The server failed. Its log says more under the `X-Request-Id`.", schema("FailureResponse"), &[],
        ),
        "ServiceUnavailable": response(
            "The database cannot be reached now; nothing was done.", schema("FailureResponse"), &["Retry-After"],
        ),
    })
}

/// The same, of another media type than JSON.
fn as_media_type(media_type: &str, mut response: Value) -> Value {
    let content = response["content"]["application/json"].take();
    response["content"] = json!({media_type: content});
    response
}

fn response(description: &str, schema: Value, with: &[&str]) -> Value {
    let everywhere = ["X-Request-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining"];
    let headers: Map<String, Value> =
        everywhere.iter().chain(with).map(|name| ((*name).to_string(), reference("headers", name))).collect();
    json!({
        "description": description,
        "headers": headers,
        "content": {"application/json": {"schema": schema}},
    })
}
