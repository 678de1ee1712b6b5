"""The lab's migration files: as many, and named as, Helicone's, of which a few carry the stand-ins' schema.

Standard library only: the lab lays them out in the repository in upstream's shape, and the image of
the migrations stand-in makes the same files when it is built.
"""

from __future__ import annotations

import sys
from pathlib import Path

POSTGRES_COUNT = 246
CLICKHOUSE_COUNT = 80
NOTHING = "-- STAND-IN (lab only): this file changes nothing.\nselect 1;\n"

ACCOUNTS = """-- STAND-IN (lab only): the tables that accounts, organizations and keys live in.
create extension if not exists "uuid-ossp";
create schema if not exists auth;
create table auth.users (id uuid primary key, email text);
create table public."user" (
    id text primary key, name text not null, email text not null unique, "emailVerified" boolean not null default false,
    image text, "createdAt" timestamp not null default now(), "updatedAt" timestamp not null default now(),
    auth_user_id uuid default gen_random_uuid()
);
create table public.session (
    id text primary key, token text not null unique, "userId" text not null references public."user" (id) on delete cascade,
    "expiresAt" timestamp not null, "ipAddress" text, "userAgent" text,
    "createdAt" timestamp not null default now(), "updatedAt" timestamp not null default now()
);
create table public.account (
    id text primary key, "accountId" text not null, "providerId" text not null,
    "userId" text not null references public."user" (id) on delete cascade, password text,
    "createdAt" timestamp not null default now(), "updatedAt" timestamp not null default now()
);
create table public.verification (
    id text primary key, identifier text not null, value text not null, "expiresAt" timestamp not null,
    "createdAt" timestamp default now(), "updatedAt" timestamp default now()
);
create table public.organization (
    id uuid primary key default gen_random_uuid(), name text not null, owner uuid not null, tier text default 'free',
    is_personal boolean not null default false, soft_delete boolean not null default false,
    created_at timestamptz default now()
);
create table public.organization_member (
    organization uuid not null references public.organization (id), member uuid not null, org_role text default 'member',
    created_at timestamptz default now(), primary key (organization, member)
);
create table public.helicone_api_keys (
    id bigserial primary key, api_key_hash text not null, api_key_name text not null, user_id uuid not null,
    organization_id uuid not null, key_permissions text default 'w', governance boolean not null default false,
    temp_key boolean not null default false, soft_delete boolean not null default false,
    created_at timestamptz not null default now(), updated_at timestamptz
);
"""

TRIGGERS = """-- STAND-IN (lab only): a new user gets an organization, as Helicone's triggers do it.
create function public.copy_user() returns trigger language plpgsql as $$
begin
    insert into auth.users (id, email) values (new.auth_user_id, null);
    return new;
end $$;
create trigger copy_user after insert on public."user" for each row execute function public.copy_user();
create function public.create_organization() returns trigger language plpgsql as $$
declare organization uuid;
begin
    insert into public.organization (name, owner, tier, is_personal) values ('My Organization', new.id, 'enterprise', true)
    returning id into organization;
    insert into public.organization_member (organization, member, org_role) values (organization, new.id, 'owner');
    return new;
end $$;
create trigger create_organization after insert on auth.users for each row execute function public.create_organization();
"""

REQUESTS = """CREATE TABLE IF NOT EXISTS request_response_rmt (
    request_id UUID, response_id Nullable(UUID), organization_id UUID,
    request_created_at DateTime64(3, 'UTC'), response_created_at Nullable(DateTime64(3, 'UTC')),
    latency Nullable(Int64), time_to_first_token Nullable(Int64), status Int64,
    provider String, target_url Nullable(String), model String,
    prompt_tokens Nullable(Int64), completion_tokens Nullable(Int64), reasoning_tokens Nullable(Int64),
    cost Nullable(Int64), user_id String DEFAULT '', properties Map(String, String), prompt_id String DEFAULT '',
    request_body String DEFAULT '', response_body String DEFAULT '', size_bytes Nullable(Int64),
    storage_location String DEFAULT '', request_referrer Nullable(String), updated_at DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(updated_at) ORDER BY (organization_id, request_created_at, request_id)
"""
INDEX = "ALTER TABLE request_response_rmt ADD INDEX idx_properties_value mapValues(properties) TYPE bloom_filter GRANULARITY 1\n"
HQL_USER = "CREATE USER IF NOT EXISTS hql_user IDENTIFIED WITH no_password\n"


def migration_files() -> dict[str, str]:
    """Return the content of every migration file by its path in upstream's tree.

    246 for PostgreSQL in two folders and 80 for ClickHouse, as at the pinned commit of Helicone. The
    last one for ClickHouse fails on a fresh database, as Helicone's does: an earlier one made its index.
    """
    files = {}
    for number in range(POSTGRES_COUNT):
        folder = "migrations" if number % 2 == 0 else "migrations_without_supabase"
        content = {0: ACCOUNTS, 1: TRIGGERS}.get(number, NOTHING)
        version = f"2023{1 + number // 28:02d}{1 + number % 28:02d}120000"
        files[f"supabase/{folder}/{version}_lab-{number:03d}.sql"] = content
    for number in range(CLICKHOUSE_COUNT):
        name = "schema_79_property_value_index" if number == 79 else f"schema_{number}_lab" if number else "schema_0"
        content = {0: REQUESTS, 41: INDEX, 62: HQL_USER, 79: INDEX}.get(number, "SELECT 1\n")
        files[f"clickhouse/migrations/{name}.sql"] = content
    return files


def write(folder: Path) -> None:
    """Write every migration file below `folder`."""
    for path, content in migration_files().items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
