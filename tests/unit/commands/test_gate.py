"""The verification as the gate of a rollout."""

from gateway.commands import gate
from gateway.console import Reporter
from gateway.plan.operations import Run
from gateway.verify.report import Failure, VerifyReport
from tests.unit.situations import load


def test_each_cause_sends_the_hosts_back_once_and_the_whole_result_is_kept(tmp_path, monkeypatch):
    failures = tuple(Failure(host, "jawn is healthy", f"{host} is down") for host in ("app1", "app1", "app2"))
    found = VerifyReport(900, 897, failures, 2.5, {"app1": 600, "app2": 300})
    monkeypatch.setattr(gate, "verify_hosts", lambda *_, **__: found)
    run = Run(load(tmp_path), None, {}, Reporter(quiet=True))
    causes = gate.verification_gate(run)(["app1", "app2"])
    assert [(cause.host, cause.step, cause.cause) for cause in causes] == [
        ("app1", "verify", "app1 is down"), ("app2", "verify", "app2 is down")
    ]  # fmt: skip
    [kept] = run.reporter.verifications
    assert kept == {"at": kept["at"], **found.to_dict()}
