# What profiles/scheme-v2.yaml asks for, as an administrator would type it: no checks, no reports, no second thoughts.
# It takes the stock host for granted and works once.
set -e

vgextend --yes atomicos /dev/sdb
lvextend --size 15G atomicos/root
lvcreate --yes --size 15G --name srv atomicos
lvcreate --yes --size 2G --name swap atomicos
cat >/etc/lvm/profile/docker-pool.profile <<END
activation {
	thin_pool_autoextend_threshold=60
	thin_pool_autoextend_percent=20
}
END
lvcreate --yes --thin --extents 100%FREE --chunksize 512k --zero n --errorwhenfull y \
    --metadataprofile docker-pool --name docker-pool atomicos

xfs_growfs /
mkfs.xfs -q /dev/mapper/atomicos-srv
mkswap /dev/mapper/atomicos-swap

mkdir -p /var/srv
cat >>/etc/fstab <<END
/dev/mapper/atomicos-srv /var/srv xfs defaults 0 0
/dev/mapper/atomicos-swap none swap sw 0 0
END
systemctl daemon-reload
mount /var/srv
swapon /dev/mapper/atomicos-swap
