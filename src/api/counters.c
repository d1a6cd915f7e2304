/* counters.c: see counters.h. */
#include "api/counters.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/seal.h"

/* The last slot of each is for what has none of its own. */
enum { NO_ROUTE = COUNTERS_ROUTES - 1, OTHER_STATUS };

static const int statuses[] = {200, 201, 204, 304, 400, 401, 403, 404, 405,
			       409, 413, 415, 422, 429, 500, 503, 507, OTHER_STATUS};

_Static_assert(ARRAY_SIZE(statuses) <= COUNTERS_STATUSES, "each status has its slot");

/* Upper bounds, in microseconds; what takes longer is counted in the sum alone. */
static const struct {
	int64_t us;
	const char *seconds;
} buckets[COUNTERS_BUCKETS] = {
	{500, "0.0005"}, {1000, "0.001"}, {2500, "0.0025"}, {5000, "0.005"}, {10000, "0.01"},
	{50000, "0.05"}, {100000, "0.1"}, {500000, "0.5"},  {1000000, "1"},  {5000000, "5"},
};

struct counters {
	struct {
		uint64_t status[COUNTERS_STATUSES];
		uint64_t bucket[COUNTERS_BUCKETS];
		uint64_t count, sum_us;
	} routes[COUNTERS_ROUTES];
};

/* Routes, statuses and buckets decide what a number means. */
static void
layout(char ret[SEAL_DIGEST])
{
	struct buf text = BUF_INIT;
	const struct route *route;
	const void *parts[1];

	for (size_t i = 0; (route = route_at(i)); i++)
		buf_printf(&text, "%s %s\n", route->method, route->path);
	buf_add(&text, statuses, sizeof(statuses));
	for (size_t i = 0; i < COUNTERS_BUCKETS; i++)
		buf_str(&text, buckets[i].seconds);
	parts[0] = buf_text(&text);
	seal_digest(ret, parts, &text.len, 1);
	buf_free(&text);
}

int
counters_open(struct counters **ret, const char *dir, struct err *err)
{
	char path[PATH_MAX], digest[SEAL_DIGEST];
	void *at;
	int fd;

	layout(digest);
	snprintf(path, sizeof(path), "%s/counters.%.8s", dir, digest);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(err, "cannot open %s", path);
	/* Grown with zeros by whoever is first; for the others it is that long already. */
	if (ftruncate(fd, sizeof(struct counters)) < 0) {
		err_errno(err, "cannot write %s", path);
		close(fd);
		return -1;
	}
	at = mmap(NULL, sizeof(struct counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		return err_errno(err, "cannot map %s", path);
	*ret = at;
	return 0;
}

static size_t
slot_of(int status)
{
	size_t i = 0;

	while (statuses[i] != status && statuses[i] != OTHER_STATUS)
		i++;
	return i;
}

static void
raise(uint64_t *n, uint64_t by)
{
	__atomic_fetch_add(n, by, __ATOMIC_RELAXED);
}

void
counters_add(struct counters *c, const struct route *route, int status, int64_t took_us)
{
	size_t i = 0, b = 0;

	while (route && route_at(i) != route)
		i++;
	if (!route)
		i = NO_ROUTE;
	while (b < COUNTERS_BUCKETS && took_us > buckets[b].us)
		b++;
	raise(&c->routes[i].status[slot_of(status)], 1);
	if (b < COUNTERS_BUCKETS)
		raise(&c->routes[i].bucket[b], 1);
	raise(&c->routes[i].count, 1);
	raise(&c->routes[i].sum_us, (uint64_t)took_us);
}

static uint64_t
number(const uint64_t *n)
{
	return __atomic_load_n(n, __ATOMIC_RELAXED);
}

/* The labels of a slot; false if nothing can be in it. */
static bool
labels(size_t i, char *ret, size_t size)
{
	const struct route *route = i == NO_ROUTE ? NULL : route_at(i);

	if (i == NO_ROUTE)
		snprintf(ret, size, "method=\"\",route=\"\"");
	else if (route)
		snprintf(ret, size, "method=\"%s\",route=\"%s\"", route->method, route->path);
	return i == NO_ROUTE || route;
}

static void
text_requests(const struct counters *c, struct buf *out)
{
	char label[160];

	buf_str(out, "# HELP store_platform_http_requests_total Requests by route and status.\n"
		     "# TYPE store_platform_http_requests_total counter\n");
	for (size_t i = 0; i < COUNTERS_ROUTES; i++)
		for (size_t s = 0; s < ARRAY_SIZE(statuses) && labels(i, label, sizeof(label));
		     s++) {
			uint64_t n = number(&c->routes[i].status[s]);
			char status[16] = "other";

			if (statuses[s] != OTHER_STATUS)
				snprintf(status, sizeof(status), "%d", statuses[s]);
			if (n)
				buf_printf(out,
					   "store_platform_http_requests_total{%s,status=\"%s\"} "
					   "%llu\n",
					   label, status, (unsigned long long)n);
		}
}

static void
text_durations(const struct counters *c, struct buf *out)
{
	static const char name[] = "store_platform_http_request_duration_seconds";
	char label[160];

	buf_printf(out, "# HELP %s Time to answer, without the network.\n# TYPE %s histogram\n",
		   name, name);
	for (size_t i = 0; i < COUNTERS_ROUTES; i++) {
		unsigned long long sum = 0, count = number(&c->routes[i].count);

		if (!count || !labels(i, label, sizeof(label)))
			continue;
		for (size_t b = 0; b < COUNTERS_BUCKETS; b++) {
			sum += number(&c->routes[i].bucket[b]);
			buf_printf(out, "%s_bucket{%s,le=\"%s\"} %llu\n", name, label,
				   buckets[b].seconds, sum);
		}
		/* Others add meanwhile: the last bucket is never less than the one before it. */
		count = count > sum ? count : sum;
		buf_printf(out,
			   "%s_bucket{%s,le=\"+Inf\"} %llu\n%s_sum{%s} %.6f\n%s_count{%s} %llu\n",
			   name, label, count, name, label,
			   (double)number(&c->routes[i].sum_us) / 1e6, name, label, count);
	}
}

void
counters_text(const struct counters *c, struct buf *out)
{
	text_requests(c, out);
	text_durations(c, out);
}
