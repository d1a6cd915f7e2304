/* seal.c: see seal.h. */
#include "io/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/crash.h"
#include "io/keyring.h"

#define PUBLIC_FILE "seal.pub"
#define PLATFORM_FILE "platform"

_Static_assert(SEAL_BOX - SEAL_PLAIN == crypto_box_SEALBYTES, "size of a sealed box");
_Static_assert(SEAL_KEY == crypto_box_PUBLICKEYBYTES && SEAL_KEY == crypto_box_SECRETKEYBYTES,
	       "size of a key");
_Static_assert((int)SEAL_KEY == (int)KEYRING_KEY && (int)SEAL_ID == (int)KEYRING_ID,
	       "size of a key's file and name");

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
read_secret(struct seal_key *ret, const char *path, struct err *err)
{
	if (keyring_read(path, ret->secret, err) < 0)
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

	return keyring_read(path, there, &none) == 0 && memcmp(there, key, SEAL_KEY) == 0;
}

/* The caller has the folder's lock. */
static int
make(const char *dir, struct err *err)
{
	char secret[KEYRING_PATH], public[KEYRING_PATH];
	struct seal_key key = {.id = ""};
	int r = 0;

	keyring_path(dir, SEAL_FILE, "", secret);
	keyring_path(dir, PUBLIC_FILE, "", public);
	if (access(secret, F_OK) < 0 && errno == ENOENT) {
		crypto_box_keypair(key.public, key.secret);
		r = keyring_write(dir, SEAL_FILE, 0600, key.secret, SEAL_KEY, err);
	}
	if (r == 0)
		r = read_secret(&key, secret, err);
	/* Not written again without need: it would have to wait for room on a full disk. */
	if (r == 0 && !holds(public, key.public))
		r = keyring_write(dir, PUBLIC_FILE, 0644, key.public, SEAL_KEY, err);
	sodium_memzero(&key, sizeof(key));
	return r;
}

int
seal_make(const char *dir, struct err *err)
{
	int lock = keyring_lock(dir, err), r;

	if (lock < 0)
		return -1;
	r = make(dir, err);
	close(lock);
	return r;
}

int
seal_load(struct seal_key *ret, const char *dir, struct err *err)
{
	char secret[KEYRING_PATH];

	keyring_path(dir, SEAL_FILE, "", secret);
	*ret = (struct seal_key){.id = ""};
	return read_secret(ret, secret, err);
}

static int
lost(struct err *err)
{
	return err_set(err, ERR_PASSWORD_LOST,
		       "The admin password was sealed with a key that this provisioner does not "
		       "have; delete the store and create it again with a new password.");
}

int
seal_load_id(struct seal_key *ret, const char *dir, const char *id, struct err *err)
{
	char secret[KEYRING_PATH];

	*ret = (struct seal_key){.id = ""};
	if (!keyring_is_id(id))
		return lost(err);
	keyring_path(dir, SEAL_FILE, id, secret);
	if (access(secret, F_OK) < 0 && errno == ENOENT)
		return lost(err);
	if (read_secret(ret, secret, err) < 0)
		return -1;
	return strcmp(ret->id, id) == 0 ? 0 : lost(err);
}

int
seal_load_public(struct seal_key *ret, const char *dir, struct err *err)
{
	char path[KEYRING_PATH];

	keyring_path(dir, PUBLIC_FILE, "", path);
	*ret = (struct seal_key){.id = ""};
	if (access(path, R_OK) < 0)
		return err_set(err, ERR_NOT_STARTED,
			       "The provisioner has not been started yet, so no password can be "
			       "handed to it; start store-provisioner and try again.");
	if (keyring_read(path, ret->public, err) < 0)
		return -1;
	name_key(ret);
	return 0;
}

/* From here on the platform has a name of its own, which is that of its first key. */
static int
keep_platform(const char *dir, const char *id, struct err *err)
{
	char path[KEYRING_PATH], line[SEAL_ID + 1];

	keyring_path(dir, PLATFORM_FILE, "", path);
	if (access(path, F_OK) == 0)
		return 0;
	snprintf(line, sizeof(line), "%s\n", id);
	return keyring_write(dir, PLATFORM_FILE, 0644, line, strlen(line), err);
}

static int
rotate(const char *dir, char ret_old[SEAL_ID], char ret_new[SEAL_ID], struct err *err)
{
	struct seal_key old, new = {.id = ""};
	int r = seal_load(&old, dir, err);

	if (r == 0) {
		crypto_box_keypair(new.public, new.secret);
		name_key(&new);
		memcpy(ret_old, old.id, SEAL_ID);
		memcpy(ret_new, new.id, SEAL_ID);
		/* The public half last: who has seen it finds the secret one in place. */
		r = keep_platform(dir, old.id, err) < 0 ||
				    keyring_retire(dir, SEAL_FILE, old.id, err) < 0 ||
				    keyring_write(dir, SEAL_FILE, 0600, new.secret, SEAL_KEY,
						  err) < 0
			    ? -1
			    : 0;
		if (r == 0) {
			crash_point("rotate-seal");
			r = keyring_write(dir, PUBLIC_FILE, 0644, new.public, SEAL_KEY, err);
		}
	}
	sodium_memzero(&old, sizeof(old));
	sodium_memzero(&new, sizeof(new));
	return r;
}

int
seal_rotate(const char *dir, char ret_old[SEAL_ID], char ret_new[SEAL_ID], struct err *err)
{
	int lock = keyring_lock(dir, err), r;

	if (lock < 0)
		return -1;
	r = rotate(dir, ret_old, ret_new, err);
	close(lock);
	return r;
}

int
seal_platform(const char *dir, char ret[SEAL_ID], struct err *err)
{
	char path[KEYRING_PATH], line[SEAL_ID + 1] = "";
	struct seal_key key;
	int fd;

	keyring_path(dir, PLATFORM_FILE, "", path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT) {
		if (seal_load_public(&key, dir, err) < 0)
			return -1;
		memcpy(ret, key.id, SEAL_ID);
		return 0;
	}
	if (fd < 0 || read(fd, line, sizeof(line) - 1) < 0)
		line[0] = '\0';
	if (fd >= 0)
		close(fd);
	line[strcspn(line, "\n")] = '\0';
	if (!keyring_is_id(line))
		return err_set(err, ERR_CONFIG,
			       "%s does not hold the platform's id, 16 hex digits; put it back from "
			       "the backup.",
			       path);
	memcpy(ret, line, SEAL_ID);
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
	return lost(err);
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
	const unsigned n = sizeof(alphabet) - 1, fair = 256 / n * n;
	unsigned char b[64];
	size_t i = 0;

	/* Many bytes a call; those above the last multiple would favour some characters. */
	while (i < chars) {
		randombytes_buf(b, sizeof(b));
		for (size_t k = 0; k < sizeof(b) && i < chars; k++)
			if (b[k] < fair)
				ret[i++] = alphabet[b[k] % n];
	}
	ret[chars] = '\0';
	sodium_memzero(b, sizeof(b));
}

void
seal_uuid(char *ret)
{
	static const char digits[] = "0123456789abcdef";
	/* Each request takes one: the kernel is asked for many at a time. */
	static unsigned char drawn[16][16];
	static size_t left;
	unsigned char *b;

	if (left == 0) {
		randombytes_buf(drawn, sizeof(drawn));
		left = ARRAY_SIZE(drawn);
	}
	b = drawn[--left];
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(drawn[0]); i++) {
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
