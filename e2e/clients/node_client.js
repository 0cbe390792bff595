// The official Node client, unmodified, through everything it can do with
// sending domains. Called by `clients.py` with SIGNET_TOKEN and SIGNET_ACCOUNT.
"use strict";

const assert = require("node:assert/strict");
const path = require("node:path");

const { MailtrapClient } = require(path.join(process.env.SIGNET_NODE_MODULES, "mailtrap"));

const name = "node-client.example.com";
const company = {
  name: "Bäckerei Hübner GmbH",
  address: "Ring 1",
  city: "Wien",
  country: "Austria",
  zip_code: "1010",
  website_url: "https://bakery.example",
};

const says = (what, seen, wanted) => {
  assert.deepEqual(seen, wanted, what);
  console.log(`    ok  ${what}`);
};

const refused = async (promise) => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("was not refused");
};

const main = async () => {
  const accountId = Number(process.env.SIGNET_ACCOUNT);
  const client = new MailtrapClient({ token: process.env.SIGNET_TOKEN, accountId });
  const { sendingDomains, companyInfo } = client;

  const before = await sendingDomains.getList();
  says("list", before.data.filter((domain) => domain.demo).length, 1);

  const made = await sendingDomains.create({ domain_name: name });
  says("create", [made.domain_name, made.dns_verified, made.compliance_status], [name, false, "unverified_dns"]);
  says(
    "its records",
    made.dns_records.map((record) => record.key),
    ["verification", "spf", "dkim1", "dkim2", "dmarc", "link_verification"],
  );
  says("permissions", made.permissions, { can_read: true, can_update: true, can_destroy: true });
  let error = await refused(sendingDomains.create({ domain_name: name }));
  says("create again", error.message, "domain_name: has already been taken");

  says("get", (await sendingDomains.get(made.id)).domain_name, name);
  const changed = await sendingDomains.update(made.id, { click_tracking_enabled: true, open_tracking_enabled: false });
  says("update", [changed.click_tracking_enabled, changed.open_tracking_enabled], [true, false]);
  says("click tracking turns the tracking domain on", changed.custom_domain_tracking_enabled, true);

  says("send set-up instructions", await sendingDomains.sendSetupInstructions(made.id, "dns@bakery.example"), "");
  error = await refused(sendingDomains.sendSetupInstructions(made.id, "nobody"));
  says("to no address", error.message.startsWith("email: "), true);

  error = await refused(companyInfo.get(made.id));
  says("no company info yet", error.message, "Not Found");
  const given = (await companyInfo.create(made.id, company)).data;
  says("create company info", { ...given, ...company }, given);
  says("unset fields are null", [given.phone, given.info_level], [null, "business"]);
  const updated = (await companyInfo.update(made.id, { phone: "+43 1 234567" })).data;
  says("update company info", updated, { ...given, phone: "+43 1 234567" });
  says("get company info", (await companyInfo.get(made.id)).data, updated);
  error = await refused(companyInfo.update(made.id, { website_url: "bakery" }));
  says("a bad website", error.message.startsWith("website_url: "), true);

  says("delete", await sendingDomains.delete(made.id), "");
  error = await refused(sendingDomains.get(made.id));
  says("get afterwards", error.message, "Not Found");
  says("list afterwards", await sendingDomains.getList(), before);

  const stranger = new MailtrapClient({ token: "wrong", accountId });
  error = await refused(stranger.sendingDomains.getList());
  says("a wrong token", error.message, "Incorrect API token");
};

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
