"""Verification: what must be found on every host, looked up over the connections that are already open."""

from gateway.verify.report import Failure, VerifyReport
from gateway.verify.run import verify_hosts

__all__ = ["Failure", "VerifyReport", "verify_hosts"]
