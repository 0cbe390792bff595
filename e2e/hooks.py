"""What Schemathesis must know that no schema says."""

import os

import schemathesis

# Optional, and cleared by an empty text, which the contract's `format: uri`
# does not foresee.
CLEARABLE = ("privacy_policy_url", "terms_of_service_url")


def only_clears(case):
    """Whether the request would be valid if the optional addresses it clears were not named."""
    body = case.body
    info = body.get("company_info") if isinstance(body, dict) else None
    if not isinstance(info, dict) or not any(info.get(field) == "" for field in CLEARABLE):
        return False
    modes = {location: part.mode for location, part in case.meta.components.items()}
    if any(mode.is_negative for location, mode in modes.items() if location.name != "BODY"):
        return False
    kept = {key: value for key, value in info.items() if not (key in CLEARABLE and value == "")}
    return any(body_kind.get_validator().is_valid({**body, "company_info": kept}) for body_kind in case.operation.body)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Nobody revokes the token that the requests are made with: all others would be refused."""
    path = case.path_parameters or {}
    if case.method.upper() == "DELETE" and str(path.get("token_id")) == os.environ["OWN_TOKEN"]:
        path["token_id"] = 999_999_999


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Schema-violating request accepted: not where it is documented to be."""
    return not (type(failure).__name__ == "AcceptedNegativeData" and only_clears(case))
