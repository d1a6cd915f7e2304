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

#include "io/seal.h"

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

static void
name_key(struct secret_key *key)
{
	static const char use[] = "id of the key";
	unsigned char hash[crypto_generichash_BYTES_MIN];

	crypto_generichash(hash, sizeof(hash), (const unsigned char *)use, sizeof(use), key->data,
			   sizeof(key->data));
	sodium_bin2hex(key->id, sizeof(key->id), hash, (KEYRING_ID - 1) / 2);
}

int
secret_load(struct secret_key *ret, const char *dir, struct err *err)
{
	char path[KEYRING_PATH];

	keyring_path(dir, SECRET_FILE, "", path);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_errno(err, "cannot make the folder %s", dir);
	if (access(path, F_OK) < 0 && errno == ENOENT && make_key(dir, path, err) < 0)
		return -1;
	if (keyring_read(path, ret->data, err) < 0)
		return -1;
	name_key(ret);
	return 0;
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static int
load_ring(struct secret_ring *ring, const char *dir, struct err *err)
{
	char ids[KEYRING_MAX][KEYRING_ID], path[KEYRING_PATH];
	int n = secret_load(&ring->keys[0], dir, err) < 0
			? -1
			: keyring_retired(dir, SECRET_FILE, ids, err);

	ring->count = 1;
	for (int i = 0; i < n; i++) {
		struct secret_key *key = &ring->keys[ring->count];

		keyring_path(dir, SECRET_FILE, ids[i], path);
		if (keyring_read(path, key->data, err) < 0)
			return -1;
		name_key(key);
		ring->count += strcmp(key->id, ring->keys[0].id) != 0;
	}
	return n < 0 ? -1 : 0;
}

int
secret_refresh(struct secret_ring *ring, const char *dir, struct err *err)
{
	char path[KEYRING_PATH];
	struct stat file, folder;

	keyring_path(dir, SECRET_FILE, "", path);
	/* Looked at before they are read: what changes meanwhile is read the next time. */
	if (stat(path, &file) < 0 || stat(dir, &folder) < 0)
		return ring->count ? err_errno(err, "cannot read %s", path)
				   : load_ring(ring, dir, err);
	if (ring->count && ring->file == file.st_ino &&
	    same_time(&ring->changed[0], &file.st_mtim) &&
	    same_time(&ring->changed[1], &folder.st_mtim))
		return 0;
	seal_wipe(ring, sizeof(*ring));
	if (load_ring(ring, dir, err) < 0) {
		seal_wipe(ring, sizeof(*ring));
		return -1;
	}
	ring->file = file.st_ino;
	ring->changed[0] = file.st_mtim;
	ring->changed[1] = folder.st_mtim;
	return 0;
}

int
secret_rotate(const char *dir, char ret_old[KEYRING_ID], char ret_new[KEYRING_ID],
	      struct err *err)
{
	struct secret_key old, new;
	int lock = keyring_lock(dir, err), r;

	if (lock < 0)
		return -1;
	randombytes_buf(new.data, sizeof(new.data));
	name_key(&new);
	r = secret_load(&old, dir, err);
	if (r == 0) {
		memcpy(ret_old, old.id, KEYRING_ID);
		memcpy(ret_new, new.id, KEYRING_ID);
		r = keyring_retire(dir, SECRET_FILE, old.id, err);
	}
	if (r == 0)
		r = keyring_write(dir, SECRET_FILE, 0600, new.data, sizeof(new.data), err);
	sodium_memzero(&old, sizeof(old));
	sodium_memzero(&new, sizeof(new));
	close(lock);
	return r;
}

int
secret_since(const char *dir, int64_t *ret, struct err *err)
{
	char path[KEYRING_PATH];
	struct stat st;

	keyring_path(dir, SECRET_FILE, "", path);
	if (stat(path, &st) < 0)
		return err_errno(err, "cannot read %s", path);
	*ret = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
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
