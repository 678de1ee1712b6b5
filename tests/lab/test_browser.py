"""The UI in a real browser: Chromium, beside the lab's clients, trusts the edges' own authority and signs in.

With SCREENSHOTS=1 in the environment the pages that it saw are kept in docs/img.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.commands.project import open_project
from gateway.console import Reporter
from gateway.secret import Secret
from lab import progress
from lab.builds import Builder
from lab.exclusive import exclusive
from lab.layout import COMMAND_LOCK, LABEL, PREFIX, PUBLIC_NETWORK
from tests.lab.command import ADDRESSES, ROOT, authorities, gateway, http, lab, secret

pytestmark = pytest.mark.usefixtures("deployed")

ADDRESS = ADDRESSES["app1"]
UI = f"https://{ADDRESS}:3000"
COOKIE = "__Secure-better-auth.session_token"
MESSAGE = "document.getElementById('message').textContent"
LIMITED = "Too many requests"  # three tries in ten seconds, as in Helicone
# Helicone's own pages ask jawn like this, with the session's cookie; here also without.
ORGANIZATIONS = (
    f"fetch('{UI}/jawn/v1/organization', {{credentials: '%s', headers: {{'helicone-authorization':"
    " JSON.stringify({_type: 'jwt', token: '', orgId: 'none'})}}).then(answer => answer.status)"
)
SIGN_UP = (
    "fetch('/api/auth/sign-up/email', {method: 'POST', headers: {'Content-Type': 'application/json'},"
    " body: JSON.stringify({name: 'n', email: '%s', password: 'long enough'})}).then(answer => answer.status)"
)


class Refused(Exception):
    """The browser could not do what it was told."""


class Browser:
    """A browser in a container, told what to do line by line (lab/images/browser/browse.py)."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def tell(self, line: dict[str, Any]) -> None:
        """Send one line. Secrets are revealed here and go through standard input alone."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(line, default=Secret.reveal) + "\n")
        self._process.stdin.flush()

    def ask(self, command: str, argument: Any = None) -> Any:
        """Do one command and return its value; raise Refused with the browser's words."""
        self.tell({command: argument})
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the browser is gone: its words are above"
        answer = json.loads(line)
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["value"]

    def text(self, selector: str) -> str:
        """Return the text of the first element that a CSS selector names."""
        return str(self.ask("evaluate", f"document.querySelector({json.dumps(selector)}).textContent"))

    def path(self) -> str:
        """Return the path of the page that is shown, which must be one of the UI."""
        origin, path = self.ask("evaluate", "[location.origin, location.pathname]")
        assert origin == UI
        return str(path)

    def keep(self, name: str) -> None:
        """Keep a picture of the page for the documents, if somebody asked for it."""
        if os.environ.get("SCREENSHOTS"):
            folder = ROOT / "docs" / "img"
            folder.mkdir(exist_ok=True)
            (folder / f"{name}.png").write_bytes(base64.b64decode(self.ask("screenshot")))


@contextlib.contextmanager
def running(image: str, trusted: str) -> Iterator[Browser]:
    """Start a browser that trusts these certificates, and take it away afterwards."""
    name = f"{PREFIX}-browser-{uuid.uuid4().hex[:8]}"
    command = ["docker", "run", "--rm", "--interactive", "--init", "--name", name, "--label", f"{LABEL}=1"]
    limits = ["--network", PUBLIC_NETWORK, "--memory", "1g", "--security-opt", "no-new-privileges", "--cap-drop", "ALL"]
    process = subprocess.Popen(
        [*command, *limits, image], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.__stderr__, text=True
    )
    try:
        with process:
            browser = Browser(process)
            browser.tell({"authorities": trusted})
            yield browser
    finally:
        subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)


@pytest.fixture(scope="module")
def image(deployed: None) -> str:
    """Build the browser's image, unless it is there: a minute that `lab.up` does not take."""
    reporter = progress.Reporter()
    with exclusive(COMMAND_LOCK, reporter):
        progress.run_jobs(Builder().jobs(["browser"]), reporter)
    return f"{PREFIX}/browser"


@pytest.fixture(scope="module")
def browser(image: str) -> Iterator[Browser]:
    """Start the browser that trusts the authorities of the lab's edges."""
    with running(image, authorities()) as started:
        yield started


@pytest.fixture
def visitor(browser: Browser) -> Browser:
    """Return the browser as it is before anybody signs in."""
    browser.ask("open", UI)
    browser.ask("forget")
    return browser


def submit(browser: Browser, email: str, password: Secret) -> str:
    """Fill in the form of the sign-in page and return the path that it leads to, /signin when it was refused."""
    browser.ask("open", f"{UI}/signin")
    while True:
        browser.ask("fill", {"input[name=email]": email, "input[name=password]": password})
        browser.ask("evaluate", f"{MESSAGE} = ''")
        browser.ask("click", "#sign-in button")
        browser.ask("wait", f"location.pathname !== '/signin' || {MESSAGE} !== ''")
        path = browser.path()
        if path != "/signin" or not browser.text("#message").startswith(LIMITED):
            return path
        time.sleep(10)


def admin() -> str:
    """Return the address of the first account."""
    project = open_project("lab", [], None, Reporter(quiet=True))
    return project.inventory.hosts["app1"].variables.admin.email


