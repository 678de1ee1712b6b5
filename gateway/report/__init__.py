"""Reports for people who were not there: one HTML file each, with everything in it that it shows."""

from gateway.report.page import report_path, write_page

__all__ = ["report_path", "write_page"]
