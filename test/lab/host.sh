#!/bin/sh
# Makes one host of the laboratory. Runs as the first process of new mount, network, process and
# host name namespaces (host.ts), and becomes init.py, which ends the host with its standard input.
#
#     host.sh NAME STAGE LOWER BUN
#
# The host's root is LOWER, with a file system in memory over it: whatever is written there is gone
# with the host. STAGE is an empty folder for that file system; STAGE.files holds what the host is
# given (lab.ts), and STAGE.box, if it exists, names the root of a podman container.
set -eu
name=$1 stage=$2 lower=$3 bun=$4

# The process id as the machine sees it: this is still the machine's /proc.
read -r pid rest </proc/self/stat
mount --make-rprivate /
mount -t tmpfs -o size=4g,mode=755 lab "$stage"

# overlay LOWER TARGET: a writeable copy of a folder.
overlay() {
  over=$(mktemp -d "$stage/over.XXXXXX")
  mkdir "$over/upper" "$over/work"
  chmod 755 "$over/upper"
  mount -t overlay -o "lowerdir=$1,upperdir=$over/upper,workdir=$over/work" overlay "$2"
}

# share FILE TARGET: the machine's file, to read and run.
share() {
  mkdir -p "$(dirname "$2")"
  : >"$2"
  mount --bind "$1" "$2"
}

root=$stage/root
mkdir "$root"
overlay "$lower" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 dev "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
for device in null zero full random urandom tty; do
  share "/dev/$device" "$root/dev/$device"
done
ln -s /proc/self/fd "$root/dev/fd"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
mount -t tmpfs -o mode=755 run "$root/run"
# Small, so that a test can fill it.
mount -t tmpfs -o mode=1777,size=32m tmp "$root/tmp"
mount --rbind /sys "$root/sys"
share "$bun" "$root/usr/local/bin/bun"

if [ -e "$stage.box" ]; then
  mkdir -p "$root/srv/box" "$root/var/lib/containers"
  overlay "$(cat "$stage.box")" "$root/srv/box"
  share "$bun" "$root/srv/box/usr/local/bin/bun"
  mount -t tmpfs containers "$root/var/lib/containers"
fi

# Nothing of the machine's own keys, settings and accounts' files is to be seen.
for folder in etc/ssh etc/sudoers.d root home; do
  mount -t tmpfs -o mode=755 empty "$root/$folder"
done
cp -R "$stage.files/." "$root/"
mkdir "$root/run/sshd"
hostname "$name"
echo "$name" >"$root/etc/hostname"
ip link set lo up
mkdir "$root/.machine"
cd "$root"
pivot_root . .machine
umount -l /.machine
rmdir /.machine
chroot . sh /etc/lab-setup
echo "up $pid"
exec chroot . /usr/bin/python3 -IS /etc/lab-init.py >/dev/null 2>&1
