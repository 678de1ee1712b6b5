// The environment, read once at import. What the real service cannot live without ends the process
// here or at the place where the real one ends.
"use strict";

// Invalid JSON in either throws while modules load, before anything listens.
const credentials = JSON.parse(process.env.CLICKHOUSE_CREDS || "{}");
JSON.parse(process.env.PROVIDER_KEYS || "{}");

function clickhouseHost() {
  const host = credentials.CLICKHOUSE_HOST || process.env.CLICKHOUSE_HOST || "http://localhost:18123";
  if (/^https?:\/\//.test(host)) return host;
  return `${process.env.NODE_ENV === "production" ? "https" : "http"}://${host}`;
}

const environment = process.env.VERCEL_ENV || "development";

module.exports = {
  port: parseInt(process.env.PORT || "8585", 10),
  environment,
  databaseUrl: process.env.SUPABASE_DATABASE_URL || process.env.DATABASE_URL,
  // Any other environment demands TLS, which a plain PostgreSQL refuses: a crash loop at start.
  databaseTls: environment === "development" ? false : { rejectUnauthorized: true, ca: process.env.SUPABASE_SSL_CERT_CONTENTS },
  betterAuth: process.env.NEXT_PUBLIC_BETTER_AUTH === "true",
  cacheKey: process.env.REQUEST_CACHE_KEY || "",
  redis: Boolean(process.env.REDIS_HOST),
  clickhouse: {
    host: clickhouseHost(),
    user: credentials.CLICKHOUSE_USER || process.env.CLICKHOUSE_USER || "default",
    password: credentials.CLICKHOUSE_PASSWORD || process.env.CLICKHOUSE_PASSWORD || "",
  },
  s3: {
    endpoint: process.env.S3_ENDPOINT || "",
    endpointPublic: process.env.S3_ENDPOINT_PUBLIC || process.env.S3_ENDPOINT || "",
    accessKey: process.env.S3_ACCESS_KEY || "",
    secretKey: process.env.S3_SECRET_KEY || "",
    bucket: process.env.S3_BUCKET_NAME || "",
    region: process.env.S3_REGION || "us-west-2",
  },
  // The real service always uses its 30 seconds up; the lab's tests may shorten them.
  drainSeconds: parseFloat(process.env.LAB_DRAIN_SECONDS || "30"),
};
