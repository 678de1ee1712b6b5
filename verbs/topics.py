"""The operator's verbs by what they are for: the order in which docs/reference/commands.md tells them."""

TOPICS: dict[str, tuple[str, ...]] = {
    "Deploy and go back": ("plan", "deploy", "rollback", "verify", "render"),
    "See what is there and what happens": (
        "status", "history", "welcome", "usage", "logs", "exec", "drift", "doctor", "inventory", "unlock",
    ),
    "Keys and accounts of Helicone": ("apikey.create", "apikey.list", "apikey.revoke", "user.create", "user.list"),
    "Secrets": ("secrets.edit", "secrets.rotate", "secrets.recipients"),
    "Backups": ("backup", "backups", "drill", "restore"),
    "Hosts, images and upgrades": ("hosts.trust", "images.lock", "upgrade.check", "prune", "halt", "edge.authority"),
    "The lab": ("lab.up", "lab.status", "lab.down"),
    "For those who change this project": ("reference",),
}  # fmt: skip
