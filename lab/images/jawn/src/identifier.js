// The id of a recorded request: the caller's own if it is a UUID of version 1 to 5.
"use strict";
const crypto = require("node:crypto");

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const KEPT = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

const isUuid = (text) => UUID.test(text || "");
const requestId = (wanted) => (KEPT.test(wanted || "") ? wanted.toLowerCase() : crypto.randomUUID());

module.exports = { isUuid, requestId };
