/* secret.c: see secret.h. */
#include "io/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(SECRET_HASH == crypto_pwhash_STRBYTES, "size of a password's hash");
_Static_assert((SECRET_MAC - 1) / 2 == crypto_generichash_BYTES, "size of a keyed hash");

/* Of no password; the same work as a real one, so that an unknown user is not told by time. */
static const char nobody[] = "$argon2id$v=19$m=65536,t=2,p=1$c3RvcmUtcGxhdGZvcm0uLg$"
			     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/* What root makes in dir, by storectl, belongs to who else works there. */
static int
give_to_owner(int fd, const char *dir)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	return stat(dir, &st) < 0 || fchown(fd, st.st_uid, st.st_gid) < 0 ? -1 : 0;
}

/*
 * Several processes of the pool start at once: each writes a key of its own
 * aside, and the first to give it the name wins.
 */
static int
make_key(const char *dir, const char *path, struct err *err)
{
	unsigned char data[sizeof(((struct secret_key *)0)->data)];
	char aside[PATH_MAX + 16];
	int fd, r = 0;

	snprintf(aside, sizeof(aside), "%s.%ld", path, (long)getpid());
	fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(err, "cannot write %s", aside);
	randombytes_buf(data, sizeof(data));
	if (write(fd, data, sizeof(data)) != (ssize_t)sizeof(data) || give_to_owner(fd, dir) < 0 ||
	    fsync(fd) < 0 || (link(aside, path) < 0 && errno != EEXIST))
		r = err_errno(err, "cannot write %s", path);
	sodium_memzero(data, sizeof(data));
	close(fd);
	unlink(aside);
	return r;
}

int
secret_load(struct secret_key *ret, const char *dir, struct err *err)
{
	unsigned char text[sizeof(ret->data) + 1];
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/api.key", dir);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_errno(err, "cannot make the folder %s", dir);
	if (access(path, F_OK) < 0 && errno == ENOENT && make_key(dir, path, err) < 0)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_errno(err, "cannot read %s", path);
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n != (ssize_t)sizeof(ret->data))
		return err_set(err, ERR_CONFIG, "%s is not a key of %zu bytes", path,
			       sizeof(ret->data));
	memcpy(ret->data, text, sizeof(ret->data));
	sodium_memzero(text, sizeof(text));
	return 0;
}

void
secret_mac(const struct secret_key *key, const char *use, const void *text, size_t len,
	   char ret[SECRET_MAC])
{
	unsigned char hash[crypto_generichash_BYTES];
	crypto_generichash_state state;

	crypto_generichash_init(&state, key->data, sizeof(key->data), sizeof(hash));
	crypto_generichash_update(&state, (const unsigned char *)use, strlen(use) + 1);
	crypto_generichash_update(&state, text, len);
	crypto_generichash_final(&state, hash, sizeof(hash));
	sodium_bin2hex(ret, SECRET_MAC, hash, sizeof(hash));
}

bool
secret_same(const char a[SECRET_MAC], const char b[SECRET_MAC])
{
	return sodium_memcmp(a, b, SECRET_MAC) == 0;
}

/* A descriptor that holds one of the gates. */
static int
enter(const char *dir, struct err *err)
{
	for (int i = 0; i < SECRET_GATES; i++) {
		char path[PATH_MAX];
		int fd;

		snprintf(path, sizeof(path), "%s/argon2.%d", dir, i);
		fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (fd < 0)
			return err_errno(err, "cannot open %s", path);
		if (give_to_owner(fd, dir) < 0) {
			err_errno(err, "cannot give %s to the owner of its folder", path);
			close(fd);
			return -1;
		}
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd;
		close(fd);
	}
	return err_set(err, ERR_LOGIN_BUSY,
		       "%d passwords are being checked already, which is the most at a time; try "
		       "again in a moment.",
		       SECRET_GATES);
}

int
secret_hash(const char *dir, const char *password, char ret[SECRET_HASH], struct err *err)
{
	int gate = enter(dir, err), r;

	if (gate < 0)
		return -1;
	r = crypto_pwhash_str(ret, password, strlen(password), crypto_pwhash_OPSLIMIT_INTERACTIVE,
			      crypto_pwhash_MEMLIMIT_INTERACTIVE);
	close(gate);
	return r == 0 ? 0 : err_set(err, ERR_INTERNAL, "there is no memory to hash a password");
}

int
secret_check(const char *dir, const char *hash, const char *password, struct err *err)
{
	int gate = enter(dir, err);
	bool same;

	if (gate < 0)
		return -1;
	same = crypto_pwhash_str_verify(*hash ? hash : nobody, password, strlen(password)) == 0;
	close(gate);
	return same && *hash;
}
