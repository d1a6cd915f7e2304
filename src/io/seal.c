/* seal.c: see seal.h. */
#include "io/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(SEAL_BOX - SEAL_PLAIN == crypto_box_SEALBYTES, "size of a sealed box");
_Static_assert(SEAL_KEY == crypto_box_PUBLICKEYBYTES && SEAL_KEY == crypto_box_SECRETKEYBYTES,
	       "size of a key");

int
seal_init(struct err *err)
{
	return sodium_init() < 0 ? err_set(err, ERR_INTERNAL, "libsodium cannot be set up") : 0;
}

static void
name_key(struct seal_key *key)
{
	unsigned char hash[crypto_generichash_BYTES_MIN];

	crypto_generichash(hash, sizeof(hash), key->public, sizeof(key->public), NULL, 0);
	sodium_bin2hex(key->id, sizeof(key->id), hash, (SEAL_ID - 1) / 2);
}

static int
read_key(const char *path, unsigned char ret[SEAL_KEY], struct err *err)
{
	unsigned char text[SEAL_KEY + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return err_errno(err, "cannot read %s", path);
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n != SEAL_KEY)
		return err_set(err, ERR_CONFIG, "%s is not a key of %d bytes", path, SEAL_KEY);
	memcpy(ret, text, SEAL_KEY);
	sodium_memzero(text, sizeof(text));
	return 0;
}

/* The new name is durable only with its folder; rows will depend on the key. */
static int
sync_folder(const char *path, struct err *err)
{
	char folder[PATH_MAX];
	int fd;

	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0) {
		err_errno(err, "cannot write %s", folder);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	close(fd);
	return 0;
}

/* Whole or not at all: written aside, flushed, renamed. */
static int
write_key(const char *path, mode_t mode, const unsigned char key[SEAL_KEY], struct err *err)
{
	char aside[PATH_MAX];
	int fd;

	snprintf(aside, sizeof(aside), "%s.new", path);
	fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return err_errno(err, "cannot write %s", aside);
	if (fchmod(fd, mode) < 0 || write(fd, key, SEAL_KEY) != SEAL_KEY || fsync(fd) < 0 ||
	    rename(aside, path) < 0) {
		err_errno(err, "cannot write %s", path);
		close(fd);
		return -1;
	}
	close(fd);
	return sync_folder(path, err);
}

static int
read_secret(struct seal_key *ret, const char *path, struct err *err)
{
	if (read_key(path, ret->secret, err) < 0)
		return -1;
	crypto_scalarmult_base(ret->public, ret->secret);
	name_key(ret);
	return 0;
}

static bool
holds(const char *path, const unsigned char key[SEAL_KEY])
{
	unsigned char there[SEAL_KEY];
	struct err none = ERR_INIT;

	return read_key(path, there, &none) == 0 && memcmp(there, key, SEAL_KEY) == 0;
}

int
seal_make(const char *dir, struct err *err)
{
	char secret[PATH_MAX], public[PATH_MAX];
	struct seal_key key = {.id = ""};
	int r = 0;

	snprintf(secret, sizeof(secret), "%s/seal.key", dir);
	snprintf(public, sizeof(public), "%s/seal.pub", dir);
	if (access(secret, F_OK) < 0 && errno == ENOENT) {
		crypto_box_keypair(key.public, key.secret);
		r = write_key(secret, 0600, key.secret, err);
	}
	if (r == 0)
		r = read_secret(&key, secret, err);
	/* Not written again without need: it would have to wait for room on a full disk. */
	if (r == 0 && !holds(public, key.public))
		r = write_key(public, 0644, key.public, err);
	sodium_memzero(&key, sizeof(key));
	return r;
}

int
seal_load(struct seal_key *ret, const char *dir, struct err *err)
{
	char secret[PATH_MAX];

	snprintf(secret, sizeof(secret), "%s/seal.key", dir);
	*ret = (struct seal_key){.id = ""};
	return read_secret(ret, secret, err);
}

int
seal_load_public(struct seal_key *ret, const char *dir, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/seal.pub", dir);
	*ret = (struct seal_key){.id = ""};
	if (access(path, R_OK) < 0)
		return err_set(err, ERR_NOT_STARTED,
			       "The provisioner has not been started yet, so no password can be "
			       "handed to it; start store-provisioner and try again.");
	if (read_key(path, ret->public, err) < 0)
		return -1;
	name_key(ret);
	return 0;
}

int
seal_close(const struct seal_key *key, const char *text, unsigned char ret[SEAL_BOX],
	   struct err *err)
{
	unsigned char plain[SEAL_PLAIN] = {0};
	size_t len = strlen(text);
	int r;

	if (len >= sizeof(plain))
		return err_set(err, ERR_INTERNAL, "the text to seal is too long");
	memcpy(plain, text, len);
	r = crypto_box_seal(ret, plain, sizeof(plain), key->public);
	sodium_memzero(plain, sizeof(plain));
	return r == 0 ? 0 : err_set(err, ERR_INTERNAL, "libsodium cannot seal");
}

int
seal_open(const struct seal_key *key, const char *key_id, const void *box, size_t len,
	  char ret[SEAL_PLAIN], struct err *err)
{
	if (strcmp(key->id, key_id) == 0 && len == SEAL_BOX &&
	    crypto_box_seal_open((unsigned char *)ret, box, len, key->public, key->secret) == 0) {
		ret[SEAL_PLAIN - 1] = '\0';
		return 0;
	}
	return err_set(err, ERR_PASSWORD_LOST,
		       "The admin password was sealed with a key that this provisioner does not "
		       "have; delete the store and create it again with a new password.");
}

uint32_t
seal_random(void)
{
	return randombytes_random();
}

void
seal_password(char *ret, size_t chars)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789";

	for (size_t i = 0; i < chars; i++)
		ret[i] = alphabet[randombytes_uniform(sizeof(alphabet) - 1)];
	ret[chars] = '\0';
}

void
seal_uuid(char *ret)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char b[16];

	randombytes_buf(b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(b); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*ret++ = '-';
		*ret++ = digits[b[i] >> 4];
		*ret++ = digits[b[i] & 15];
	}
	*ret = '\0';
}

void
seal_wipe(void *data, size_t len)
{
	sodium_memzero(data, len);
}

void
seal_digest(char ret[SEAL_DIGEST], const void *const *parts, const size_t *lens, size_t count)
{
	crypto_generichash_state state;
	unsigned char hash[crypto_generichash_BYTES_MIN];

	crypto_generichash_init(&state, NULL, 0, sizeof(hash));
	for (size_t i = 0; i < count; i++)
		crypto_generichash_update(&state, parts[i], lens[i]);
	crypto_generichash_final(&state, hash, sizeof(hash));
	sodium_bin2hex(ret, SEAL_DIGEST, hash, sizeof(hash));
}

void
seal_base64(char *ret, size_t size, const void *data, size_t len)
{
	sodium_bin2base64(ret, size, data, len, sodium_base64_VARIANT_ORIGINAL);
}

long
seal_unbase64(void *ret, size_t size, const char *text)
{
	size_t n = 0;

	if (sodium_base642bin(ret, size, text, strlen(text), " \r\n\t", &n, NULL,
			      sodium_base64_VARIANT_ORIGINAL) != 0)
		return -1;
	return (long)n;
}
