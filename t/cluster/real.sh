# real.sh: the parts of ./cluster, which reads this file, that make a real node: containerd and
# kubelet, kube-proxy, CoreDNS, traefik, volumes in folders, and network policies
# by an enforcer of our own. It has mount and network namespaces and control groups
# of its own. Nothing of the machine is changed, and all of it goes with them.
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2034 # what ./cluster has set, and what it reads

node_address=10.250.0.10
shop_domain=shops.localhost # what browsers resolve to this machine, and a wildcard may name
pods_range=10.244.0.0/24
test_images=localhost/store-platform-test
real_programs="hold forward policies local-path-provisioner kube-proxy kubelet containerd"
real_needs="runc iptables nft ip nsenter unshare gcc busybox mmdebstrap"
outside_name_server=10.0.2.3 # slirp4netns answers there

# lacking SENTENCE: this machine cannot run a real node; the exit status says that it is that.
lacking() {
	say "cluster: a real node $1"
	rmdir "$folder" 2>/dev/null || :
	exit 3
}

# probe SENTENCE COMMAND...: tries out what the node will do, in namespaces of its own.
probe() {
	sentence=$1
	shift
	unshare --mount --net --propagation private -- "$@" >/dev/null 2>&1 || lacking "$sentence"
}

# In one sentence what this machine lacks for a real node.
check_real() {
	[ "$(uname -s) $(id -u)" = "Linux 0" ] || lacking "needs root, for namespaces and mounts."
	lacks=
	for program in $real_needs ${official:+slirp4netns}; do
		command -v "$program" >/dev/null || lacks="$lacks $program"
	done
	[ -x /usr/lib/cni/bridge ] || lacks="$lacks CNI-plugins"
	[ -z "$lacks" ] || lacking "needs what is missing here:$lacks. Install it with: ./dev deps"
	case $folder/ in
	/run/* | /var/run/* | /var/lib/* | /var/log/*)
		lacking "has a /run, /var/lib and /var/log of its own; name another folder than $folder."
		;;
	esac
	mkdir -p "$folder"
	# shellcheck disable=SC2016 # for the inner shells
	{
		probe "needs namespaces, which this machine refuses." true
		probe "needs a bridge, which this kernel does not make." ip link add br0 type bridge
		probe "needs iptables to translate addresses, which this kernel does not do." iptables -t nat -S
		probe "needs nftables, which this kernel does not have." nft add table inet probe
		probe "needs overlay mounts in $folder, which its file system does not take." sh -c '
			cd "$0" && mount -t tmpfs probe /mnt && mkdir -p /mnt/lower .probe/upper .probe/work /mnt/all &&
			mount -t overlay -o lowerdir=/mnt/lower,upperdir=.probe/upper,workdir=.probe/work overlay /mnt/all' "$folder"
	}
	rm -rf "$folder/.probe"
	for place in $(cgroups); do
		mkdir -p "$place" 2>/dev/null || lacking "needs control groups, and ${place%/*} cannot be written."
		rmdir "$place"
	done
}

# The control groups of this folder's node, one in each hierarchy there is.
cgroups() {
	group=store-node-$(printf %s "$folder" | cksum | cut -d ' ' -f 1)
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
		echo "/sys/fs/cgroup/$group"
	else
		for hierarchy in cpu cpuacct cpuset memory devices freezer blkio pids systemd unified; do
			[ ! -e "/sys/fs/cgroup/$hierarchy/cgroup.procs" ] || echo "/sys/fs/cgroup/$hierarchy/$group"
		done
	fi
}

# A new group of the old kind has no processors and no memory until it is given some.
make_cgroup() {
	mkdir -p "$1"
	if [ -e "$1/cgroup.controllers" ]; then
		sed 's/[a-z_]\+/+&/g' "$1/cgroup.controllers" >"$1/cgroup.subtree_control"
	elif [ -e "$1/cpuset.cpus" ]; then
		cat "${1%/*}/cpuset.cpus" >"$1/cpuset.cpus"
		cat "${1%/*}/cpuset.mems" >"$1/cpuset.mems"
	fi
}

# Pods are in one part, and whatever else belongs to the node in the other.
make_cgroups() {
	for place in $(cgroups); do
		make_cgroup "$place"
		make_cgroup "$place/pods"
		case $place in
		*/pids/* | /sys/fs/cgroup/store-node-*)
			mkdir -p "$place/daemons"
			ln -s "$place/daemons/cgroup.procs" "$folder/cgroup.procs"
			;;
		esac
	done
}

# Every process in the node's groups, containers and what holds them as well, ends here. They
# start others and make groups while they are killed, so it is repeated, and groups go last.
end_node() {
	places=
	for place in $(cgroups); do
		[ ! -d "$place" ] || places="$places $place"
	done
	[ -n "$places" ] || return 0
	tries=400
	# shellcheck disable=SC2086 # lists of paths and of numbers
	until pids=$(find $places -name cgroup.procs -exec cat {} + 2>/dev/null || :) && [ -z "$pids" ] &&
		{ find $places -depth -type d -exec rmdir {} + 2>/dev/null || :; } &&
		[ -z "$(ls -d $places 2>/dev/null)" ]; do
		[ $tries -gt 0 ] || {
			say "cluster: the node does not end; its processes are:" $pids
			return 1
		}
		[ -z "$pids" ] || kill -s KILL $pids 2>/dev/null || :
		tries=$((tries - 1))
		sleep 0.05
	done
}

# The first program is in new namespaces; the others join it, but for the forwarder, which
# listens outside.
start_holder() {
	enter="unshare --mount --net --propagation private --"
	start hold "$folder"
	await "namespaces" hold test -e "$folder/held"
	holder=$(pid_of hold)
	enter=
	start forward "$holder" "$api_port=127.0.0.1:$api_port" "$node_port=$node_address:80" \
		"$https_port=$node_address:443"
	enter="nsenter --target $holder --mount --net --"
}

make_real_keys() {
	certificate kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client \
		basicConstraints=CA:FALSE extendedKeyUsage=clientAuth
	certificate node /O=system:nodes/CN=system:node:node basicConstraints=CA:FALSE \
		extendedKeyUsage=clientAuth
	certificate proxy /CN=system:kube-proxy basicConstraints=CA:FALSE extendedKeyUsage=clientAuth
	certificate kubelet /CN=node basicConstraints=CA:FALSE extendedKeyUsage=serverAuth \
		subjectAltName=IP:$node_address,DNS:node
	certificate ingress "/CN=*.$shop_domain" basicConstraints=CA:FALSE extendedKeyUsage=serverAuth \
		"subjectAltName=DNS:*.$shop_domain"
}

write_containerd() {
	cat >"$folder/containerd.toml" <<-END
		version = 3
		root = "$folder/containerd/root"
		state = "$folder/containerd/state"
		oom_score = 0
		disabled_plugins = ["io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.btrfs",
		  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.erofs",
		  "io.containerd.snapshotter.v1.zfs", "io.containerd.nri.v1.nri",
		  "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]
		[grpc]
		  address = "$folder/ctd.sock"
		[plugins.'io.containerd.cri.v1.images']
		  snapshotter = "overlayfs"
		  [plugins.'io.containerd.cri.v1.images'.pinned_images]
		    sandbox = "$test_images/pause:1"
		[plugins.'io.containerd.cri.v1.runtime']
		  restrict_oom_score_adj = true
		  disable_apparmor = true
		  disable_hugetlb_controller = true
		  [plugins.'io.containerd.cri.v1.runtime'.cni]
		    bin_dirs = ["/usr/lib/cni"]
		    conf_dir = "$folder/cni"
		  [plugins.'io.containerd.cri.v1.runtime'.containerd]
		    default_runtime_name = "runc"
		    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
		      runtime_type = "io.containerd.runc.v2"
		      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
		        BinaryName = "$(command -v runc)"
		        SystemdCgroup = false
	END
	mkdir -p "$folder/cni"
	cat >"$folder/cni/10-bridge.conflist" <<-END
		{"cniVersion": "1.0.0", "name": "node", "plugins": [
		  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
		   "ipam": {"type": "host-local", "dataDir": "$folder/cni-addresses",
		            "ranges": [[{"subnet": "$pods_range"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
		  {"type": "portmap", "capabilities": {"portMappings": true}}]}
	END
}

# The way out into the world: a network stack in a process, so that nothing of the machine
# is changed. The machine's own loopback stays closed to it.
open_way_out() {
	[ -n "$official" ] || return 0
	enter=
	start slirp4netns --configure --disable-host-loopback "$holder" out0
	enter="nsenter --target $holder --mount --net --"
	echo "nameserver $outside_name_server" >"$folder/resolv.outside"
	await "way out" slirp4netns $enter ip link show out0
	$enter iptables -t nat -A POSTROUTING -s 10.244.0.0/16 -o out0 -j MASQUERADE
	$enter mount --bind "$folder/resolv.outside" /etc/resolv.conf
}

# The image is there, or kubelet has said why it is not.
official_image() {
	kubectl get pod official >"$folder/official" -o \
		jsonpath='{.status.containerStatuses[0].imageID}{.status.containerStatuses[0].state.waiting.message}'
	[ -s "$folder/official" ]
}

# Said at once, and not by the first shop that waits for it.
check_registry() {
	[ -n "$official" ] || return 0
	image=$(sed -n '/^mariadb:/,/^[a-z]/s/^  image: //p' "$here/../../charts/woocommerce-store/values.yaml")
	await "pod of an official image" kube-apiserver kubectl run official --image "$image" --restart Never --command -- true
	await "an official image, or why not" kubelet official_image
	grep -q '@sha256:' "$folder/official" || {
		say "cluster: --official needs the registry of the chart's images, and it cannot be reached: $(cat "$folder/official")"
		exit 1
	}
	await "pod removed" kube-controller-manager kubectl delete pod official --timeout=10s
}

write_kubelet() {
	echo "nameserver 10.96.0.10" >"$folder/resolv.conf"
	group=$(cgroups | head -n 1)
	cat >"$folder/kubelet.yaml" <<-END
		apiVersion: kubelet.config.k8s.io/v1beta1
		kind: KubeletConfiguration
		address: $node_address
		port: 10250
		healthzBindAddress: 127.0.0.1
		authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $folder/ca.crt}}
		authorization: {mode: Webhook}
		tlsCertFile: $folder/kubelet.crt
		tlsPrivateKeyFile: $folder/kubelet.key
		containerRuntimeEndpoint: unix://$folder/ctd.sock
		cgroupDriver: cgroupfs
		cgroupRoot: /${group##*/}/pods
		failCgroupV1: false
		oomScoreAdj: 0
		failSwapOn: false
		clusterDNS: [10.96.0.10]
		clusterDomain: cluster.local
		resolvConf: $folder/resolv.conf
		podLogsDir: $folder/podlogs
		staticPodPath: ""
		enforceNodeAllocatable: [pods]
		imageMinimumGCAge: 240h
		imageGCHighThresholdPercent: 100
		evictionHard: {memory.available: 100Mi, nodefs.available: 1Gi, imagefs.available: 1Gi}
		nodeStatusUpdateFrequency: 5s
		makeIPTablesUtilChains: true
	END
	cat >"$folder/kube-proxy.yaml" <<-END
		apiVersion: kubeproxy.config.k8s.io/v1alpha1
		kind: KubeProxyConfiguration
		mode: iptables
		hostnameOverride: node
		clusterCIDR: 10.244.0.0/16
		clientConnection: {kubeconfig: $folder/proxy.kubeconfig}
		healthzBindAddress: 127.0.0.1:10256
		metricsBindAddress: 127.0.0.1:10249
		oomScoreAdj: 0
		conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
	END
}

