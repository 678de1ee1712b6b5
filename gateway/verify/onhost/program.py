"""One look at a host: the containers, what listens, and the answers to a list of questions."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gateway.agent.failure import StepFailed
from gateway.verify.onhost import containers, listening, questions

WORKERS = 16  # nearly all of the time goes into waiting


def look(order: dict[str, Any]) -> dict[str, Any]:
    """Return what `order` asks for: `containers`, `others`, `listeners`, and `answers` in the order asked.

    `problem` is set, and nothing else known, when Docker Engine does not answer.
    """
    try:
        found = containers.of_project(order["project"])
        others = containers.others(order["project"])
    except StepFailed as failure:
        return {"problem": failure.message, "containers": [], "others": [], "listeners": [], "answers": []}
    described = [containers.describe(container, order["defaults"]) for container in found]
    by_service = {containers.service_of(container): container for container in found}

    def answer(question: dict[str, Any]) -> dict[str, Any]:
        """Answer one question; what stands in the way is an answer too."""
        try:
            return questions.KINDS[question["kind"]](question, by_service)
        except (questions.Unanswerable, StepFailed) as reason:
            return {"problem": str(reason)}
        except (OSError, ValueError, KeyError, IndexError) as error:  # the far end's fault: it is the answer
            return {"problem": f"{type(error).__name__}: {error}"}

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        answers = list(pool.map(answer, order["questions"]))
    return {
        "problem": "",
        "containers": described,
        "others": others,
        "listeners": listening.of_host(order["ports"], order["published"]),
        "answers": answers,
    }


def main() -> None:
    """Read an order from the command line and print what was found as JSON."""
    json.dump(look(json.loads(sys.argv[1])), sys.stdout)
