// Where the official client's host name leads, for this process alone; loaded
// with `node --require`. The client's own code stays as it was published.
"use strict";

const tls = require("node:tls");

const connect = tls.connect;
tls.connect = (...words) => {
  const options = words[0];
  if (options && options.host === "mailtrap.io" && String(options.port) === "443") {
    const here = { ...options, host: "127.0.0.1", port: Number(process.env.SIGNET_PORT) };
    return connect({ ...here, servername: "mailtrap.io" }, ...words.slice(1));
  }
  throw new Error(`nothing but mailtrap.io is to be called here: ${JSON.stringify(options && options.host)}`);
};
