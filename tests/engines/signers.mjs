// Signs webhooks as their senders' own libraries do. Reads a JSON list of {by, secret, body, ...} from standard input;
// writes a list of headers.
import { sign as octokit } from "@octokit/webhooks-methods";
import { encodeSignatureHeader } from "@sanity/webhook";
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";

// The package as a whole needs a hundred others; what signs does not.
const toolkit = `file://${process.cwd()}/node_modules/@contentful/node-apps-toolkit/lib/requests/index.mjs`;
const { signRequest, verifyRequest } = await import(toolkit);
const require = createRequire(`${process.cwd()}/`);
const { Webhook: Svix } = require("./node_modules/svix/dist/webhook.js");
const { Webhook: Standard } = require("standardwebhooks");

const SIGN = {
  octokit: async ({ secret, body }) => ({ "x-hub-signature-256": await octokit(secret, body) }),
  sanity: async ({ secret, body, ms }) => ({ "sanity-webhook-signature": await encodeSignatureHeader(body, ms, secret) }),
  standard: async (asked) => timed(asked, "webhook", Standard),
  svix: async (asked) => timed(asked, "svix", Svix),
  contentful: async ({ secret, body, ms, path, headers }) => {
    const request = { method: "POST", path, headers, body };
    const signed = { ...headers, ...signRequest(secret, request, ms) };
    if (!verifyRequest(secret, { ...request, headers: signed }, 0)) throw new Error("it does not verify its own");
    return signed;
  },
};

function timed({ secret, body, ms, id }, name, Webhook) {
  const signature = new Webhook(secret).sign(id, new Date(ms), body);
  return { [`${name}-id`]: id, [`${name}-timestamp`]: `${Math.floor(ms / 1000)}`, [`${name}-signature`]: signature };
}

const asked = JSON.parse(await text(process.stdin));
const signed = [];
for (const one of asked) signed.push(await SIGN[one.by](one));
process.stdout.write(JSON.stringify(signed));
