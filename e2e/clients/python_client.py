"""The official Python client, unmodified, through everything it can do with sending domains.

Only where its host name leads is changed, for this process alone. Called by
`clients.py` with SIGNET_PORT, SIGNET_TOKEN and SIGNET_ACCOUNT.
"""

import os
import socket

import mailtrap
from mailtrap.config import GENERAL_HOST
from mailtrap.exceptions import APIError, AuthorizationError

PORT, TOKEN, ACCOUNT = (os.environ[f"SIGNET_{name}"] for name in ("PORT", "TOKEN", "ACCOUNT"))
NAME = "python-client.example.com"
COMPANY = {
    "name": "Bäckerei Hübner GmbH",
    "address": "Ring 1",
    "city": "Wien",
    "country": "Austria",
    "zip_code": "1010",
    "website_url": "https://bakery.example",
}

resolve = socket.getaddrinfo


def to_signet(host, port, *rest, **named):
    if host == GENERAL_HOST and port == 443:
        host, port = "127.0.0.1", int(PORT)
    return resolve(host, port, *rest, **named)


socket.getaddrinfo = to_signet


def says(what, condition, seen):
    assert condition, f"{what}: {seen!r}"
    print(f"    ok  {what}", flush=True)


def refused(kind, call, *arguments):
    try:
        call(*arguments)
    except kind as error:
        return error
    raise AssertionError(f"{call} was not refused")


def main():
    client = mailtrap.MailtrapClient(token=TOKEN, account_id=ACCOUNT)
    domains = client.sending_domains_api.sending_domains
    company = client.company_info_api.company_info

    before = domains.get_list()
    says("list", [domain.domain_name for domain in before if domain.demo], before)

    made = domains.create(mailtrap.CreateSendingDomainParams(domain_name=NAME))
    says("create", (made.domain_name, made.dns_verified, made.compliance_status) == (NAME, False, "unverified_dns"), made)
    keys = [record.key for record in made.dns_records]
    says("its records", keys == ["verification", "spf", "dkim1", "dkim2", "dmarc", "link_verification"], keys)
    says("permissions", made.permissions.can_read and made.permissions.can_update and made.permissions.can_destroy, made)

    error = refused(APIError, domains.create, mailtrap.CreateSendingDomainParams(domain_name=NAME))
    says("create again", (error.status, error.errors) == (422, ["domain_name: has already been taken"]), error)

    says("get", domains.get_by_id(made.id).domain_name == NAME, made.id)
    params = mailtrap.UpdateSendingDomainParams(click_tracking_enabled=True, open_tracking_enabled=False)
    changed = domains.update(made.id, params)
    says("update", changed.click_tracking_enabled and not changed.open_tracking_enabled, changed)
    says("click tracking turns the tracking domain on", changed.custom_domain_tracking_enabled, changed)

    sent = domains.send_setup_instructions(made.id, mailtrap.SendSetupInstructionsParams(email="dns@bakery.example"))
    says("send set-up instructions", "successfully" in sent.message, sent)
    error = refused(APIError, domains.send_setup_instructions, made.id, mailtrap.SendSetupInstructionsParams(email="nobody"))
    says("to no address", error.status == 422 and error.errors[0].startswith("email: "), error)

    says("no company info yet", refused(APIError, company.get, made.id).status == 404, None)
    given = company.create(made.id, mailtrap.CreateCompanyInfoParams(**COMPANY))
    says("create company info", {key: getattr(given, key) for key in COMPANY} == COMPANY, given)
    says("unset fields are null", given.phone is None and given.info_level == "business", given)
    given = company.update(made.id, mailtrap.UpdateCompanyInfoParams(phone="+43 1 234567"))
    says("update company info", given.phone == "+43 1 234567" and given.name == COMPANY["name"], given)
    says("get company info", company.get(made.id) == given, given)
    error = refused(APIError, company.update, made.id, mailtrap.UpdateCompanyInfoParams(website_url="bakery"))
    says("a bad website", error.status == 422 and error.errors[0].startswith("website_url: "), error)

    says("delete", domains.delete(made.id).id == made.id, made.id)
    error = refused(APIError, domains.get_by_id, made.id)
    says("get afterwards", (error.status, error.errors) == (404, ["Not Found"]), error)
    says("list afterwards", domains.get_list() == before, before)

    stranger = mailtrap.MailtrapClient(token="wrong", account_id=ACCOUNT)
    error = refused(AuthorizationError, stranger.sending_domains_api.sending_domains.get_list)
    says("a wrong token", error.errors == ["Incorrect API token"], error)


if __name__ == "__main__":
    main()
