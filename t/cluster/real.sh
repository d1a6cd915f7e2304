# real.sh: the parts of ./cluster, which reads this file, that make a real node: containerd and
# kubelet, kube-proxy, CoreDNS, traefik, volumes in folders, and network policies
# by an enforcer of our own. It has mount and network namespaces and control groups
# of its own. Nothing of the machine is changed, and all of it goes with them.
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2034 # what ./cluster has set, and what it reads

node_address=10.250.0.10
pods_range=10.244.0.0/24
test_images=localhost/store-platform-test
real_programs="hold forward policies local-path-provisioner kube-proxy kubelet containerd"
real_needs="runc iptables nft ip nsenter unshare gcc busybox mmdebstrap"

# In one sentence what this machine lacks for a real node; the exit status says that it is that.
check_real() {
	[ "$(uname -s) $(id -u)" = "Linux 0" ] || {
		say "cluster: a real node needs root, for namespaces and mounts."
		exit 3
	}
	lacks=
	for program in $real_needs; do
		command -v "$program" >/dev/null || lacks="$lacks $program"
	done
	[ -x /usr/lib/cni/bridge ] || lacks="$lacks CNI-plugins"
	[ -z "$lacks" ] || {
		say "cluster: a real node needs what is missing here:$lacks (Debian: apt install runc iptables nftables iproute2 util-linux gcc libc6-dev busybox-static mmdebstrap containernetworking-plugins)."
		exit 3
	}
	case $folder/ in
	/run/* | /var/run/* | /var/lib/* | /var/log/*)
		say "cluster: the node has a /run, /var/lib and /var/log of its own; name another folder than $folder."
		exit 3
		;;
	esac
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
	sed "s|@folder@|$folder|g; s|@images@|$test_images|g; s|@address@|$node_address|g" "$here/node.yaml"
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

prepare_real() {
	make_cgroups
	make_real_keys || fail openssl "making the keys failed."
	link_real
	printf 'http://127.0.0.1:%s\nhttps://127.0.0.1:%s\n' "$node_port" "$https_port" >"$folder/addresses"
	start_holder
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
	for image in tools coredns traefik mariadb wordpress wordpress-cli; do
		await "image $image" containerd import $image
	done
	await "name service" kubelet kubectl -n kube-system wait --for=condition=Available deployment/coredns --timeout=5s
	await "ingress" kubelet kubectl -n kube-system wait --for=condition=Available deployment/traefik --timeout=5s
}
