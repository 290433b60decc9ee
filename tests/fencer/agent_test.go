package fencer

// agents are the names under which the scenarios' agent is installed; the name says what it can do.
var agents = []string{"fence_all", "fence_noreboot", "fence_nostatus", "fence_nolist", "fence_fabric", "fence_onlyoff", "fence_nodeid", "fence_plug",
	"fence_mad", "fence_empty", "fence_loud", "fence_crash", "fence_orphan", "fence_slowmeta"}

// agentScript is a fence agent whose power switches are files, one for each device and outlet. Parameters make it
// misbehave, for all targets or for one: ACTION=fail, lie, hang, flood, fork, kill or a time to take.
const agentScript = `#!/bin/sh
me=${0##*/}
while IFS='=' read -r name value; do
	case $name in
	action) action=$value ;; port|plug) port=$value ;; nodename) node=$value ;; nodeid) id=$value ;;
	dir) dir=$value ;; dev) dev=$value ;; list) list=$value ;;
	off|on|reboot|status|monitor) eval "do_$name=\$value" ;; once) once=$value ;;
	esac
done
actions="on off reboot status monitor list"
case $me in
fence_noreboot) actions="on off status monitor" ;;
fence_nostatus) actions="on off reboot monitor" ;;
fence_nolist) actions="on off reboot status monitor" ;;
fence_onlyoff) actions="off status monitor" ;;
fence_fabric) actions="off status monitor"; fabric='<action name="on" on_target="1" automatic="1"/>' ;;
esac
if [ "$action" = metadata ]; then
	case $me in
	fence_mad) echo '<resource-agent name="x"><parameters><<<'; exit 0 ;;
	fence_empty) exit 0 ;;
	fence_loud) yes '<!-- noise -->' | head -c 4000000 ;;
	fence_crash) kill -SEGV $$ ;;
	fence_orphan) sleep 300 & ;;
	fence_slowmeta) exec sleep 300 ;;
	esac
	echo "<resource-agent name=\"$me\"><parameters>"
	[ $me = fence_plug ] && echo '<parameter name="plug"/>' || echo '<parameter name="port"/>'
	[ $me = fence_nodeid ] && echo '<parameter name="nodeid"/>'
	echo "</parameters><actions>$fabric"
	for a in $actions; do echo "<action name=\"$a\"/>"; done
	echo '</actions></resource-agent>'
	exit 0
fi
echo "$dev $action ${port:-$node}${id:+ id=$id}" >> $dir/calls
eval "how=\$do_$action"
if [ -n "$once" ]; then [ -e $dir/once.$dev ] && how= || : > $dir/once.$dev; fi
case $how in
fail) echo "the plug is pulled" >&2; exit 1 ;;
lie) exit 0 ;;
hang) exec sleep 300 ;;
deaf) trap '' TERM; sleep 300 & while :; do wait; done ;;
flood) yes "a line of noise" | head -c 8000000; yes "and of errors" | head -c 8000000 >&2; exit 1 ;;
fork) sleep 300 & sleep 300 & ;;
kill) kill -KILL $$ ;;
segv) kill -SEGV $$ ;;
nonsense) printf '\000\377\033[31m' >&2; exit 77 ;;
[0-9]*) sleep $how ;;
esac
switch=$dir/off.$dev.${port:-$node}
case $action in
off) : > $switch ;;
on|reboot) rm -f $switch ;;
status) [ ! -e $switch ] || exit 2 ;;
list) [ -n "$list" ] || exit 1; echo "$list" | tr ';' '\n' ;;
monitor) ;;
*) exit 1 ;;
esac
exit 0
`
