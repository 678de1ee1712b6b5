"""jawn answers, asks for a key, and gets at everything it needs with the credentials it has."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.verify import questions
from gateway.verify.checks import check, runs
from gateway.verify.target import Target

HEALTH = questions.http("jawn", 8585, "/healthcheck")
# A well-formed key that nobody has.
STRANGER = {"Authorization": "Bearer sk-helicone-0000000-0000000-0000000-0000000", "Content-Type": "application/json"}
QUERY = '{"filter":"all","limit":1,"offset":0,"sort":{"created_at":"desc"}}'
REST = questions.http("jawn", 8585, "/v1/request/query-clickhouse", "POST", STRANGER, QUERY)
DATABASE = questions.postgres_login_of("jawn", "SUPABASE_DATABASE_URL")
TABLE = questions.clickhouse_query(questions.AS_JAWN, "EXISTS TABLE default.request_response_rmt")
MIGRATED = questions.clickhouse_query(questions.AS_JAWN, "SELECT count() FROM default.helicone_migrations")
HQL = questions.clickhouse_query(questions.AS_HQL, "SELECT 1")
BUCKETS = ("S3_BUCKET_NAME", "S3_PROMPT_BUCKET_NAME", "HQL_STORE_BUCKET")


def ahead(_target: Target) -> Iterator[questions.Question]:
    yield from (HEALTH, REST, DATABASE, TABLE, MIGRATED, HQL)
    for variable in BUCKETS:
        yield questions.bucket_of_jawn(variable)


@check("jawn answers /healthcheck", when=runs("jawn"))
def test_health(target: Target) -> None:
    answer = target.ask(HEALTH, "jawn does not answer")
    assert answer["status"] == 200, f"{target.name}: jawn answers /healthcheck with {answer['status']}, expected 200"
    assert "healthy" in answer["body"], f"{target.name}: what answers /healthcheck on jawn's port is no jawn"


@check("jawn's API refuses an unknown key", when=runs("jawn"))
def test_stranger(target: Target) -> None:
    answer = target.ask(REST, "jawn does not answer")
    assert answer["status"] == 401, f"{target.name}: jawn answers {answer['status']} to an unknown key, expected 401"


@check("PostgreSQL accepts jawn's login", when=runs("jawn"))
def test_postgres(target: Target) -> None:
    answer = target.ask(DATABASE, "PostgreSQL does not answer at the address that jawn has")
    assert answer["accepted"], f"{target.name}: PostgreSQL refuses the login that jawn has: {answer['message']}"


@check("ClickHouse accepts jawn's login and has the table of requests", when=runs("jawn"))
def test_clickhouse(target: Target) -> None:
    answer = _queried(target, TABLE, "jawn")
    assert answer == "1", f"{target.name}: ClickHouse has no table request_response_rmt: was it migrated?"


@check("ClickHouse shows jawn the migrations", when=runs("jawn"))
def test_migrated(target: Target) -> None:
    answer = _queried(target, MIGRATED, "jawn")
    assert answer not in ("", "0"), f"{target.name}: ClickHouse's ledger is empty: was it migrated?"


@check("ClickHouse accepts the login of hql_user", when=runs("jawn"))
def test_hql(target: Target) -> None:
    _queried(target, HQL, "jawn for hql_user")


@check("the object store has the bucket in {variable} for jawn's keys", when=runs("jawn"), variable=lambda _: BUCKETS)
def test_bucket(target: Target, variable: str) -> None:
    answer = target.ask(
        questions.bucket_of_jawn(variable), "the object store does not answer at the address that jawn has"
    )
    assert answer["status"] == 200, (
        f"{target.name}: the object store answers jawn's keys with {answer['status']} for bucket"
        f" {answer['bucket']}, expected 200"
    )


def _queried(target: Target, question: questions.Question, who: str) -> str:
    answer = target.ask(question, "ClickHouse does not answer at the address that jawn has")
    assert answer["status"] == 200, (
        f"{target.name}: ClickHouse refuses the login that {who} has (answer {answer['status']}), or the query"
    )
    return str(answer["body"]).strip()
