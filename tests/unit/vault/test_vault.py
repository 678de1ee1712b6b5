"""The encrypted secrets: made, kept, opened, refused."""

from __future__ import annotations

import contextlib
import re
import subprocess
from typing import TYPE_CHECKING

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import ConfigurationError
from gateway.secret import Secret
from gateway.secret_names import KNOWN_DEFAULTS, SECRET_NAMES
from gateway.vault import Vault, create_missing, diff_key, ensure_vault, open_vault, save_vault
from gateway.vault_text import secrets_to_text, text_to_secrets
from tests.examples import examples

if TYPE_CHECKING:
    from pathlib import Path

GENERATED = [name for name, described in SECRET_NAMES.items() if described.make is not None]
FREE = ("better_auth_secret", "helicone_manual_access_key")  # may hold any text
HARD_TEXTS = [
    " spaces and 'quotes' \"double\" back\\slash `tick` ",
    "$HOME ${X:-y} $$ #no comment = & | ; < > { } [ ] * ! % @ , ?",
    "first line of it\nsecond line\n\n  indented\ttab",
    "密码 пароль 🔑 ñ ü and enough of it to be long",
    "x- : yes null ~ 0x1F 1e5 2025-08-11 --- more text",
    "a1b2" * 2048,
]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Return where the vault and the identity of a test are to be."""
    return tmp_path / "inventory/lab/secrets.yml.age", tmp_path / "keys/age.key"


def encrypt(path: Path, identity: Path, text: str) -> None:
    """Put `text` into the vault file as the age program would."""
    public = re.search("age1[0-9a-z]+", identity.read_text()).group()  # type: ignore[union-attr]
    subprocess.run(["age", "-r", public, "-o", path], input=text.encode(), check=True)


def test_first_use_makes_identity_and_every_secret(files: tuple[Path, Path]) -> None:
    path, identity = files
    vault, created = ensure_vault(path, identity)
    assert created == GENERATED
    assert set(vault.values) == set(SECRET_NAMES)
    assert vault["provider_api_key"].reveal() == ""
    for file in files:
        assert file.stat().st_mode & 0o777 == 0o600
    assert identity.parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_second_use_changes_nothing(files: tuple[Path, Path]) -> None:
    first, _ = ensure_vault(*files)
    before = [(file.read_bytes(), file.stat().st_mtime_ns) for file in files]
    second, created = ensure_vault(*files)
    assert created == []
    assert second == first == open_vault(*files)
    assert [(file.read_bytes(), file.stat().st_mtime_ns) for file in files] == before


def test_two_vaults_share_nothing(tmp_path: Path) -> None:
    one, _ = ensure_vault(tmp_path / "a.age", tmp_path / "key")
    other, _ = ensure_vault(tmp_path / "b.age", tmp_path / "key")
    assert not {one[name].reveal() for name in GENERATED} & {other[name].reveal() for name in GENERATED}


def test_generated_values_are_safe_everywhere(files: tuple[Path, Path]) -> None:
    vault, _ = ensure_vault(*files)
    for name in GENERATED:
        assert re.fullmatch(r"[A-Za-z0-9-]{20,64}", vault[name].reveal()), name
    assert re.fullmatch(r"[0-9a-f]{64}", vault["request_cache_key"].reveal())
    assert re.fullmatch(r"sk-helicone(-[a-z0-9]{7}){4}", vault["helicone_api_key"].reveal())


def test_age_reads_what_was_saved(files: tuple[Path, Path]) -> None:
    vault, _ = ensure_vault(*files)
    result = subprocess.run(["age", "-d", "-i", files[1], files[0]], capture_output=True, check=True)
    assert f'admin_password: "{vault["admin_password"].reveal()}"' in result.stdout.decode()


@pytest.mark.parametrize("armor", [[], ["--armor"]])
def test_what_age_wrote_with_a_key_of_age_keygen_opens(tmp_path: Path, armor: list[str]) -> None:
    path, identity = tmp_path / "secrets.yml.age", tmp_path / "key"
    subprocess.run(["age-keygen", "-o", identity], check=True, capture_output=True)
    public = re.search("age1[0-9a-z]+", identity.read_text()).group()  # type: ignore[union-attr]
    text = b"admin_password: of-the-operator\n"
    subprocess.run(["age", *armor, "-r", public, "-o", path], input=text, check=True)
    assert open_vault(path, identity)["admin_password"].reveal() == "of-the-operator"
    vault, created = ensure_vault(path, identity)
    assert "admin_password" not in created
    assert len(created) == len(GENERATED) - 1
    assert open_vault(path, identity) == vault


def test_every_recipient_and_the_writer_can_open(tmp_path: Path) -> None:
    path, mine, theirs = tmp_path / "secrets.yml.age", tmp_path / "mine", tmp_path / "theirs"
    subprocess.run(["age-keygen", "-o", theirs], check=True, capture_output=True)
    public = re.search("age1[0-9a-z]+", theirs.read_text()).group()  # type: ignore[union-attr]
    vault, _ = ensure_vault(path, mine, [public])
    assert open_vault(path, theirs) == open_vault(path, mine) == vault


def test_a_recipient_that_is_none(files: tuple[Path, Path]) -> None:
    with pytest.raises(ConfigurationError, match=r"secrets\.recipients"):
        ensure_vault(*files, ["age1nonsense"])
    assert not files[0].exists()


@pytest.mark.parametrize("text", HARD_TEXTS)
@pytest.mark.parametrize("name", FREE)
def test_hard_texts_survive(files: tuple[Path, Path], name: str, text: str) -> None:
    vault, _ = ensure_vault(*files)
    save_vault(files[0], Vault({**vault.values, name: Secret(text)}), files[1])
    assert open_vault(*files)[name].reveal() == text


@settings(max_examples=examples(80))
@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]) | st.sampled_from("\n\t"), min_size=32))
def test_any_text_survives_the_yaml(text: str) -> None:
    if len(set(text)) > 1:
        values = {"better_auth_secret": Secret(text)}
        assert text_to_secrets(secrets_to_text(values), "x")["better_auth_secret"].reveal() == text


def test_a_failed_save_leaves_the_file_alone(files: tuple[Path, Path]) -> None:
    vault, _ = ensure_vault(*files)
    before = files[0].read_bytes()
    with pytest.raises(ConfigurationError):
        save_vault(files[0], vault, files[1], ["age1nonsense"])
    assert files[0].read_bytes() == before
    assert len(list(files[0].parent.iterdir())) == 1


@pytest.mark.parametrize("value", ["minioadmin", "short", "a bell\x07 in a value that is long enough"])
def test_what_could_not_be_opened_is_not_written(files: tuple[Path, Path], value: str) -> None:
    vault, _ = ensure_vault(*files)
    before = files[0].read_bytes()
    with pytest.raises(ConfigurationError):
        save_vault(files[0], Vault({**vault.values, "better_auth_secret": Secret(value)}), files[1])
    assert files[0].read_bytes() == before


def test_the_identity_is_missing(files: tuple[Path, Path]) -> None:
    ensure_vault(*files)
    files[1].unlink()
    before = files[0].read_bytes()
    for function in (open_vault, ensure_vault):
        with pytest.raises(ConfigurationError, match=r"age\.key is missing") as caught:
            function(*files)
        assert "secrets.yml.age" in str(caught.value)
        assert "nothing was changed" in str(caught.value)
    assert not files[1].exists()
    assert files[0].read_bytes() == before


def test_the_identity_is_another(files: tuple[Path, Path]) -> None:
    ensure_vault(*files)
    files[1].unlink()
    ensure_vault(files[0].with_name("other.age"), files[1])
    with pytest.raises(ConfigurationError, match="not encrypted for the identity") as caught:
        ensure_vault(*files)
    assert "AGE-SECRET-KEY" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "no age identity"),
        ("AGE-SECRET-KEY-1NONSENSE\n", "damaged age identity"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "no age identity"),
        ("é\n", "cannot be read"),
    ],
)
def test_the_identity_is_unusable(files: tuple[Path, Path], content: str, words: str) -> None:
    ensure_vault(*files)
    files[1].write_text(content)
    with pytest.raises(ConfigurationError, match=words) as caught:
        open_vault(*files)
    assert "NONSENSE" not in str(caught.value)


def test_an_identity_that_others_can_read_is_refused(files: tuple[Path, Path]) -> None:
    ensure_vault(*files)
    files[1].chmod(0o644)
    with pytest.raises(ConfigurationError, match="read by others") as caught:
        open_vault(*files)
    assert "chmod 600" in caught.value.next_step


def test_no_secrets_yet(files: tuple[Path, Path]) -> None:
    with pytest.raises(ConfigurationError, match="no secrets yet"):
        open_vault(*files)
    assert not files[1].exists()


def test_no_tampered_or_truncated_file_opens(files: tuple[Path, Path]) -> None:
    ensure_vault(*files)
    whole = files[0].read_bytes()
    lines = whole.split(b"\n")
    damaged = [whole[:length] for length in (0, 1, 20, 60, 400, len(whole) // 2, len(whole) - 40)]
    for index in (2, 5, 10, len(lines) - 4):
        changed = bytearray(lines[index])
        changed[3] = ord("A") if changed[3] != ord("A") else ord("B")
        damaged.append(b"\n".join([*lines[:index], bytes(changed), *lines[index + 1 :]]))
        damaged.append(b"\n".join([*lines[:index], *lines[index + 1 :]]))
    damaged += [b"postgres_password: in-the-clear-hunter2\n", b"\xff" * 300]
    for content in damaged:
        files[0].write_bytes(content)
        with pytest.raises(ConfigurationError, match=r"damaged|not encrypted") as caught:
            ensure_vault(*files)
        assert "hunter2" not in str(caught.value)
        assert files[0].read_bytes() == content


@pytest.mark.parametrize("value", [*sorted(KNOWN_DEFAULTS), "MinioAdmin", "a" * 45])
@pytest.mark.parametrize("name", ["postgres_password", "better_auth_secret", "provider_api_key"])
def test_known_defaults_are_refused(name: str, value: str) -> None:
    text = secrets_to_text({name: Secret(value)})
    with pytest.raises(ConfigurationError, match=f"`{name}` is a publicly known default"):
        text_to_secrets(text, "secrets.yml.age")


def refused(text: str) -> ConfigurationError:
    """Return the error for the decrypted `text`."""
    with pytest.raises(ConfigurationError) as caught:
        text_to_secrets(text, "secrets.yml.age")
    return caught.value


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("postgres_password", "sentinel/slash-long-enough", "letters, digits"),
        ("postgres_password", "sentinel@at-long-enough", "URL"),
        ("postgres_password", "sentine", "too short"),
        ("clickhouse_password", "sentinel'quote-long", "quotes"),
        ("clickhouse_password", 'sentinel"quote-long', "quotes"),
        ("clickhouse_password", "sentinel<markup-long", "XML"),
        ("clickhouse_hql_password", "sentinel&markup-long", "quotes"),
        ("clickhouse_hql_password", "sentinel$dollar-long", "quotes"),
        ("object_store_access_key", "sentinel,comma", "comma"),
        ("object_store_secret_key", "sentinel space and more", "letters"),
        ("better_auth_secret", "sentinel", "too short"),
        ("request_cache_key", "sentinel" * 8, "64 hexadecimal"),
        ("request_cache_key", "ab" * 31, "64 hexadecimal"),
        ("helicone_manual_access_key", "sentinel", "too short"),
        ("admin_password", "sentinel", "too short"),
        ("admin_password", "sentinel" * 17, "too long"),
        ("helicone_api_key", "sk-helicone-sentine-abcdefg-abcdefg", "four groups"),
        ("helicone_api_key", "sk-helicone-Sentine-abcdefg-abcdefg-abcdefg", "lower-case"),
        ("fingerprint_key", "sentinel", "64 hexadecimal"),
        ("provider_api_key", "sentinel with space", "without spaces"),
        ("provider_api_key", "sentinel\n", "line breaks"),
        ("admin_password", "", "empty"),
    ],
)
def test_values_that_cannot_work_are_refused_by_name(name: str, value: str, words: str) -> None:
    error = refused(secrets_to_text({name: Secret(value)}))
    assert f"`{name}`" in error.message
    assert words in error.message
    assert re.search(r"decrypted:\d+$", error.where)
    assert "entine" not in str(error)


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("postgres_pasword: sentinel-long-enough\n", ":1", "did you mean `postgres_password`"),
        ("extra: {a: sentinel}\n", ":1", "unknown secret `extra`"),
        ("Sentinel$Value: x\n", ":1", "not shown"),
        ("\nadmin_password: 123456789012345\n", ":2", "put it in quotes"),
        ("admin_password: [sentinel]\n", ":1", "must be a text"),
        ("admin_password: sentinel-long-1\nadmin_password: sentinel-long-2\n", ":2", "given twice"),
        ("admin_password: !sentinel x\n", ":1", "quotes"),
        ("admin_password: *sentinel\n", ":1:17", "quotes"),
        ("admin_password: &sentinel\n", ":1", "empty"),
        ("admin_password: 'sentinel\n", ":1:17", "quote"),
        ("admin_password: %sentinel\n", ":1:17", "quotes"),
        ("admin_password: @sentinel\n", ":1:17", "quotes"),
        ("admin_password: a: sentinel\n", ":1:18", "second `:`"),
        ('admin_password: "sentinel\\q"\n', ":1:26", "backslash"),
        ("admin_password:\n\tsentinel\n", ":2:1", "tab"),
        ("- sentinel\n", ":1", "mapping"),
        ("sentinel\n", ":1", "mapping"),
        ("admin_password: \x07sentinel\n", ":1", "control"),
    ],
)
def test_bad_text_is_refused_without_a_value(text: str, where: str, words: str) -> None:
    error = refused(text)
    assert error.where.endswith(f"decrypted{where}")
    assert words in str(error)
    assert "entinel" not in str(error)


@settings(max_examples=examples(150))
@given(st.text(max_size=80))
def test_any_text_gives_secrets_or_an_error(text: str) -> None:
    with contextlib.suppress(ConfigurationError):
        assert isinstance(text_to_secrets(text, "x"), dict)


def test_a_file_of_the_operator_with_a_default_password(files: tuple[Path, Path]) -> None:
    ensure_vault(*files)
    encrypt(*files, "object_store_secret_key: minioadmin\n")
    with pytest.raises(ConfigurationError, match="`object_store_secret_key` is a publicly known") as caught:
        ensure_vault(*files)
    assert "minioadmin" not in str(caught.value)


def test_an_encrypted_file_that_is_no_text(files: tuple[Path, Path]) -> None:
    ensure_vault(*files)
    public = pyrage.x25519.Identity.from_str(files[1].read_text().splitlines()[-1]).to_public()
    files[0].write_bytes(pyrage.encrypt(b"\xff\xfe", [public]))
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        open_vault(*files)


def test_a_secret_that_is_missing() -> None:
    with pytest.raises(ConfigurationError, match="`admin_password` is missing"):
        Vault({})["admin_password"]


def test_create_missing_keeps_what_is_there() -> None:
    vault, created = create_missing(Vault({"admin_password": Secret("kept")}))
    assert vault["admin_password"].reveal() == "kept"
    assert "admin_password" not in created


def test_the_fingerprint_key_is_of_the_vault(tmp_path: Path) -> None:
    one, _ = ensure_vault(tmp_path / "a.age", tmp_path / "key")
    other, _ = ensure_vault(tmp_path / "b.age", tmp_path / "key")
    assert diff_key(one) == diff_key(open_vault(tmp_path / "a.age", tmp_path / "key"))
    assert diff_key(one) != diff_key(other)
    assert len(diff_key(one)) == 32


def test_nothing_is_shown(files: tuple[Path, Path]) -> None:
    vault, _ = ensure_vault(*files)
    shown = f"{vault} {vault!r} {dict(vault.values)}"
    assert not any(vault[name].reveal() in shown for name in GENERATED)
