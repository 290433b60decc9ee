#!/bin/sh
# deps.sh [demo|test|bench|vm] - make sure that this machine has what the Makefile's targets need. What is there
# already is left alone, so it costs nothing to run it every time.
#
# demo: Go. test: a C compiler for the race detector, the agents that tests run, and Pacemaker's commands, which are
# unpacked below .tools/peer and not installed, so that none of its services comes with them. bench: also the peer,
# Pacemaker itself, if its lab is beside the repository. vm: also qemu, and Debian's kernel, which is unpacked below
# .tools/vm and not installed. Packages are installed by apt-get where that is there and we are root; else they are
# named, and what needs them skips itself.
set -eu
cd "$(dirname "$0")/.."
what=${1:-test}

packages= need_go=
have() { command -v "$1" >/dev/null 2>&1; }
need() { # program or file, package
	if ! have "$1" && ! [ -e "$1" ]; then packages="$packages $2"; fi
}

go_version=1.26.8
go_sum_x86_64=30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7
go_sum_aarch64=02b36b6787b3ac767668f630e2998df45a3b1f9ffee08d1bf3ef6487cd658d99

# From 1.21 on Go fetches by itself the version that go.mod asks for.
if have go; then
	case $(cd / && GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) in
	go1.2[1-9]* | go1.[3-9][0-9]* | go[2-9]*) ;;
	*) need_go=yes ;;
	esac
else
	need_go=yes
fi
if [ "$need_go" ]; then
	have curl || have wget || packages="$packages curl ca-certificates"
	have unzip || have python3 || packages="$packages unzip"
fi

if [ "$what" != demo ]; then
	need gcc gcc
	need /usr/include/stdlib.h libc6-dev
	need ip iproute2
	need ping iputils-ping
	need ps procps
	need /usr/lib/ocf/resource.d/heartbeat/IPaddr2 resource-agents
	need /usr/lib/ocf/resource.d/pacemaker/Dummy pacemaker-resource-agents
	need xmllint libxml2-utils
	need unshare util-linux
fi
if [ "$what" = bench ] && [ -d ../shared/peers/lab ]; then
	need python3 python3
	need corosync corosync
	need pacemakerd pacemaker
	need crm_mon pacemaker-cli-utils
	need socat socat
	need nsenter util-linux
fi

if [ "$what" = vm ]; then
	need qemu-system-x86_64 qemu-system-x86
	need depmod kmod
	need xz xz-utils
	need losetup mount
	# What the machines run besides Holdfast.
	need busybox busybox-static
	need sg_persist sg3-utils
	need iscsid open-iscsi
	need lvm lvm2
	need mkfs.ext4 e2fsprogs
	need fuser psmisc
	need mmdebstrap mmdebstrap
fi

updated=
install() { # packages
	echo "installing: $*"
	# Services of the peer must not start on this machine.
	policy=
	if ! [ -e /usr/sbin/policy-rc.d ]; then
		policy=/usr/sbin/policy-rc.d
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod 755 $policy
		trap 'rm -f $policy' EXIT
	fi
	[ "$updated" ] || DEBIAN_FRONTEND=noninteractive apt-get update -qq || true
	updated=yes
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
	if [ "$policy" ]; then
		rm -f $policy
		trap - EXIT
	fi
}

if [ "$packages" ]; then
	if have apt-get && [ "$(id -u)" = 0 ]; then
		# shellcheck disable=SC2086 # a list of names
		install $packages
	else
		echo "missing, and only root can install it:$packages" >&2
		echo "  apt-get install --no-install-recommends$packages" >&2
	fi
fi

# The commands that the tests compare ours with are those of Pacemaker 2.1.5; other versions say other things. Their
# libraries and schemas are installed, which start nothing.
if [ "$what" = test ] && ! have crm_simulate && [ ! -e .tools/peer ] && have apt-get && [ "$(id -u)" = 0 ]; then
	case $(apt-cache policy pacemaker-cli-utils | sed -n 's/.*Candidate: //p') in
	2.1.5-*)
		# shellcheck disable=SC2046 # a list of names
		install pacemaker-common bzip2 $(apt-cache depends pacemaker-cli-utils | sed -n 's/.*Depends: \(lib[^ ]*\)$/\1/p')
		echo "fetching pacemaker-cli-utils to .tools/peer"
		rm -rf .tools/peer.new
		mkdir -p .tools/peer.new
		if (cd .tools/peer.new && apt-get download -qq pacemaker-cli-utils 2>/dev/null && dpkg -x pacemaker-cli-utils_*.deb .); then
			rm .tools/peer.new/*.deb
			mv .tools/peer.new .tools/peer
		else
			echo "that has failed: tests that compare with Pacemaker's commands skip themselves" >&2
		fi
		;;
	*) echo "Pacemaker 2.1.5 cannot be had here: tests that compare with its commands skip themselves" ;;
	esac
fi

if [ "$what" = vm ] && ! [ -e .tools/vm/kernel ]; then
	have apt-get || { echo "tests/vm needs Debian's kernel, and there is no apt-get to fetch it with" >&2; exit 1; }
	name=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
	[ "$name" ] || { echo "apt-cache does not know linux-image-amd64: run apt-get update" >&2; exit 1; }
	echo "fetching $name to .tools/vm"
	rm -rf .tools/vm
	mkdir -p .tools/vm/unpacked
	(cd .tools/vm && apt-get download -qq "$name" 2>/dev/null) || { echo "apt-get download $name has failed" >&2; exit 1; }
	dpkg -x .tools/vm/"$name"_*.deb .tools/vm/unpacked
	rm .tools/vm/"$name"_*.deb
	depmod -b .tools/vm/unpacked "${name#linux-image-}"
	mv .tools/vm/unpacked .tools/vm/kernel
fi

[ "$need_go" ] || exit 0
[ ! -x .tools/go/bin/go ] || exit 0
machine=$(uname -m)
case $machine in
x86_64) arch=amd64 sum=$go_sum_x86_64 ;;
aarch64) arch=arm64 sum=$go_sum_aarch64 ;;
*) echo "Go $go_version is needed: https://go.dev/doc/install" >&2; exit 1 ;;
esac
module=toolchain@v0.0.1-go$go_version.linux-$arch
case ${GOPROXY:-} in
http://* | https://*) proxy=${GOPROXY%%[,|]*} ;;
*) proxy=https://proxy.golang.org ;;
esac
url=$proxy/golang.org/toolchain/@v/${module#*@}.zip
echo "fetching Go $go_version to .tools/go"
rm -rf .tools/fetch
mkdir -p .tools/fetch
if have curl; then curl -fsSL -o .tools/fetch/go.zip "$url"; else wget -q -O .tools/fetch/go.zip "$url"; fi
echo "$sum  .tools/fetch/go.zip" | sha256sum -c --quiet || { echo "$url is not what it should be" >&2; exit 1; }
if have unzip; then unzip -q .tools/fetch/go.zip -d .tools/fetch; else python3 -m zipfile -e .tools/fetch/go.zip .tools/fetch; fi
rm -rf .tools/go
mv ".tools/fetch/golang.org/$module" .tools/go
chmod +x .tools/go/bin/* .tools/go/pkg/tool/linux_$arch/*
rm -rf .tools/fetch
