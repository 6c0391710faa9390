/* SPDX-License-Identifier: MIT */
/* Interfaces of this machine: if_nameindex(3), netdevice(7), and sysfs. */
#include "interface.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void read_alias(const char *name, char *out, int size) {
    char path[64 + IF_NAMESIZE];
    snprintf(path, sizeof path, "/sys/class/net/%s/ifalias", name);
    FILE *f = fopen(path, "re");
    out[0] = '\0';
    if (!f)
        return;
    if (!fgets(out, size, f))
        out[0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    fclose(f);
}

bool interface_of(uint32_t ifindex, struct interface *out) {
    char name[IF_NAMESIZE];
    memset(out, 0, sizeof *out);
    out->ifindex = ifindex;
    if (!if_indextoname(ifindex, name))
        return false;
    snprintf(out->name, sizeof out->name, "%s", name);
    read_alias(name, out->description, sizeof out->description);
    return true;
}

static bool is_bridge_port(const char *name) {
    char path[64 + IF_NAMESIZE];
    snprintf(path, sizeof path, "/sys/class/net/%.*s/brport", IF_NAMESIZE - 1, name);
    return access(path, F_OK) == 0;
}

bool interface_mac(const char *name, uint8_t *mac) {
    struct ifreq request = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    bool ethernet =
        ioctl(fd, SIOCGIFHWADDR, &request) == 0 && request.ifr_hwaddr.sa_family == ARPHRD_ETHER;
    close(fd);
    memcpy(mac, request.ifr_hwaddr.sa_data, 6);
    return ethernet && !is_bridge_port(name);
}
