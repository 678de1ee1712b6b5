"""Files that are missing, that are about nobody, or that leave something out."""

from __future__ import annotations

from tests.unit.inventory.bad_inputs.case import HOSTS, Case

FILES = {
    "host_vars of nobody": Case({"host_vars/ap1.yml": ""}, "inventory/lab/host_vars/ap1.yml", ("did you mean `app1`",)),
    "group_vars of nobody": Case(
        {"group_vars/dta.yml": ""}, "inventory/lab/group_vars/dta.yml", ("no group `dta`", "did you mean `data`")
    ),
    "variables without .yml": Case({"group_vars/app": ""}, "inventory/lab/group_vars/app", (".yml",)),
    "role file missing": Case({}, "roles/app/role.yml", ("missing",), absent=("roles/app/role.yml",)),
    "hosts.yml missing": Case({}, "inventory/lab", ("hosts.yml is missing",), absent=(HOSTS,)),
    "unknown key in role defaults": Case(
        {"/roles/edge/role.yml": "needs: []\ndefaults:\n  egde: {}\n"}, "roles/edge/role.yml:3", ("`edge`",)
    ),
    "missing variable": Case(
        {"/roles/edge/role.yml": "defaults:\n  edge: {cpus: 1}\n"},
        "inventory/lab",
        ("`app1`", "no value for `edge.memory`", "group_vars/all.yml", "host_vars/app1.yml"),
    ),
}
