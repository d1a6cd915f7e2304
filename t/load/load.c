/*
 * load.c: asks 127.0.0.1 over many kept connections, as fast as it is answered.
 *
 * usage: load PORT SECONDS CONNECTIONS METHOD PATH BODY [HEADER...]
 *
 * The first %d of BODY becomes a number of its own in each request. Prints
 * requests a second, the median and the 99th percentile in milliseconds, and
 * how many answers had a status of 2xx or 3xx, and how many another.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 256, BYTES = 256 * 1024, TIMES = 4 * 1000 * 1000 };

struct peer {
	int fd;
	size_t have;
	double since;
	char data[BYTES];
};

static struct peer peers[CONNECTIONS];
static float times[TIMES];
static size_t count, good, bad;
static int port;
static char **words;

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
connect_peer(struct peer *p)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect");
}

static void
ask(struct peer *p)
{
	static unsigned long number;
	char body[4096], request[16384];
	const char *mark = strstr(words[2], "%d");
	int n, len;

	if (mark)
		len = snprintf(body, sizeof(body), "%.*s%lu%s", (int)(mark - words[2]), words[2],
			       ++number, mark + 2);
	else
		len = snprintf(body, sizeof(body), "%s", words[2]);
	n = snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", words[0],
		     words[1]);
	for (char **header = words + 3; *header; header++)
		n += snprintf(request + n, sizeof(request) - (size_t)n, "%s\r\n", *header);
	n += snprintf(request + n, sizeof(request) - (size_t)n, "Content-Length: %d\r\n\r\n%s", len,
		      body);
	p->since = now();
	p->have = 0;
	if (write(p->fd, request, (size_t)n) != n)
		die("write");
}

/* Whether the whole answer is there; counts it then. */
static bool
answered(struct peer *p)
{
	char *end, *length;
	size_t want;
	int status;

	p->data[p->have] = '\0';
	end = strstr(p->data, "\r\n\r\n");
	if (!end)
		return false;
	length = strstr(p->data, "Content-Length: ");
	status = atoi(p->data + 9);
	want = (size_t)(end + 4 - p->data);
	if (length && length < end && status != 304)
		want += (size_t)atol(length + 16);
	if (p->have < want)
		return false;
	if (count < TIMES)
		times[count] = (float)((now() - p->since) * 1000);
	count++;
	status >= 200 && status < 400 ? good++ : bad++;
	return true;
}

static int
compare(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

/* A connection that nginx has closed after its thousandth request is opened anew. */
static void
take(struct peer *p)
{
	ssize_t n = read(p->fd, p->data + p->have, BYTES - 1 - p->have);

	if (n <= 0) {
		close(p->fd);
		connect_peer(p);
		ask(p);
		return;
	}
	p->have += (size_t)n;
	if (answered(p))
		ask(p);
}

int
main(int argc, char **argv)
{
	struct pollfd fds[CONNECTIONS];
	double begin, seconds;
	int n;

	if (argc < 7)
		return 2;
	port = atoi(argv[1]);
	seconds = atof(argv[2]);
	n = atoi(argv[3]) < CONNECTIONS ? atoi(argv[3]) : CONNECTIONS;
	words = argv + 4;
	for (int i = 0; i < n; i++) {
		connect_peer(&peers[i]);
		fds[i] = (struct pollfd){.events = POLLIN};
		ask(&peers[i]);
	}
	begin = now();
	while (now() - begin < seconds) {
		for (int i = 0; i < n; i++)
			fds[i].fd = peers[i].fd;
		if (poll(fds, (nfds_t)n, 1000) < 0)
			die("poll");
		for (int i = 0; i < n; i++)
			if (fds[i].revents)
				take(&peers[i]);
	}
	seconds = now() - begin;
	if (!count)
		return 1;
	qsort(times, count < TIMES ? count : TIMES, sizeof(times[0]), compare);
	printf("%.1f %.3f %.3f %zu %zu\n", (double)count / seconds, (double)times[count / 2],
	       (double)times[count * 99 / 100], good, bad);
	return 0;
}
