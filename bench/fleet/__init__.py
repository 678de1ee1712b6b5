"""`make bench`: what a deploy to many hosts costs, beside Ansible, pyinfra, plain Fabric and the floor."""
