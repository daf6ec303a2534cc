#!/bin/sh
# enter.sh ROOT HERE:THERE ... -- COMMAND ...: in namespaces of its own, makes of ROOT the root of a
# container, read-only but for the first HERE and /tmp, and becomes COMMAND there.
set -eu
root=$1
shift
mount --make-rprivate /
mount --bind "$root" "$root"
options=rw
while [ "$1" != -- ]; do
  mount --bind "${1%%:*}" "$root${1#*:}"
  mount -o "remount,bind,$options" "$root${1#*:}"
  options=ro
  shift
done
shift
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777,size=64m tmpfs "$root/tmp"
mount -t tmpfs -o mode=755,size=64k tmpfs "$root/dev"
for device in null zero full random urandom; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir -m 1777 "$root/dev/shm"
mount -t tmpfs -o mode=1777,size=64m tmpfs "$root/dev/shm"
mount -o remount,bind,ro "$root"
exec chroot "$root" "$@"
