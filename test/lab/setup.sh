# Runs inside of a new host of the laboratory, as root: accounts, sudo and sshd.
set -eu

account() {
  echo "$1:x:$2:$2::/home/$1:/bin/sh" >>/etc/passwd
  echo "$1:x:$2:" >>/etc/group
  echo "$1:*:19000:0:99999:7:::" >>/etc/shadow
  mkdir -p "/home/$1/.ssh"
}

echo "127.0.1.1 $(hostname)" >>/etc/hosts
account ada 3001
account bea 3002
if [ -e /etc/lab-password ]; then
  (printf 'bea:'; cat /etc/lab-password; echo) | chpasswd
  rm /etc/lab-password
fi
mkdir -p ~root/.ssh
for home in ~root /home/ada /home/bea; do
  cp /etc/ssh/client/* "$home/.ssh/"
  chmod 600 "$home/.ssh/"*
done
chown -R 3001:3001 /home/ada
chown -R 3002:3002 /home/bea
chmod 700 ~root
chmod 600 /etc/ssh/host_key

mkdir -p /etc/sudoers.d
{
  echo 'ada ALL=(ALL:ALL) NOPASSWD: ALL'
  echo 'bea ALL=(ALL:ALL) ALL'
} >/etc/sudoers.d/lab
chmod 440 /etc/sudoers.d/lab
# Debian's package sudo-rs comes without this file.
if [ ! -e /etc/sudoers ]; then
  printf 'root ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n' >/etc/sudoers
  chmod 440 /etc/sudoers
fi
{
  echo 'permit nopass ada'
  echo 'permit bea'
} >/etc/doas.conf
if [ ! -e /usr/bin/sudo ] && [ -e /usr/bin/sudo-rs ]; then
  ln -s sudo-rs /usr/bin/sudo
fi

# sshd goes into the background when it listens.
/usr/sbin/sshd -f /etc/ssh/sshd_config -E /var/log/sshd.log

if [ -d /srv/box ]; then
  podman run --detach --name app --runtime runc --cgroup-manager cgroupfs \
    --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 --network=none \
    --tmpfs /tmp:rw,size=32m,mode=1777 --rootfs /srv/box sleep infinity >/var/log/box.id
fi