def sign_in(browser: Browser) -> dict[str, Any]:
    """Sign in as the first admin and return the cookie of the session."""
    assert submit(browser, admin(), Secret(secret("admin_password"))) == "/dashboard"
    [cookie] = browser.ask("cookies")
    return dict(cookie)


def test_without_the_edges_authority_the_page_is_refused(image):
    with running(image, "") as stranger, pytest.raises(Refused, match="ERR_CERT_AUTHORITY_INVALID"):
        stranger.ask("open", UI)


@pytest.mark.parametrize("path", ["/", "/dashboard"])
def test_a_visitor_is_led_to_the_sign_in_page_of_the_same_host(visitor, path):
    assert visitor.ask("open", UI + path) == f"{UI}/signin"
    assert visitor.text("h1") == "Sign in"
    assert visitor.ask("evaluate", ORGANIZATIONS % "include") == 401


def test_the_first_admin_signs_in_and_sees_what_clients_asked(visitor):
    identifier = str(uuid.uuid4())
    status, _, text = http(
        "POST", f"{gateway('app1')}/chat/completions",
        {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]},
        Authorization="Bearer sk-test", Helicone_Auth=f"Bearer {secret('helicone_api_key')}",
        Helicone_Request_Id=identifier,
    )  # fmt: skip
    assert status == 200, text
    visitor.keep("sign-in")
    sign_in(visitor)
    assert visitor.text("#email") == admin()
    assert _shows(visitor, identifier), f"{identifier} was answered and is not on the page"
    visitor.keep("signed-in")
    assert visitor.ask("evaluate", ORGANIZATIONS % "include") == 200
    assert visitor.ask("evaluate", ORGANIZATIONS % "omit") == 401


def _shows(browser: Browser, identifier: str) -> bool:
    """Load the dashboard until jawn's answer has a request in it; the record takes a moment."""
    for _ in range(60):
        message = browser.ask("wait", f"!{MESSAGE}.startsWith('Asking') && {MESSAGE}")
        assert message.endswith(" requests"), message
        if identifier in browser.text("#requests"):
            return True
        time.sleep(0.5)
        browser.ask("open", f"{UI}/dashboard")
    return False


def test_the_cookie_of_the_session_is_for_https_and_this_host_alone_and_no_script_reads_it(visitor):
    cookie = sign_in(visitor)
    assert cookie["name"] == COOKIE
    assert cookie["secure"] is True
    assert cookie["httpOnly"] is True
    assert cookie["sameSite"] == "Lax"
    assert cookie["domain"] == ADDRESS  # with no dot before it: not for other hosts
    assert visitor.ask("evaluate", "document.cookie") == ""


def test_without_its_cookie_the_same_page_leads_to_the_sign_in_page(visitor):
    sign_in(visitor)
    assert visitor.ask("open", f"{UI}/dashboard") == f"{UI}/dashboard"
    visitor.ask("forget")
    assert visitor.ask("open", f"{UI}/dashboard") == f"{UI}/signin"


def test_signing_out_ends_the_session(visitor):
    sign_in(visitor)
    visitor.ask("click", "#sign-out")
    visitor.ask("wait", "location.pathname === '/signin'")
    assert visitor.ask("cookies") == []
    assert visitor.ask("open", f"{UI}/dashboard") == f"{UI}/signin"


def test_a_visitor_cannot_make_an_account(visitor):
    email = f"{uuid.uuid4().hex}@example.com"
    visitor.ask("open", f"{UI}/signup")
    assert visitor.text("h1") == "Sign ups are disabled"
    # The form of the sign-in page makes an account of what it does not know, were it not for the edge.
    assert submit(visitor, email, Secret("long enough")) == "/signin"
    assert visitor.text("#message") == "Invalid email or password"
    assert visitor.ask("evaluate", SIGN_UP % email) == 403
    assert visitor.ask("cookies") == []


HEADINGS = "[...document.querySelectorAll('h2')].map(one => one.textContent)"
SEEN = "[...document.querySelectorAll('%s')].filter(one => one.getBoundingClientRect().width > 0).length"
REPORTS = {
    "fleet": (("status",), {"Hosts", "Checks", "Backups", "Secrets", "Traffic of the last 24 hours"}, "circle.dot"),
    "deploy": (
        ("deploy", "--yes", "--set", "jawn.environment.LAB_MARK=report"),
        {"Timeline", "What changed", "Checks"}, "rect.bar",
    ),
}  # fmt: skip


@pytest.mark.usefixtures("as_found")
@pytest.mark.parametrize(("words", "headings", "drawn"), REPORTS.values(), ids=REPORTS)
def test_a_report_is_a_page_of_its_own_with_all_that_belongs_to_it(browser, tmp_path, words, headings, drawn):
    page = tmp_path / "report.html"
    result = lab(*words, "--report", str(page))
    assert result.code == 0, result.text
    browser.ask("open", f"data:text/html;base64,{base64.b64encode(page.read_bytes()).decode()}")
    assert browser.text("h1").endswith(" of lab")
    assert headings <= set(browser.ask("evaluate", HEADINGS))
    assert browser.ask("evaluate", SEEN % drawn) > 1  # latencies by hour, or steps on the axis of time
    assert browser.ask("evaluate", "performance.getEntriesByType('resource').length") == 0
    assert browser.ask("evaluate", "document.documentElement.scrollWidth <= window.innerWidth")
    browser.keep(f"report-{words[0]}")
