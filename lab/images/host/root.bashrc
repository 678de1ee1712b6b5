# A root shell that has grown over the years: it sets much, and prints nothing.
export HISTSIZE=100000 HISTTIMEFORMAT='%F %T ' EDITOR=vi PAGER=less LESS=-R
export LC_ALL=C.UTF-8
alias ll='ls -l' la='ls -la' rm='rm -i' cp='cp -i' mv='mv -i' grep='grep --color=auto'
umask 027
for directory in /opt/*/bin /usr/local/*/bin; do
    [ -d "$directory" ] && PATH="$directory:$PATH"
done
for number in $(seq 1 200); do : "$number"; done
unset directory number
