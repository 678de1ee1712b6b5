// PostgreSQL and ClickHouse.
"use strict";
const { Pool } = require("pg");
const settings = require("./settings");

const connection = { connectionString: settings.databaseUrl, ssl: settings.databaseTls, connectionTimeoutMillis: 5000 };
const pool = new Pool({ ...connection, max: 10 });
pool.on("error", (error) => console.error(`Error in idle database client: ${error.message}`));
// The sessions' own pool has no error handler: when PostgreSQL goes away while a connection of the
// last ten seconds idles here, the process ends. The real service does the same.
const sessions = new Pool({ ...connection, max: 4, idleTimeoutMillis: 10000 });

const query = async (text, values) => (await pool.query(text, values)).rows;
const sessionQuery = async (text, values) => (await sessions.query(text, values)).rows;

/** Listen for gateway changes. Nobody catches a failure here, so a missing database ends the process. */
async function startListener() {
  if (!settings.databaseUrl) throw new Error("SUPABASE_DATABASE_URL or DATABASE_URL is not set");
  const client = await pool.connect();
  client.on("error", (error) => console.error(`Lost the listening connection: ${error.message}`));
  await client.query("LISTEN connected_gateways");
}

async function clickhouse(statement, body, parameters = {}) {
  const address = new URL(settings.clickhouse.host);
  for (const [name, value] of Object.entries(parameters)) address.searchParams.set(`param_${name}`, String(value));
  address.searchParams.set("date_time_input_format", "best_effort");
  if (body !== undefined) address.searchParams.set("query", statement);
  const answer = await fetch(address, {
    method: "POST",
    headers: { "X-ClickHouse-User": settings.clickhouse.user, "X-ClickHouse-Key": settings.clickhouse.password },
    body: body === undefined ? statement : body,
    signal: AbortSignal.timeout(30000),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`ClickHouse answered ${answer.status}: ${text.slice(0, 300)}`);
  return text;
}

/** Rows of a SELECT, with `{name:Type}` parameters. */
async function clickhouseRows(statement, parameters) {
  const text = await clickhouse(`${statement} FORMAT JSONEachRow`, undefined, parameters);
  return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

const waiting = [];
let timer = null;

/** Insert a row with the others of the next 100 ms: ClickHouse likes few, larger inserts. */
function insertRow(row) {
  return new Promise((resolve, reject) => {
    waiting.push({ row, resolve, reject });
    timer ??= setTimeout(flush, 100);
  });
}

async function flush() {
  timer = null;
  const batch = waiting.splice(0);
  try {
    const lines = batch.map(({ row }) => JSON.stringify(row)).join("\n");
    await clickhouse("INSERT INTO request_response_rmt FORMAT JSONEachRow", lines);
    batch.forEach(({ resolve }) => resolve());
  } catch (error) {
    batch.forEach(({ reject }) => reject(error));
  }
}

module.exports = { query, sessionQuery, startListener, clickhouseRows, insertRow };
