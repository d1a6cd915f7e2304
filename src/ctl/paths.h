/*
 * paths.h: where the package has its files, and where its neighbours have theirs. All
 * of them lie below a root, "" but for who tries things out (--root=DIR).
 */
#ifndef CTL_PATHS_H
#define CTL_PATHS_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

#define PATHS_KUBECONFIG "/etc/store-platform/kubeconfig"
#define PATHS_CERTIFICATE "/etc/store-platform/tls.crt"
#define PATHS_KEY "/etc/store-platform/tls.key"
#define PATHS_SITE "/etc/store-platform/nginx-site.conf"
#define PATHS_CHARTS "/usr/share/store-platform/charts"
#define PATHS_SITE_TEMPLATE "/usr/share/store-platform/nginx/site.conf.in"
#define PATHS_API_SOCKET "/run/store-platform/api.sock"
#define PATHS_NGINX "/etc/nginx/nginx.conf"
#define PATHS_ENABLED "/etc/nginx/sites-enabled/store-platform"
#define PATHS_K3S "/etc/rancher/k3s/k3s.yaml"

enum { PATHS_MAX = 2048, PATHS_FILE_MAX = 1024 * 1024 };

/* root and path together, in ret; returns ret. */
const char *paths_join(char ret[PATHS_MAX], const char *root, const char *path);

/* Appends a file's content. 1: done, 0: there is none, -1. */
MUST_CHECK int paths_read(const char *path, struct buf *ret, struct err *err);

/*
 * Puts text into the file at path, whole or not at all: written beside it with the
 * mode from the first byte on, flushed, then renamed.
 */
MUST_CHECK int paths_write(const char *path, const char *text, unsigned mode, struct err *err);

#endif
