// The environment, read once, and what browsers may know of it.
"use strict";

module.exports = {
  port: parseInt(process.env.PORT || "3000", 10),
  databaseUrl: process.env.DATABASE_URL,
  // Like jawn: anything but development demands TLS of PostgreSQL.
  databaseTls: (process.env.VERCEL_ENV || "development") === "development" ? false : { rejectUnauthorized: true },
  authUrl: process.env.BETTER_AUTH_URL || "",
  appUrl: process.env.NEXT_PUBLIC_APP_URL || "",
  // The rule of the real sign-in page: both unset means that this is Helicone's cloud.
  selfHosted: process.env.NEXT_PUBLIC_IS_ON_PREM === "true" || Boolean(process.env.NEXT_PUBLIC_APP_URL || process.env.APP_URL),
  publicVariables: Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith("NEXT_PUBLIC_"))),
};
