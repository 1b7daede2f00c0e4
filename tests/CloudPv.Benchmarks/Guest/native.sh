# native.sh ROOT DISK TIME ROW...: measures rows on the host itself, in the guest's files. To be run in a mount namespace of its own. DISK may be empty.
set -eu
root=$1 disk=$2 time=$3
shift 3
mount -t tmpfs tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
if [ "$disk" ]; then
    : >"$root/tmp/disk"
    mount --bind "$disk" "$root/tmp/disk"
    disk=/tmp/disk
fi
chroot=$(command -v chroot)
exec env -i PATH=/bin TIME="$time" DISK="$disk" "$chroot" "$root" /bin/sh /rows "$@"
