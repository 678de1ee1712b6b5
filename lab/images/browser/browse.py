"""A browser on a line: reads one JSON object a line, does what it says in Chromium, answers with one JSON object a line.

The first line is {"authorities": PEM}: the certificates that this browser shall trust beside the public ones, or "".
Each further line is one command and what it needs, {"open": url} for instance; see COMMANDS. An answer is
{"value": ...}, or {"error": text} when the browser could not do it. What is typed comes in by standard input
alone, so that no list of processes shows a password. The end of the input is the end of the browser.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

TRUST = Path.home() / ".pki" / "nssdb"  # where Chromium looks for authorities that a user added
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # a container without privileges has no namespaces to give; it is thrown away after the test
    "--disable-gpu",
    "--disable-dev-shm-usage",  # the engine's default of 64 MB is too small
    "--disable-background-networking",
    "--disable-component-update",
    "--window-size=1280,800",
)
SECONDS = 30


def trust(authorities):
    """Put each certificate into the user's NSS database as an authority for servers, and for nothing else."""
    TRUST.mkdir(parents=True)
    database = ["certutil", "-d", f"sql:{TRUST}"]
    subprocess.run([*database, "-N", "--empty-password"], check=True)
    for number, certificate in enumerate(CERTIFICATE.findall(authorities)):
        command = [*database, "-A", "-t", "C,,", "-n", f"authority {number}"]
        subprocess.run(command, input=certificate, text=True, check=True)


def browser():
    """Start Chromium. Errors of certificates are what they are for anybody: the end of the visit."""
    options = ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    options.accept_insecure_certs = False
    for flag in FLAGS:
        options.add_argument(flag)
    driver = Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    driver.set_page_load_timeout(SECONDS)
    driver.set_script_timeout(SECONDS)
    return driver


def visit(driver, url):
    """Open an address and return the one that it led to; the browser's own page of a refusal is an error."""
    driver.get(url)
    refusal = evaluate(driver, "location.protocol === 'chrome-error:' && document.body.innerText")
    if refusal:
        raise WebDriverException(refusal)
    return driver.current_url


def fill(driver, fields):
    """Type a text into each of the fields, named by CSS selectors."""
    for selector, text in fields.items():
        field = driver.find_element(By.CSS_SELECTOR, selector)
        field.clear()
        field.send_keys(text)


def wait(driver, expression):
    """Ask for the value of a JavaScript expression until it is true, pages changing underneath, and return it."""
    patient = WebDriverWait(driver, SECONDS, poll_frequency=0.1, ignored_exceptions=(WebDriverException,))
    return patient.until(lambda asked: evaluate(asked, expression), f"never true: {expression}")


def evaluate(driver, expression):
    """Return the value of a JavaScript expression, or of the promise that it is."""
    return driver.execute_script(f"return ({expression});")


COMMANDS = {
    "open": visit,
    "fill": fill,
    "click": lambda driver, selector: driver.find_element(By.CSS_SELECTOR, selector).click(),
    "wait": wait,
    "evaluate": evaluate,
    "cookies": lambda driver, _: driver.get_cookies(),
    "forget": lambda driver, _: driver.delete_all_cookies(),
    "screenshot": lambda driver, _: driver.get_screenshot_as_base64(),
}


def answer(driver, line):
    """Do what one line says and return the answer."""
    [(name, argument)] = json.loads(line).items()
    try:
        return {"value": COMMANDS[name](driver, argument)}
    except WebDriverException as error:
        return {"error": error.msg or type(error).__name__}


def main():
    """Talk until the input ends."""
    trust(json.loads(sys.stdin.readline())["authorities"])
    driver = browser()
    try:
        for line in sys.stdin:
            print(json.dumps(answer(driver, line)), flush=True)
    finally:
        driver.quit()


if __name__ == "__main__":
    main()
