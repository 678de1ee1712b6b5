// An S3 client of three calls (put, get, presign): path style, AWS signature version 4, by hand.
"use strict";
const crypto = require("node:crypto");
const zlib = require("node:zlib");
const settings = require("./settings");

const sha256 = (data) => crypto.createHash("sha256").update(data).digest("hex");
const hmac = (key, data) => crypto.createHmac("sha256", key).update(data).digest();
const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

class S3Error extends Error {
  constructor(status, text) {
    super(`S3 answered ${status}: ${text.slice(0, 300)}`);
    this.status = status;
    this.missingBucket = status === 404;
  }
}

/** The address of an object, valid for the given time without further headers. */
function presign(method, key, endpoint = settings.s3.endpoint, seconds = 1800) {
  const { accessKey, secretKey, bucket, region } = settings.s3;
  const address = new URL(endpoint);
  const path = `${address.pathname.replace(/\/$/, "")}/${bucket}/${key.split("/").map(encode).join("/")}`;
  const moment = new Date().toISOString().replace(/[-:]|\.\d{3}/g, "");
  const scope = `${moment.slice(0, 8)}/${region}/s3/aws4_request`;
  const query = [
    ["X-Amz-Algorithm", "AWS4-HMAC-SHA256"],
    ["X-Amz-Credential", `${accessKey}/${scope}`],
    ["X-Amz-Date", moment],
    ["X-Amz-Expires", String(seconds)],
    ["X-Amz-SignedHeaders", "host"],
  ].map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&");
  const request = [method, path, query, `host:${address.host}\n`, "host", "UNSIGNED-PAYLOAD"].join("\n");
  const text = ["AWS4-HMAC-SHA256", moment, scope, sha256(request)].join("\n");
  const key4 = ["s3", "aws4_request"].reduce(hmac, hmac(hmac(`AWS4${secretKey}`, moment.slice(0, 8)), region));
  const signature = crypto.createHmac("sha256", key4).update(text).digest("hex");
  return `${address.origin}${path}?${query}&X-Amz-Signature=${signature}`;
}

async function call(method, key, body) {
  const answer = await fetch(presign(method, key), { method, body, signal: AbortSignal.timeout(15000) });
  if (!answer.ok) throw new S3Error(answer.status, await answer.text());
  return Buffer.from(await answer.arrayBuffer());
}

const objectKey = (organization, request) => `organizations/${organization}/requests/${request}/raw_request_response_body`;

/** Store both bodies as one gzip of {"request", "response"}, each as text. */
async function putBodies(organization, request, bodies) {
  await call("PUT", objectKey(organization, request), zlib.gzipSync(JSON.stringify(bodies)));
}

/** Read both bodies back, as the real service does before it writes a row. */
async function getBodies(organization, request) {
  const stored = await call("GET", objectKey(organization, request));
  const plain = stored[0] === 0x1f && stored[1] === 0x8b ? zlib.gunzipSync(stored) : stored;
  return JSON.parse(plain.toString());
}

module.exports = { putBodies, getBodies, presign, objectKey, S3Error };
