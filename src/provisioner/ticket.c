/* ticket.c: see ticket.h. */
#include "provisioner/ticket.h"

#include <errno.h>
#include <unistd.h>

#include "io/json.h"

enum { TICKET_MAX = 512 };

int
ticket_write(int fd, const struct ticket *t, struct err *err)
{
	CLEANUP(json_freep) struct json *line = json_new_object();
	struct buf text = {.max = TICKET_MAX};
	ssize_t n;

	json_set_int(line, "task", t->task);
	json_set_int(line, "job", t->job);
	json_set_int(line, "fence", t->fence);
	json_set_int(line, "supervisor", t->supervisor);
	json_set_int(line, "deadline", t->deadline);
	json_write(line, &text);
	buf_str(&text, "\n");
	if (text.failed) {
		buf_free(&text);
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	n = write(fd, buf_text(&text), text.len); /* far below PIPE_BUF: whole or not at all */
	if (n < 0)
		err_errno(err, "the worker's pipe");
	buf_free(&text);
	return n < 0 ? -1 : 0;
}

int
ticket_read(int fd, struct ticket *ret, struct err *err)
{
	CLEANUP(json_freep) struct json *line = NULL;
	char text[TICKET_MAX];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(text) && (n = read(fd, text + len, sizeof(text) - len)) != 0) {
		if (n < 0 && errno != EINTR)
			return err_errno(err, "the worker's pipe");
		len += n > 0 ? (size_t)n : 0;
	}
	if (json_parse(&line, text, len, err) < 0)
		return -1;
	*ret = (struct ticket){
		.task = (enum ticket_task)json_int(json_at(line, "task")),
		.job = json_int(json_at(line, "job")),
		.fence = json_int(json_at(line, "fence")),
		.supervisor = (pid_t)json_int(json_at(line, "supervisor")),
		.deadline = json_int(json_at(line, "deadline")),
	};
	return 0;
}
