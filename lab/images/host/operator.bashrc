# The worst login that still works: it greets everybody on standard output, also those who only run
# a command, has an odd locale and leaves every new file open to the world.
echo "*** Welcome to $(hostname), property of the lab. Unauthorized {access} is prohibited. ***"
echo '"Today": ["disk 42 % full", 3 updates] }'
export LANG=tr_TR.UTF-8 LC_NUMERIC=de_DE.UTF-8
umask 000
for number in $(seq 1 200); do : "$number"; done
unset number
