/* valid.c: see valid.h. */
#include "base/valid.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

/*
 * The letter under the accent, for U+00C0..U+024F and U+1E00..U+1EFF: first
 * character of the canonical decomposition (Unicode 15, UnicodeData.txt), plus
 * the letters with a stroke (o d l h t), which it does not decompose. '-': none.
 */
static const char latin[] = "aaaaaa-ceeeeiiii-nooooo-ouuuuy--aaaaaa-ceeeeiiii-nooooo-ouuuuy-y"
			    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii--jjkk-llllll-"
			    "-llnnnnnn---oooooo--rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzz-"
			    "--------------------------------oo-------------uu---------------"
			    "-------------aaiioouuuuuuuuuu-aaaa----ggkkoooo--j---gg--nnaa----"
			    "aaaaeeeeiiiioooorrrruuuusstt--hh------aaeeooooooooyy------------"
			    "----------------";
static const char latin_more[] = "aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmm"
				 "mmmmnnnnnnnnoooooooopppprrrrrrrrssssssssssttttttttuuuuuuuuuuvvvv"
				 "wwwwwwwwwwxxxxyyzzzzzzhtwy------aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee"
				 "eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy------";

/* Letters that are written out as two. */
static const struct {
	uint32_t cp;
	const char *text;
} pairs[] = {
	{0xc6, "ae"}, {0xe6, "ae"}, {0xde, "th"}, {0xfe, "th"}, {0xdf, "ss"},
	{0x152, "oe"}, {0x153, "oe"}, {0x1e9e, "ss"},
};

/*
 * Decodes one code point of valid UTF-8 (RFC 3629: no overlong forms, no
 * surrogates, at most U+10FFFF). Returns its bytes, 0 if it is not valid or
 * longer than max; a NUL ends it before that.
 */
static int
decode(const char *s, size_t max, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *p = (const unsigned char *)s;
	int n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 0;
	uint32_t cp;

	if (n == 0 || p[0] > 0xf4 || (size_t)n > max)
		return 0;
	cp = n == 1 ? p[0] : p[0] & (0x7fU >> n);
	for (int i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (p[i] & 0x3f);
	}
	if (cp < least[n] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	*ret = cp;
	return n;
}

bool
valid_utf8(const char *s, size_t len)
{
	for (size_t at = 0, n; at < len; at += n) {
		uint32_t cp;

		n = (size_t)decode(s + at, len - at, &cp);
		if (n == 0)
			return false;
	}
	return true;
}

/* U+FFFE and U+FFFF are no characters: no YAML may hold them, so helm takes no title with one. */
static bool
is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 || cp == 0x2029 ||
	       cp == 0xfffe || cp == 0xffff;
}

int
valid_text(const char *s)
{
	int count = 0;

	for (int n; *s; s += n, count++) {
		uint32_t cp = 0;

		n = decode(s, 4, &cp);
		if (n == 0 || is_control(cp))
			return -1;
	}
	return count;
}

void
valid_clean(char *s)
{
	for (int n; *s; s += n) {
		uint32_t cp = 0;

		n = 1;
		if (*s >= ' ' && *s < 0x7f)
			continue;
		n = decode(s, 4, &cp);
		if (n == 0) {
			*s = '?';
			n = 1;
		} else if (is_control(cp))
			memset(s, ' ', (size_t)n);
	}
}

/* What a code point becomes in a slug: letters, "" for a combining mark, "-" for the rest. */
static const char *
fold(uint32_t cp, char one[2])
{
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if (pairs[i].cp == cp)
			return pairs[i].text;
	if (cp >= 0x300 && cp < 0x370)
		return "";
	if (cp >= 'A' && cp <= 'Z')
		one[0] = (char)(cp - 'A' + 'a');
	else if ((cp >= 'a' && cp <= 'z') || (cp >= '0' && cp <= '9'))
		one[0] = (char)cp;
	else if (cp >= 0xc0 && cp - 0xc0 < sizeof(latin) - 1)
		one[0] = latin[cp - 0xc0];
	else if (cp >= 0x1e00 && cp - 0x1e00 < sizeof(latin_more) - 1)
		one[0] = latin_more[cp - 0x1e00];
	else
		one[0] = '-';
	return one;
}

size_t
valid_make_slug(const char *name, char out[VALID_SLUG_BYTES])
{
	char one[2] = "";
	size_t len = 0;

	for (int n; *name; name += n) {
		uint32_t cp = 0;

		n = decode(name, 4, &cp);
		if (n == 0)
			break;
		for (const char *p = fold(cp, one); *p && len < VALID_SLUG_MAX; p++)
			if (*p != '-' || (len > 0 && out[len - 1] != '-'))
				out[len++] = *p;
	}
	while (len > 0 && out[len - 1] == '-')
		len--;
	out[len] = '\0';
	return len;
}

bool
valid_slug(const char *s)
{
	char again[VALID_SLUG_BYTES];

	return valid_make_slug(s, again) >= VALID_SLUG_MIN && strcmp(s, again) == 0;
}

bool
valid_admin_user(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return s[n] == '\0' && n >= VALID_USER_MIN && n <= VALID_USER_MAX;
}

bool
valid_uuid(const char *s)
{
	for (int i = 0; i < VALID_UUID_BYTES - 1; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (s[i] != '-')
				return false;
		} else if ((s[i] < '0' || s[i] > '9') && (s[i] < 'a' || s[i] > 'f'))
			return false;
	}
	return s[VALID_UUID_BYTES - 1] == '\0';
}

bool
valid_domain(const char *s)
{
	size_t len = strlen(s);
	size_t label = 0;

	if (len == 0 || len > VALID_HOST_MAX - VALID_SLUG_MAX - 1)
		return false;
	for (size_t i = 0; i <= len; i++) {
		if (s[i] == '.' || s[i] == '\0') {
			if (label == 0 || label > 63 || s[i - 1] == '-')
				return false;
			label = 0;
		} else if (strchr("abcdefghijklmnopqrstuvwxyz0123456789", s[i]) ||
			   (s[i] == '-' && label > 0))
			label++;
		else
			return false;
	}
	return true;
}

bool
valid_int(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	char *end;
	long long v;

	if (!(s[0] >= '0' && s[0] <= '9') && !(s[0] == '-' && s[1] >= '0' && s[1] <= '9'))
		return false;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (errno || *end || v < min || v > max)
		return false;
	*ret = v;
	return true;
}

bool
valid_loopback(const char *address)
{
	struct in_addr four;
	struct in6_addr six;

	if (inet_pton(AF_INET, address, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, address, &six) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
}