containerd_up() {
	"$folder/bin/ctr" --address "$folder/ctd.sock" version
}

import() {
	"$folder/bin/ctr" --address "$folder/ctd.sock" --namespace k8s.io images import --local "$images/$1.tar"
}

node_ready() {
	kubectl wait --for=condition=Ready node/node --timeout=5s
}

# Objects of the node, with what only this folder knows.
node_objects() {
	sed "s|@folder@|$folder|g; s|@images@|$test_images|g; s|@address@|$node_address|g;
		s|@certificate@|$(embed ingress.crt)|; s|@key@|$(embed ingress.key)|
		s|@forward@|${official:+forward . $outside_name_server}|" "$here/node.yaml"
}

# The programs of the node beside those of Kubernetes, in one folder.
link_real() {
	images=$("$here/images/build")
	mkdir "$folder/bin"
	for part in kubernetes $("$here/build" parts-of-node); do
		ln -s "$("$here/build" "$part")"/* "$folder/bin/"
	done
	ln -s "$here/hold" "$here/forward" "$here/policies" "$folder/bin/"
	PATH=$folder/bin:$PATH # containerd finds its shim in there
}

# Values for shops on this node. The chart's own images are the official ones.
write_values() {
	sed "${official:+/@images@/d; }s|@images@|$test_images|" "$here/real-values.yaml" >"$folder/values.yaml"
}

prepare_real() {
	make_cgroups
	make_real_keys || fail openssl "making the keys failed."
	link_real
	write_values
	printf 'http://127.0.0.1:%s\nhttps://127.0.0.1:%s\n' "$node_port" "$https_port" >"$folder/addresses"
	[ -z "$official" ] || ln -s "$(command -v slirp4netns)" "$folder/bin/"
	start_holder
	open_way_out
}

start_real_node() {
	write_containerd
	write_kubelet
	write_kubeconfig node
	write_kubeconfig proxy
	printf '{"nodePathMap": [{"node": "DEFAULT_PATH_FOR_NON_LISTED_NODES", "paths": ["%s"]}]}\n' \
		"$folder/volumes" >"$folder/local-path.json"
	# Containers are other users; the folder as a whole stays closed.
	umask 022
	start containerd --config "$folder/containerd.toml" --log-level info
	await "containerd" containerd containerd_up
	await "sandbox image" containerd import pause
	start kubelet --config="$folder/kubelet.yaml" --kubeconfig="$folder/node.kubeconfig" \
		--hostname-override=node --node-ip=$node_address --root-dir="$folder/kubelet" \
		--cert-dir="$folder/kubelet/pki"
	umask 077
	start kube-proxy --config="$folder/kube-proxy.yaml"
	start policies "$folder" "https://127.0.0.1:$api_port" $pods_range 10.244.0.1
	await "node" kubelet node_ready
	node_objects >"$folder/node.yaml"
	await "objects of the node" kube-apiserver kubectl apply --server-side -f "$folder/node.yaml"
	start local-path-provisioner start --config "$folder/local-path.json" \
		--kubeconfig "$folder/kubeconfig" --namespace kube-system \
		--configmap-name local-path-config --service-account-name default \
		--helper-image "$test_images/tools:1" --provisioner-name rancher.io/local-path
	await "images of the node" containerd import node
	[ -n "$official" ] || await "images of shops" containerd import shop
	await "name service" kubelet kubectl -n kube-system wait --for=condition=Available deployment/coredns --timeout=5s
	await "ingress" kubelet kubectl -n kube-system wait --for=condition=Available deployment/traefik --timeout=5s
	check_registry
}
